"""Distance between a predicted and a true distribution over classes (several raters, mixed emotions)."""

from typing import Any

import torch
from torch import Tensor

from affectzoo.metrics.base import functional
from affectzoo.metrics.calibration import EPS, SoftMetric
from affectzoo.metrics.checks import columns


class JensenShannon(SoftMetric):
    """Mean over rows of the Jensen-Shannon divergence, base 2: H(m) - (H(p) + H(t))/2 with m = (p + t)/2.

    pred, target (N, C) distributions, scaled to sum exactly to 1. In [0, 1]; it is the divergence, the square
    of scipy's distance. Undefined without rows. Source: Lin 1991, IEEE Trans. Information Theory 37, 145-151.
    """

    higher_is_better = False
    conventions = {
        "base": 2,
        "form": "divergence, not its root",
        "undefined": "no rows",
        "source": "Lin 1991",
    }

    def values(self, pred, target):
        """Divergence of each row."""
        p, t = (x / x.sum(-1, keepdim=True) for x in (pred.clamp(min=0), target.clamp(min=0)))
        m = (p + t) / 2
        return ((_kl(p, m) + _kl(t, m)) / 2).clamp(min=0) / torch.log(torch.tensor(2.0, dtype=torch.float64))


class KL(SoftMetric):
    """Mean over rows of the Kullback-Leibler divergence sum_c t_c ln(t_c / p_c), truth against prediction, in
    nats.

    pred, target (N, C) distributions, scaled to sum exactly to 1; p is held at 1e-15 at least. Undefined
    without rows. Source: Kullback & Leibler 1951, Annals of Mathematical Statistics 22, 79-86.
    """

    higher_is_better = False
    conventions = {
        "unit": "nats",
        "direction": "truth against prediction",
        "smallest probability": EPS,
        "undefined": "no rows",
    }

    def values(self, pred, target):
        """Divergence of each row."""
        p, t = (x / x.sum(-1, keepdim=True) for x in (pred.clamp(min=0), target.clamp(min=0)))
        return _kl(t, p.clamp(min=EPS))


def js(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Jensen-Shannon divergence, base 2, of distributions (N, C). See `JensenShannon`."""
    return functional(JensenShannon(columns(pred)), pred, target, mask)


def kl(pred: Any, target: Any, mask: Any = None) -> Tensor:
    """Kullback-Leibler divergence of truth against prediction, nats. See `KL`."""
    return functional(KL(columns(pred)), pred, target, mask)


def _kl(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(a > 0, a * (a / b).log(), 0.0).sum(-1)
