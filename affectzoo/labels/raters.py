"""Several raters per item: votes, ratings and traces, and the named ways to make one label of them.

Votes are counts (items, classes); ratings are (items, raters) with NaN where a rater did not rate; traces
are (raters, time). How votes outside the space and ties are treated is always declared, never silent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError

OUTSIDE = ("drop_vote", "drop_item", "other", "error")
TIES = ("first", "drop", "split", "error")
OTHER = "other"


@dataclass(frozen=True)
class Votes:
    """counts: (N, C) votes of each class; classes: C names; mask: (N,) False where an item was dropped.

    n_outside: how many votes named no class of the space.
    """

    counts: np.ndarray
    classes: tuple[str, ...]
    mask: np.ndarray
    n_outside: int = 0


@dataclass(frozen=True)
class Aggregate:
    """One label an item. values: (N, C) distribution or (N,) rating, 0 where the mask (N,) is False.

    method: the name of the aggregation, with its rules; n_ties: items with a tie (votes);
    weights: (R,) weight of each rater (evaluator-weighted estimator).
    """

    values: np.ndarray
    mask: np.ndarray
    method: str
    n_ties: int = 0
    weights: np.ndarray | None = None


def votes_from_names(names: np.ndarray, classes: Sequence[str], outside: str = "error") -> Votes:
    """Count categorical votes.

    names: (items, raters) strings; '' or None where a rater did not vote. outside: see `votes_from_counts`.
    """
    names = np.asarray(names, object)
    if names.ndim != 2:
        raise AffectZooError(f"votes must be (items, raters), got shape {names.shape}")
    text = np.where(np.equal(names, None), "", names).astype(str)
    found, index = np.unique(text, return_inverse=True)
    flat = np.arange(len(names))[:, None] * len(found) + index.reshape(names.shape)
    counts = np.bincount(flat.ravel(), minlength=len(names) * len(found)).reshape(len(names), len(found))
    given = found != ""
    return votes_from_counts(counts[:, given], tuple(found[given]), classes, outside)


def votes_from_counts(
    counts: np.ndarray, names: Sequence[str], classes: Sequence[str], outside: str = "error"
) -> Votes:
    """Bring counted votes (items, names) into the order of `classes`.

    outside, for votes that name no class (FER+ has 'unknown' and 'NF'): 'drop_vote' ignores the vote;
    'drop_item' masks every item that has one; 'other' adds it to the class 'other'; 'error' raises.
    Raises AffectZooError for negative counts or a wrong shape, UnknownNameError for an unknown rule or
    name.
    """
    counts, names, classes = np.asarray(counts, float), tuple(map(str, names)), tuple(classes)
    if outside not in OUTSIDE:
        raise UnknownNameError("rule for votes outside the space", outside, OUTSIDE)
    if counts.ndim != 2 or counts.shape[1] != len(names):
        raise AffectZooError(f"counts of shape {counts.shape} do not fit {len(names)} names")
    if not (counts >= 0).all():
        raise AffectZooError("vote counts must be 0 or more, without NaN")
    known = np.array([n in classes for n in names], bool)
    stray = counts[:, ~known]
    if outside == "error" and stray.any():
        name = np.array(names)[~known][stray.any(0)][0]
        raise UnknownNameError("vote", name, classes, f"{int(stray.sum())} votes lie outside the classes")
    out = np.zeros((len(counts), len(classes)))
    np.add.at(out.T, [classes.index(n) for n in np.array(names)[known]], counts[:, known].T)
    if outside == "other":
        if OTHER not in classes:
            raise UnknownNameError("class", OTHER, classes, "votes outside the space cannot go to 'other'")
        out[:, classes.index(OTHER)] += stray.sum(1)
    dropped = stray.any(1) if outside == "drop_item" else np.zeros(len(counts), bool)
    return Votes(out, classes, ~dropped, int(stray.sum()))


def majority(votes: Votes, ties: str) -> Aggregate:
    """The class with most votes, one-hot (N, C).

    ties: 'first' takes the tied class that comes first in the space, 'drop' masks the item, 'split'
    shares the mass among the tied classes, 'error' raises. An item without votes is masked.
    """
    if ties not in TIES:
        raise UnknownNameError("tie rule", ties, TIES)
    mask = votes.mask & (votes.counts.sum(1) > 0)
    top = (votes.counts == votes.counts.max(1, keepdims=True)) & mask[:, None]
    tied = top.sum(1) > 1
    if ties == "error" and tied.any():
        i = int(np.flatnonzero(tied)[0])
        names = ", ".join(np.array(votes.classes)[top[i]])
        raise AffectZooError(f"item {i} is a tie of {names} (of {int(tied.sum())} ties); declare a tie rule")
    if ties == "first":
        top &= top.cumsum(1) == 1
    elif ties == "drop":
        mask = mask & ~tied
    values = np.where(mask[:, None], top / np.maximum(top.sum(1, keepdims=True), 1), 0.0)
    return Aggregate(values, mask, f"majority, ties={ties}", int(tied.sum()))


def soft(votes: Votes) -> Aggregate:
    """The share of votes of each class (N, C); an item without votes is masked."""
    total = votes.counts.sum(1, keepdims=True)
    mask = votes.mask & (total[:, 0] > 0)
    values = np.where(mask[:, None], votes.counts / np.maximum(total, 1e-300), 0.0)
    return Aggregate(values, mask, "soft")


def mean_rating(ratings: np.ndarray) -> Aggregate:
    """Mean over the raters who rated, (N,) from (N, R); an item that nobody rated is masked."""
    ratings = _check_ratings(ratings)
    given = ~np.isnan(ratings)
    n = given.sum(1)
    values = np.where(given, ratings, 0.0).sum(1) / np.maximum(n, 1)
    return Aggregate(values, n > 0, "mean")


def evaluator_weighted(ratings: np.ndarray) -> Aggregate:
    """Evaluator-weighted estimator: sum_k r_k x_k / sum_k r_k over the raters who rated the item.

    r_k is the Pearson correlation of rater k with the mean of the other raters over the items that both
    have; a negative or undefined one (a constant rater) counts as 0 (Grimm & Kroschel 2005). ratings: (N,
    R); give a trace transposed, (time, raters). An item whose raters all have weight 0 is masked. Raises
    AffectZooError for fewer than two raters, or when every weight is 0.
    """
    ratings = _check_ratings(ratings)
    if ratings.shape[1] < 2:
        raise AffectZooError("the evaluator-weighted estimator needs two raters or more; use mean_rating")
    given = ~np.isnan(ratings)
    filled = np.where(given, ratings, 0.0)
    others = given.sum(1, keepdims=True) - given
    rest = (filled.sum(1, keepdims=True) - filled) / np.maximum(others, 1)
    weights = np.maximum(_correlation(filled, rest, given & (others > 0)), 0.0)
    if not weights.any():
        raise AffectZooError("no rater correlates with the mean of the others; use mean_rating")
    total = (given * weights).sum(1)
    values = (filled * weights).sum(1) / np.where(total > 0, total, 1.0)
    return Aggregate(np.where(total > 0, values, 0.0), total > 0, "evaluator_weighted", weights=weights)


def shift_trace(trace: np.ndarray, rate_hz: float, lag_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Move a continuous annotation earlier by the annotator's reaction lag.

    trace: (..., T), time last, such as (raters, time). The label at time t is the trace at t + lag_s,
    read linearly between samples; the last lag_s seconds have no label. Returns values and mask, both
    (..., T), 0 and False where there is none. Raises AffectZooError for a negative lag or a rate that is
    not positive.
    """
    trace = np.asarray(trace, float)
    if not rate_hz > 0 or not lag_s >= 0:
        raise AffectZooError(f"rate_hz must be positive and lag_s 0 or more, got {rate_hz!r} and {lag_s!r}")
    if trace.ndim < 1:
        raise AffectZooError("a trace needs a time axis")
    n = trace.shape[-1]
    position = np.arange(n) + np.round(lag_s * rate_hz, 9)  # 0.07 * 100 is 7 samples, not 7.000000000000001
    low = np.minimum(np.floor(position).astype(int), max(n - 1, 0))
    high = np.minimum(low + 1, max(n - 1, 0))
    w = position - np.floor(position)
    # A weight of 0 must not let a NaN neighbour in.
    values = np.where(w == 0, trace[..., low], trace[..., low] * (1 - w) + trace[..., high] * w)
    mask = (position <= n - 1) & ~np.isnan(values)
    return np.where(mask, values, 0.0), mask


def _check_ratings(ratings: np.ndarray) -> np.ndarray:
    ratings = np.asarray(ratings, float)
    if ratings.ndim != 2:
        raise AffectZooError(f"ratings must be (items, raters), got shape {ratings.shape}")
    if np.isinf(ratings).any():
        raise AffectZooError("ratings hold an infinite value")
    return ratings


def _correlation(x: np.ndarray, y: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(R,) Pearson correlation of each column over its valid rows; 0 where undefined."""
    n = np.maximum(valid.sum(0), 1)
    dx, dy = (np.where(valid, a - np.where(valid, a, 0).sum(0) / n, 0.0) for a in (x, y))
    sx, sy = np.sqrt((dx**2).sum(0)), np.sqrt((dy**2).sum(0))
    # Rounding leaves a constant column with a spread near 1e-16 of its size: that is no spread.
    size_x, size_y = (np.abs(np.where(valid, a, 0.0)).max(0, initial=0.0) for a in (x, y))
    spread = (sx > 1e-9 * size_x) & (sy > 1e-9 * size_y)
    return np.where(spread, (dx * dy).sum(0) / np.where(spread, sx * sy, 1.0), 0.0)
