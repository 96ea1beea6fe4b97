"""Self-supervised encoders (wav2vec 2.0, HuBERT, WavLM) under a small trained top, for emotion and VAD."""

import torch
from torch import nn

from affectzoo.errors import UnknownNameError
from affectzoo.labels.space import LabelSpace
from affectzoo.speech.models.logmel_cnn import AttentiveStatistics
from affectzoo.speech.ssl_audio import Waveform
from affectzoo.speech.ssl_encoder import ENCODERS, SSLEncoder
from affectzoo.speech.ssl_lora import add_adapters
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.heads import AffectHeads

POOLINGS = ("attention", "mean")


class Wav2Vec2(AffectModel):
    """A pre-trained encoder, a learned mixture of its layers, one hidden layer, pooling over time. One answer a clip.

    The encoder is frozen and stays in eval mode (no dropout, no dropped layers); with lora_rank > 0 low-rank adapters
    in it are trained. Which weights it has is told by `weights` alone; docs/ssl.md says how to get them.

    encoder: a name of ssl_encoder.ENCODERS.
    weights: a safetensors file, an https address (then weights_sha256 is needed), or 'random'. None: no values, and
    every use raises AffectZooError until a checkpoint fills them. A file's path does not become part of the model: once
    read, `weights` is None and `weights_sha256` says which file it was.
    normalise: waveforms to mean 0 and variance 1; None: as the encoder was trained.
    pooling: 'attention' (attentive statistics) or 'mean'. hidden: width of the hidden layer. dropout: before and
    after the pooling. lora_rank: 0 for none; lora_alpha: their weight is lora_alpha / lora_rank; lora_on: attention,
    feed_forward or all.
    """

    modalities = ("audio",)
    #: Attention is quadratic in time: at 60 s, WavLM's positions alone take 0.4 GB (12 heads, float32).
    max_seconds = 60.0

    def __init__(
        self,
        label_space: LabelSpace | str,
        encoder: str = "wav2vec2_base",
        weights: str | None = None,
        weights_sha256: str = "",
        normalise: bool | None = None,
        pooling: str = "attention",
        hidden: int = 256,
        dropout: float = 0.2,
        lora_rank: int = 0,
        lora_alpha: float = 16.0,
        lora_on: str = "attention",
    ):
        super().__init__(label_space)
        if pooling not in POOLINGS:
            raise UnknownNameError("pooling", pooling, POOLINGS)
        speech = SSLEncoder(encoder, weights, weights_sha256)
        if lora_rank:
            add_adapters(speech.layers, lora_rank, lora_alpha, lora_on)
        self.weights = "random" if weights == "random" else None
        self.weights_sha256, self.normalise, self.pooling = speech.weights_sha256, normalise, pooling
        self.hidden, self.dropout = hidden, dropout
        self.lora_rank, self.lora_alpha, self.lora_on = lora_rank, lora_alpha, lora_on
        self.transforms = {"audio": Waveform(normalise=ENCODERS[encoder].normalise if normalise is None else normalise)}
        self.mixture = LayerMixture(len(speech.layers) + 1)
        self.project = nn.Sequential(nn.Linear(speech.dim, hidden), nn.GELU())
        self.pool = AttentiveStatistics(hidden) if pooling == "attention" else MaskedMean()
        self.drop = nn.Dropout(dropout)
        self.heads = AffectHeads((2 if pooling == "attention" else 1) * hidden, self.label_space)
        self.encoder, self.speech = encoder, speech  # last: reset_head looks at the first parameter's device

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Clip vectors (B, D) from waveforms (B, N) at 16 kHz."""
        signal = batch.signals["audio"]
        states, mask = self.speech(signal.data, signal.mask)
        frames = self.drop(self.project(self.mixture(states)))
        return Encoded(self.drop(self.pool(frames, mask)))

    def train(self, mode: bool = True) -> "Wav2Vec2":
        """As nn.Module, but the encoder stays in eval mode."""
        super().train(mode)
        self.speech.eval()
        return self


class LayerMixture(nn.Module):
    """Softmax-weighted sum over layers (Peters et al. 2018, equation 1; Yang et al. 2021 for speech).

    Each layer is first brought to mean 0 and variance 1 over its units (ours): in the large models the size of the
    hidden states differs between layers, and a weight would speak of the size as much as of the layer.
    """

    def __init__(self, n: int):
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(n))

    def forward(self, states: list[torch.Tensor]) -> torch.Tensor:
        """n states (B, T, D) to one."""
        weights = self.scores.softmax(0)
        return sum(w * nn.functional.layer_norm(s, s.shape[-1:]) for w, s in zip(weights, states, strict=True))


class MaskedMean(nn.Module):
    """Mean over valid steps."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (B, T, D), mask (B, T) to (B, D)."""
        return x.masked_fill(~mask[..., None], 0).sum(1) / mask.sum(1, keepdim=True)
