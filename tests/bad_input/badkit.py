"""A case of bad input, how it is provoked, and the small good things that the cases damage."""

import contextlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError

ROOT = Path(__file__).parents[2]
SUFFIXES = "avi|csv|doc|jpg|json|mp3|mp4|npz|parquet|png|pt|safetensors|tar|txt|wav|xlsx|yaml|zip"
LICENCES = {"code": "Apache-2.0", "weights": "CC0-1.0", "data": "generated, CC0-1.0"}


@dataclass(frozen=True)
class Case:
    """`trigger(folder)` raises AffectZooError, or returns the message of a command or of a row of predict.

    via: python, command (exit code 2), row (the other files of the batch are predicted), answer (what predict makes
    of an odd file) or prosody (what affectzoo prosody makes of it). message: a regex that names the file or field at
    fault and, where there is one, the nearest valid choice.
    """

    title: str
    kind: str
    trigger: Callable[[Path], object]
    message: str
    via: str = "python"


def provoke(case: Case, folder: Path) -> str:
    """The message of a case. Raises AssertionError when nothing, or something that cannot be mended, happened."""
    if case.via != "python":
        return str(case.trigger(folder))
    try:
        case.trigger(folder)
    except AffectZooError as e:
        return str(e)
    raise AssertionError(f"{case.title}: no error")


def command(*words: object) -> str:
    """Run the command line in this process; the line on stderr. AssertionError unless it exits with 2."""
    from affectzoo.cli import main

    err, argv = io.StringIO(), list(sys.argv)
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            code = main(list(map(str, words)))
    except SystemExit as e:  # Hydra and argparse leave in this way
        code = e.code
    finally:
        sys.argv = argv
    lines = err.getvalue().strip().splitlines()
    assert code == 2 and lines, f"exit code {code!r}, stderr: {err.getvalue()!r}"
    return lines[-1]


def train(*overrides: str) -> Callable[[Path], str]:
    """A trigger that runs `affectzoo train` with these overrides."""
    return lambda folder: command("train", *overrides, f"run_dir={folder}")


def row(make: Callable[[Path], Path], arch: str = "speech/logmel_cnn") -> Callable[[Path], str]:
    """A trigger: predict two good files and the bad one that `make(folder)` names; the error of the bad one's row."""

    def trigger(folder: Path) -> str:
        from affectzoo.inference.predictor import Predictor
        from affectzoo.inference.run import predict_files

        good = [shutil.copy(f, folder) for f in good_files(arch)]
        bad = make(folder)
        paths = [Path(good[0]), bad, Path(good[1])]
        table = predict_files(Predictor(small_model(arch)), paths, folder / "out.csv", progress=False)
        errors = dict(zip(table.frame.source, table.frame.error, strict=True))
        fine = table.frame[table.frame.source != str(bad)]
        values = fine[[c for f in table.meta.kinds for c in table.columns(f)]].to_numpy(float)
        assert set(fine.source) == set(good) and (fine.error == "").all() and np.isfinite(values).all(), errors
        return f"{bad}: {errors[str(bad)]}"

    return trigger


@cache
def scratch() -> Path:
    """A folder for what several cases share."""
    folder = tempfile.TemporaryDirectory(prefix="affectzoo-bad-input-")
    scratch.keep = folder  # removed when the process ends
    return Path(folder.name)


@cache
def small_model(arch: str):
    """A tiny model of a family with random weights."""
    import torch

    from affectzoo.zoo.factory import create_model

    torch.manual_seed(0)
    options = {"speech/logmel_cnn": {"width": 8}, "face/small_cnn": {"width": 8, "dim": 16}}.get(arch, {"dim": 8})
    return create_model(arch, {"video/late_fusion": "ambivalence_hesitancy"}.get(arch, "ekman7"), **options).eval()


@cache
def good_files(arch: str) -> tuple[Path, ...]:
    """Two good recordings of the model's family."""
    from affectzoo.eeg import synthetic as eeg
    from affectzoo.face import synthetic as face
    from affectzoo.speech import synthetic as speech
    from affectzoo.video import synthetic as video

    family = arch.split("/")[0]
    write = {"speech": speech, "face": face, "eeg": eeg, "video": video}[family].write_files
    more = {"speech": {"seconds": 0.6}, "eeg": {"seconds": 4.0}, "video": {"seconds": 2.0}}.get(family, {})
    return tuple(write(scratch() / family, 2, **more))


@cache
def good_checkpoint() -> Path:
    """A sound checkpoint of the small speech model, for cases to copy and damage."""
    from affectzoo.data.collate import collate
    from affectzoo.structures.sample import AffectSample
    from affectzoo.structures.signal import read_file
    from affectzoo.zoo.pretrained import save_artefact

    model = small_model("speech/logmel_cnn")
    files = good_files("speech/logmel_cnn")
    samples = [model.prepare(AffectSample(f.stem, read_file(f, ("audio",)))) for f in files]
    golden = collate(samples, model.label_space)
    return save_artefact(
        model, scratch(), tag="good", golden=golden, licences=LICENCES, training={"dataset": "speech_synthetic"}
    )


def plain(message: str, folder: Path) -> str:
    """The message without what varies between machines and days: folders, hashes, ports, lists of all choices."""
    for base in (folder, scratch()):
        message = re.sub(rf"{re.escape(str(base))}/(?:[\w.-]+/)*([\w-]+\.(?:{SUFFIXES}))\b", r"FILE(\1)", message)
        message = re.sub(rf"{re.escape(str(base))}(/[\w.-]+)*", "FOLDER", message)
    message = message.replace(f"{ROOT}/", "").replace(str(ROOT), "FOLDER")
    message = re.sub(r"\b[0-9a-f]{16,64}\b", "HASH", message)
    message = re.sub(r"127\.0\.0\.1:\d+", "HOST", message)
    message = re.sub(r"(largest difference|spread is) [\d.e-]+", r"\1 ...", message)
    message = re.sub(r"Known: .*", "Known: ...", message)
    return " ".join(message.split())
