"""Accuracy, UAR, F1 and the confusion matrix, of classes and of yes/no columns.

Only `accuracy` and `uar` exist: "WA" and "UA" are swapped between papers, so those names raise
(metrics/registry.py). F1 = 2 TP / (2 TP + FP + FN).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from affectzoo.errors import AffectZooError
from affectzoo.metrics.base import functional, mean_defined
from affectzoo.metrics.checks import as_tensor, columns
from affectzoo.metrics.counts import (
    HITS,
    POS,
    PRED_POS,
    PREDICTED,
    ROWS,
    TP,
    TRUE,
    BinaryMetric,
    ClassMetric,
    confusion_counts,
    known_absent,
)

_DECISION = {"decision": "largest score, the first of equals", "soft truth": "its largest class"}


class Accuracy(ClassMetric):
    """Correct rows / labelled rows. Inputs as in ClassMetric. In [0, 1]; undefined without rows."""

    higher_is_better = True
    conventions = {**_DECISION, "undefined": "no rows"}

    def finish(self, stats):
        """Hits over rows."""
        return stats[..., HITS].sum(-1) / stats[..., TRUE].sum(-1)


class UAR(ClassMetric):
    """Unweighted average recall: mean over the classes present in the truth of hits / true rows.

    Inputs as in ClassMetric. In [0, 1]. Classes absent from the truth are left out and counted (value None in
    per_class). leave_out: classes whose recall is not averaged; they may be answered all the same, which is a miss
    for a row of another class. Source: Schuller et al. 2009, INTERSPEECH Emotion Challenge.
    """

    higher_is_better = True
    conventions = {**_DECISION, "mean": "over classes present in the truth", "undefined": "no rows"}

    def __init__(self, names, leave_out: Sequence[str] = ()):
        super().__init__(names)
        self.leave_out = tuple(leave_out)

    def finish(self, stats):
        """Mean recall."""
        return mean_defined(self.classes(stats)[..., [n not in self.leave_out for n in self.names]])

    def described(self):
        """With the classes left out, if any."""
        return {**self.conventions, **({"left out": list(self.leave_out)} if self.leave_out else {})}

    def classes(self, stats):
        """Recall of each class; NaN where it is never true."""
        return stats[..., HITS] / stats[..., TRUE]


class F1Macro(ClassMetric):
    """Mean over the classes of each class's F1. Inputs as in ClassMetric.

    absent: what to do with a class that is in neither truth nor prediction: "exclude" it from the mean
    (default), or count it as "zero". A class that is only in one of them has F1 0 either way. Undefined
    without rows.
    """

    higher_is_better = True
    conventions = {**_DECISION, "undefined": "no rows"}

    def __init__(self, names, absent: str = "exclude"):
        super().__init__(names)
        self.absent = known_absent(absent)

    def described(self):
        """With the choice for absent classes."""
        return {**self.conventions, "absent": self.absent}

    def finish(self, stats):
        """Mean F1."""
        f1 = self.classes(stats)
        if self.absent == "exclude":
            return mean_defined(f1)
        return torch.where(self.count(stats) > 0, f1.nan_to_num(0.0).mean(-1), torch.nan)

    def classes(self, stats):
        """F1 of each class; NaN where it is absent from truth and prediction."""
        return 2 * stats[..., HITS] / (stats[..., PREDICTED] + stats[..., TRUE])


class F1Weighted(F1Macro):
    """Mean of each class's F1 weighted by how often the class is true. Inputs as in ClassMetric.

    Absent classes weigh nothing. Undefined without rows. Source: scikit-learn, average="weighted"; "WF1" of
    MER and MELD.
    """

    conventions = {**_DECISION, "weights": "support in the truth", "undefined": "no rows"}

    def __init__(self, names):
        super().__init__(names)

    def described(self):
        """As they are."""
        return dict(self.conventions)

    def finish(self, stats):
        """Support-weighted F1."""
        return (self.classes(stats).nan_to_num(0.0) * stats[..., TRUE]).sum(-1) / self.count(stats)


class ConfusionMatrix(ClassMetric):
    """Counts (C, C), row = truth, column = prediction. Its score is the accuracy; `compute` gives the
    table."""

    higher_is_better = True
    conventions = {**_DECISION, "row": "truth", "column": "prediction"}

    @property
    def shape(self):
        """(C, C)."""
        return (len(self.names), len(self.names))

    def collect(self, pred, target, mask, index=None, groups=1):
        """The joint counts."""
        c = len(self.names)
        if index is None:
            return confusion_counts(pred, target, c)[None].double()
        at = (index if mask is None else index[mask]) * (c * c)
        return torch.bincount(at + target * c + pred, minlength=groups * c * c).reshape(groups, c, c).double()

    def finish(self, stats):
        """Trace over sum."""
        return stats.diagonal(dim1=-2, dim2=-1).sum(-1) / stats.sum((-2, -1))

    def compute(self) -> Tensor:
        """The table."""
        return self.summary()

    def count(self, stats):
        """Labelled rows."""
        return stats.sum((-2, -1))

    def support(self, stats):
        """How often each class is true."""
        return stats.sum(-1)


class BinaryAccuracy(BinaryMetric):
    """Correct decisions / labelled rows of each yes/no column; mean over columns. Inputs as in
    BinaryMetric."""

    higher_is_better = True
    conventions = {
        "decision": "probability >= threshold",
        "mean": "over columns with rows",
        "undefined": "no rows",
    }

    def finish(self, stats):
        """Mean over columns."""
        return mean_defined(self.classes(stats))

    def classes(self, stats):
        """Accuracy of each column."""
        right = stats[..., ROWS] - stats[..., POS] - stats[..., PRED_POS] + 2 * stats[..., TP]
        return right / stats[..., ROWS]


class BinaryF1(BinaryMetric):
    """Positive-class F1 of each yes/no column; mean over columns. Inputs as in BinaryMetric.

    0 where truth has positives that are never found. Undefined (NaN, counted) without positives in truth and
    prediction.
    """

    higher_is_better = True
    conventions = {
        "decision": "probability >= threshold",
        "mean": "over columns with a value",
        "undefined": "no positives in truth and prediction",
    }

    def finish(self, stats):
        """Mean over columns."""
        return mean_defined(self.classes(stats))

    def classes(self, stats):
        """F1 of each column."""
        return 2 * stats[..., TP] / (stats[..., PRED_POS] + stats[..., POS])


class BinaryF1Macro(BinaryMetric):
    """Mean of the F1 of "yes" and the F1 of "no" in each column; mean over columns. Inputs as in
    BinaryMetric.

    A side absent from truth and prediction is left out of the mean, as scikit-learn does and as the BAH
    organisers (arXiv 2505.19328, MACRO_F1 = AVGF1) do through it. Undefined (NaN, counted) without rows.
    """

    higher_is_better = True
    conventions = {
        "decision": "probability >= threshold",
        "mean": "over both sides, then over columns",
        "absent": "exclude",
        "undefined": "no rows",
    }

    def finish(self, stats):
        """Mean over columns."""
        return mean_defined(self.classes(stats))

    def classes(self, stats):
        """Macro F1 of each column."""
        tp, p, t, n = stats.unbind(-1)
        no = 2 * (n - p - t + tp) / ((n - p) + (n - t))
        return torch.stack((2 * tp / (p + t), no), -1).nanmean(-1)


def accuracy(pred: Any, target: Any, mask: Any = None, *, n_classes: int | None = None) -> Tensor:
    """Accuracy of scores (N, C) or integer classes (N,) (then n_classes is needed). See `Accuracy`."""
    return functional(Accuracy(_names(pred, n_classes)), pred, target, mask)


def uar(pred: Any, target: Any, mask: Any = None, *, n_classes: int | None = None) -> Tensor:
    """Unweighted average recall. See `UAR`."""
    return functional(UAR(_names(pred, n_classes)), pred, target, mask)


def f1_macro(
    pred: Any, target: Any, mask: Any = None, *, absent: str = "exclude", n_classes: int | None = None
) -> Tensor:
    """Macro F1 over classes. See `F1Macro`."""
    return functional(F1Macro(_names(pred, n_classes), absent), pred, target, mask)


def f1_weighted(pred: Any, target: Any, mask: Any = None, *, n_classes: int | None = None) -> Tensor:
    """Support-weighted F1. See `F1Weighted`."""
    return functional(F1Weighted(_names(pred, n_classes)), pred, target, mask)


def f1_binary(pred: Any, target: Any, mask: Any = None, *, threshold: float = 0.5) -> Tensor:
    """Positive-class F1, mean over columns of (N, K) or of one column (N,). See `BinaryF1`."""
    return functional(BinaryF1(columns(pred), threshold), pred, target, mask)


def recall_per_class(pred: Any, target: Any, mask: Any = None, *, n_classes: int | None = None) -> Tensor:
    """Recall of each class (C,); NaN where a class is never true."""
    metric = UAR(_names(pred, n_classes))
    return metric.classes(metric.collect(*metric.check(pred, target, mask))[0])


def confusion_matrix(pred: Any, target: Any, mask: Any = None, *, n_classes: int | None = None) -> Tensor:
    """Counts (C, C) int64, row = truth, column = prediction."""
    metric = ConfusionMatrix(_names(pred, n_classes))
    return metric.collect(*metric.check(pred, target, mask))[0].long()


def _names(pred: Any, n_classes: int | None) -> tuple[str, ...]:
    pred = as_tensor(pred, "pred")
    if n_classes is None and not pred.is_floating_point():
        raise AffectZooError("integer predictions do not say how many classes there are: give n_classes")
    return tuple(str(i) for i in range(n_classes or pred.shape[-1]))
