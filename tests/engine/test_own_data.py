"""A user's own table: split by speaker, trained over folds, scored on its own split with controls."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

from affectzoo.speech.synthetic import generate, write_files
from affectzoo.structures.record import EvalRecord

ROOT = Path(__file__).parents[2]


def call(*words, cwd):
    done = subprocess.run([sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_table_to_folds_to_record(tmp_path):
    paths = write_files(tmp_path / "clips", n=30, seed=3)
    samples = generate(30, seed=3)
    names = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    wav = sorted(Path(p) for p in paths if str(p).endswith(".wav"))
    rows = [
        {
            "path": p.relative_to(tmp_path).as_posix(),
            "emotion": names[int(s.targets["emotion"].values.argmax())],
            "speaker": f"p{i % 6}",
        }
        for i, (p, s) in enumerate(zip(wav, samples, strict=True))
    ]
    rows.append({"path": "clips/lost.wav", "emotion": "anger", "speaker": "p0"})
    pd.DataFrame(rows[:-1]).to_csv(tmp_path / "clips.csv", index=False)
    cli = ("-m", "affectzoo.cli")
    call(*cli, "split", "clips.csv", "--group", "speaker", "--folds", 2, "--out", "folds.csv", cwd=tmp_path)
    out = call(
        ROOT / "train.py", "data=table", "data.options.path=clips.csv", "data.options.groups=[speaker]",
        "label_space=ekman7", "data.split=folds.csv", "data.val_group=speaker", "data.val_fraction=0", "folds=all",
        "evaluate_on=null", "model.width=4", "trainer.max_epochs=1", "run_dir=run", "name=mine",
        "trainer.enable_progress_bar=false", "~callbacks.progress", "data.cache=false", cwd=tmp_path,
    )  # fmt: skip
    record = EvalRecord.read(tmp_path / "run" / "record.json")
    assert record.benchmark.name == "table (own split)" and record.n == 30
    assert set(record.controls) == {"constant", "prior", "duration"} and len(record.scores["emotion/uar"].per_fold) == 2
    assert record.trained_on == 0 and record.ranked, record.remarks
    assert "table (own split)" in out
    config = json.loads(next(tmp_path.glob("run/fold_0/speech.*/config.json")).read_text())
    assert config["tag"] == "mine-fold0-research" and config["training"]["dataset"] == "table"
