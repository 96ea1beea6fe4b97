"""Group bootstrap: how far a score would move with other speakers, clips or subjects.

Whole groups are drawn with replacement (frames of a clip or clips of a speaker are not independent), a score
is computed for each draw, and the interval is the percentile interval (Efron & Tibshirani 1993, ch. 13). A
draw is a row of weights, how often each group was taken; the summaries of all draws are one matrix product.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.metrics.base import StatMetric
from affectzoo.metrics.checks import as_tensor
from affectzoo.metrics.score import as_ids, named_metrics

_BLOCK = 1 << 23  # weights at a time (64 MB)


class PairedDifference(NamedTuple):
    """Score of a minus score of b on the same draws. share_not_above: draws with difference <= 0, of the
    defined."""

    difference: float | None
    low: float | None
    high: float | None
    share_not_above: float | None


def bootstrap_interval(
    space: LabelSpace,
    field: str,
    pred: Any,
    target: Any,
    mask: Any = None,
    groups: Any = None,
    metrics: Sequence[str] | None = None,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    sequences: Any = None,
) -> dict[str, tuple[float | None, float | None]]:
    """Percentile interval of each metric over n draws of groups.

    pred, target, mask (N, K) as in score_arrays; groups (N,): what is drawn (None: every row is its own
    group); sequences (N,): for ccc_seq, when sequences are finer than groups. Draws in which a score is
    undefined are left out; (None, None) when more than half are. Raises AffectZooError for fewer than two
    groups.
    """
    values = scores_of_draws(space, field, pred, target, mask, groups, metrics, n, seed, sequences)
    return {name: _interval(v, level) for name, v in values.items()}


def paired_difference(
    space: LabelSpace,
    field: str,
    pred_a: Any,
    pred_b: Any,
    target: Any,
    mask: Any = None,
    groups: Any = None,
    metrics: Sequence[str] | None = None,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    sequences: Any = None,
) -> dict[str, PairedDifference]:
    """Difference a - b of two predictions for the same rows, with its interval over the same draws.

    For scores where less is better (rmse, ece) a negative difference favours a. Arguments as in
    bootstrap_interval.
    """
    rest = (target, mask, groups, metrics)
    a = scores_of_draws(space, field, pred_a, *rest, n, seed, sequences, first_plain=True)
    b = scores_of_draws(space, field, pred_b, *rest, n, seed, sequences, first_plain=True)
    out = {}
    for name in a:
        d = a[name] - b[name]
        draws = d[1:][np.isfinite(d[1:])]
        share = float(np.mean(draws <= 0)) if len(draws) else None
        out[name] = PairedDifference(float(d[0]) if np.isfinite(d[0]) else None, *_interval(d[1:], level), share)
    return out


def scores_of_draws(
    space: LabelSpace,
    field: str,
    pred: Any,
    target: Any,
    mask: Any,
    groups: Any,
    metrics: Sequence[str] | None,
    n: int,
    seed: int,
    sequences: Any = None,
    first_plain: bool = False,
) -> dict[str, np.ndarray]:
    """Scores (n,) of each metric on n draws, NaN where undefined; with first_plain the data itself comes
    first."""
    pred, target = as_tensor(pred, "pred"), as_tensor(target, "target")
    mask = None if mask is None else as_tensor(mask, "mask")
    names, index = _groups(groups, len(pred))
    ids = None if sequences is None else as_ids(sequences)
    if n < 1 or names < 2:
        raise AffectZooError(f"bootstrap: needs at least 1 draw and 2 groups, got {n} and {names}")
    wanted = named_metrics(space, field, metrics)
    weighers = {}
    for metric, _ in wanted.values():
        if isinstance(metric, StatMetric) and metric.key not in weighers:
            weighers[metric.key] = metric.weigher(pred, target, mask, index, names, ids)
    out: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
    for draws in _blocks(names, len(pred), n, seed, first_plain):
        weights = _weights(draws, names)
        stats = {key: weigh(weights) for key, weigh in weighers.items()}
        for name, (metric, part) in wanted.items():
            if not isinstance(metric, StatMetric):
                out[name].append(_loop(metric, pred, target, mask, index, draws))
                continue
            values = metric.finish(stats[metric.key]) if part is None else _column(metric, stats[metric.key], part)
            out[name].append(values.numpy())
    return {name: np.concatenate(v) for name, v in out.items()}


def draw_groups(groups: int, n: int, seed: int) -> np.ndarray:
    """The groups of each draw, (n, groups) integers; the same however many are asked for at a time."""
    return np.random.default_rng(seed).integers(0, groups, (n, groups), dtype=np.int64)


def _blocks(groups: int, rows: int, n: int, seed: int, first_plain: bool) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    step = max(1, _BLOCK // max(groups, rows))
    if first_plain:
        yield np.arange(groups)[None]
    for start in range(0, n, step):
        yield rng.integers(0, groups, (min(step, n - start), groups), dtype=np.int64)


def _weights(draws: np.ndarray, groups: int) -> torch.Tensor:
    """How often each group was drawn: (R, groups) float64."""
    flat = torch.as_tensor(draws + np.arange(len(draws))[:, None] * groups).reshape(-1)
    return torch.bincount(flat, minlength=len(draws) * groups).reshape(len(draws), groups).double()


def _groups(groups: Any, rows: int) -> tuple[int, torch.Tensor]:
    if groups is None:
        return rows, torch.arange(rows)
    names, index = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    if len(index) != rows:
        raise AffectZooError(f"bootstrap: {len(index)} group names for {rows} rows")
    return len(names), torch.as_tensor(index.reshape(-1))


def _column(metric: StatMetric, stats: torch.Tensor, part: int) -> torch.Tensor:
    values = metric.classes(stats)
    if values is None:
        raise AffectZooError(f"{type(metric).__name__} has no value for single names")
    return values[..., part]


def _loop(
    metric: Any,
    pred: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor | None,
    index: torch.Tensor,
    draws: np.ndarray,
) -> np.ndarray:
    """A metric without summaries sees the rows of every draw."""
    order = torch.argsort(index, stable=True)
    starts = torch.searchsorted(index[order].contiguous(), torch.arange(draws.shape[1] + 1))
    rows = [order[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]
    out = np.empty(len(draws))
    for i, draw in enumerate(draws):
        take = torch.cat([rows[g] for g in draw])
        metric.reset()
        metric.update(pred[take], target[take], None if mask is None else mask[take])
        out[i] = float(metric.compute())
    return out


def _interval(values: np.ndarray, level: float) -> tuple[float | None, float | None]:
    fine = values[np.isfinite(values)]
    if len(fine) * 2 < len(values) or not len(fine):
        return None, None
    low, high = np.quantile(fine, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
