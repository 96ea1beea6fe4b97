r"""Intraclass correlation of prediction and truth as two raters of n targets; the form is in the name.

Shrout & Fleiss 1979 (Psychological Bulletin 86, 420-428), k = 2, with the mean squares of rows (targets) MSR,
of columns (raters) MSC and of the residual MSE:

    icc31_consistency = (MSR - MSE) / (MSR + MSE)                          = 2 s_xy / (s_x² + s_y²)
    icc21             = (MSR - MSE) / (MSR + MSE + 2 (MSC - MSE) / n)      absolute agreement

AU intensity is usually scored by ICC(3,1), which ignores a constant offset; papers that say "absolute
agreement" and print this form exist, hence the long name.
"""

from typing import Any

import torch
from torch import Tensor

from affectzoo.metrics.base import functional_classes
from affectzoo.metrics.checks import columns
from affectzoo.metrics.moments import MomentMetric, central


class ICC31Consistency(MomentMetric):
    """ICC(3,1), two-way mixed, consistency, single rater; mean over the columns.

    pred, target (N, K) real, frames pooled. In [-1, 1]. Undefined (NaN, counted): fewer than two rows, or
    both sides constant.
    """

    higher_is_better = True
    log_classes = True
    conventions = {
        "form": "ICC(3,1) consistency",
        "pooling": "all labelled frames",
        "undefined": "fewer than 2 rows or both sides constant",
        "source": "Shrout & Fleiss 1979",
    }

    def classes(self, stats):
        """ICC of each column."""
        n, vx, vy, cov, _ = central(stats)
        return torch.where(n >= 2, 2 * cov / (vx + vy), torch.nan)


class ICC21(MomentMetric):
    """ICC(2,1), two-way random, absolute agreement, single rater; mean over the columns.

    pred, target (N, K) real, frames pooled. Undefined (NaN, counted): fewer than two rows, or no variance at
    all.
    """

    higher_is_better = True
    conventions = {
        "form": "ICC(2,1) absolute agreement",
        "pooling": "all labelled frames",
        "undefined": "fewer than 2 rows or no variance",
        "source": "Shrout & Fleiss 1979",
    }

    def classes(self, stats):
        """ICC of each column."""
        n, vx, vy, cov, diff = central(stats)
        half = n / (2 * (n - 1))
        rows, rest = half * (vx + vy + 2 * cov), half * (vx + vy - 2 * cov)
        raters = n * diff * diff / 2
        value = (rows - rest) / (rows + rest + 2 * (raters - rest) / n)
        return torch.where(n >= 2, value, torch.nan)


def icc31_consistency(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """ICC(3,1) of (N,) -> scalar, or of each column of (N, K) -> (K,). See `ICC31Consistency`."""
    return functional_classes(ICC31Consistency(columns(pred)), pred, target, mask)


def icc21(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """ICC(2,1) of (N,) -> scalar, or of each column of (N, K) -> (K,). See `ICC21`."""
    return functional_classes(ICC21(columns(pred)), pred, target, mask)
