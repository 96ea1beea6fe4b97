"""Prediction files and benchmarks that do not fit."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
from badkit import Case, command

from affectzoo.labels.space import load_space
from affectzoo.leaderboard.benchmark import check_benchmark, load_benchmark
from affectzoo.leaderboard.evaluate import evaluate
from affectzoo.leaderboard.exam import Exam, ExamFold
from affectzoo.metrics.registry import metric_entry
from affectzoo.speech.synthetic import generate
from affectzoo.structures.table import PredictionTable, TableMeta

SPACE = load_space("ekman7+vad")
COLUMNS = [f"{f}.{n}" for f in SPACE.fields for n in SPACE.names(f)]
KINDS = {"emotion": "probabilities", "vad": "value"}


def good_table(keys=("speech000000", "speech000001"), **meta):
    frame = pd.DataFrame(np.full((len(keys), len(COLUMNS)), 1 / 7), columns=COLUMNS).assign(key=list(keys))
    return PredictionTable(frame, TableMeta(SPACE.to_dict(), KINDS, **meta))


def written(change):
    """Write a good CSV, change it, read it back."""

    def trigger(folder):
        path = good_table().write(folder / "preds.csv")
        change(path)
        PredictionTable.read(path)

    return trigger


def without_side_car(path):
    path.with_name("preds.csv.meta.json").unlink()


def in_frame(change):
    def edit(path):
        change(pd.read_csv(path)).to_csv(path, index=False)

    return edit


def meta(old, new):
    def edit(path):
        side = path.with_name("preds.csv.meta.json")
        assert old in side.read_text()
        side.write_text(side.read_text().replace(old, new))

    return edit


def parquet_of_others(folder):
    good_table().frame.to_parquet(folder / "preds.parquet")
    PredictionTable.read(folder / "preds.parquet")


def wrong_suffix(folder):
    good_table().write(folder / "preds.csv").rename(folder / "preds.xlsx")
    return command("evaluate", folder / "preds.xlsx", "--benchmark", "speech-synthetic")


def unknown_benchmark(folder):
    path = good_table().write(folder / "preds.parquet")
    return command("evaluate", path, "--benchmark", "speech-syntetic")


@cache
def exam():
    """The benchmark's exam on a few voices, so that nothing long is generated."""
    samples = tuple(generate(8, seconds=0.6))
    keys = tuple(s.key for s in samples)
    return Exam(load_benchmark("speech-synthetic"), samples, (ExamFold("0", keys[:4], keys[4:]),), "1", "0" * 64)


def scored(table):
    """A trigger that evaluates the table that `table(keys)` makes."""

    def trigger(_):
        evaluate(table([s.key for s in exam().samples]), "speech-synthetic", n_boot=0, data=exam())

    return trigger


def over_time(keys):
    frame = good_table(keys[:1] * 2).frame.assign(t_s=[0.25, 0.75], track="", source="", error="")
    return PredictionTable(frame, good_table(granularity="step", rate_hz=2.0).meta)


def misnamed(keys):
    table = good_table([keys[0].replace("0", "o"), *keys[1:]])
    return PredictionTable(table.frame.assign(t_s=np.nan, track="", source="", error=""), table.meta)


def changed(**changes):
    return lambda _: check_benchmark(replace(load_benchmark("speech-synthetic"), **changes))


CASES = [
    Case(
        "no side-car", "prediction file", written(without_side_car), r"preds\.csv: needs its side-car preds\.csv\.meta"
    ),
    Case(
        "a column that is missing",
        "prediction file",
        written(in_frame(lambda f: f.rename(columns={"emotion.anger": "emotion.angre"}))),
        r"preds\.csv: missing column 'emotion\.anger'.*'emotion\.angre'",
    ),
    Case(
        "a key that occurs twice",
        "prediction file",
        written(in_frame(lambda f: f.assign(key="k1"))),
        r"preds\.csv: key 'k1' occurs twice",
    ),
    Case(
        "text where numbers belong",
        "prediction file",
        written(in_frame(lambda f: f.assign(**{"vad.valence": "high"}))),
        r"preds\.csv: column 'vad\.valence' holds text",
    ),
    Case(
        "a label space that was edited",
        "prediction file",
        written(meta('"name": "anger"', '"name": "rage"')),
        r"preds\.csv: label space: hash \w+ does not match its contents",
    ),
    Case(
        "an unknown key of the meta data",
        "prediction file",
        written(meta('"kinds"', '"kind"')),
        r"preds\.csv: meta data: unknown key 'kind'.*'kinds'",
    ),
    Case(
        "an unknown kind of values",
        "prediction file",
        written(meta('"emotion": "probabilities"', '"emotion": "probability"')),
        r"preds\.csv: kinds\.emotion: unknown kind 'probability'.*'probabilities'",
    ),
    Case(
        "a field that its label space lacks",
        "prediction file",
        written(meta('"emotion": "probabilities"', '"emotions": "probabilities"')),
        r"preds\.csv: kinds: unknown field 'emotions'.*'emotion'",
    ),
    Case(
        "an unknown granularity",
        "prediction file",
        written(meta('"granularity": "clip"', '"granularity": "clips"')),
        r"preds\.csv: unknown granularity 'clips'.*'clip'",
    ),
    Case(
        "a table from a newer version",
        "prediction file",
        written(meta('"schema_version": 1', '"schema_version": 9')),
        r"preds\.csv: table schema 9 is not known here.*update affectzoo",
    ),
    Case(
        "a Parquet file of others", "prediction file", parquet_of_others, r"preds\.parquet: has no affectzoo meta data"
    ),
    Case(
        "a type that is no table",
        "prediction file",
        wrong_suffix,
        r"preds\.xlsx: is not a prediction table \(known: \.parquet, \.csv",
        via="command",
    ),
    Case(
        "a key that the data set does not have",
        "prediction file",
        scored(misnamed),
        r"speech-synthetic.*1 of the table's keys are not in 'speech_synthetic' .*: unknown key .voice_so_ooooo",
    ),
    Case(
        "answers over time to labels of whole clips",
        "prediction file",
        scored(over_time),
        r"labelled by clip, the table answers by step; pool it first",
    ),
    Case("an unknown benchmark", "benchmark", unknown_benchmark, r"'speech-syntetic'.*'speech-synthetic'", "command"),
    Case(
        "an unknown metric",
        "benchmark",
        changed(metrics={"emotion": ("uarr",)}, main="emotion/uarr", published=()),
        r"benchmark 'speech-synthetic': unknown emotion metric 'uarr'.*'uar'",
    ),
    Case(
        "a field that the label space lacks",
        "benchmark",
        changed(metrics={"au": ("au_f1",)}, main="au/au_f1", published=()),
        r"benchmark 'speech-synthetic': unknown field of the label space 'au'",
    ),
    Case(
        "a metric whose name means two things",
        "benchmark",
        lambda _: metric_entry("emotion", "wa"),
        r"'wa' is not offered.*use 'accuracy'.*or 'uar'",
    ),
    Case("a misspelt metric", "benchmark", lambda _: metric_entry("vad", "cc"), r"unknown vad metric 'cc'.*'ccc'"),
]
