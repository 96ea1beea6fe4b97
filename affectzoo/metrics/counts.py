"""Counts: the summaries of classification, in one pass.

Classes: (C, 3) = hits, predicted, true, for each class. Binary columns: (K, 4) = true positives, predicted
positives, positives, labelled rows. Counts are whole numbers in float64, exact up to 2^53.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.metrics.base import StatMetric
from affectzoo.metrics.checks import (
    as_tensor,
    require_distributions,
    require_finite,
    require_probabilities,
    rows_of,
)

HITS, PREDICTED, TRUE = range(3)
TP, PRED_POS, POS, ROWS = range(4)
ABSENT = ("exclude", "zero")
_SMALL = 32  # up to so many classes one pass over a confusion matrix is cheaper than three passes
_BLOCK = 1 << 17


class ClassMetric(StatMetric):
    """A score of single-label decisions over C classes (`names`).

    pred, target: scores (N, C) of which the largest counts (the first of equals), or integer classes (N,).
    Scores of pred may be logits or probabilities, the decision is the same; a float target must be a
    distribution. mask: (N,) or (N, C); a row counts when all its classes are labelled.
    """

    @property
    def shape(self):
        """(C, 3): hits, predicted, true."""
        return (len(self.names), 3)

    def check(self, pred, target, mask=None):
        """Integer classes (N,), (N,) of the labelled rows, and the mask (N,) that chose them."""
        c, what = len(self.names), type(self).__name__
        pred, target = as_tensor(pred, what), as_tensor(target, what)
        keep = _row_mask(mask, pred, c, what)
        pred, target = (
            _labels(pred, keep, c, f"{what}: pred", False),
            _labels(target, keep, c, f"{what}: target", True),
        )
        if pred.shape != target.shape:
            raise AffectZooError(f"{what}: {len(pred)} predictions for {len(target)} targets")
        return pred, target, keep

    def collect(self, pred, target, mask, index=None, groups=1):
        """Count hits, predictions and truths of each class."""
        c = len(self.names)
        if index is None and c <= _SMALL:
            table = confusion_counts(pred, target, c)
            return torch.stack((table.diagonal(), table.sum(0), table.sum(1)), -1)[None].double()
        at = 0 if index is None else (index if mask is None else index[mask]) * c
        hit = pred == target
        count = [torch.bincount(v, minlength=groups * c) for v in ((at + target)[hit], at + pred, at + target)]
        return torch.stack(count, -1).reshape(groups, c, 3).double()

    def count(self, stats):
        """Labelled rows."""
        return stats[..., TRUE].sum(-1)

    def support(self, stats):
        """How often each class is true."""
        return stats[..., TRUE]


class BinaryMetric(StatMetric):
    """A score of K independent yes/no columns (`names`).

    pred (N, K): probabilities in [0, 1], or bool decisions; positive from `threshold` on (>=). target (N, K):
    0 or 1. mask (N, K). Raises for anything else: intensities and logits are not made into decisions here.
    """

    def __init__(self, names, threshold: float = 0.5):
        super().__init__(names)
        self.threshold = float(threshold)

    @property
    def shape(self):
        """(K, 4): true positives, predicted positives, positives, rows."""
        return (len(self.names), 4)

    @property
    def key(self):
        """The summary depends on the threshold."""
        return ("binary", self.shape, self.threshold)

    def described(self):
        """With the threshold."""
        return {**self.conventions, "threshold": self.threshold}

    def collect(self, pred, target, mask, index=None, groups=1):
        """Count positives."""
        yes, true, keep = decisions(pred, target, mask, self.threshold, type(self).__name__)
        parts = (yes & true, yes, true, keep)
        if index is None:
            n = torch.full((len(self.names),), len(yes), device=yes.device)
            return torch.stack([n if p is None else count_true(p) for p in parts], -1)[None].double()
        keep = torch.ones_like(yes) if keep is None else keep
        rows = torch.stack((*parts[:3], keep), -1).double()
        return rows.new_zeros(groups, *self.shape).index_add_(0, index, rows)

    def count(self, stats):
        """Labelled rows of the fullest column."""
        return stats[..., ROWS].amax(-1)

    def support(self, stats):
        """Positives of each column."""
        return stats[..., POS]


def known_absent(choice: str) -> str:
    """What becomes of a class that is absent: left out of the mean, or counted as 0. Raises for another word."""
    if choice not in ABSENT:
        raise UnknownNameError("choice for absent classes", choice, ABSENT)
    return choice


def confusion_counts(pred: Tensor, target: Tensor, c: int) -> Tensor:
    """Counts (C, C), row = truth, column = prediction, of classes (N,) already known to be in range."""
    if not pred.is_cpu:
        return torch.bincount(torch.add(pred, target, alpha=c), minlength=c * c).reshape(c, c)
    p, t = pred.numpy(), target.numpy()  # NumPy has less to do around a call, which is what small batches feel
    out = np.zeros(c * c, np.int64)
    for i in range(0, len(p), _BLOCK):  # blocks keep the joint index in the cache
        joint = t[i : i + _BLOCK] * c
        joint += p[i : i + _BLOCK]
        out += np.bincount(joint, minlength=c * c)
    return torch.from_numpy(out.reshape(c, c))


def count_true(flags: Tensor) -> Tensor:
    """How often each column of bool (N, K) is True, int64 (K,).

    Sums of 250 bytes fit in a byte: adding 250 stretches of the array byte by byte is many times faster than
    widening every flag to an integer first.
    """
    n, k = flags.shape
    rows = n // 250
    bytes_ = flags.contiguous().view(torch.uint8)
    tail = bytes_[rows * 250 :].sum(0)
    if not rows:
        return tail
    head = bytes_[: rows * 250].reshape(250, rows * k).sum(0, dtype=torch.uint8)
    return head.reshape(rows, k).sum(0) + tail


def decisions(
    pred: Tensor, target: Tensor, mask: Tensor | None, threshold: float, what: str
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Bool decisions and truths (N, K), False where unlabelled, after checking what they were made from."""
    yes = pred if pred.dtype == torch.bool else None
    true = binary_truth(target, mask, what)
    if yes is None:
        require_probabilities(pred if mask is None else pred[mask], f"{what}: pred")
        yes = pred >= threshold
    return (yes, true, None) if mask is None else (yes & mask, true, mask)


