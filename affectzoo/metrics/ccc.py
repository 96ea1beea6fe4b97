r"""Concordance, correlation and error of continuous values.

Lin 1989 (Biometrics 45, 255-268), with population moments (ddof 0):

    CCC = 2 s_xy / (s_x² + s_y² + (mean x - mean y)²)

`ccc` pools all labelled frames; `ccc_seq` is the mean over sequences. They are two names because they are two
numbers. torchmetrics divides by n - 1 (ddof 1), which differs by up to 0.02 for short inputs.
"""

from typing import Any

import torch
from torch import Tensor

from affectzoo.errors import AffectZooError
from affectzoo.metrics.base import ColumnMeanMetric, MetricResult, RowsMetric, functional_classes
from affectzoo.metrics.checks import as_tensor, columns, sequence_ids
from affectzoo.metrics.moments import COUNT, MomentMetric, central, grouped_sums, merge_by


class CCC(MomentMetric):
    """Lin's concordance correlation coefficient, all labelled frames pooled; mean over the columns.

    pred, target (N, K) real. In [-1, 1]. Undefined (NaN, counted) where the denominator is 0: both constant
    and equal. A constant prediction of varying truth has CCC 0.
    """

    higher_is_better = True
    log_classes = True
    conventions = {
        "ddof": 0,
        "pooling": "all labelled frames",
        "mean": "over columns with a value",
        "undefined": "denominator 0",
        "source": "Lin 1989",
    }

    def classes(self, stats):
        """CCC of each column."""
        return _ccc(stats)


class Pearson(MomentMetric):
    """Pearson's r = s_xy / (s_x s_y) of each column; mean over the columns.

    pred, target (N, K) real. In [-1, 1]; ddof cancels. Undefined (NaN, counted) where either side is
    constant.
    """

    higher_is_better = True
    conventions = {
        "pooling": "all labelled frames",
        "mean": "over columns with a value",
        "undefined": "a constant side",
        "source": "Pearson 1895",
    }

    def classes(self, stats):
        """r of each column."""
        _, vx, vy, cov, _ = central(stats)
        r = cov / (vx.sqrt() * vy.sqrt())
        return torch.where((vx > 0) & (vy > 0), r.clamp(-1, 1), torch.nan)


class CCCSeq(RowsMetric):
    """Mean over sequences of each sequence's own CCC, then over the columns.

    update(pred, target, mask, ids) needs ids: one sequence name (or number) a row of (N, K), or one an item
    of (B, T, K). Parts of a sequence may come in several updates and processes: moments are kept for each
    (update, sequence) and merged by name. Sequences whose denominator is 0 are left out and counted.
    """

    higher_is_better = True
    needs_ids = True
    conventions = {
        "ddof": 0,
        "pooling": "mean over sequences",
        "undefined": "sequences with denominator 0, left out",
        "source": "Lin 1989; OMG-Empathy 2019 averages so, but scores such sequences 0",
    }

    def __init__(self, names):
        self.row_shape = (1 + 8 * len(tuple(names)),)
        super().__init__(names)

    @property
    def shape(self):
        """(K, 4): sum of the defined CCCs, how many are defined, how many not, labelled rows."""
        return (len(self.names), 4)

    def update(self, pred, target, mask=None, ids=None):
        """Add rows of named sequences."""
        lead = as_tensor(pred, "CCCSeq").shape
        pred, target, mask = self.check(pred, target, mask)
        names, index = torch.unique(_row_ids(ids, lead, len(pred)).to(pred.device), return_inverse=True)
        stats = grouped_sums(pred, target, mask, index, len(names))
        self.rows.append(torch.cat((names.double()[:, None], stats.flatten(1)), 1))

    def summary(self):
        """Merge the parts of each sequence, then add its CCC up."""
        rows = self.all_rows()
        names, index = torch.unique(rows[:, 0], return_inverse=True)
        parts = rows[:, 1:].reshape(-1, len(self.names), 8)
        if not len(rows):
            return torch.zeros(self.shape, dtype=torch.float64, device=rows.device)
        return _by_sequence(merge_by(parts, index, len(names))).sum(0)

    def weigher(self, pred, target, mask, index, groups, ids=None):
        """Sequences (default: the groups themselves) have to lie inside a group."""
        pred, target, mask = self.check(pred, target, mask)
        ids = index if ids is None else _row_ids(ids, pred.shape, len(pred))
        names, seq = torch.unique(ids, return_inverse=True)
        owner = torch.zeros(len(names), dtype=torch.int64).scatter_(0, seq, index)
        if bool((owner[seq] != index).any()):
            raise AffectZooError("ccc_seq: a sequence lies in several groups; resample whole sequences")
        each = _by_sequence(grouped_sums(pred, target, mask, seq, len(names)))
        flat = each.new_zeros(groups, *self.shape).index_add_(0, owner, each).flatten(1)
        return lambda weights: (weights @ flat).reshape(-1, *self.shape)

    def finish(self, stats):
        """Mean over the columns that have a value."""
        return self.classes(stats).nanmean(-1)

    def classes(self, stats):
        """Mean over the defined sequences of each column."""
        return stats[..., 0] / stats[..., 1]

    def support(self, stats):
        """Defined sequences of each column."""
        return stats[..., 1]

    def count(self, stats):
        """Labelled rows of the fullest column."""
        return stats[..., 3].amax(-1)

    def result(self, stats=None) -> MetricResult:
        """As in the base, but `undefined` counts sequences (of all columns)."""
        stats = self.summary() if stats is None else stats
        r = super().result(stats)
        return MetricResult(r.value, r.per_class, r.n, int(stats[:, 2].sum()), r.conventions, r.support)


