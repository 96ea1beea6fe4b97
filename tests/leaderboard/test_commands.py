"""The two commands, from a file to the terminal, on generated EEG (no download)."""

import argparse

import numpy as np
import pandas as pd
import pytest

from affectzoo.commands import evaluate, leaderboard
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.leaderboard.benchmark import load_benchmark
from affectzoo.leaderboard.exam import open_exam
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.table import PredictionTable, TableMeta


def parse(command, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Two tables of the tested EEG recordings: the truth with a little and with much noise."""
    exam = open_exam(load_benchmark("eeg-synthetic"))
    truth, rows = exam.truth["vad"], exam.test_rows("vad")
    folder, out = tmp_path_factory.mktemp("tables"), {}
    for name, noise in (("good", 0.05), ("poor", 0.6)):
        values = truth.values[rows] + noise * np.random.default_rng(0).standard_normal((rows.sum(), 3))
        frame = pd.DataFrame(
            {"key": [exam.samples[i].key for i in truth.item[rows]], "track": "", "t_s": truth.t_s[rows]}
        )
        frame[["vad.valence", "vad.arousal", "vad.dominance"]] = values
        frame[["source", "error"]] = ""
        meta = TableMeta(exam.space.to_dict(), {"vad": "value"}, "step", 1.0, {"arch": f"eeg/{name}", "tag": "x"})
        out[name] = PredictionTable(frame, meta).write(folder / f"{name}.parquet")
    return out


def test_evaluate_then_leaderboard(tables, tmp_path, capsys):
    for name, path in tables.items():
        args = parse(
            evaluate,
            str(path),
            "--benchmark",
            "eeg-synthetic",
            "--n-boot",
            "20",
            "--seed",
            "4",
            "--out",
            str(tmp_path / f"{name}.json"),
            "--against",
            str(tables["poor"]),
        )
        assert evaluate.run(args) == 0
    shown = capsys.readouterr().out
    for word in (
        "vad/ccc (main)",
        "clip_time",
        "constant",
        "valence",
        "ranked",
        "good.parquet minus poor.parquet",
        "trained on: unknown",
        "95 % interval",
    ):
        assert word in shown
    record = EvalRecord.read(tmp_path / "good.json")
    assert record.command == "affectzoo evaluate good.parquet --benchmark eeg-synthetic --n-boot 20 --seed 4"
    assert record.scores["vad/ccc"].value > 0.9 and record.ranked and record.seeds == (4,)
    assert abs(record.controls["clip_time"]["vad/ccc"]) < 0.3

    assert leaderboard.run(parse(leaderboard, "--records", str(tmp_path), "--markdown")) == 0
    lines = capsys.readouterr().out.splitlines()
    good, poor = (next(i for i, line in enumerate(lines) if f"eeg/{n}.x" in line) for n in ("good", "poor"))
    assert good < poor
    page = tmp_path / "board.md"
    leaderboard.run(parse(leaderboard, "--records", str(tmp_path), "--out", str(page), "--benchmark", "eeg-synthetic"))
    assert page.read_text().startswith("### eeg-synthetic: vad/ccc")
    leaderboard.run(parse(leaderboard, "--records", str(tmp_path), "--benchmark", "eeg-synthetic"))
    assert "eeg-synthetic" in capsys.readouterr().out
    leaderboard.run(parse(leaderboard, "--records", str(tmp_path), "--benchmark", "eeg-synthetic", "--details"))
    assert "| model | parameters | arousal |" in capsys.readouterr().out
    with pytest.raises(AffectZooError, match="name it with --benchmark"):
        leaderboard.run(parse(leaderboard, "--plot", str(tmp_path / "sizes.png")))
    words = ("--benchmark", "speech-synthetic", "--plot", str(tmp_path / "sizes.png"))
    assert leaderboard.run(parse(leaderboard, *words)) == 0 and (tmp_path / "sizes.png").stat().st_size > 5000


def test_unknown_benchmark_is_refused_before_the_file_is_read(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'eeg-synthetic'"):
        evaluate.run(parse(evaluate, str(tmp_path / "no.parquet"), "--benchmark", "eeg-synth"))


def test_pooling_answers_to_labels_over_time_is_refused(tables):
    with pytest.raises(AffectZooError, match="labelled by step"):
        evaluate.run(parse(evaluate, str(tables["good"]), "--benchmark", "eeg-synthetic", "--pool", "mean"))
