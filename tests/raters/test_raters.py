"""Aggregation of several raters."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.raters import (
    evaluator_weighted,
    majority,
    mean_rating,
    shift_trace,
    soft,
    votes_from_counts,
    votes_from_names,
)

ABC = ("a", "b", "c")
NAMES = np.array([["a", "a", "b"], ["b", "a", ""], ["c", None, None], ["", "", ""]], object)


def test_votes_from_names():
    votes = votes_from_names(NAMES, ABC)
    assert votes.counts.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert votes.mask.all() and votes.n_outside == 0


@pytest.mark.parametrize(
    "ties, row, kept, n",
    [("first", [1, 0, 0], True, 1), ("drop", [0, 0, 0], False, 1), ("split", [0.5, 0.5, 0], True, 1)],
)
def test_tie_rules(ties, row, kept, n):
    out = majority(votes_from_names(NAMES, ABC), ties)
    assert out.values[0].tolist() == [1, 0, 0] and out.values[1].tolist() == row
    assert out.mask.tolist() == [True, kept, True, False] and out.n_ties == n
    assert ties in out.method


def test_tie_error_names_item_and_classes():
    with pytest.raises(AffectZooError, match="item 1 is a tie of a, b"):
        majority(votes_from_names(NAMES, ABC), "error")


def test_fate_of_votes_outside_the_space():
    counts, names = [[5, 4, 1, 0], [3, 0, 0, 7]], ("a", "b", "unknown", "NF")
    with pytest.raises(UnknownNameError, match="8 votes lie outside"):
        votes_from_counts(counts, names, ("a", "b"))
    dropped = votes_from_counts(counts, names, ("a", "b"), "drop_vote")
    assert dropped.counts.tolist() == [[5, 4], [3, 0]] and dropped.mask.all() and dropped.n_outside == 8
    items = votes_from_counts([*counts, [1, 0, 0, 0]], names, ("a", "b"), "drop_item")
    assert items.mask.tolist() == [False, False, True]
    assert majority(items, "first").mask.tolist() == soft(items).mask.tolist() == [False, False, True]
    other = votes_from_counts(counts, names, ("a", "b", "other"), "other")
    assert other.counts.tolist() == [[5, 4, 1], [3, 0, 7]]
    with pytest.raises(UnknownNameError, match="'other'"):
        votes_from_counts(counts, names, ("a", "b"), "other")


def test_columns_are_reordered_by_name():
    votes = votes_from_counts([[1, 2, 3]], ("c", "a", "b"), ABC)
    assert votes.counts.tolist() == [[2, 3, 1]]


def test_soft():
    out = soft(votes_from_counts([[3, 1], [0, 0]], ("a", "b"), ("a", "b")))
    assert out.values.tolist() == [[0.75, 0.25], [0, 0]] and out.mask.tolist() == [True, False]


def test_mean_rating_ignores_missing():
    out = mean_rating([[1, np.nan, 3], [np.nan] * 3])
    assert out.values.tolist() == [2, 0] and out.mask.tolist() == [True, False]


def test_evaluator_weighted_against_a_plain_restatement():
    x = np.random.default_rng(0).normal(size=(20, 1)) + np.random.default_rng(1).normal(size=(20, 4))
    weights = [max(0, np.corrcoef(x[:, k], np.delete(x, k, 1).mean(1))[0, 1]) for k in range(4)]
    out = evaluator_weighted(x)
    np.testing.assert_allclose(out.weights, weights, atol=1e-12)
    np.testing.assert_allclose(out.values, x @ weights / np.sum(weights), atol=1e-12)


def test_evaluator_weights_with_missing_ratings_restated():
    rng = np.random.default_rng(2)
    x = np.where(rng.random((30, 4)) < 0.3, np.nan, rng.normal(size=(30, 1)) + rng.normal(size=(30, 4)))
    weights = []
    for k in range(4):
        rows = [row for row in x if np.isfinite(row[k]) and np.isfinite(np.delete(row, k)).any()]
        both = [(row[k], np.nanmean(np.delete(row, k))) for row in rows]
        weights.append(max(0, np.corrcoef(np.transpose(both))[0, 1]))
    np.testing.assert_allclose(evaluator_weighted(x).weights, weights, atol=1e-12)


def test_contrary_and_constant_raters_get_no_weight():
    x = np.arange(6.0)
    out = evaluator_weighted(np.stack([x, x + 0.5, 2 * x, -x, np.full(6, 0.1)], 1))
    assert out.weights[3] == out.weights[4] == 0 and (out.weights[:3] > 0.5).all()


def test_evaluator_weighted_with_missing_ratings():
    x = np.array([[1, 1.0, np.nan], [2, 2, 2], [3, 3, 3], [4, np.nan, 4], [np.nan] * 3])
    out = evaluator_weighted(x)
    np.testing.assert_allclose(out.values, [1, 2, 3, 4, 0])
    assert out.mask.tolist() == [True] * 4 + [False]


FLOATS = st.floats(-10, 10).map(lambda v: round(v, 3))


@given(arrays(float, (7, 4), elements=FLOATS), st.permutations(range(4)))
def test_ratings_do_not_depend_on_the_order_of_raters(x, order):
    np.testing.assert_allclose(mean_rating(x).values, mean_rating(x[:, order]).values, atol=1e-12)
    try:
        want = evaluator_weighted(x)
    except AffectZooError:
        return
    got = evaluator_weighted(x[:, order])
    np.testing.assert_allclose(got.weights, want.weights[list(order)], atol=1e-6)


@given(arrays(float, 6, elements=FLOATS), st.integers(2, 5))
def test_identical_raters_give_the_rater(x, n):
    assume(np.ptp(x) > 0.01)
    np.testing.assert_allclose(evaluator_weighted(np.repeat(x[:, None], n, 1)).values, x, atol=1e-9)


@given(arrays("U1", (5, 4), elements=st.sampled_from(["a", "b", "c", ""])), st.permutations(range(4)))
def test_votes_do_not_depend_on_the_order_of_raters(names, order):
    one, two = votes_from_names(names, ABC), votes_from_names(names[:, order], ABC)
    for ties in ("first", "drop", "split"):
        a, b = majority(one, ties), majority(two, ties)
        assert np.array_equal(a.values, b.values) and np.array_equal(a.mask, b.mask)
        np.testing.assert_allclose(a.values.sum(1), a.mask)
    np.testing.assert_allclose(soft(one).values.sum(1), soft(one).mask)


def test_shift_trace():
    values, mask = shift_trace([[0, 1, 2, 3, 4.0]], rate_hz=10, lag_s=0.15)
    np.testing.assert_allclose(values, [[1.5, 2.5, 3.5, 0, 0]])
    assert mask.tolist() == [[True, True, True, False, False]]
    values, mask = shift_trace([1.0, np.nan, 3.0], 10, 0.0)
    assert values.tolist() == [1, 0, 3] and mask.tolist() == [True, False, True]
    assert 0.07 * 100 > 7, "rounding must not cost the last label"
    assert shift_trace(np.arange(9.0), 100, 0.07)[0].tolist() == [7, 8, *[0] * 7]
    assert not shift_trace([1.0, 2.0], 10, 9.0)[1].any()


@given(arrays(float, 12, elements=FLOATS), st.integers(0, 5))
def test_shift_by_whole_steps_undoes_a_delay(x, k):
    late = np.concatenate([np.full(k, x[0]), x])
    values, mask = shift_trace(late, 25.0, k / 25.0)
    np.testing.assert_allclose(values[: len(x)], x, atol=1e-12)
    assert mask.sum() == len(x)


def test_bad_input():
    cases = [
        (lambda: votes_from_names(["a"], ABC), "items, raters"),
        (lambda: votes_from_counts([[1, 2]], ABC, ABC), "do not fit 3 names"),
        (lambda: votes_from_counts([[-1, 2, 0]], ABC, ABC), "0 or more"),
        (lambda: votes_from_counts([[1, 2, 0]], ABC, ABC, "ignore"), "drop_vote"),
        (lambda: majority(votes_from_names(NAMES, ABC), "random"), "tie rule"),
        (lambda: evaluator_weighted(np.ones((3, 1))), "two raters"),
        (lambda: evaluator_weighted(np.ones((3, 2))), "no rater correlates"),
        (lambda: mean_rating(np.ones(3)), "items, raters"),
        (lambda: mean_rating([[np.inf]]), "infinite"),
        (lambda: shift_trace([1.0], 0, 0.1), "rate_hz"),
        (lambda: shift_trace([1.0], 10, -0.1), "lag_s"),
    ]
    for call, text in cases:
        with pytest.raises(AffectZooError, match=text):
            call()


@pytest.mark.data
def test_majority_of_ferplus_votes_equals_the_published_column(data_root):
    import pandas as pd

    frame = pd.read_csv(data_root / "fer2013plus_subset" / "metadata.csv")
    columns = [c for c in frame if c.startswith("votes_")]
    names = [c.removeprefix("votes_") for c in columns]
    classes = [n for n in names if n not in ("unknown", "NF")]
    votes = votes_from_counts(frame[columns], names, classes, "drop_vote")
    assert votes.n_outside == frame[["votes_unknown", "votes_NF"]].to_numpy().sum()
    out = majority(votes, "error")
    assert [classes[i] for i in out.values.argmax(1)] == frame["majority"].tolist() and out.mask.all()
