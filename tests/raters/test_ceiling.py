"""Split-half noise ceiling."""

import numpy as np
import pytest

from affectzoo.errors import AffectZooError
from affectzoo.labels.raters import Votes, votes_from_counts
from affectzoo.metrics.ceiling import (
    _ccc,
    _split_ratings,
    _split_votes,
    rating_ceiling,
    trace_ceiling,
    vote_ceiling,
)

RNG = np.random.default_rng(0)
#: True score with variance 1 plus rater noise with variance 1, 8 raters: halves of 4 correlate 1 / (1 + 1/4).
NOISY = RNG.normal(size=(4000, 1)) + RNG.normal(size=(4000, 8))


def votes(counts):
    names = tuple("abcdefgh"[: np.shape(counts)[1]])
    return votes_from_counts(counts, names, names)


@pytest.mark.parametrize("raters", ("same", "differ"))
@pytest.mark.parametrize("metric", ("ccc", "pearson"))
def test_theory_of_independent_noise(raters, metric):
    got = rating_ceiling(NOISY, metric, raters, draws=20)
    assert got.value == pytest.approx(0.8, abs=0.015) and got.n == 4000 and got.name == metric
    up = rating_ceiling(NOISY, metric, raters, draws=20, spearman_brown=True)
    assert up.value == pytest.approx(8 / 9, abs=0.01) and up.name == f"{metric}_spearman_brown"


def test_two_raters_have_one_split():
    x = NOISY[:50, :2]
    assert rating_ceiling(x, "pearson", draws=5).value == pytest.approx(np.corrcoef(x.T)[0, 1], abs=1e-12)
    a, b = x.T
    lin = 2 * np.cov(x.T, ddof=0)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    assert rating_ceiling(x, "ccc", draws=5).value == pytest.approx(lin, abs=1e-12)
    assert _ccc(a, b) == pytest.approx(lin, abs=1e-12)


def test_bias_of_persons_lowers_ccc_only_when_persons_are_kept_apart():
    biased = NOISY + np.array([3.0] * 4 + [-3.0] * 4)
    assert rating_ceiling(biased, "ccc", "same").value < 0.75
    assert rating_ceiling(biased, "pearson", "same").value == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("raters", ("same", "differ"))
def test_halves_are_equal_and_disjoint(raters):
    x = np.tile([*2.0 ** np.arange(7), np.nan], (30, 1))  # sums of powers of two tell who is in a half
    a, b = (np.round(3 * half).astype(int) for half in _split_ratings(x, raters, np.random.default_rng(1)))
    assert not (a & b).any()
    assert all(bin(v).count("1") == 3 for v in [*a, *b]), "the odd rater belongs to no half"
    assert len(set(a)) == 1 if raters == "same" else len(set(a)) > 5


def test_halves_of_votes():
    first, second = _split_votes(np.array([[3, 2, 0], [1, 1, 5]]), np.random.default_rng(0))
    assert first.sum(1).tolist() == second.sum(1).tolist() == [2, 3]
    assert (first + second <= [[3, 2, 0], [1, 1, 5]]).all()


def test_perfect_agreement():
    assert rating_ceiling(np.repeat(np.arange(5.0)[:, None], 4, 1)).value == pytest.approx(1)
    agreed = votes([[4, 0], [0, 4], [0, 6]])
    assert vote_ceiling(agreed).value == 1 and vote_ceiling(agreed, "js_divergence").value == 0


def test_two_opposed_votes_diverge_fully():
    assert vote_ceiling(votes([[1, 1]]), "js_divergence").value == pytest.approx(1)


def test_random_votes_are_at_chance():
    counts = np.random.default_rng(0).multinomial(10, [0.25] * 4, size=3000)
    assert vote_ceiling(votes(counts), draws=10).value == pytest.approx(0.25, abs=0.02)


def test_traces_pool_frames_of_all_recordings():
    one, two = NOISY[:100].T, NOISY[100:300, :5].T
    got = trace_ceiling([one, two], "pearson", draws=30)
    assert got.n == 300 and 0.65 < got.value < 0.85
    assert got.conventions["pooling"] == "all frames"


def test_seeded():
    assert rating_ceiling(NOISY[:40], seed=3) == rating_ceiling(NOISY[:40], seed=3)
    assert rating_ceiling(NOISY[:40], seed=3).value != rating_ceiling(NOISY[:40], seed=4).value


def test_undefined_is_counted():
    got = rating_ceiling(np.ones((5, 4)), "ccc", draws=7)
    assert np.isnan(got.value) and got.undefined == 7


def test_bad_input():
    half = Votes(np.array([[1.5, 1.5]]), ("a", "b"), np.array([True]))
    cases = [
        (lambda: rating_ceiling(NOISY, "icc"), "pearson"),
        (lambda: rating_ceiling(NOISY, raters="crowd"), "kind of raters"),
        (lambda: rating_ceiling(np.ones(4)), "items, raters"),
        (lambda: rating_ceiling(np.ones((4, 1))), "two ratings"),
        (lambda: rating_ceiling(NOISY, draws=0), "draws"),
        (lambda: trace_ceiling([]), "list of"),
        (lambda: vote_ceiling(votes([[1, 0]])), "two votes"),
        (lambda: vote_ceiling(half), "whole votes"),
        (lambda: vote_ceiling(votes([[2, 0]]), "ccc"), "uar"),
    ]
    for call, text in cases:
        with pytest.raises(AffectZooError, match=text):
            call()
