"""The bootstrap against a plain loop over the same draws, and its speed."""

import time

import numpy as np
import pytest

from affectzoo.errors import AffectZooError
from affectzoo.metrics.bootstrap import (
    bootstrap_interval,
    draw_groups,
    paired_difference,
    scores_of_draws,
)
from affectzoo.metrics.contract import SPACE, example_rows
from affectzoo.metrics.registry import list_metrics
from affectzoo.metrics.score import score_arrays


def rows(field, n, seed=0):
    return tuple(x.numpy() for x in example_rows(field, n, seed))


@pytest.mark.parametrize("name", list_metrics())
@pytest.mark.parametrize("masked", [False, True])
def test_draws_equal_a_loop_with_the_same_indices(name, masked):
    field, short = name.split("/")
    pred, target = rows(field, 60, 1)
    mask = np.ones(pred.shape, bool)
    if masked:
        mask[::4] = False
        target = np.where(mask, target, np.nan)
    groups = np.array([f"speaker{i % 7}" for i in range(60)])
    fast = scores_of_draws(SPACE, field, pred, target, mask, groups, [short], 12, 5)[name]
    names = sorted(set(groups))
    for draw, value in zip(draw_groups(7, 12, 5), fast, strict=True):
        parts = [np.flatnonzero(groups == names[g]) for g in draw]
        take = np.concatenate(parts)
        ids = [f"{i}" for i, part in enumerate(parts) for _ in part]  # a group drawn twice is two sequences
        slow = score_arrays(SPACE, field, pred[take], target[take], mask[take], [short], ids)[name].value
        assert value == pytest.approx(np.nan if slow is None else slow, abs=1e-11, nan_ok=True)


def test_draws_do_not_depend_on_the_block(monkeypatch):
    pred, target = rows("vad", 30)
    whole = scores_of_draws(SPACE, "vad", pred, target, None, None, ["ccc"], 9, 0)
    monkeypatch.setattr("affectzoo.metrics.bootstrap._BLOCK", 60)
    assert np.array_equal(
        scores_of_draws(SPACE, "vad", pred, target, None, None, ["ccc"], 9, 0)["vad/ccc"], whole["vad/ccc"]
    )


def test_interval_covers_the_score_and_groups_widen_it():
    rng = np.random.default_rng(0)
    shift = np.repeat(rng.normal(size=20), 50)  # speakers differ, their frames agree
    target = np.tanh(shift[:, None] + 0.1 * rng.normal(size=(1000, 2)))
    pred = np.clip(target + 0.3 * np.repeat(rng.normal(size=20), 50)[:, None], -1, 1)
    groups = np.repeat(np.arange(20), 50)
    score = score_arrays(SPACE, "vad", pred, target, metrics=["ccc"])["vad/ccc"].value
    low, high = bootstrap_interval(SPACE, "vad", pred, target, None, groups, ["ccc"], 300)["vad/ccc"]
    assert low < score < high
    a, b = bootstrap_interval(SPACE, "vad", pred, target, None, None, ["ccc"], 300)["vad/ccc"]
    assert high - low > 3 * (b - a), "frames as units pretend to know more than speakers do"
    narrow = bootstrap_interval(SPACE, "vad", pred, target, None, groups, ["ccc"], 300, level=0.5)["vad/ccc"]
    assert narrow[1] - narrow[0] < high - low
    again = bootstrap_interval(SPACE, "vad", pred, target, None, groups, ["ccc.valence"], 50, seed=3)
    assert again == bootstrap_interval(SPACE, "vad", pred, target, None, groups, ["ccc.valence"], 50, seed=3)


def test_paired_difference_uses_the_same_draws():
    pred, target = rows("emotion", 200)
    worse = np.roll(pred, 1, axis=0)
    d = paired_difference(SPACE, "emotion", pred, worse, target, metrics=["uar"], n=200)["emotion/uar"]
    plain = [score_arrays(SPACE, "emotion", p, target, metrics=["uar"])["emotion/uar"].value for p in (pred, worse)]
    assert d.difference == pytest.approx(plain[0] - plain[1], abs=1e-12) and d.low < d.difference < d.high
    assert d.share_not_above == 0.0
    back = paired_difference(SPACE, "emotion", worse, pred, target, metrics=["uar"], n=200)["emotion/uar"]
    assert back.share_not_above == 1.0 and back.low == pytest.approx(-d.high)
    same = paired_difference(SPACE, "emotion", pred, pred, target, metrics=["uar"], n=50)["emotion/uar"]
    assert same == (0.0, 0.0, 0.0, 1.0)


def test_undefined_and_impossible_bootstraps():
    pred, target = rows("au", 30)
    nothing = bootstrap_interval(SPACE, "au", pred, np.zeros_like(target), metrics=["au_f1"], n=20)
    assert nothing["au/au_f1"] == (None, None)
    with pytest.raises(AffectZooError, match="2 groups"):
        bootstrap_interval(SPACE, "au", pred, target, None, ["one"] * 30)
    with pytest.raises(AffectZooError, match="29 group names"):
        bootstrap_interval(SPACE, "au", pred, target, None, ["one", "two"] + ["x"] * 27)
    with pytest.raises(AffectZooError, match="lies in several groups"):
        bootstrap_interval(SPACE, "vad", *rows("vad", 4), None, list("abab"), ["ccc_seq"], sequences=list("xxyy"))


@pytest.mark.parametrize("field", ["emotion", "vad"])
def test_ten_thousand_rows_a_thousand_times_takes_seconds(field):
    pred, target = rows(field, 10_000)
    start = time.perf_counter()
    bootstrap_interval(SPACE, field, pred, target)
    assert time.perf_counter() - start < 10