class RMSE(ColumnMeanMetric):
    """Root mean square error sqrt(mean (x - y)²) of each column, frames pooled; mean over the columns.

    pred, target (N, K) real; in the unit of the values. Undefined without rows. Differences are summed
    directly, not taken from moments, so small errors on large values stay exact.
    """

    higher_is_better = False
    conventions = {
        "pooling": "all labelled frames",
        "mean": "over columns of each column's root",
        "undefined": "no rows",
    }

    def values(self, pred, target):
        """Squared differences."""
        return (pred - target).square_()

    def classes(self, stats):
        """Root mean square error of each column."""
        return super().classes(stats).sqrt()


class SAGR(ColumnMeanMetric):
    """Sign agreement: mean of sign(x) == sign(y), with sign(0) = 0 (so 0 agrees with 0 only); mean over
    columns.

    pred, target (N, K) real. In [0, 1]. Source: Nicolaou, Gunes & Pantic 2011; np.sign semantics as in EmoNet
    (Toisoul et al. 2021, Nature Machine Intelligence 3, 42-50).
    """

    higher_is_better = True
    conventions = {
        "pooling": "all labelled frames",
        "sign of 0": "0",
        "undefined": "no rows",
        "source": "EmoNet 2021",
    }

    def values(self, pred, target):
        """1.0 where the signs agree; NaN stays NaN, to be refused."""
        return (pred.sign() == target.sign()).double() + 0 * (pred + target)


def ccc(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """CCC of (N,) -> scalar, or of each column of (N, K) -> (K,), float64. See `CCC`."""
    return functional_classes(CCC(columns(pred)), pred, target, mask)


def pearson(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Pearson's r of (N,) -> scalar, or of each column of (N, K) -> (K,), float64. See `Pearson`."""
    return functional_classes(Pearson(columns(pred)), pred, target, mask)


def rmse(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Root mean square error of (N,) -> scalar, or of each column -> (K,). See `RMSE`."""
    return functional_classes(RMSE(columns(pred)), pred, target, mask)


def sagr(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Sign agreement of (N,) -> scalar, or of each column -> (K,). See `SAGR`."""
    return functional_classes(SAGR(columns(pred)), pred, target, mask)


def ccc_seq(pred: Any, target: Any, ids: Any, mask: Any = None) -> tuple[Tensor, int]:
    """Mean CCC over sequences and how many sequences are undefined (all columns counted). See `CCCSeq`."""
    metric = CCCSeq(columns(pred))
    metric.update(pred, target, mask, ids)
    stats = metric.summary()
    return metric.finish(stats), int(stats[:, 2].sum())


def _ccc(stats: Tensor) -> Tensor:
    _, vx, vy, cov, diff = central(stats)
    return 2 * cov / (vx + vy + diff * diff)


def _by_sequence(moments: Tensor) -> Tensor:
    """(S, K, 8) -> (S, K, 4): CCC or 0, 1 if defined, 1 if it has rows but is undefined, rows."""
    value, n = _ccc(moments), moments[..., COUNT]
    bad = value.isnan()
    return torch.stack((value.nan_to_num(0.0), (~bad).double(), (bad & (n > 0)).double(), n), -1)


def _row_ids(ids: Any, lead: tuple[int, ...], n: int) -> Tensor:
    if ids is None:
        raise AffectZooError("ccc_seq needs `ids`: which sequence each row (or each item of the batch) belongs to")
    if not isinstance(ids, Tensor):
        ids = sequence_ids(list(ids))
    if len(lead) == 3 and len(ids) == lead[0]:
        ids = ids.repeat_interleave(lead[1])
    if len(ids) != n:
        raise AffectZooError(f"ccc_seq: {len(ids)} ids for {n} rows")
    return ids
