"""Published protocols end to end: whole runs on synthetic files in the official layout, and what the benchmarks say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import facekit as kit
import numpy as np
import pytest
import torch

from affectzoo.data.dataset import open_dataset
from affectzoo.leaderboard.benchmark import load_benchmark
from affectzoo.leaderboard.evaluate import evaluate
from affectzoo.leaderboard.exam import open_exam
from affectzoo.metrics.abaw import p_au, p_expr, p_va
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.table import PredictionTable

ROOT = Path(__file__).parents[2]
NAMES = (
    "disfa-3fold", "disfa-intensity-3fold", "bp4d-3fold", "raf_au", "raf_db", "affectnet8", "affectnet7",
    "affectnet-va", "abaw-va", "abaw-expr", "abaw-au", "abaw-mtl",
)  # fmt: skip
SMALL = [
    "model=face/small_cnn",
    "model.size=16",
    "model.width=8",
    "model.dim=16",
    "~model.augment",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "trainer.enable_progress_bar=false",
    "~callbacks.progress",
    "data.batch_size=8",
    "threads=1",
]


def train(run_dir, root, experiment, *more):
    """One run as a user starts it: the experiment by name, with a small model for a CPU."""
    env = {**os.environ, "AFFECTZOO_DATA": str(root), "AFFECTZOO_CACHE": str(run_dir / "cache")}
    line = [
        sys.executable,
        str(ROOT / "train.py"),
        f"experiment=face/{experiment}",
        *SMALL,
        f"run_dir={run_dir}",
        *more,
    ]
    done = subprocess.run(line, capture_output=True, text=True, cwd=run_dir.parent, env=env, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((run_dir / "record.json").read_text())


def test_disfa_three_folds_in_one_command(tmp_path):
    root = kit.disfa(tmp_path / "data", {u: [0, 3, 0, 4, 1, 2] for u in (1, 2, 4, 6, 9, 12, 25, 26)})
    record = train(tmp_path / "run", root, "disfa")
    assert record["n"] == 18 and record["n_missing"] == record["n_failed"] == 0 and record["ranked"], record["remarks"]
    assert record["benchmark"]["name"] == "disfa-3fold" and record["benchmark"]["main"] == "au/au_f1"
    score = record["scores"]["au/au_f1"]
    assert record["benchmark"]["pooling"] == "fold_mean" and len(score["per_fold"]) == 3
    assert score["fold_mean"] == pytest.approx(np.mean(score["per_fold"]))
    assert set(record["controls"]) == {"constant", "prior"}
    table = PredictionTable.read(tmp_path / "run" / "out_of_fold.parquet")
    assert len(table.frame) == 18 and table.frame.key.str.startswith("SN").all()


def test_abaw_va_in_one_command(tmp_path):
    lines = [f"{np.sin(k):.3f},{np.cos(k):.3f}" for k in range(12)] + ["-5,-5"]
    root = kit.aff_wild2(tmp_path / "data", "va", lines, missing=(2,))
    record = train(tmp_path / "run", root, "abaw_va", "data.val_fraction=0.3")
    assert record["n"] == 11 and record["n_missing"] == 0 and record["ranked"], record["remarks"]
    assert record["benchmark"]["label_space"] == "va" and "vad/ccc" in record["scores"]


def test_every_published_number_has_its_place():
    for name in NAMES:
        benchmark = load_benchmark(name)
        ours = [r for r in benchmark.published if r.system.startswith("Facial-R1")]
        assert all(not r.comparable and r.note for r in ours)
    values = {(n, r.system, r.metric): r.value for n in NAMES for r in load_benchmark(n).published}
    assert values["disfa-3fold", "FMAE-IAT", "au/au_f1"] == 0.701
    assert values["bp4d-3fold", "ME-GraphAU, Swin-B", "au/au_f1"] == 0.655
    assert values["affectnet8", "POSTER++", "emotion/accuracy"] == 0.6377
    assert values["affectnet7", "POSTER++", "emotion/accuracy"] == 0.6749
    assert values["raf_db", "POSTER++", "emotion/accuracy"] == 0.9221
    assert values["affectnet-va", "CAGE MaxViT", "vad/ccc"] == pytest.approx((0.716 + 0.642) / 2)
    parts = [v for (n, *_), v in values.items() if n == "abaw-mtl"]
    assert sum(parts) == pytest.approx(1.5286)


def test_units_quoted_by_number_agree_with_the_mean_beside_them():
    quoted = 0
    for name, n in (("disfa-3fold", 8), ("bp4d-3fold", 12)):
        for row in load_benchmark(name).published:
            if row.note.startswith("by unit"):
                units = row.note.split(":")[1].split(";")[0].split()
                assert len(units) == n and np.mean([float(u) for u in units]) == pytest.approx(row.value, abs=6e-4)
                quoted += 1
    assert quoted == 5


def answers(exam):
    """Random answers to the tested items of an exam, by field."""
    rng = np.random.default_rng(0)
    values = {}
    for field in exam.benchmark.fields:
        raw = rng.uniform(-1 if field == "vad" else 0, 1, (len(exam.test_keys), exam.space.size(field)))
        values[field] = raw / raw.sum(1, keepdims=True) if field == "emotion" else raw
    return values


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_scores_of_abaw_mtl_are_those_of_the_challenge(tmp_path):
    """The record's three parts against affectzoo.metrics.abaw on the codes of the file itself."""
    rng = np.random.default_rng(3)
    rows = []
    for k in range(1, 61):
        va = (-5, -5) if k % 5 == 0 else rng.uniform(-1, 1, 2).round(3)
        expr = -1 if k % 7 == 0 else rng.integers(0, 8)
        au = rng.integers(0, 2, 12)
        au[3] = -1 if k % 4 == 0 else au[3]
        rows.append((f"video2/{k:05d}.jpg", *va, expr, *au))
    files = {**kit.MTL, "validation_set": [",".join(map(str, r)) for r in rows]}
    root = kit.abaw_mtl(tmp_path, files)
    benchmark = load_benchmark("abaw-mtl")
    exam = open_exam(benchmark, root)
    values = answers(exam)
    table = table_of(exam, values)
    record = evaluate(table, benchmark, root=root, n_boot=0)
    at = [exam.test_keys.index(r[0].removesuffix(".jpg")) for r in rows]
    truth = np.array([r[1:] for r in rows], float)
    expected = {
        "vad/ccc": p_va(values["vad"][at], truth[:, :2]),
        "emotion/f1_macro": p_expr(values["emotion"][at].argmax(1), truth[:, 2].astype(int)),
        "au/au_f1_zero": p_au(values["au"][at], truth[:, 3:]),
    }
    for name, value in expected.items():
        assert record.scores[name].value == pytest.approx(float(value), abs=1e-6), name
    assert record.n == len(rows) and not record.n_missing


