"""wav2vec 2.0, HuBERT and WavLM from torchaudio, so that padding changes nothing and nothing is random by accident."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchaudio.models as tam
from torch import nn
from torchaudio.models.wav2vec2.wavlm_attention import WavLMSelfAttention

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.speech.ssl_weights import load_encoder

#: torchaudio's extractor with 16 channels: the same hop and receptive field as the full ones.
_TINY_LAYERS = [(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16, 2, 2)] * 2


@dataclass(frozen=True)
class EncoderKind:
    """How an encoder is built, and whether it was trained on waveforms of mean 0 and variance 1."""

    build: Callable[[], tam.Wav2Vec2Model]
    normalise: bool


def _tiny(deep_norm: bool, wavlm: bool = False) -> tam.Wav2Vec2Model:
    """Two layers of 16 units. deep_norm: laid out as the large models (layer norm in the extractor, and first)."""
    options: dict[str, Any] = {
        "extractor_mode": "layer_norm" if deep_norm else "group_norm",
        "extractor_conv_layer_config": _TINY_LAYERS,
        "extractor_conv_bias": deep_norm,
        "encoder_embed_dim": 16,
        "encoder_projection_dropout": 0.1,
        "encoder_pos_conv_kernel": 16,
        "encoder_pos_conv_groups": 2,
        "encoder_num_layers": 2,
        "encoder_num_heads": 2,
        "encoder_attention_dropout": 0.1,
        "encoder_ff_interm_features": 32,
        "encoder_ff_interm_dropout": 0.1,
        "encoder_dropout": 0.1,
        "encoder_layer_norm_first": deep_norm,
        "encoder_layer_drop": 0.1,
        "aux_num_out": None,
    }
    if wavlm:
        return tam.wavlm_model(encoder_num_buckets=32, encoder_max_distance=64, **options)
    return tam.wav2vec2_model(**options)


#: Named as torchaudio.models names them. The tiny ones are for tests: the three layouts that exist.
ENCODERS = {
    "wav2vec2_base": EncoderKind(tam.wav2vec2_base, normalise=False),
    "wav2vec2_large": EncoderKind(tam.wav2vec2_large, normalise=False),
    "wav2vec2_large_lv60k": EncoderKind(tam.wav2vec2_large_lv60k, normalise=True),  # also XLSR-53
    "wav2vec2_xlsr_300m": EncoderKind(tam.wav2vec2_xlsr_300m, normalise=True),
    "hubert_base": EncoderKind(tam.hubert_base, normalise=False),
    "hubert_large": EncoderKind(tam.hubert_large, normalise=True),
    "wavlm_base": EncoderKind(tam.wavlm_base, normalise=False),  # also WavLM Base+
    "wavlm_large": EncoderKind(tam.wavlm_large, normalise=True),
    "tiny_wav2vec2": EncoderKind(lambda: _tiny(deep_norm=False), normalise=False),
    "tiny_large": EncoderKind(lambda: _tiny(deep_norm=True), normalise=True),
    "tiny_wavlm": EncoderKind(lambda: _tiny(deep_norm=False, wavlm=True), normalise=False),
}


class SSLEncoder(nn.Module):
    """A frozen encoder of ENCODERS: waveforms (B, N) at 16 kHz to all its hidden states (B, T, dim) at 50 Hz.

    weights: a safetensors file or its https address (ssl_weights.py), 'random', or None: the encoder is then laid out
    without values (on torch's meta device), costs nothing, and every use raises until a state dict fills it.

    torchaudio's own `extract_features` is not called: its group norm averages over padding (pytorch/audio #2242) and
    its WavLM fails with lengths (#3700). Without padding the results are the same. Layers are never dropped.
    """

    def __init__(self, kind: str, weights: str | None = None, weights_sha256: str = ""):
        super().__init__()
        if kind not in ENCODERS:
            raise UnknownNameError("encoder", kind, ENCODERS)
        self.kind = kind
        with torch.device("cpu" if weights == "random" else "meta"):
            self.model = ENCODERS[kind].build().requires_grad_(False)
        self.weights_sha256 = weights_sha256
        if weights not in (None, "random"):
            self.weights_sha256 = load_encoder(self.model, kind, weights, weights_sha256)
        self.register_load_state_dict_pre_hook(_make_room)
        blocks = self.model.feature_extractor.conv_layers
        self.hop, self.field = 1, 1
        for block in blocks:
            self.field += (block.kernel_size - 1) * self.hop
            self.hop *= block.stride

    @property
    def dim(self) -> int:
        """Width of the hidden states."""
        return self.model.encoder.transformer.layer_norm.normalized_shape[0]

    @property
    def layers(self) -> nn.ModuleList:
        """The transformer layers."""
        return self.model.encoder.transformer.layers

    def forward(self, audio: torch.Tensor, mask: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Input of the first layer and output of each, every one (B, T, dim), and the mask (B, T) of valid frames.

        audio (B, N); mask (B, N). A frame is valid when all its samples lie before the end of its item and the one in
        its middle is valid. Raises AffectZooError when the encoder has no weights.
        """
        self._need_weights()
        audio = audio.masked_fill(~mask, 0)
        x, length = self._extract(audio, mask.shape[1] - mask.flip(1).int().argmax(1))
        frame = torch.arange(x.shape[1], device=x.device)
        valid = (frame < length[:, None]) & mask[:, frame * self.hop + self.field // 2]
        x = self.model.encoder.feature_projection(x) * valid[..., None]
        return self._layers(x, valid), valid

    def _extract(self, audio: torch.Tensor, length: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, T, C) and their numbers (B,) from audio (B, N) of `length` (B,) samples."""
        x = audio[:, None]
        for block in self.model.feature_extractor.conv_layers:
            x = block.conv(x)
            length = (length - block.kernel_size) // block.stride + 1
            if isinstance(block.layer_norm, nn.GroupNorm):
                x = masked_channel_norm(x, length, block.layer_norm)
            elif block.layer_norm is not None:
                x = block.layer_norm(x)
            x = nn.functional.gelu(x)
        return x.transpose(1, 2), length

    def _layers(self, x: torch.Tensor, valid: torch.Tensor) -> list[torch.Tensor]:
        transformer = self.model.encoder.transformer
        x = x + transformer.pos_conv_embed(x)
        if transformer.layer_norm_first:
            x = transformer.layer_norm(x)
        states, bias = [x], None
        if isinstance(self.layers[0].attention, WavLMSelfAttention):
            masks = {"key_padding_mask": torch.zeros_like(x[..., 0]).masked_fill(~valid, -torch.inf)}
        else:
            masks = {"attention_mask": valid[:, None, None].expand(-1, 1, x.shape[1], -1)}
        for layer in self.layers:
            x, bias = layer(x, position_bias=bias, **masks)
            states.append(x)
        return states

    def _need_weights(self) -> None:
        if any(p.is_meta for p in self.parameters()):
            raise AffectZooError(
                f"the encoder {self.kind} has no weights: give weights=FILE.safetensors (docs/ssl.md tells how to get "
                "one), or weights=random for an untrained encoder"
            )

    def _apply(self, fn, recurse=True):
        """As nn.Module (`to`, `cpu`, `half`); without weights there is nothing to move."""
        self._need_weights()
        return super()._apply(fn, recurse)


def masked_channel_norm(x: torch.Tensor, length: torch.Tensor, norm: nn.GroupNorm) -> torch.Tensor:
    """nn.GroupNorm with one channel a group over the first `length` (B,) steps of x (B, C, T)."""
    mask = (torch.arange(x.shape[2], device=x.device) < length[:, None])[:, None]
    n = length[:, None, None]
    mean = x.float().masked_fill(~mask, 0).sum(2, keepdim=True) / n
    var = (x - mean).square().masked_fill(~mask, 0).sum(2, keepdim=True) / n
    scale = norm.weight[:, None] * (var + norm.eps).rsqrt()
    return ((x - mean) * scale + norm.bias[:, None]).to(x.dtype)


def _make_room(module: SSLEncoder, *_) -> None:
    """Before a state dict is read: memory for the values, which a meta parameter would drop without a word."""
    if any(p.is_meta for p in module.parameters()):
        module.model.to_empty(device="cpu")
