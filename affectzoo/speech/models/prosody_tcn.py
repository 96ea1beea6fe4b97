"""A temporal convolutional network over log-mel frames and the prosody stream beside them."""

import torch
from torch import nn

from affectzoo.labels.space import LabelSpace
from affectzoo.speech.augment import SpecAugment
from affectzoo.speech.models.logmel_cnn import AttentiveStatistics, FrameNorm
from affectzoo.speech.prosody.features import COLUMNS, LogMelProsody
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.heads import AffectHeads


class ProsodyTCN(AffectModel):
    """Residual dilated convolutions (after Bai et al. 2018, not causal) over 20 ms steps, attentive statistics (ours).

    One answer an utterance. Mel bands and prosody (pitch in semitones from the utterance's median, voicing, level and
    their changes) are normalised column by column and enter the first convolution together, so that a filter sees the
    pitch contour that the mel bands blur. Masks of SpecAugment fall on the mel bands alone. Padding is zero before
    every convolution and every norm is an affine map in eval mode: neither it nor the batch changes an answer.

    width: channels; layers: residual blocks, of dilation 1, 2, 4, ... frames of 20 ms; n_mels, level, trim: see LogMel;
    dropout: after each block and before the heads. 1.4 M parameters with the defaults.
    """

    modalities = ("audio",)

    def __init__(
        self,
        label_space: LabelSpace | str,
        width: int = 192,
        layers: int = 6,
        n_mels: int = 64,
        level: str = "utterance",
        trim: bool = True,
        dropout: float = 0.2,
        spec_augment: bool = True,
    ):
        super().__init__(label_space)
        self.width, self.layers, self.n_mels, self.level, self.trim = width, layers, n_mels, level, trim
        self.dropout, self.spec_augment = dropout, spec_augment
        self.transforms = {"audio": LogMelProsody(n_mels=n_mels, level=level, trim=trim)}
        self.augment = SpecAugment(columns=n_mels) if spec_augment else None
        columns = n_mels + len(COLUMNS)
        self.norm = FrameNorm(columns)
        self.stem = nn.Conv1d(columns, width, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(TemporalBlock(width, 2**i, dropout) for i in range(layers))
        self.pool = AttentiveStatistics(width)
        self.drop = nn.Dropout(dropout)
        self.heads = AffectHeads(2 * width, self.label_space)

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Utterance vectors (B, 2 * width) from frames (B, T, n_mels + 6)."""
        signal = batch.signals["audio"]
        x, mask = self.norm(signal.data, signal.mask), signal.mask
        if self.augment is not None:
            x, mask = self.augment(x, mask)
        x = self.stem((x * mask[..., None]).transpose(1, 2))
        mask = mask[:, ::2]
        for block in self.blocks:
            x = block(x, mask)
        return Encoded(self.drop(self.pool(x.transpose(1, 2), mask)))


class TemporalBlock(nn.Module):
    """norm-GELU-dilated convolution-norm-GELU-convolution plus the input, over (B, C, T) with zeros in padding."""

    def __init__(self, width: int, dilation: int, dropout: float):
        super().__init__()
        self.first, self.second = nn.BatchNorm1d(width), nn.BatchNorm1d(width)
        self.dilated = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.mix = nn.Conv1d(width, width, 3, padding=1)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (B, C, T), mask (B, T)."""
        keep = mask[:, None]
        y = self.dilated(nn.functional.gelu(self.first(x)) * keep)
        y = self.mix(nn.functional.gelu(self.second(y)) * keep)
        return (x + self.drop(y)) * keep
