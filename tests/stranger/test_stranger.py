"""A package that affectzoo has never heard of adds a family: nothing of it is imported until it is used."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Runs affectzoo in a folder and an environment where the stranger's package is installed."""
    folder = tmp_path_factory.mktemp("stranger")
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    info = folder / "site" / "affectzoo_heartrate-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{k} = {v}" for k, v in project["entry-points"]["affectzoo.plugins"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[affectzoo.plugins]", *lines, ""]))

    def run(*words, ok=True, module="affectzoo.cli"):
        import os

        env = {**os.environ, "PYTHONPATH": f"{folder / 'site'}{os.pathsep}{HERE}"}
        call = (
            [sys.executable, "-c", words[0]]
            if module is None
            else [
                sys.executable,
                "-c",
                f"import sys; from {module} import main; sys.exit(main())",
                *map(str, words),
            ]
        )
        done = subprocess.run(call, cwd=folder, env=env, capture_output=True, text=True, timeout=240)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.folder = folder
    return run


def test_listing_imports_nothing_of_it(shell):
    code = (
        "import sys, affectzoo; from affectzoo.zoo.catalogue import list_models;"
        "from affectzoo.data.card import list_datasets;"
        "assert 'heart/tachonet' in list_models(), list_models(); assert 'heart_demo' in list_datasets();"
        "assert 'heart2' in affectzoo.list_spaces();"
        "assert not [m for m in sys.modules if m.startswith('affectzoo_heartrate')]"
    )
    shell(code, module=None)


def test_its_parts_pass_the_public_checks(shell):
    checks = str(HERE / "check_heartrate.py")
    out = shell(f"import pytest, sys; sys.exit(pytest.main(['-o', 'addopts=', {checks!r}]))", module=None)
    assert "4 passed" in out


def test_train_predict_evaluate_on_its_files(shell):
    out = shell("train", "experiment=heart/demo", "run_dir=run")
    assert "heart-demo" in out and "youden_j" in out and "affectzoo predict" in out
    (artefact,) = (shell.folder / "run").glob("heart.tachonet.*")
    shell("predict", "outputs/heart_demo", "--model", artefact, "--out", "preds.csv")
    assert len((shell.folder / "preds.csv").read_text().splitlines()) == 81
    out = shell("predict", "missing.ibi", "--model", artefact, "--out", "bad.csv", "--strict", ok=False)
    assert "missing" in out and "no such file" in out
    out = shell("evaluate", shell.folder / "run" / "predictions.parquet", "--benchmark", "heart-demo")
    value = float(out.split("main score")[1].split()[0])
    assert value > 0.8, out


def test_its_verb_and_its_errors(shell):
    assert "beats per minute" in shell("pulse", "outputs/heart_demo/heart000.ibi")
    assert "heart/tachonet" in shell("info", "heart/tachonett", ok=False)
