"""What every metric is: a summary of rows that adds up, and a finish that turns the summary into a score.

One idea carries the whole suite. A metric sees rows (N, K) of predictions and targets and keeps only a
summary `stats` of fixed shape (counts, sums, moments), in float64. Summaries of parts of the data merge into
the summary of the whole, so batches, processes and folds pool exactly; the bootstrap weighs the summaries of
groups with one matrix product; and `finish` works on any leading dimensions, so a thousand resamples are one
call. Metrics whose score is not a function of such sums (average precision, CCC by sequence) keep rows and
say so.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from affectzoo.errors import AffectZooError
from affectzoo.metrics.checks import require_finite, rows_of


@dataclass(frozen=True)
class MetricResult:
    """A score and what is needed to read it.

    value: None where it is undefined. per_class: one value a name (class, axis, unit), None where undefined.
    n: rows with a label (for column metrics: of the column that has most). undefined: how many names, or
    sequences, have no value and are left out of the mean. support: labelled rows or positives of each name.
    """

    value: float | None
    per_class: dict[str, float | None] = field(default_factory=dict)
    n: int = 0
    undefined: int = 0
    conventions: dict[str, Any] = field(default_factory=dict)
    support: dict[str, int] = field(default_factory=dict)


class StatMetric(Metric):
    """A torchmetrics metric over (N, K) rows with one mergeable float64 summary.

    names: the K column names in order. A subclass sets `conventions`, `shape` and writes `collect` and
    `finish`; `classes` and `support` where it has a value for each name. Inputs: pred and target (N, K) or
    (..., K), mask bool of the same shape (True = labelled) or None; masked values are never read. Raises
    AffectZooError for wrong shapes, and for NaN or infinity in a labelled place.
    """

    is_differentiable = False
    full_state_update = False
    conventions: ClassVar[dict[str, Any]] = {}
    reduction: ClassVar[Any] = "sum"  # how torchmetrics joins the summaries of processes
    log_classes: ClassVar[bool] = False  # whether a training log shows each name's value too
    needs_ids: ClassVar[bool] = False

    def __init__(self, names: Sequence[str]):
        super().__init__()
        self.names = tuple(names)
        if not self.names:
            raise AffectZooError(f"{type(self).__name__}: needs at least one column name")
        self.add_state("stats", torch.zeros(self.shape, dtype=torch.float64), dist_reduce_fx=type(self).reduction)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one summary."""
        raise NotImplementedError

    @property
    def key(self) -> Hashable:
        """Metrics with equal keys have equal summaries, so a suite collects them once."""
        return (type(self).collect, self.shape)

    def check(self, pred: Any, target: Any, mask: Any = None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Rows (N, K), (N, K) and mask (N, K) or None when everything is labelled."""
        return rows_of(pred, target, mask, len(self.names), type(self).__name__)

    def collect(
        self, pred: Tensor, target: Tensor, mask: Tensor | None, index: Tensor | None = None, groups: int = 1
    ) -> Tensor:
        """Summaries (groups, *shape) of checked rows; index (N,) says which group a row belongs to."""
        raise NotImplementedError

    def finish(self, stats: Tensor) -> Tensor:
        """Score (...) of summaries (..., *shape); NaN where undefined."""
        raise NotImplementedError

    def classes(self, stats: Tensor) -> Tensor | None:
        """Score of each name (..., K), or None when the metric has none."""
        return None

    def support(self, stats: Tensor) -> Tensor | None:
        """Labelled rows (or positives) of each name, (..., K)."""
        return None

    def count(self, stats: Tensor) -> Tensor:
        """How many rows have a label."""
        raise NotImplementedError

    def update(self, pred: Any, target: Any, mask: Any = None, ids: Any = None) -> None:
        """Add rows. ids is read by metrics with `needs_ids` only."""
        self.stats += self.collect(*self.check(pred, target, mask))[0]

    def summary(self) -> Tensor:
        """The summary so far, of this process (of all processes inside `sync_context`)."""
        return self.stats

    def compute(self) -> Tensor:
        """The score so far; NaN while it is undefined."""
        return self.finish(self.summary())

    def weigher(self, pred: Any, target: Any, mask: Any, index: Tensor, groups: int, ids: Any = None):
        """A function from weights (R, groups) to the summaries (R, *shape) of such reweighted data."""
        stats = self.collect(*self.check(pred, target, mask), index, groups)
        flat = stats.reshape(groups, -1)
        return lambda weights: (weights @ flat).reshape(-1, *self.shape)

    def result(self, stats: Tensor | None = None) -> MetricResult:
        """Everything about the score of a summary (by default: of what was seen so far)."""
        stats = self.summary() if stats is None else stats
        per, support = self.classes(stats), self.support(stats)
        value = _number(self.finish(stats))
        per_class = {} if per is None else dict(zip(self.names, map(_number, per), strict=True))
        undefined = sum(v is None for v in per_class.values()) if per_class else int(value is None)
        counts = {} if support is None else {n: int(s) for n, s in zip(self.names, support, strict=True)}
        return MetricResult(value, per_class, int(self.count(stats)), undefined, self.described(), counts)

    def described(self) -> dict[str, Any]:
        """The conventions with this instance's options."""
        return dict(self.conventions)


class MeanMetric(StatMetric):
    """Mean over rows of one number a row. Summary: (sum, rows)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(2,)."""
        return (2,)

    @property
    def key(self):
        """The summary depends on what is averaged."""
        return (type(self).values, self.shape)

    def values(self, pred: Tensor, target: Tensor) -> Tensor:
        """One float64 number for each checked, labelled row: (N,)."""
        raise NotImplementedError

    def collect(self, pred, target, mask, index=None, groups=1):
        """Sums of `values`; a row counts when all its columns are labelled."""
        if mask is not None:
            keep = mask.all(-1)
            pred, target = pred[keep], target[keep]
            index = None if index is None else index[keep]
        rows = self.values(pred.double(), target.double())
        both = torch.stack((rows, torch.ones_like(rows)), -1)
        require_finite(both.sum(), type(self).__name__)
        if index is None:
            return both.sum(0, keepdim=True)
        return both.new_zeros(groups, 2).index_add_(0, index, both)

    def finish(self, stats):
        """Sum over rows."""
        return stats[..., 0] / stats[..., 1]

    def count(self, stats):
        """Labelled rows."""
        return stats[..., 1]


class ColumnMeanMetric(StatMetric):
    """Mean of one number an element, column by column. Summary: (K, (sum, n))."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(K, 2)."""
        return (len(self.names), 2)

    @property
    def key(self):
        """The summary depends on what is averaged."""
        return (type(self).values, self.shape)

    def values(self, pred: Tensor, target: Tensor) -> Tensor:
        """One float64 number for each element: (N, K)."""
        raise NotImplementedError

    def collect(self, pred, target, mask, index=None, groups=1):
        """Sums of `values` over labelled elements."""
        rows = self.values(pred.double(), target.double())
        ones = torch.ones_like(rows) if mask is None else mask.double()
        rows = rows if mask is None else rows.masked_fill(~mask, 0.0)
        both = torch.stack((rows, ones), -1)
        require_finite(both.sum(), type(self).__name__)
        if index is None:
            return both.sum(0, keepdim=True)
        return both.new_zeros(groups, *self.shape).index_add_(0, index, both)

    def finish(self, stats):
        """Mean over the columns that have rows."""
        return mean_defined(self.classes(stats))

    def classes(self, stats):
        """Mean of each column; NaN without rows."""
        return stats[..., 0] / stats[..., 1]

    def support(self, stats):
        """Labelled rows of each column."""
        return stats[..., 1]

    def count(self, stats):
        """Labelled rows of the fullest column."""
        return stats[..., 1].amax(-1)


class RowsMetric(StatMetric):
    """A metric that has to keep rows: `rows` is a list of float64 tensors (n, *row_shape)."""

    row_shape: tuple[int, ...]

    def __init__(self, names: Sequence[str]):
        super().__init__(names)
        self.add_state("rows", [], dist_reduce_fx="cat")

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather from all processes; one that saw nothing sends an empty tensor of the right kind."""
        if not self.rows:
            self.rows.append(torch.zeros(0, *self.row_shape, dtype=torch.float64, device=self.device))
        super().sync(*args, **kwargs)

    def all_rows(self) -> Tensor:
        """Everything seen so far as one tensor."""
        rows = [self.rows] if isinstance(self.rows, Tensor) else list(self.rows)
        empty = torch.zeros(0, *self.row_shape, dtype=torch.float64, device=self.device)
        return torch.cat(rows) if rows else empty


def mean_defined(values: Tensor) -> Tensor:
    """Mean over the last dimension without NaN; NaN where there is nothing else."""
    return values.nanmean(-1)


def functional(metric: StatMetric, pred: Any, target: Any, mask: Any = None) -> Tensor:
    """The score of one set of rows: how the functional forms are made."""
    with torch.no_grad():
        return metric.finish(metric.collect(*metric.check(pred, target, mask))[0])


def functional_classes(metric: StatMetric, pred: Any, target: Any, mask: Any = None) -> Tensor:
    """The score of each column (K,); a scalar for inputs (N,)."""
    with torch.no_grad():
        out = metric.classes(metric.collect(*metric.check(pred, target, mask))[0])
    return out[0] if np.ndim(pred) == 1 else out


def _number(x: Tensor) -> float | None:
    x = float(x)
    return None if math.isnan(x) else x
