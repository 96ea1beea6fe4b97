"""Temperatures: a known one is found again, and a fold has no part in its own."""

import numpy as np
import pandas as pd
import pytest

from affectzoo.engine.calibration import (
    NAME,
    calibrated_score,
    fit_temperature,
    read_temperature,
    rescale,
    validated_score,
)
from affectzoo.errors import AffectZooError, FileError
from affectzoo.labels.space import load_space
from affectzoo.structures.record import BenchmarkRef, EvalRecord, ModelRef
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.table import PredictionTable, TableMeta

SPACE = load_space("emodb4")
NAMES = [f"emotion.{n}" for n in SPACE.names("emotion")]


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def drawn(n, sharpness, seed=0):
    """Distributions whose logits are `sharpness` times too large, and one-hot labels drawn from the right ones."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 4)) * 2
    labels = (softmax(z).cumsum(1) < rng.random((n, 1))).sum(1)
    return softmax(z * sharpness), np.eye(4)[labels]


def fold(name, n, sharpness, seed):
    p, t = drawn(n, sharpness, seed)
    frame = pd.DataFrame(
        {"key": [f"{name}-{i}" for i in range(n)], "track": "", "t_s": np.nan, "source": "", "error": ""}
    )
    frame[NAMES] = p
    samples = [
        AffectSample(k, {}, {"emotion": Target(row.astype(np.float32), np.ones(4, bool))})
        for k, row in zip(frame["key"], t, strict=True)
    ]
    return PredictionTable(frame, TableMeta(SPACE.to_dict(), {"emotion": "probabilities"})), samples


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found_and_undone(sharpness):
    p, t = drawn(20_000, sharpness)
    found = fit_temperature(p, t)
    assert found == pytest.approx(sharpness, rel=0.03)
    right = drawn(20_000, 1.0)[0]
    np.testing.assert_allclose(rescale(p, sharpness), right, atol=1e-4)  # p below 1e-12 is cut


def test_a_fold_has_no_part_in_its_temperature():
    parts = {n: fold(n, 3000, s, i) for i, (n, s) in enumerate({"a": 1.0, "b": 2.0, "c": 2.0}.items())}
    score = calibrated_score({n: p[0] for n, p in parts.items()}, [s for p in parts.values() for s in p[1]])
    found = score.conventions["temperature"]
    assert found["a"] == pytest.approx(2.0, rel=0.05)  # of b and c
    assert 1.2 < found["b"] < 1.8 and 1.2 < found["c"] < 1.8
    assert 1.3 < score.conventions["temperature of all folds"] < 1.9 and score.n == 9000


def test_calibration_error_falls_to_nothing_where_all_folds_are_alike():
    parts = {n: fold(n, 4000, 3.0, i) for i, n in enumerate("abc")}
    score = calibrated_score({n: p[0] for n, p in parts.items()}, [s for p in parts.values() for s in p[1]])
    assert score.value < 0.02 < 0.15  # 0.15: what the same answers have before


def test_one_fold_and_no_labels_give_none():
    table, samples = fold("a", 20, 1.0, 0)
    assert calibrated_score({"a": table}, samples) is None
    assert calibrated_score({"a": table, "b": table}, []) is None
    with pytest.raises(AffectZooError, match="at least one"):
        fit_temperature(np.empty((0, 4)), np.empty((0, 4)))


def test_the_temperature_of_a_checkpoint_comes_from_a_record(tmp_path):
    parts = {n: fold(n, 500, 2.0, i) for i, n in enumerate("ab")}
    score = calibrated_score({n: p[0] for n, p in parts.items()}, [s for p in parts.values() for s in p[1]])
    bench = BenchmarkRef("b", "d", "1", "s", "", "emodb4", SPACE.hash, "emotion/uar")
    path = EvalRecord(ModelRef("speech/x"), bench, {NAME: score}).write(tmp_path / "record.json")
    assert read_temperature(path, "speech/x") == {"emotion": score.conventions["temperature of all folds"]}
    bare = EvalRecord(ModelRef("speech/x"), bench, {}).write(tmp_path / "bare.json")
    with pytest.raises(FileError, match="ece_calibrated"):
        read_temperature(bare, "speech/x")
    with pytest.raises(FileError, match="is a record of speech/x, not of speech/y"):
        read_temperature(path, "speech/y")


def test_a_single_run_takes_its_temperature_from_the_validation_part_alone(tmp_path):
    (test, tested), (val, validated) = fold("test", 4000, 3.0, 0), fold("val", 4000, 3.0, 1)
    score = validated_score(test, val, [*tested, *validated])
    assert score.conventions["temperature"] == pytest.approx(3.0, rel=0.05) and score.n == 4000
    assert score.value < 0.02
    other = fold("val", 4000, 1.0, 1)[0]  # a validation part of right answers leaves the tested ones as they are
    assert validated_score(test, other, [*tested, *validated]).value > 0.1
    assert validated_score(test, val, tested) is None and validated_score(test, val, validated) is None
    bench = BenchmarkRef("b", "d", "1", "s", "", "emodb4", SPACE.hash, "emotion/uar")
    path = EvalRecord(ModelRef("speech/x"), bench, {NAME: score}).write(tmp_path / "record.json")
    assert read_temperature(path, "speech/x") == {"emotion": score.conventions["temperature"]}
