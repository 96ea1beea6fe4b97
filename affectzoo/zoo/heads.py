"""Heads: the one place where features become fields of a label space."""

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.labels.space import LabelSpace
from affectzoo.structures.prediction import PredictionField

_LEAST_SD = 0.01  # ours: half a percent of the range of vad; keeps a likelihood finite


class AffectHeads(nn.Module):
    """One linear head a field of the space, over features (..., D).

    emotion, state and AU presence give logits; vad gives tanh values in [-1, 1]; AU intensity gives 0 to 5.
    uncertainty: a second linear head gives the standard deviation of vad (softplus, at least 0.01), which
    `engine.terms.VadLikelihood` trains.
    """

    def __init__(self, dim: int, label_space: LabelSpace, uncertainty: bool = False):
        super().__init__()
        self.dim = dim
        self.space = label_space
        self.linear = nn.ModuleDict({f: nn.Linear(dim, label_space.size(f)) for f in label_space.fields})
        self.spread = nn.Linear(dim, label_space.size("vad")) if uncertainty and "vad" in self.linear else None

    def forward(self, features: torch.Tensor) -> dict[str, PredictionField]:
        """Fields from features (B, D) or (B, T, D)."""
        out = {name: self.field(name, layer(features)) for name, layer in self.linear.items()}
        if self.spread is not None:
            out["vad"].uncertainty = F.softplus(self.spread(features)) + _LEAST_SD
        return out

    def field(self, name: str, x: torch.Tensor) -> PredictionField:
        """The field `name` from the last layer's values (..., K)."""
        if name == "vad":
            return PredictionField(torch.tanh(x), "value")
        if name == "au" and self.space.au_kind == "intensity":
            return PredictionField(5 * torch.sigmoid(x), "value")
        return PredictionField(x, "logits")
