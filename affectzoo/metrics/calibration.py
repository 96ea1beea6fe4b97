"""How far probabilities can be trusted: expected calibration error, Brier score, negative log-likelihood.

All three read distributions (N, C): they refuse values outside [0, 1] and rows that do not sum to 1, so
logits cannot slip in.
"""

from typing import Any

import torch
from torch import Tensor

from affectzoo.errors import AffectZooError
from affectzoo.metrics.base import MeanMetric, StatMetric, functional
from affectzoo.metrics.checks import columns, require_finite
from affectzoo.metrics.counts import check_soft

EPS = 1e-15  # smallest probability in a logarithm


class SoftMetric(MeanMetric):
    """Mean over rows of a score of a predicted and a true distribution. pred, target (N, C)."""

    def check(self, pred, target, mask=None):
        """Distributions only."""
        return check_soft(pred, target, mask, len(self.names), type(self).__name__)


class NLL(SoftMetric):
    """Mean over rows of -sum_c t_c ln p_c, in nats; for soft truth this is the cross-entropy.

    pred, target (N, C) distributions. p is held at 1e-15 at least (as scikit-learn's log_loss once did).
    Undefined without rows.
    """

    higher_is_better = False
    conventions = {"unit": "nats", "smallest probability": EPS, "undefined": "no rows"}

    def values(self, pred, target):
        """Cross-entropy of each row."""
        return -(target * pred.clamp(min=EPS).log()).sum(-1)


class Brier(SoftMetric):
    """Mean over rows of sum_c (p_c - t_c)², in [0, 2] (Brier 1950, Monthly Weather Review 78, 1-3).

    pred, target (N, C) distributions. For two classes this is twice the one-column Brier score. Undefined
    without rows.
    """

    higher_is_better = False
    conventions = {"sum": "over classes, range 0 to 2", "undefined": "no rows"}

    def values(self, pred, target):
        """Squared distance of each row."""
        return (pred - target).square().sum(-1)


class ECE(StatMetric):
    """Expected calibration error of the decision: sum over bins of n_b/n |accuracy_b - mean confidence_b|.

    pred, target (N, C) distributions; confidence is the largest probability; `bins` equal bins of (0, 1],
    closed on the right. In [0, 1]. Undefined without rows. Source: Guo et al. 2017, ICML (15 bins). Additive
    by bins.
    """

    higher_is_better = False
    conventions = {
        "confidence": "largest probability",
        "bin edges": "equal width, closed on the right",
        "norm": "L1",
        "undefined": "no rows",
        "source": "Guo et al. 2017",
    }

    def __init__(self, names, bins: int = 15):
        if bins < 1:
            raise AffectZooError(f"ECE: needs at least 1 bin, got {bins}")
        self.bins = int(bins)
        super().__init__(names)

    @property
    def shape(self):
        """(bins, 3): rows, sum of confidence, correct."""
        return (self.bins, 3)

    def check(self, pred, target, mask=None):
        """Distributions only."""
        return check_soft(pred, target, mask, len(self.names), "ECE")

    def described(self):
        """With the number of bins."""
        return {**self.conventions, "bins": self.bins}

    def collect(self, pred, target, mask, index=None, groups=1):
        """Rows, confidence and hits of each bin."""
        if mask is not None:
            keep = mask.all(-1)
            pred, target = pred[keep], target[keep]
            index = None if index is None else index[keep]
        confidence, label = pred.double().max(-1)
        right = (label == target.argmax(-1)).double()
        require_finite(confidence.sum(), "ECE")
        cell = (confidence * self.bins).ceil().long().clamp(1, self.bins) - 1
        cell = cell if index is None else cell + index * self.bins
        rows = torch.stack((torch.ones_like(right), confidence, right), -1)
        return rows.new_zeros(groups * self.bins, 3).index_add_(0, cell, rows).reshape(groups, *self.shape)

    def finish(self, stats):
        """Weighted mean gap."""
        return (stats[..., 1] - stats[..., 2]).abs().sum(-1) / self.count(stats)

    def count(self, stats):
        """Labelled rows."""
        return stats[..., 0].sum(-1)


def nll(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Negative log-likelihood of distributions (N, C). See `NLL`."""
    return functional(NLL(columns(pred)), pred, target, mask)


def brier(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Brier score of distributions (N, C). See `Brier`."""
    return functional(Brier(columns(pred)), pred, target, mask)


def ece(pred: Any, target: Any, mask: Any = None, *, bins: int = 15) -> Tensor:
    """Expected calibration error of distributions (N, C). See `ECE`."""
    return functional(ECE(columns(pred), bins), pred, target, mask)
