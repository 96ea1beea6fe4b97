"""Fixtures around the toy plug-in (tests/plugins/toy), which enters through a real entry point."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from affectzoo import plugins

SOURCE = Path(__file__).parent / "plugins" / "toy"
LICENCES = {"code": "Apache-2.0", "weights": "CC0-1.0", "data": "synthetic, CC0-1.0"}
TRAINING = {"dataset": "pulses", "revision": "1", "part": "train", "seeds": (0,), "command": "none"}
KEYS = ("00112233445566aa", "ffeeddccbbaa0099")


def _forget():
    plugins.plugins.cache_clear()
    for name in [n for n in sys.modules if n.split(".")[0] == "toyzoo"]:
        del sys.modules[name]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Folder on sys.path that holds a private copy of the plug-in."""
    folder = tmp_path / "site"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(str(folder))
    _forget()
    yield folder
    _forget()


@pytest.fixture
def shipped(toy):
    """Saves a checkpoint of a toy model into the plug-in and returns its folder."""

    def make(arch="toy/mean", tag="first", space="ravdess8+vad", **kw):
        model = toy_model(arch, space)
        return save(model, toy / "toyzoo" / "checkpoints", tag=tag, **kw)

    return make


def toy_model(arch="toy/mean", space="ravdess8+vad", **options):
    import torch

    from affectzoo.zoo.factory import create_model

    torch.manual_seed(0)
    return create_model(arch, space, **options)


def toy_samples(lengths=(8, 23), seed=0):
    from affectzoo.structures.sample import AffectSample
    from affectzoo.structures.signal import Signal

    rng = np.random.default_rng(seed)
    return [
        AffectSample(f"k{i}", {"pulse": Signal(rng.normal(size=n).astype(np.float32), 8.0)})
        for i, n in enumerate(lengths)
    ]


def toy_batch(model, lengths=(8, 23), seed=0):
    from affectzoo.data.collate import collate

    return collate([model.prepare(s) for s in toy_samples(lengths, seed)], model.label_space)


def save(model, folder, **kw):
    from affectzoo.zoo.pretrained import save_artefact

    defaults = {
        "tag": "first",
        "golden": toy_batch(model),
        "licences": LICENCES,
        "training": TRAINING,
        "training_keys": KEYS,
    }
    return save_artefact(model, folder, **{**defaults, **kw})


def write_pulse(path, values, rate=8.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(repr, [rate, *map(float, values)])))
    return path


def cli(*args, site=None, env=None, cwd=None, code="import sys; from affectzoo.cli import main; sys.exit(main())"):
    """Run the command line in a process of its own."""
    full = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **(env or {})}
    if site is not None:
        full["PYTHONPATH"] = os.pathsep.join([str(site), full.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        env=full,
        cwd=cwd,
        timeout=120,
    )
