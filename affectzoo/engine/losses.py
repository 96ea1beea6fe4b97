"""Losses with masks. A missing label has no part in any sum; a batch without labels of a field gives exactly 0."""

from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import FIELDS, LabelSpace
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.sample import BatchTarget, Target


def soft_cross_entropy(
    logits: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor,
    class_weights: torch.Tensor | None = None,
    smoothing: float = 0.0,
) -> torch.Tensor:
    """-sum_c w_c t_c log softmax(logits)_c, weighted mean over rows whose labels are all known.

    logits, target, mask: (..., C). smoothing moves that share of each row's mass to the uniform distribution.
    """
    known = mask.all(-1)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / target.shape[-1]
    weighted = target if class_weights is None else target * class_weights
    rows = -(weighted * F.log_softmax(logits.float(), -1)).sum(-1)
    total = weighted.sum(-1)
    return (rows * known).sum() / (total * known).sum().clamp(min=1e-8)


def ccc_loss(pred: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """1 - CCC (Lin 1989, population moments) over all known rows of a batch, mean over the K axes.

    pred, target, mask: (..., K). An axis with fewer than two known rows is left out; none left gives 0.
    """
    k = pred.shape[-1]
    p, t, m = (x.reshape(-1, k).float() for x in (pred, target, mask))
    n = m.sum(0)
    safe = n.clamp(min=1)
    mp, mt = (p * m).sum(0) / safe, (t * m).sum(0) / safe
    dp, dt = (p - mp) * m, (t - mt) * m
    ccc = 2 * (dp * dt).sum(0) / safe / ((dp**2).sum(0) / safe + (dt**2).sum(0) / safe + (mp - mt) ** 2 + 1e-8)
    use = (n >= 2).float()
    return ((1 - ccc) * use).sum() / use.sum().clamp(min=1)


def masked_mse(pred: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean squared error over known entries."""
    return (((pred.float() - target) ** 2) * mask).sum() / mask.sum().clamp(min=1)


def masked_bce(
    logits: torch.Tensor,
    target: torch.Tensor,
    mask: torch.Tensor,
    positive_weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Binary cross-entropy from logits over known entries; positive_weight (K,) multiplies positive terms."""
    rows = F.binary_cross_entropy_with_logits(
        logits.float(), target.float(), reduction="none", pos_weight=positive_weight
    )
    return (rows * mask).sum() / mask.sum().clamp(min=1)


class MultiTaskLoss(nn.Module):
    """Weighted sum over the fields that a prediction has and a batch knows.

    emotion: soft cross-entropy; vad: 1 - CCC plus MSE (ours: the MSE anchors the scale where a batch is small);
    au, state: binary cross-entropy, AU intensity: MSE / 25. weights: field -> factor, 1 where not given.
    balance: weigh classes by inverse training frequency (emotion) and positives by n-/n+ capped at 10 (au, state), all
    to this power: 0 (or false) is off, 1 (or true) lets every class count alike.
    terms: field -> a loss of engine/terms.py in place of that field's usual one; smoothing and balance are not for it.
    """

    def __init__(
        self,
        weights: Mapping[str, float] | None = None,
        smoothing: float = 0.0,
        balance: float = 0.0,
        terms: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__()
        for name in (*(weights or {}), *(terms or {})):
            if name not in FIELDS:
                raise UnknownNameError("loss field", name, FIELDS)
        if not 0 <= balance <= 1:
            raise AffectZooError(f"loss.balance: must lie in 0 to 1, got {balance}")
        self.weights, self.smoothing, self.balance = dict(weights or {}), smoothing, float(balance)
        self.terms = nn.ModuleDict(terms or {})

    def fit_balance(self, space: LabelSpace, targets: Iterable[Mapping[str, Target]]) -> None:
        """Class weights from training targets: where balance is on, and of terms that have some."""
        targets = list(targets)
        fitted = {n for n, t in self.terms.items() if hasattr(t, "fit")}
        for name in space.fields:
            rows = [t[name] for t in targets if name in t]
            if name == "vad" or not rows or not (self.balance or name in fitted):
                continue
            values = torch.cat(
                [torch.as_tensor(t.values * t.mask).reshape(-1, space.size(name)) for t in rows]
            ).double()
            known = torch.cat([torch.as_tensor(t.mask).reshape(-1, space.size(name)) for t in rows]).double()
            positive, n = values.sum(0), known.sum(0)
            if name in self.terms:
                if name in fitted:
                    self.terms[name].fit(space, positive, n)
                continue
            if name == "emotion":
                weight = torch.where(positive > 0, n.mean() / (positive.clamp(min=1e-8) * len(positive)), 0.0)
            else:
                weight = ((n - positive) / positive.clamp(min=1)).clamp(1, 10)
            self.register_buffer(f"balance_{name}", weight.float() ** self.balance, persistent=False)

    def forward(self, pred: AffectPrediction, targets: dict[str, BatchTarget]) -> dict[str, torch.Tensor]:
        """Losses by field and 'total'."""
        losses = {n: self._field(n, f, targets[n], pred.space) for n, f in pred.fields.items() if n in targets}
        zero = next(iter(pred.fields.values())).values.sum() * 0.0
        losses["total"] = sum((self.weights.get(n, 1.0) * v for n, v in losses.items()), zero)
        return losses

    def _field(self, name: str, field: PredictionField, target: BatchTarget, space: LabelSpace) -> torch.Tensor:
        if name in self.terms:
            return self.terms[name](field, target, space)
        x, t, m = field.values, target.values, target.mask
        weight = getattr(self, f"balance_{name}", None)
        if name == "emotion":
            return soft_cross_entropy(x, t, m, weight, self.smoothing)
        if name == "vad":
            return ccc_loss(x, t, m) + masked_mse(x, t, m)
        if field.kind == "value":
            return masked_mse(x, t, m) / 25
        return masked_bce(x, t, m, weight)
