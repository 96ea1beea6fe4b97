"""A small residual network over log-mel frames, for emotion and VAD of one utterance."""

import torch
from torch import nn

from affectzoo.labels.space import LabelSpace
from affectzoo.speech.augment import SpecAugment
from affectzoo.speech.features import LogMel
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.heads import AffectHeads


class LogMelCNN(AffectModel):
    """Four residual stages of 2-D convolutions, then attentive statistics over time (ours; 0.9 M parameters).

    One answer an utterance. Frames that are padding are set to zero before every convolution, so that in
    eval mode neither padding nor the other items of a batch change an answer. In training, batch statistics
    see the zeros of padded frames, except in the input normalisation.

    width: channels of the first stage (the others have 2, 4 and 5 times as many); n_mels, level, trim: see LogMel;
    dropout: before the heads; spec_augment: mask and stretch the input in training mode.
    """

    modalities = ("audio",)

    def __init__(
        self,
        label_space: LabelSpace | str,
        width: int = 32,
        n_mels: int = 64,
        level: str = "utterance",
        trim: bool = True,
        dropout: float = 0.3,
        spec_augment: bool = True,
    ):
        super().__init__(label_space)
        self.width, self.n_mels, self.level, self.trim = width, n_mels, level, trim
        self.dropout, self.spec_augment = dropout, spec_augment
        self.transforms = {"audio": LogMel(n_mels=n_mels, level=level, trim=trim)}
        self.augment = SpecAugment() if spec_augment else None
        self.encoder = LogMelEncoder(n_mels, width)
        self.pool = AttentiveStatistics(self.encoder.dim)
        self.drop = nn.Dropout(dropout)
        self.heads = AffectHeads(2 * self.encoder.dim, self.label_space)

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Utterance vectors (B, D) from log-mel frames (B, T, n_mels)."""
        signal = batch.signals["audio"]
        frames, mask = self.encoder(signal.data, signal.mask, self.augment)
        return Encoded(self.drop(self.pool(frames, mask)))


class LogMelEncoder(nn.Module):
    """Log-mel frames (B, T, n_mels) to vectors (B, ceil(T / 8), dim), one per 80 ms at a 10 ms hop."""

    stride = 8

    def __init__(self, n_mels: int = 64, width: int = 32, dim: int | None = None):
        super().__init__()
        self.dim = 6 * width if dim is None else dim
        self.norm = FrameNorm(n_mels)
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.stages = nn.ModuleList(
            [
                ResidualBlock(width, width, (2, 1)),
                ResidualBlock(width, 2 * width, (1, 2)),
                ResidualBlock(2 * width, 4 * width, (2, 2)),
                ResidualBlock(4 * width, 5 * width, (1, 2)),
            ]
        )
        flat = 5 * width * -(-n_mels // 16)
        self.project = nn.Sequential(nn.Linear(flat, self.dim), nn.LayerNorm(self.dim), nn.GELU())

    def forward(self, x: torch.Tensor, mask: torch.Tensor, augment: nn.Module | None = None):
        """Vectors and their mask from x (B, T, n_mels) and mask (B, T); `augment` sees normalised frames."""
        x = self.norm(x, mask)
        if augment is not None:
            x, mask = augment(x, mask)
        x = (x * mask[..., None])[:, None]
        mask = mask[:, ::2]
        x = zero_padding(self.stem(x).contiguous(memory_format=torch.channels_last), mask)
        for stage in self.stages:
            x, mask = stage(x, mask)
        return self.project(x.permute(0, 2, 1, 3).flatten(2)), mask


class FrameNorm(nn.Module):
    """Batch normalisation of each mel band whose statistics come from the valid frames only."""

    def __init__(self, n_mels: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(n_mels)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (B, T, n_mels), mask (B, T)."""
        if not self.training:
            return self.norm(x.flatten(0, 1)).view_as(x)
        return torch.zeros_like(x).masked_scatter(mask[..., None], self.norm(x[mask]))


class ResidualBlock(nn.Module):
    """conv-norm-relu-conv-norm plus a shortcut (He et al. 2016), 3x3, over (B, C, T, F)."""

    def __init__(self, inside: int, out: int, stride: tuple[int, int]):
        super().__init__()
        self.stride = stride
        self.first = nn.Sequential(nn.Conv2d(inside, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out))
        self.shortcut = nn.Sequential(nn.Conv2d(inside, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (B, C, T, F) with zeros where mask (B, T) is False; the same for the output."""
        time, band = self.stride
        mask = mask[:, ::time]
        y = self.second(zero_padding(self.first(x), mask))
        # Sliced, not strided: the backward pass of torch 2.11's strided 1x1 convolution (channels last, 8
        # channels, CPU) writes beyond its memory.
        short = self.shortcut(x[:, :, ::time, ::band].contiguous(memory_format=torch.channels_last))
        return zero_padding(torch.relu(y + short), mask), mask


class AttentiveStatistics(nn.Module):
    """Attention-weighted mean and standard deviation over time (Okabe et al. 2018, equations 5 and 6)."""

    def __init__(self, dim: int, hidden: int = 64):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (B, T, D), mask (B, T) to (B, 2 D)."""
        x = x.float()
        score = self.score(x).float().masked_fill(~mask[..., None], -1e4)
        weight = score.softmax(dim=1)
        mean = (weight * x).sum(1)
        variance = (weight * (x - mean[:, None]).square()).sum(1)
        return torch.cat([mean, (variance + 1e-5).sqrt()], dim=-1)


def zero_padding(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """x (B, C, T, F) with zeros where mask (B, T) is False."""
    return x * mask[:, None, :, None]
