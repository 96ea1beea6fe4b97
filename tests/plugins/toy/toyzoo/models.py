import torch
from torch import nn

from affectzoo.errors import AffectZooError
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import AffectModel, Encoded, Transform
from affectzoo.zoo.heads import AffectHeads


class Blocks(Transform):
    """Blocks of `size` samples: (T,) -> (T // size, size)."""

    def __init__(self, size=4):
        self.size = size

    def __call__(self, signal):
        n = len(signal) // self.size
        if n == 0:
            raise AffectZooError(f"too short: {len(signal)} samples, {self.size} are needed")
        if not signal.data.any():
            raise AffectZooError("silent: all samples are zero")
        return Signal(signal.data[: n * self.size].reshape(n, self.size), signal.rate_hz / self.size, signal.t0_s)


class Mean(AffectModel):
    """Masked mean of encoded blocks; `steps` answers every block instead."""

    modalities = ("pulse",)

    def __init__(self, label_space, dim=6, size=4, dropout=0.0, steps=False):
        super().__init__(label_space)
        self.dim, self.size, self.dropout, self.steps = dim, size, dropout, steps
        self.transforms = {"pulse": Blocks(size)}
        self.encode = nn.Sequential(nn.Linear(size, dim), nn.Tanh(), nn.Dropout(dropout))
        self.heads = AffectHeads(dim, self.label_space)

    def forward_features(self, batch):
        s = batch.signals["pulse"]
        x, m = self.encode(s.data), s.mask[..., None].float()
        if self.steps:
            return Encoded(x, s.mask, s.rate_hz, s.t0_s)
        return Encoded((x * m).sum(1) / m.sum(1).clamp(min=1))


class LeaksPadding(Mean):
    """Wrong on purpose: padding counts."""

    def forward_features(self, batch):
        return Encoded(self.encode(batch.signals["pulse"].data).mean(1))


class LooksAside(Mean):
    """Wrong on purpose: an item sees the others of its batch."""

    def forward_features(self, batch):
        values = super().forward_features(batch).values
        return Encoded(values - values.mean(0))


class DeadWeight(Mean):
    """Wrong on purpose: a parameter that nothing uses."""

    def __init__(self, label_space, dim=6):
        super().__init__(label_space, dim)
        self.unused = nn.Parameter(torch.zeros(3))


class NotAModel:
    """Not an AffectModel."""