def binary_truth(target: Tensor, mask: Tensor | None, what: str) -> Tensor:
    """Bool truth (N, K), False where unlabelled. Raises when a label is neither 0 nor 1."""
    if target.dtype == torch.bool:
        return target if mask is None else target & mask
    true = target == 1
    fine = true | (target == 0)
    fine = fine if mask is None else fine | ~mask
    if not bool(fine.all()):
        bad = float(target[~fine][0])
        raise AffectZooError(
            f"{what}: truth must be 0 or 1 where labelled, found {bad:g}; binarise intensities "
            "by the benchmark's rule first"
        )
    return true if mask is None else true & mask


def check_soft(pred: Any, target: Any, mask: Any, k: int, what: str) -> tuple[Tensor, Tensor, Tensor | None]:
    """Distributions (N, C) with a row mask applied; for scores of probabilities."""
    pred, target, mask = rows_of(pred, target, mask, k, what)
    keep = slice(None) if mask is None else mask.all(-1)
    require_distributions(pred[keep], f"{what}: pred")
    require_distributions(target[keep], f"{what}: target")
    return pred, target, mask


def _row_mask(mask: Any, pred: Tensor, c: int, what: str) -> Tensor | None:
    if mask is None:
        return None
    mask = as_tensor(mask, what)
    lead = pred.shape[:-1] if pred.is_floating_point() else pred.shape
    if mask.dtype != torch.bool:
        raise AffectZooError(f"{what}: mask must be bool (True where there is a label), got {mask.dtype}")
    if mask.shape not in (lead, (*lead, 1), (*lead, c)):
        raise AffectZooError(f"{what}: mask {tuple(mask.shape)} does not fit {tuple(pred.shape)}")
    mask = mask if mask.shape == lead else mask.all(-1)
    return None if bool(mask.all()) else mask.reshape(-1)


def _labels(x: Tensor, keep: Tensor | None, c: int, what: str, distribution: bool) -> Tensor:
    """Integer classes of the kept rows."""
    if not x.is_floating_point() and x.dtype != torch.bool:
        x = x if x.ndim == 1 else x.reshape(-1)
        x = x if keep is None else x[_same_length(x, keep, what)]
        x = x.long()
        if len(x) and not _all_below(x, c):
            low, high = int(x.min()), int(x.max())
            raise AffectZooError(
                f"{what}: classes {low} to {high} do not fit {c} names; mask missing labels instead of coding them"
            )
        return x
    if x.ndim < 2 or x.shape[-1] != c:
        raise AffectZooError(
            f"{what}: expected scores (N, {c}) or integer classes (N,), got {tuple(x.shape)} {x.dtype}"
        )
    x = x.reshape(-1, c)
    x = x if keep is None else x[_same_length(x, keep, what)]
    if distribution:
        require_distributions(x, what)
    else:
        require_finite(x.double().sum(), what)
    return x.argmax(-1)  # documented to return the first of equal maxima


def _all_below(x: Tensor, c: int) -> bool:
    """Whether integers lie in 0 to c - 1; on the CPU in one pass, as negative numbers read unsigned are huge."""
    if x.is_cpu:
        return bool(x.numpy().view(np.uint64).max() < c)
    low, high = torch.aminmax(x)
    return bool((low >= 0) & (high < c))


def _same_length(x: Tensor, keep: Tensor, what: str) -> Tensor:
    if len(x) != len(keep):
        raise AffectZooError(f"{what}: {len(x)} rows for a mask of {len(keep)}")
    return keep
