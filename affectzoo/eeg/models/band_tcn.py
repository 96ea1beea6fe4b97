"""BandTcn: causal dilated convolutions over band-power features, one answer a step."""

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.eeg.features import BANDS, BandPower
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.heads import AffectHeads

_KERNEL = 3


class BandTcn(AffectModel):
    """Step-level affect from EEG of `n_channels` channels, always in the same order.

    Features are standardised by a batch normalisation over the valid steps of the training data; in use its
    statistics are fixed, so an answer depends on no statistics of the test recording. Then residual blocks of
    two causal convolutions (kernel 3) with the given dilations (Bai, Kolter & Koltun 2018; the layer
    normalisation over features is ours): the answer at a step uses that step and earlier ones only.
    window_s, hop_s: options of `BandPower`; the answers have its rate and times.
    """

    modalities = ("eeg",)

    def __init__(
        self,
        label_space: LabelSpace | str,
        n_channels: int = 8,
        dim: int = 48,
        dilations: tuple[int, ...] = (1, 2, 4),
        dropout: float = 0.1,
        window_s: float = 1.0,
        hop_s: float = 1.0,
    ):
        super().__init__(label_space)
        self.n_channels, self.dim, self.dilations = n_channels, dim, list(dilations)
        self.dropout, self.window_s, self.hop_s = dropout, window_s, hop_s
        self.transforms = {"eeg": BandPower(window_s, hop_s)}
        self.norm = nn.BatchNorm1d(n_channels * len(BANDS))
        self.mix = nn.Linear(n_channels * len(BANDS), dim)
        self.blocks = nn.ModuleList(_Block(dim, d, dropout) for d in dilations)
        self.heads = AffectHeads(dim, self.label_space)

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Features (B, T, C * 5) -> (B, T, D) with the batch's mask, rate and t0_s."""
        eeg = batch.signals["eeg"]
        self._check_channels(eeg.data.shape[-1])
        x = self._standardise(eeg.data, eeg.mask)
        x = F.gelu(self.mix(x)) * eeg.mask[..., None]
        for block in self.blocks:
            x = block(x, eeg.mask)
        return Encoded(x, eeg.mask, eeg.rate_hz, eeg.t0_s)

    def _check_channels(self, features: int) -> None:
        if features != self.n_channels * len(BANDS):
            raise AffectZooError(
                f"{self.arch or 'band_tcn'} was built for {self.n_channels} channels, the recording has "
                f"{features / len(BANDS):g}; pick its channels, or build the model with that n_channels"
            )

    def _standardise(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(x)
        out[mask] = self.norm(x[mask])  # padded and invalid steps take no part in the statistics
        return out


class _Block(nn.Module):
    """x + conv(conv(x)), padded on the left only; the result has x's shape (B, T, D)."""

    def __init__(self, dim: int, dilation: int, dropout: float):
        super().__init__()
        self.left = (_KERNEL - 1) * dilation
        self.convs = nn.ModuleList(nn.Conv1d(dim, dim, _KERNEL, dilation=dilation) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        y = x
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = conv(F.pad(y.transpose(1, 2), (self.left, 0))).transpose(1, 2)
            y = self.drop(F.gelu(norm(y))) * mask[..., None]
        return x + y
