"""Action-unit presence: F1 of each unit over pooled frames.

A unit that never occurs in the truth has no F1: it is NaN and listed, never silently left out. `au_f1_zero` is
the other choice, by name: such a unit counts 0, as in ABAW's P_AU.
Over cross-validation folds the counts add up (update one metric with every fold), which is how BP4D and DISFA
results are compared; the mean of fold scores is another number.
"""

from typing import Any

import torch
from torch import Tensor

from affectzoo.metrics.base import functional, functional_classes, mean_defined
from affectzoo.metrics.checks import columns
from affectzoo.metrics.counts import POS, PRED_POS, ROWS, TP, BinaryMetric, known_absent


class AUF1(BinaryMetric):
    """Positive-class F1 = 2TP/(2TP+FP+FN) of each action unit, frames pooled; mean over units with positives.

    pred (N, K) probabilities (or bool), target (N, K) 0/1, mask (N, K). Positive from the threshold on (0.5
    unless the benchmark says otherwise). absent: "exclude" leaves a unit without positives in the truth
    undefined (NaN, counted, in per_class None); "zero" counts it as 0 when it has labelled rows. Source: the usual
    BP4D and DISFA protocol (Zhao et al. 2016, DRML; Shao et al. 2018, JAA-Net).
    """

    higher_is_better = True
    log_classes = True
    conventions = {
        "decision": "probability >= threshold",
        "pooling": "all labelled frames, folds accumulated",
    }

    def __init__(self, names, threshold: float = 0.5, absent: str = "exclude"):
        super().__init__(names, threshold)
        self.absent = known_absent(absent)

    def described(self):
        """With the choice for units without positives."""
        excluded = {"mean": "over units with positives", "undefined": "a unit without positives in the truth"}
        zero = {"mean": "over units with labelled rows", "undefined": "no rows"}
        return {**super().described(), **(excluded if self.absent == "exclude" else zero), "absent": self.absent}

    def finish(self, stats):
        """Mean over the units that occur."""
        return mean_defined(self.classes(stats))

    def classes(self, stats):
        """F1 of each unit."""
        f1 = 2 * stats[..., TP] / (stats[..., PRED_POS] + stats[..., POS])
        if self.absent == "exclude":
            return torch.where(stats[..., POS] > 0, f1, torch.nan)
        return torch.where(stats[..., ROWS] > 0, f1.nan_to_num(0.0), torch.nan)


def au_f1(pred: Any, target: Any, mask: Any = None, *, threshold: float = 0.5) -> Tensor:
    """Mean F1 over the units with positives, scalar. See `AUF1`."""
    return functional(AUF1(columns(pred), threshold), pred, target, mask)


def au_f1_per_unit(pred: Any, target: Any, mask: Any = None, *, threshold: float = 0.5) -> Tensor:
    """F1 of each unit (K,), NaN for units without positives; a scalar for (N,). See `AUF1`."""
    return functional_classes(AUF1(columns(pred), threshold), pred, target, mask)
