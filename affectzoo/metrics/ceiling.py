"""Noise ceiling: how well one random half of the raters agrees with the other.

A model that is scored against a label made by few raters cannot be expected to do much better than those
raters do against each other. Each draw splits the raters at random into two halves of equal size (an odd
rater is left out, chosen at random), aggregates both and scores one against the other; the ceiling is the
mean over draws. Halves have fewer raters than the full label: `spearman_brown` steps a correlation up, r'
= 2 r / (1 + r) (Spearman 1910, Brown 1910), and the result is then named so. Seeded: equal input gives an
equal number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.raters import Votes

RATING_METRICS = ("ccc", "pearson")
VOTE_METRICS = ("uar", "js_divergence")
RATERS = ("same", "differ")


@dataclass(frozen=True)
class Ceiling:
    """value: mean over draws (NaN: undefined in every draw); sd: over draws; n: items or frames used.

    undefined: draws in which the metric had no value. name: the metric, with `_spearman_brown` where
    stepped up.
    """

    name: str
    value: float
    sd: float
    n: int
    draws: int
    undefined: int
    conventions: dict[str, Any]


def rating_ceiling(
    ratings: np.ndarray,
    metric: str = "ccc",
    raters: str = "same",
    draws: int = 100,
    seed: int = 0,
    spearman_brown: bool = False,
) -> Ceiling:
    """Split-half ceiling of ratings (N, R), NaN where a rater did not rate.

    raters: 'same' when column k is one person (columns are split once a draw), 'differ' when columns are
    only places (each item's ratings are split on their own, as in crowd labels). Halves are averaged; an
    item counts where both halves have a rating. Raises AffectZooError when no item has two ratings.
    """
    ratings = np.asarray(ratings, float)
    if ratings.ndim != 2:
        raise AffectZooError(f"ratings must be (items, raters), got shape {ratings.shape}")
    if raters not in RATERS:
        raise UnknownNameError("kind of raters", raters, RATERS)
    return _ratings_ceiling([ratings], raters, metric, draws, seed, spearman_brown)


def trace_ceiling(
    traces: Sequence[np.ndarray],
    metric: str = "ccc",
    draws: int = 100,
    seed: int = 0,
    spearman_brown: bool = False,
) -> Ceiling:
    """Split-half ceiling of continuous annotations: one (raters, T) array a recording, NaN where missing.

    The raters of each recording are split as whole traces; frames of all recordings are pooled before the
    metric.
    """
    arrays = [np.asarray(t, float).T for t in traces]
    if not arrays or any(a.ndim != 2 for a in arrays):
        raise AffectZooError("traces must be a list of (raters, time) arrays, one a recording")
    return _ratings_ceiling(arrays, "same", metric, draws, seed, spearman_brown)


def vote_ceiling(votes: Votes, metric: str = "uar", draws: int = 100, seed: int = 0) -> Ceiling:
    """Split-half ceiling of votes. Halves are drawn without replacement from each item's votes.

    'uar': recall averaged over the classes that occur, majority of half A as truth and of half B as
    answer, ties broken at random; higher is better. 'js_divergence': mean Jensen-Shannon divergence (base
    2, 0 to 1) of the two vote shares; lower is better, so it is a floor. Items with fewer than two votes
    are left out.
    """
    if metric not in VOTE_METRICS:
        raise UnknownNameError("metric of votes", metric, VOTE_METRICS)
    _check_draws(draws)
    counts = votes.counts[votes.mask & (votes.counts.sum(1) >= 2)]
    if not len(counts):
        raise AffectZooError("no item has two votes: there is no ceiling to measure")
    if not np.array_equal(counts, np.round(counts)):
        raise AffectZooError("split halves need whole votes, not shares")
    rng, score = np.random.default_rng(seed), _uar if metric == "uar" else _js
    values = [score(*_split_votes(counts.astype(int), rng), rng) for _ in range(draws)]
    rules = {"ties": "random"} if metric == "uar" else {"base": 2}
    return _ceiling(metric, values, len(counts), {"seed": seed, "halves": "equal", **rules})


def _ratings_ceiling(parts, raters, metric, draws, seed, spearman_brown) -> Ceiling:
    if metric not in RATING_METRICS:
        raise UnknownNameError("metric of ratings", metric, RATING_METRICS)
    _check_draws(draws)
    if max(((~np.isnan(p)).sum(1).max(initial=0) for p in parts), default=0) < 2:
        raise AffectZooError("no item has two ratings: there is no ceiling to measure")
    rng, score = np.random.default_rng(seed), _ccc if metric == "ccc" else _pearson
    values, used = [], []
    for _ in range(draws):
        halves = [_split_ratings(p, raters, rng) for p in parts]
        a, b = (np.concatenate([h[i] for h in halves]) for i in (0, 1))
        both = ~np.isnan(a) & ~np.isnan(b)
        used.append(int(both.sum()))
        r = score(a[both], b[both])
        values.append(2 * r / (1 + r) if spearman_brown and r > -1 else r)
    name = metric + ("_spearman_brown" if spearman_brown else "")
    rules = {"moments": "population", "pooling": "all frames" if len(parts) > 1 else "all items"}
    return _ceiling(name, values, max(used), {"seed": seed, "halves": "equal", "raters": raters, **rules})


def _ceiling(name: str, values: list[float], n: int, conventions: dict[str, Any]) -> Ceiling:
    known = np.array([v for v in values if not np.isnan(v)])
    mean, sd = (float(known.mean()), float(known.std())) if len(known) else (float("nan"), float("nan"))
    return Ceiling(name, mean, sd, n, len(values), len(values) - len(known), conventions)


def _check_draws(draws: int) -> None:
    if draws < 1:
        raise AffectZooError(f"draws must be 1 or more, got {draws}")


def _split_ratings(x: np.ndarray, raters: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means (N,) of two halves; NaN where a half has no rating."""
    if raters == "same":
        x = x[:, (~np.isnan(x)).any(0)]  # a rater who never rated belongs to no half
    given = ~np.isnan(x)
    if raters == "same":
        rank, half = rng.permutation(x.shape[1]), x.shape[1] // 2
    else:  # missing ratings sort last, behind both halves
        rank = np.where(given, rng.random(x.shape), 2.0).argsort(1).argsort(1)
        half = given.sum(1, keepdims=True) // 2
    first, second = given & (rank < half), given & (rank >= half) & (rank < 2 * half)
    return _mean_where(x, first), _mean_where(x, second)


def _mean_where(x: np.ndarray, where: np.ndarray) -> np.ndarray:
    n = where.sum(1)
    return np.where(n > 0, np.where(where, x, 0.0).sum(1) / np.maximum(n, 1), np.nan)


def _split_votes(counts: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two halves (N, C) of each item's votes: every vote gets a random rank within its item."""
    n, c = counts.shape
    cell = np.repeat(np.arange(n * c), counts.ravel())
    item = cell // c
    order = np.lexsort((rng.random(len(cell)), item))
    total = counts.sum(1)
    rank = np.arange(len(cell)) - np.repeat(np.cumsum(total) - total, total)
    half = (total // 2)[item[order]]
    first, second = order[rank < half], order[(rank >= half) & (rank < 2 * half)]
    return tuple(np.bincount(cell[i], minlength=n * c).reshape(n, c) for i in (first, second))


def _uar(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    truth, answer = ((h + rng.random(h.shape) * 0.5).argmax(1) for h in (a, b))
    n = np.bincount(truth, minlength=a.shape[1])
    right = np.bincount(truth[truth == answer], minlength=a.shape[1])
    return float((right[n > 0] / n[n > 0]).mean())


def _js(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    p, q = a / a.sum(1, keepdims=True), b / b.sum(1, keepdims=True)
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        kl = [np.where(x > 0, x * np.log2(x / m), 0.0).sum(1) for x in (p, q)]
    return float((kl[0] + kl[1]).mean() / 2)


def _moments(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float]:
    if not len(a):
        return 0.0, 0.0, 0.0, 0.0
    da, db = a - a.mean(), b - b.mean()
    return (da * db).mean(), (da**2).mean(), (db**2).mean(), float(a.mean() - b.mean())


def _ccc(a: np.ndarray, b: np.ndarray) -> float:
    """Lin 1989, population moments; NaN where the denominator is 0."""
    s_ab, s_a, s_b, gap = _moments(a, b)
    below = s_a + s_b + gap**2
    return float(2 * s_ab / below) if below > 0 else float("nan")


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    s_ab, s_a, s_b, _ = _moments(a, b)
    return float(s_ab / np.sqrt(s_a * s_b)) if s_a > 0 and s_b > 0 else float("nan")
