"""CausalTCN: the frames of a face track see those before them and none after."""

import torch
from torch import nn


class CausalTCN(nn.Module):
    """Residual dilated convolutions over (B, T, D), causal (after Bai, Kolter & Koltun 2018); layer norm, ours.

    layers: blocks, with dilations 1, 2, 4, ...; each reads 3 steps. Steps outside the mask enter as zeros, so padding
    changes no answer, and the last `context_steps` frames give exactly the answer that the whole track gives.
    """

    def __init__(self, dim: int, layers: int = 3, dropout: float = 0.0):
        super().__init__()
        self.blocks = nn.ModuleList(_CausalBlock(dim, 2**i, dropout) for i in range(layers))

    @property
    def context_steps(self) -> int:
        """How many frames, its own included, an answer depends on."""
        return 1 + sum(2 * b.dilation for b in self.blocks)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (B, T, D), mask (B, T) bool; returns (B, T, D), zero outside the mask."""
        keep = mask[..., None].to(x.dtype)
        x = x * keep
        for block in self.blocks:
            x = block(x, keep)
        return x


class _CausalBlock(nn.Module):
    """norm - dilated convolution by channel - GELU - mix of channels, plus the input."""

    def __init__(self, dim: int, dilation: int, dropout: float):
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(dim)
        self.conv = nn.Conv1d(dim, dim, 3, dilation=dilation, groups=dim)
        self.mix = nn.Linear(dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        y = (self.norm(x) * keep).transpose(1, 2)
        y = self.conv(nn.functional.pad(y, (2 * self.dilation, 0))).transpose(1, 2)
        return (x + self.drop(self.mix(nn.functional.gelu(y)))) * keep
