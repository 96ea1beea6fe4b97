"""A small recurrent network over the heart rate."""

import numpy as np
import torch
from torch import nn

from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import AffectModel, Encoded, Transform
from affectzoo.zoo.heads import AffectHeads


class Tachogram(Transform):
    """Heart rate (T,) to (T, 2): scaled rate and its change a second."""

    def __call__(self, signal: Signal) -> Signal:
        """Transform one recording."""
        rate = (signal.data - 75.0) / 25.0
        change = np.gradient(rate) * signal.rate_hz if len(rate) > 1 else np.zeros_like(rate)
        return Signal(np.stack([rate, change], -1).astype(np.float32), signal.rate_hz, signal.t0_s)


class TachoNet(AffectModel):
    """Two layers over each step, then the masked mean and spread over time."""

    modalities = ("heart",)

    def __init__(self, label_space, dim: int = 16):
        super().__init__(label_space)
        self.dim = dim
        self.transforms = {"heart": Tachogram()}
        self.encoder = nn.Sequential(nn.Linear(2, dim), nn.Tanh(), nn.Linear(dim, dim), nn.Tanh())
        self.heads = AffectHeads(2 * dim, self.label_space)

    def forward_features(self, batch) -> Encoded:
        """Recording vectors (B, 2 dim)."""
        signal = batch.signals["heart"]
        x, m = self.encoder(signal.data), signal.mask[..., None].float()
        n = m.sum(1)
        mean = (x * m).sum(1) / n
        spread = ((((x - mean[:, None]) ** 2) * m).sum(1) / n + 1e-6).sqrt()
        return Encoded(torch.cat([mean, spread], -1))