def table_of(exam, values):
    """The answers as a prediction table."""
    kinds = {"vad": "value", "emotion": "probabilities", "au": "probabilities"}
    fields = {f: PredictionField(torch.as_tensor(v, dtype=torch.float32), kinds[f]) for f, v in values.items()}
    return PredictionTable.from_prediction(AffectPrediction(list(exam.test_keys), exam.space, fields))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["bp4d-3fold", "affectnet7", "affectnet-va", "disfa-intensity-3fold", "abaw-expr"])
def test_an_exam_opens_on_the_official_layout(tmp_path, name):
    write = {"bp4d": kit.bp4d, "affectnet": kit.affectnet, "disfa": kit.disfa}
    benchmark = load_benchmark(name)
    if benchmark.dataset == "aff_wild2":
        kit.aff_wild2(tmp_path, benchmark.options["challenge"])
    else:
        write[benchmark.dataset](tmp_path)
    exam = open_exam(benchmark, tmp_path)
    data = open_dataset(benchmark.dataset, tmp_path, **benchmark.options)
    assert exam.test_keys and set(exam.test_keys) <= {s.key for s in data.samples}
    assert set(exam.truth) == set(benchmark.fields)
    if name == "affectnet-va":  # rated pictures alone: -2 is no label
        assert set(exam.test_keys) == {"val_set/0", "val_set/5"} and exam.unlabelled == 1
