"""Emotion-wheel scores against published goldens, hand-made ones and the definition restated."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError
from affectzoo.labels.wheel import GROUPINGS, load_wheels
from affectzoo.metrics.wheel import EmotionWheelScore, wheel_score

CLEAN = load_wheels()
TRUTH = [["happy", "excited"], ["angry", "frustrated", "sad"], ["worried"]]
PRED = [["joyful"], ["mad", "irritated"], ["anxious", "sad", "nervous"]]


@pytest.mark.data
@pytest.mark.parametrize("version", ("2025", "2026"))
def test_official_goldens(version):
    score = wheel_score(PRED, TRUTH, load_wheels("official", version))
    want = {
        "f.M1": 0, "f.M2": 0.470588, "precision.M2": 0.444444, "recall.M2": 0.5,
        "f.W1L1": 0.740741, "f.W2L1": 0.833333, "f.W3L1": 0.833333, "f.W4L1": 0.740741, "f.W5L1": 0.740741,
        "precision.W1L1": 0.833333, "recall.W1L1": 0.666667, "ew_f_l1": 0.777778,
        "f.W1L2": 0.380952, "f.W2L2": 0.470588, "f.W3L2": 0.740741, "f.W4L2": 0.666667, "f.W5L2": 0.740741,
        "ew_f_l2": 0.599938, "ew_f_both": (0.777778 + 0.599938) / 2,
        "m_avg": (0 + 0.470588 + 5 * 0.777778 + 5 * 0.599938) / 12,
    }  # fmt: skip
    for name, value in want.items():
        assert score.values[f"wheel/{name}"] == pytest.approx(value, abs=1e-6), name
    assert score.conventions["mapping_version"] == version and score.conventions["tables"] == "official"


def test_clean_goldens_by_hand():
    truth, pred = [["happy"], "angry, worried", ["neutral"]], [["joyful", "sad"], ["irritated"], ["happy"]]
    score = wheel_score(pred, truth)
    # {joy} against {joy, sad}: P 1/2, R 1. {anger, fear} against {anger}: P 1, R 1/2. The third is skipped.
    for k in range(1, 6):
        for name in ("f", "precision", "recall"):
            assert score.values[f"wheel/{name}.W{k}L1"] == pytest.approx(0.75)
    # Level 2 of wheel 1: {joyful} against {joyful, depressed}; {anger, anxious} against {frustrated}.
    got = [score.values[f"wheel/{n}.W1L2"] for n in ("precision", "recall", "f")]
    assert got == pytest.approx([0.25, 0.5, 1 / 3])
    assert score.values["wheel/f.M1"] == 0
    assert score.counts["target_unknown"] == 1 and score.counts["skipped.W1L1"] == 1
    assert score.conventions["tables"] == "clean" and score.conventions["mapping_version"] is None


def test_f_is_of_means_not_a_mean_of_f():
    score = wheel_score([["happy"], ["happy", "sad"]], [["happy"], ["sad", "worried", "angry"]])
    p, r = (1 + 1 / 2) / 2, (1 + 1 / 3) / 2
    assert score.values["wheel/f.W1L1"] == pytest.approx(2 * p * r / (p + r), abs=1e-12)
    assert abs(score.values["wheel/f.W1L1"] - (1 + 0.4) / 2) > 1e-3


def test_empty_prediction_counts_and_empty_truth_does_not():
    score = wheel_score([[], ["happy"]], [["happy"], []])
    assert score.values["wheel/recall.W1L1"] == 0 and score.counts["skipped.M1"] == 1
    nothing = wheel_score([["happy"]], [["neutral"]]).values
    assert math.isnan(nothing["wheel/ew_f_l1"]) and nothing["wheel/hit_dropped"] == 1


def test_hit_rate():
    truth = ["happy", "sad", "surprised", "neutral"]
    score = wheel_score(["joyful, calm", "happy", "amazed", "calm"], truth)
    # Wheels 1, 2 and 4: 2 of 3; wheels 3 and 5 have no sector for surprised: 1 of 2.
    assert score.values["wheel/hit_rate"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 2 + 2 / 3 + 1 / 2) / 5)
    assert score.values["wheel/hit_dropped"] == pytest.approx((1 + 1 + 2 + 1 + 2) / 20)
    assert score.counts["target_outside.W3L1"] == 1 and score.counts["target_unknown"] == 1
    assert math.isnan(wheel_score(["happy"], ["happy, sad"]).values["wheel/hit_rate"])


def by_definition(pred, truth, grouping):
    ps, rs = [], []
    for h, y in zip(pred, truth, strict=True):
        ys = {CLEAN.group(w, grouping) for w in y} - {None}
        hs = {CLEAN.group(w, grouping) for w in h} - {None}
        if ys:
            ps.append(len(ys & hs) / len(hs) if hs else 0.0)
            rs.append(len(ys & hs) / len(ys))
    if not ps:
        return math.nan
    p, r = sum(ps) / len(ps), sum(rs) / len(rs)
    return 2 * p * r / (p + r) if p + r else 0.0


WORDS = st.lists(st.sampled_from([*sorted(CLEAN.pool)[::17], "neutral", "xyz"]), max_size=4)
ITEMS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6)


@given(ITEMS)
def test_against_the_definition(items):
    pred, truth = map(list, zip(*items, strict=True))
    values = wheel_score(pred, truth).values
    for g in GROUPINGS:
        np.testing.assert_allclose(values[f"wheel/f.{g}"], by_definition(pred, truth, g), atol=1e-12)
    assert all(math.isnan(v) or -1e-12 <= v <= 1 + 1e-12 for v in values.values())


@given(ITEMS)
def test_batches_and_merged_metrics_equal_one_pass(items):
    pred, truth = map(list, zip(*items, strict=True))
    one, two = EmotionWheelScore(), EmotionWheelScore()
    one.update(pred[:1], truth[:1])
    if len(pred) > 1:
        two.update(pred[1:], truth[1:])
        one.merge_state(two)
    score = wheel_score(pred, truth)
    for name, value in one.compute().items():
        np.testing.assert_allclose(float(value), score.values[name], atol=1e-12)
    assert one.counts == score.counts and one.conventions == score.conventions


def test_metric_keeps_float64_and_resets():
    metric = EmotionWheelScore().half()
    metric.update([["happy"]], [["happy"]])
    assert metric.precision.dtype.itemsize == 8
    metric.reset()
    assert float(metric.items) == 0


def test_bad_input():
    with pytest.raises(AffectZooError, match="2 predictions for 1 truths"):
        wheel_score([["a"], ["b"]], [["a"]])
    with pytest.raises(AffectZooError, match="no items"):
        wheel_score([], [])
    with pytest.raises(AffectZooError, match="must be text"):
        wheel_score([[1]], [["happy"]])
