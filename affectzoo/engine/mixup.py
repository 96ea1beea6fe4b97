"""Mixup (Zhang et al. 2018, ICLR): training on weighted means of two items and of their labels."""

from dataclasses import replace

import torch

from affectzoo.errors import AffectZooError
from affectzoo.structures.sample import AffectBatch, BatchSignal, BatchTarget


def mixup(batch: AffectBatch, alpha: float) -> AffectBatch:
    """The batch with every item mixed with another one, by one weight drawn from Beta(alpha, alpha).

    The weight is turned so that an item keeps at least half of itself. Where only one of the two has a frame, that
    frame stands alone (ours: padding is no sound). A label is known where both are. Draws from torch's global
    generator. Raises AffectZooError for labels over time, which two recordings do not share.
    """
    timed = [n for n, t in batch.targets.items() if t.rate_hz is not None]
    if timed:
        raise AffectZooError(f"task.mixup: labels over time cannot be mixed ({', '.join(timed)}); set it to 0")
    weight = float(torch.distributions.Beta(alpha, alpha).sample())
    weight = max(weight, 1 - weight)
    other = torch.randperm(len(batch))
    signals = {m: _mix_signal(s, other, weight) for m, s in batch.signals.items()}
    targets = {
        n: BatchTarget(weight * t.values + (1 - weight) * t.values[other], t.mask & t.mask[other])
        for n, t in batch.targets.items()
    }
    return replace(batch, signals=signals, targets=targets)


def _mix_signal(s: BatchSignal, other: torch.Tensor, weight: float) -> BatchSignal:
    own = s.mask.float() * weight
    theirs = s.mask[other].float() * (1 - weight)
    total = (own + theirs).clamp(min=1e-8)
    shape = (*s.mask.shape, *[1] * (s.data.ndim - 2))
    values = s.data / 255 if s.data.dtype == torch.uint8 else s.data  # pictures become floats in 0 to 1
    data = values * (own / total).view(shape) + values[other] * (theirs / total).view(shape)
    return BatchSignal(data, s.mask | s.mask[other], s.rate_hz, s.t0_s)
