"""An installed wheel works as a checkout does: configs, cards, label spaces and checkpoints travel with it."""

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "-w", str(folder)]
    if find_spec("hatchling"):
        words.append("--no-build-isolation")  # nothing is fetched
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("affectzoo-*.whl")
    return path


def test_everything_travels(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    for source, target in (
        ("configs", "affectzoo/_root/configs"),
        ("datasets", "affectzoo/_root/datasets"),
        ("affectzoo/labels", "affectzoo/labels"),
        ("affectzoo/checkpoints", "affectzoo/checkpoints"),
    ):
        files = (p for p in (ROOT / source).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        lacking = {f"{target}/{p.relative_to(ROOT / source).as_posix()}" for p in files} - inside
        assert not lacking, sorted(lacking)
    assert {"affectzoo/plugin.yaml", "affectzoo/_root/configs/train.yaml"} <= inside
    assert not [n for n in inside if n.startswith(("tests/", "configs/", "datasets/"))]


def test_the_unpacked_wheel_lists_what_the_checkout_lists(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import affectzoo, json; from affectzoo.data.card import list_datasets, load_card\n"
        "from affectzoo.data.split import load_folds; from affectzoo.plugins import plugins\n"
        "from affectzoo.zoo.catalogue import checkpoints; from affectzoo.leaderboard.benchmark import list_benchmarks\n"
        "splits = [load_folds(load_card(d), s).n for d in list_datasets() for s in load_card(d).splits]\n"
        "print(json.dumps([affectzoo.list_models(), list_datasets(), affectzoo.list_spaces(), list_benchmarks(),"
        " sorted(checkpoints()), splits]), plugins()[0].root, sep='|')"
    )

    def ask(path):
        env = {**os.environ, "PYTHONPATH": str(path)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().split("|")

    (ours, root), (theirs, installed) = ask(ROOT), ask(tmp_path / "site")
    assert ours == theirs
    assert Path(root) == ROOT and Path(installed) == tmp_path / "site" / "affectzoo" / "_root"
