"""The file forms of a prediction table: what is written is read, and what one form to another does is declared."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from affectzoo.errors import AffectZooError, FileError
from affectzoo.labels.space import load_space
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.table import FORMATS, PredictionTable, TableMeta

VAD = load_space("vad")
#: Texts that readers of CSV and JSON like to take for something else.
ODD = ["NA", "null", "None", "nan", "001", "1.50", "true", "2024-01-02", "a,b", 'say "so"', "ä ö", " blank "]


def clip_table(keys: list[str], **columns) -> PredictionTable:
    values = np.random.default_rng(0).standard_normal((len(keys), 3)) / 3
    values[-1] = np.nan
    frame = pd.DataFrame({"key": keys, "track": "", "t_s": np.nan})
    frame[["vad.valence", "vad.arousal", "vad.dominance"]] = values
    frame["source"] = ""
    frame["warning"] = "clipped, short"
    frame["error"] = [""] * (len(keys) - 1) + ["NA"]
    for name, column in columns.items():
        frame[name] = column
    meta = TableMeta(VAD.to_dict(), {"vad": "value"}, training_keys=("0" * 16,), notes={"a": 1})
    return PredictionTable(frame, meta)


def step_table(texts: dict[str, list[str]]) -> PredictionTable:
    frame = pd.DataFrame({"key": "k", "track": "", "t_s": [0.0, 0.5, 1.0]})
    frame[["vad.valence", "vad.arousal", "vad.dominance"]] = [[0, 0, 0], [1, np.nan, 0], [0.5, 0.5, 0]]
    for name, column in texts.items():
        frame[name] = column
    return PredictionTable(frame, TableMeta(VAD.to_dict(), {"vad": "value"}, "step", 2.0))


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_is_read_bit_for_bit(tmp_path, suffix):
    table = clip_table(ODD, wheel=[*ODD[:-1], ""], rationale=ODD[::-1])
    read = PredictionTable.read(table.write(tmp_path / f"t{suffix}"))
    pd.testing.assert_frame_equal(read.frame, table.frame, check_exact=True, check_dtype=False)
    assert read.meta == table.meta


def test_a_cell_of_text_among_numbers_is_named(tmp_path):
    path = clip_table(["a", "b"]).write(tmp_path / "t.csv")
    path.write_text(re.sub(r"-?\d\.\d+", "high", path.read_text(), count=1))
    with pytest.raises(FileError, match="t.csv.*text where numbers belong"):
        PredictionTable.read(path)


@pytest.mark.parametrize("version", [0, -1, 2])
def test_another_schema_is_refused(tmp_path, version):
    path = clip_table(["a", "b"]).write(tmp_path / "t.csv")
    meta = tmp_path / "t.csv.meta.json"
    meta.write_text(meta.read_text().replace('"schema_version": 1', f'"schema_version": {version}'))
    with pytest.raises(FileError, match=f"schema {version} is not known"):
        PredictionTable.read(path)


def test_pooling_keeps_errors_and_all_words():
    pooled = step_table({"error": ["", "no face", "x"], "wheel": ["sad, tired", "", "tired, calm"]}).pool("mean")
    assert pooled.frame.error.tolist() == ["no face"] and pooled.frame.wheel.tolist() == ["sad, tired, calm"]
    np.testing.assert_allclose(pooled.values("vad"), [[0.5, 0.25, 0]])  # a NaN is left out, not counted as 0
    assert pooled.meta.granularity == "clip" and pooled.meta.notes["pooling"] == "mean"
    np.testing.assert_allclose(step_table({}).pool("max").values("vad"), [[1, 0.5, 0]])


def prediction(**changes) -> AffectPrediction:
    options = {"fields": {"vad": PredictionField(torch.zeros(2, 4, 3), "value")}, "rate_hz": 2.0}
    options |= {"t0_s": torch.tensor([0.0, 10.0]), "mask": torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()}
    return AffectPrediction(["a", "b"], VAD, **{**options, **changes})


def test_padded_steps_are_no_rows_and_times_start_at_the_origin():
    frame = PredictionTable.from_prediction(prediction(wheel=[["sad"], []])).frame
    assert frame.key.tolist() == ["a"] * 4 + ["b"] * 2
    assert frame.t_s.tolist() == [0, 0.5, 1, 1.5, 10, 10.5]
    assert frame.wheel.tolist() == ["sad"] * 4 + [""] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"mask": torch.ones(2, 3).bool()},
        {"t0_s": torch.zeros(3)},
        {"wheel": [["sad"]]},
        {"rationale": ["one", "two", "three"]},
        {"tracks": ["left"]},
        {"fields": {"vad": PredictionField(torch.zeros(2, 4, 3), "value", torch.zeros(2, 4, 2))}},
    ],
    ids=lambda c: next(iter(c)),
)
def test_a_prediction_whose_parts_do_not_fit_is_refused(change):
    with pytest.raises(AffectZooError, match=r"do(es)? not fit"):
        prediction(**change)
