"""Heads: the one place where features become fields of a label space."""

import torch
from torch import nn

from affectzoo.labels.space import LabelSpace
from affectzoo.structures.prediction import PredictionField


class AffectHeads(nn.Module):
    """One linear head a field of the space, over features (..., D).

    emotion, state and AU presence give logits; vad gives tanh values in [-1, 1]; AU intensity gives 0 to 5.
    """

    def __init__(self, dim: int, label_space: LabelSpace):
        super().__init__()
        self.dim = dim
        self.space = label_space
        self.linear = nn.ModuleDict({f: nn.Linear(dim, label_space.size(f)) for f in label_space.fields})

    def forward(self, features: torch.Tensor) -> dict[str, PredictionField]:
        """Fields from features (B, D) or (B, T, D)."""
        out = {}
        for name, layer in self.linear.items():
            x = layer(features)
            if name == "vad":
                out[name] = PredictionField(torch.tanh(x), "value")
            elif name == "au" and self.space.au_kind == "intensity":
                out[name] = PredictionField(5 * torch.sigmoid(x), "value")
            else:
                out[name] = PredictionField(x, "logits")
        return out
