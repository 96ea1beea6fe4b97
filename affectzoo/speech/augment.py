"""Training-time changes of log-mel batches that leave the emotion as it was."""

import torch
from torch import nn
from torch.nn import functional as F


class SpecAugment(nn.Module):
    """Masks in frequency and time (Park et al. 2019, Interspeech, policy without warping) and a stretch.

    Acts in training mode only, and draws from torch's global generator. Every item has its own masks:
    `masks` bands of up to `n_bands` mel bands and `masks` spans of up to `share` of the item's valid frames,
    filled with 0 (the mean of normalised features). The batch as a whole is stretched in time by a factor
    within 1 +- `stretch` (ours). columns: only the first so many are masked; None means all.
    """

    def __init__(
        self,
        n_bands: int = 10,
        share: float = 0.12,
        stretch: float = 0.1,
        masks: int = 2,
        columns: int | None = None,
    ):
        super().__init__()
        self.columns = columns
        self.n_bands, self.share, self.stretch, self.masks = n_bands, share, stretch, masks

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (B, T, F) and mask (B, T) bool; both come back, T changed by the stretch."""
        if not self.training:
            return x, mask
        if self.stretch:
            x, mask = stretch_time(x, mask, 1 + self.stretch * float(2 * torch.rand(()) - 1))
        length, bands = mask.sum(1, keepdim=True).float(), self.columns or x.shape[2]
        keep = torch.ones_like(x, dtype=torch.bool)
        for _ in range(self.masks):
            keep[..., :bands] &= ~_span(bands, torch.full_like(length, bands), self.n_bands)[:, None, :]
            keep[..., :bands] &= ~_span(x.shape[1], length, self.share * length)[:, :, None]
        return x * keep, mask


def stretch_time(x: torch.Tensor, mask: torch.Tensor, factor: float) -> tuple[torch.Tensor, torch.Tensor]:
    """x (B, T, F) and mask (B, T) at round(T * factor) frames: linear in x, nearest in mask."""
    size = max(1, round(x.shape[1] * factor))
    x = F.interpolate(x.transpose(1, 2), size=size, mode="linear", align_corners=False).transpose(1, 2)
    return x, F.interpolate(mask[:, None].float(), size=size, mode="nearest")[:, 0] > 0.5


def _span(size: int, length: torch.Tensor, longest: torch.Tensor | float) -> torch.Tensor:
    """(B, size) bool: one span an item, width uniform in [0, longest), in the first `length` places."""
    width = torch.rand_like(length) * longest
    start = torch.rand_like(length) * (length - width).clamp(min=0)
    places = torch.arange(size, device=length.device)
    return (places >= start) & (places < start + width)
