"""Losses of one field that a run may choose instead of the usual ones: `loss.terms` of MultiTaskLoss.

Each masks what is not labelled and is exactly 0 on a batch without labels of its field.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.engine.losses import ccc_loss, masked_mse
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.prediction import PredictionField
from affectzoo.structures.sample import BatchTarget

_EPS = 1e-6


class AsymmetricAu(nn.Module):
    """Weighted asymmetric loss of action-unit presence (ME-GraphAU, Luo et al. 2022, arXiv 2205.01782).

        L = -1/K sum_i w_i [y_i log p_i + (1 - y_i) p_i log(1 - p_i)]        (mean over known entries here)

    p_i: sigmoid of the logit. An easy negative (p_i near 0) counts for little, as its term is multiplied by p_i; the
    factor is part of the gradient, as in the authors' code. w_i = (1 / r_i) / mean_j (1 / r_j), r_i: the share of
    positives among the training labels of unit i; all 1 before `fit`. Ours: r_i is at least 0.01, and a unit without
    positives has weight 1 and no part in the mean (it would outweigh all others).
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", None, persistent=False)

    def fit(self, space: LabelSpace, positive: torch.Tensor, known: torch.Tensor) -> None:
        """Weights from the sums (K,) of positive and of known training labels."""
        rate, seen = (positive / known.clamp(min=1)).clamp(min=0.01), positive > 0
        inverse = torch.where(seen, 1 / rate, 0.0)
        mean = inverse.sum() / seen.sum().clamp(min=1)
        self.weight = torch.where(seen, inverse / mean, 1.0).float()

    def forward(self, field: PredictionField, target: BatchTarget, space: LabelSpace) -> torch.Tensor:
        """Raises AffectZooError for AU intensities, which have no positives and negatives."""
        if field.kind != "logits":
            raise AffectZooError(f"the asymmetric loss is of AU presence; {space.name!r} has AU {space.au_kind}")
        x, y = field.values.float(), target.values
        rows = -(y * F.logsigmoid(x) + (1 - y) * x.sigmoid() * F.logsigmoid(-x))
        rows = rows if self.weight is None else rows * self.weight.to(rows)
        return (rows * target.mask).sum() / target.mask.sum().clamp(min=1)


class FocalConflict(nn.Module):
    """Focal loss on emotion distributions plus a price on classes that exclude each other (arXiv 2602.06778).

    The released code's FocalConsistency: with b_c = -y_c log p_c - (1 - y_c) log(1 - p_c) on soft targets y,

        L = mean_c alpha (1 - exp(-b_c))^gamma b_c + conflict sum_(i, j) mean p_i p_j

    conflicts: pairs of class names or aliases of the label space. p: softmax of the logits (ours: the classes are one
    distribution here). Both means run over rows whose labels are all known.
    """

    def __init__(
        self,
        conflicts: Sequence[Sequence[str]],
        gamma: float = 2.0,
        alpha: float = 0.25,
        conflict: float = 0.5,
    ):
        super().__init__()
        odd = [list(pair) for pair in conflicts if len(pair) != 2]
        if odd:
            raise AffectZooError(f"conflicts are pairs of classes, got {odd[0]}")
        self.conflicts, self.gamma, self.alpha, self.conflict = conflicts, gamma, alpha, conflict

    def forward(self, field: PredictionField, target: BatchTarget, space: LabelSpace) -> torch.Tensor:
        """Raises UnknownNameError for a conflict with a class that the space does not have."""
        p, y, known = field.values.float().softmax(-1), target.values, target.mask.all(-1)
        b = -(y * p.clamp(min=_EPS).log() + (1 - y) * torch.log1p(-p.clamp(max=1 - _EPS)))
        rows = (self.alpha * (1 - torch.exp(-b)) ** self.gamma * b).mean(-1)
        for first, second in self.conflicts:
            i, j = space.index("emotion", first), space.index("emotion", second)
            rows = rows + self.conflict * p[..., i] * p[..., j]
        return (rows * known).sum() / known.sum().clamp(min=1)


class VadLikelihood(nn.Module):
    """Gaussian negative log-likelihood of VAD with its predicted sd (beta-NLL, Seitzer et al. 2022, ICLR).

        L = mean s^(2 beta) [log s + (y - m)^2 / (2 s^2)] + ccc (1 - CCC)        s^(2 beta) without gradient

    beta 0: the plain likelihood, which neglects what is hard; beta 1: the squared error's gradient for m. ccc: weight
    of the concordance term (ours: it is what the mean is scored by).
    """

    def __init__(self, beta: float = 0.5, ccc: float = 1.0):
        super().__init__()
        self.beta, self.ccc = beta, ccc

    def forward(self, field: PredictionField, target: BatchTarget, space: LabelSpace) -> torch.Tensor:
        """Raises AffectZooError for a model that gives no standard deviation."""
        if field.uncertainty is None:
            raise AffectZooError("loss of VAD with uncertainty: the model gives none; set model.uncertainty=true")
        m, s, y, mask = field.values.float(), field.uncertainty.float(), target.values, target.mask
        rows = s.detach() ** (2 * self.beta) * (s.log() + (y - m) ** 2 / (2 * s**2))
        return (rows * mask).sum() / mask.sum().clamp(min=1) + self.ccc * ccc_loss(m, y, mask)


class AuConcordance(nn.Module):
    """AU intensity (0 to 5): 1 - CCC a unit over the batch, plus the mean squared error / 25 (ours).

    The squared error of a rare unit is small and constant zeros are nearly right; concordance has no such floor.
    """

    def forward(self, field: PredictionField, target: BatchTarget, space: LabelSpace) -> torch.Tensor:
        """Raises AffectZooError for presence, which has no scale to agree on."""
        if field.kind != "value":
            raise AffectZooError(f"the concordance loss is of AU intensity; {space.name!r} has AU {space.au_kind}")
        x, y, m = field.values, target.values, target.mask
        return ccc_loss(x, y, m) + masked_mse(x, y, m) / 25
