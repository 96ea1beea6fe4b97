"""A small residual network over log-mel frames, for emotion and VAD of one utterance."""

import torch
from torch import nn

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.speech.augment import SpecAugment
from affectzoo.speech.features import LogMel
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.heads import AffectHeads


class LogMelCNN(AffectModel):
    """Three residual stages of 2-D convolutions over patches, then attentive statistics over time (ours).

    One answer an utterance. Frames that are padding are set to zero before every convolution, so that in
    eval mode neither padding nor the other items of a batch change an answer. In training, batch statistics
    see the zeros of padded frames, except in the input normalisation.

    width: channels of the first stage (the others have 2 and 3 times as many); blocks: residual blocks a stage;
    n_mels, level, trim: see LogMel; dropout: before the heads; spec_augment: mask and stretch the input in training
    mode. 1.1 M parameters at width 64 with one block.
    """

    modalities = ("audio",)

    def __init__(
        self,
        label_space: LabelSpace | str,
        width: int = 64,
        blocks: int = 1,
        n_mels: int = 64,
        level: str = "utterance",
        trim: bool = True,
        dropout: float = 0.3,
        spec_augment: bool = True,
    ):
        super().__init__(label_space)
        self.width, self.blocks, self.n_mels, self.level, self.trim = width, blocks, n_mels, level, trim
        self.dropout, self.spec_augment = dropout, spec_augment
        self.transforms = {"audio": LogMel(n_mels=n_mels, level=level, trim=trim)}
        self.augment = SpecAugment() if spec_augment else None
        self.encoder = LogMelEncoder(n_mels, width, blocks=blocks)
        self.pool = AttentiveStatistics(self.encoder.dim)
        self.drop = nn.Dropout(dropout)
        self.heads = AffectHeads(2 * self.encoder.dim, self.label_space)

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Utterance vectors (B, D) from log-mel frames (B, T, n_mels)."""
        signal = batch.signals["audio"]
        frames, mask = self.encoder(signal.data, signal.mask, self.augment)
        return Encoded(self.drop(self.pool(frames, mask)))


class LogMelEncoder(nn.Module):
    """Log-mel frames (B, T, n_mels) to vectors (B, ceil(T / 8), dim), one per 80 ms at a 10 ms hop.

    The first convolution sees patches of 4 frames by 4 bands as 16 channels: no layer works at the resolution of the
    spectrogram, where most of a network's time goes and, on the corpora here, little of its score (docs/decisions.md).
    """

    patch, stride = 4, 8

    def __init__(self, n_mels: int = 64, width: int = 64, dim: int | None = None, blocks: int = 1):
        super().__init__()
        if n_mels % self.patch:
            raise AffectZooError(f"n_mels must be a multiple of {self.patch}, got {n_mels}")
        self.dim = 3 * width if dim is None else dim
        self.norm = FrameNorm(n_mels)
        self.stem = nn.Sequential(
            nn.Conv2d(self.patch**2, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        shapes = [(width, width, (1, 1)), (width, 2 * width, (2, 2)), (2 * width, 3 * width, (1, 2))]
        stages = [[ResidualBlock(*s), *(ResidualBlock(s[1], s[1], (1, 1)) for _ in range(blocks - 1))] for s in shapes]
        self.stages = nn.ModuleList(block for stage in stages for block in stage)
        bands = -(-n_mels // self.patch // 4)
        self.project = nn.Sequential(nn.Linear(3 * width * bands, self.dim), nn.LayerNorm(self.dim), nn.GELU())

    def forward(self, x: torch.Tensor, mask: torch.Tensor, augment: nn.Module | None = None):
        """Vectors and their mask from x (B, T, n_mels) and mask (B, T); `augment` sees normalised frames."""
        x = self.norm(x, mask)
        if augment is not None:
            x, mask = augment(x, mask)
        x, mask = self._patches(x * mask[..., None], mask)
        x = zero_padding(self.stem(x.contiguous(memory_format=torch.channels_last)), mask)
        for block in self.stages:
            x, mask = block(x, mask)
        return self.project(x.permute(0, 2, 1, 3).flatten(2)), mask

    def _patches(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 16, T / 4, n_mels / 4) and (B, T / 4), T rounded up; a patch counts when its first frame does."""
        p, more = self.patch, -x.shape[1] % self.patch
        x, mask = nn.functional.pad(x, (0, 0, 0, more)), nn.functional.pad(mask, (0, more))
        b, t, f = x.shape
        x = x.view(b, t // p, p, f // p, p).permute(0, 2, 4, 1, 3).reshape(b, p * p, t // p, f // p)
        return x, mask[:, ::p]


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
        same = inside == out and stride == (1, 1)
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(inside, out, 1, bias=False), nn.BatchNorm2d(out))
        )

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
