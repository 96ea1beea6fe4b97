"""The four small models on generated data: train, artefact, predict on files, evaluate, record; controls are beaten.

The floors are far below what a run reaches and far above the best control; the generators' truth is known.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from affectzoo.plugins import import_target
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.table import PredictionTable

ROOT = Path(__file__).parents[2]
FAST = ["trainer.enable_progress_bar=false", "~callbacks.progress", "run_dir=run", "threads=2"]
#: family -> overrides, main score, floor, least distance to the best control, folder's generator
FAMILIES = {
    "speech": (["model.width=12", "trainer.max_epochs=10"], "emotion/uar", 0.30, 0.12, "speech.synthetic"),
    "face": (["model.width=16", "trainer.max_epochs=6"], "emotion/uar", 0.45, 0.25, "face.synthetic"),
    "eeg": (["trainer.max_epochs=25"], "vad/ccc", 0.6, 0.4, "eeg.synthetic"),
    "video": (["trainer.max_epochs=8", "model.width=8"], "state/f1_macro", 0.6, 0.08, "video.synthetic"),
}


def call(*words, cwd):
    done = subprocess.run([sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=290)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("family", FAMILIES)
def test_train_artefact_predict_evaluate_record(family, tmp_path):
    overrides, main, floor, margin, generator = FAMILIES[family]
    out = call(ROOT / "train.py", f"experiment={family}/synthetic", *FAST, *overrides, cwd=tmp_path)
    assert "affectzoo predict" in out
    record = EvalRecord.read(tmp_path / "run" / "record.json")
    value = record.scores[main].value
    best = max(c[main] for c in record.controls.values() if c.get(main) is not None)
    print(f"{family}: {main} {value:.3f}, best control {best:.3f}, {record.seconds} s")
    assert record.ranked, record.remarks
    assert value > floor and value > best + margin, (value, best)
    assert record.model.sha256 and record.trained_on == 0 and record.scores[main].low < value

    (artefact,) = (tmp_path / "run").glob(f"{family}.*")
    import_target(f"affectzoo.{generator}.write_files")(tmp_path / "files", n=3, seed=77)
    cli = ("-m", "affectzoo.cli")
    call(*cli, "predict", "files", "--model", artefact, "--out", "files.parquet", cwd=tmp_path)
    table = PredictionTable.read(tmp_path / "files.parquet")
    assert table.frame.key.nunique() == 3 and (table.frame.error == "").all()

    again = call(
        *cli, "evaluate", "run/predictions.parquet", "--benchmark", f"{family}-synthetic", "--out", "again.json",
        cwd=tmp_path,
    )  # fmt: skip
    assert f"{value:.4f}" in again
    second = EvalRecord.read(tmp_path / "again.json")
    assert second.scores[main] == record.scores[main] and second.predictions_sha256 == record.predictions_sha256
