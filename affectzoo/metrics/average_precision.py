"""Average precision of yes/no columns, in two forms that are two numbers.

`average_precision` is scikit-learn's: sum over distinct scores of (R_i - R_{i-1}) P_i, no interpolation. It
is not a function of additive counts, so it keeps rows (16 bytes a value). `ap_bah` is what the organisers of
BAH compute (arXiv 2505.19328, released bah_metrics.py): the trapezoid area under (recall, precision) at the
thresholds 0, 0.001, ..., 0.999, precision 0 where nothing is predicted; the curve is not extended to recall
0. It is a function of a histogram, so it is additive.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from affectzoo.metrics.base import RowsMetric, StatMetric, functional, mean_defined
from affectzoo.metrics.checks import columns, require_finite, require_probabilities
from affectzoo.metrics.counts import binary_truth

BAH_THRESHOLDS = np.arange(0, 1, 0.001)
_BINS = len(BAH_THRESHOLDS) + 1


class AveragePrecision(RowsMetric):
    """Average precision of each column, scikit-learn's form; mean over columns with positives. Keeps rows.

    pred (N, K) scores (any monotone scale), target (N, K) 0/1, mask (N, K). In [0, 1]. Undefined (NaN,
    counted): a column without positives in the truth (scikit-learn warns and gives 0).
    """

    higher_is_better = True
    conventions = {
        "form": "scikit-learn average_precision_score",
        "mean": "over columns with positives",
        "undefined": "no positives in the truth",
    }

    def __init__(self, names):
        self.row_shape = (len(tuple(names)), 2)
        super().__init__(names)

    @property
    def shape(self):
        """(K, 3): average precision (NaN: undefined), positives, rows."""
        return (len(self.names), 3)

    @property
    def key(self):
        """Its own."""
        return ("average_precision", self.shape)

    def pairs(self, pred: Any, target: Any, mask: Any) -> Tensor:
        """(N, K, 2): score (NaN where unlabelled) and truth."""
        pred, target, mask = self.check(pred, target, mask)
        true = binary_truth(target, mask, "average_precision").double()
        require_finite((pred if mask is None else pred.masked_fill(~mask, 0)).double().sum(), "average_precision")
        score = pred.double() if mask is None else pred.double().masked_fill(~mask, torch.nan)
        return torch.stack((score, true), -1)

    def update(self, pred, target, mask=None, ids=None):
        """Keep rows."""
        self.rows.append(self.pairs(pred, target, mask))

    def summary(self):
        """Sort and sum up what is kept."""
        rows = self.all_rows()
        return _weighted(rows, torch.ones(1, len(rows), dtype=torch.float64, device=rows.device))[0]

    def collect(self, pred, target, mask, index=None, groups=1):
        """Summary of one set of rows; groups go through `weigher`."""
        rows = self.pairs(pred, target, mask)
        return _weighted(rows, torch.ones(1, len(rows), dtype=torch.float64, device=rows.device))

    def weigher(self, pred, target, mask, index, groups, ids=None):
        """Weights go to rows; the order of the scores is found once."""
        rows = self.pairs(pred, target, mask)
        order = rows[..., 0].nan_to_num(-torch.inf).argsort(0, descending=True)
        return lambda weights: _weighted(rows, weights[:, index], order)

    def finish(self, stats):
        """Mean over columns with positives."""
        return mean_defined(self.classes(stats))

    def classes(self, stats):
        """Average precision of each column."""
        return stats[..., 0]

    def support(self, stats):
        """Positives of each column."""
        return stats[..., 1]

    def count(self, stats):
        """Labelled rows of the fullest column."""
        return stats[..., 2].amax(-1)


class APBah(StatMetric):
    """Average precision of each column as the BAH organisers compute it (module docstring); mean over
    columns.

    pred (N, K) probabilities, target (N, K) 0/1, mask (N, K). Positive from the threshold on (>=). Undefined
    (NaN, counted): a column without positives in the truth (the organisers' script stops there).
    """

    higher_is_better = True
    conventions = {
        "form": "trapezoid over thresholds 0, 0.001, ..., 0.999; precision 0 when nothing is predicted",
        "mean": "over columns with positives",
        "undefined": "no positives in the truth",
        "source": "BAH bah_metrics.py",
    }

    @property
    def shape(self):
        """(K, 1001, 2): how many scores reach exactly i thresholds, among negatives and positives."""
        return (len(self.names), _BINS, 2)

    def cells(self, pred: Tensor, target: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Position of each value in a flat summary (N, K)."""
        true = binary_truth(target, mask, "ap_bah")
        require_probabilities(pred if mask is None else pred[mask], "ap_bah: pred")
        edges = torch.as_tensor(BAH_THRESHOLDS, device=pred.device)
        reached = torch.searchsorted(edges, pred.double().contiguous(), right=True)
        column = torch.arange(len(self.names), device=pred.device)
        return ((column * _BINS + reached) * 2 + true.long()), mask

    def collect(self, pred, target, mask, index=None, groups=1):
        """Histogram."""
        cells, mask = self.cells(pred, target, mask)
        size = len(self.names) * _BINS * 2
        cells = cells if index is None else cells + index[:, None] * size
        cells = cells.reshape(-1) if mask is None else cells[mask]
        return torch.bincount(cells, minlength=groups * size).reshape(groups, *self.shape).double()

    def weigher(self, pred, target, mask, index, groups, ids=None):
        """Weights go straight into the histogram: a dense one for each group would be mostly zeros."""
        pred, target, mask = self.check(pred, target, mask)
        cells, _ = self.cells(pred, target, mask)
        size = len(self.names) * _BINS * 2

        def weigh(weights):
            out = weights.new_zeros(len(weights), size)
            rows = weights[:, index]
            for k in range(len(self.names)):
                keep = slice(None) if mask is None else mask[:, k]
                out.index_add_(1, cells[keep, k], rows[:, keep])
            return out.reshape(-1, *self.shape)

        return weigh

    def finish(self, stats):
        """Mean over columns with positives."""
        return mean_defined(self.classes(stats))

    def classes(self, stats):
        """Area of each column."""
        at_least = stats.flip(-2).cumsum(-2).flip(-2)[..., 1:, :]  # scores >= threshold, for each threshold
        fp, tp = at_least.unbind(-1)
        precision = torch.where(tp + fp > 0, tp / (tp + fp), 0.0)
        recall = tp / self.support(stats)[..., None]
        return ((recall[..., :-1] - recall[..., 1:]) * (precision[..., :-1] + precision[..., 1:]) / 2).sum(-1)

    def support(self, stats):
        """Positives of each column."""
        return stats[..., 1].sum(-1)

    def count(self, stats):
        """Labelled rows of the fullest column."""
        return stats.sum((-2, -1)).amax(-1)


def average_precision(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Mean over columns with positives of the average precision. See `AveragePrecision`."""
    return functional(AveragePrecision(columns(pred)), pred, target, mask)


def ap_bah(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Mean over columns with positives of BAH's average precision. See `APBah`."""
    return functional(APBah(columns(pred)), pred, target, mask)


def _weighted(rows: Tensor, weights: Tensor, order: Tensor | None = None) -> Tensor:
    """(R, K, 3) from rows (N, K, 2) under row weights (R, N)."""
    k = rows.shape[1]
    out = torch.zeros(len(weights), k, 3, dtype=torch.float64, device=rows.device)
    if order is None:
        order = rows[..., 0].nan_to_num(-torch.inf).argsort(0, descending=True)
    for j in range(k):  # columns, not rows
        keep = order[:, j][~rows[order[:, j], j, 0].isnan()]
        score, true = rows[keep, j].unbind(-1)
        w = weights[:, keep]
        seen, hits = w.cumsum(1), (w * true).cumsum(1)
        if not len(keep):
            out[:, j, 0] = torch.nan
            continue
        last = torch.cat((score[1:] != score[:-1], score.new_ones(1, dtype=torch.bool)))  # end of each run of equals
        seen, hits = seen[:, last], hits[:, last]
        gain = hits.diff(dim=1, prepend=hits.new_zeros(len(w), 1))
        total = hits[:, -1]
        out[:, j, 0] = (gain * hits / seen.clamp(min=1e-300)).sum(1) / total
        out[:, j, 1], out[:, j, 2] = total, seen[:, -1]
    return out
