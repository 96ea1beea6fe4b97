"""Weights of self-supervised encoders from safetensors, in torchaudio's or Hugging Face's names; never from pickles."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from affectzoo.errors import FileError
from affectzoo.zoo.config import check_sha256, file_sha256
from affectzoo.zoo.weights import download

#: What bundles and checkpoints for speech recognition and pre-training hold beside the encoder.
_BESIDE = (
    "aux.",
    "lm_head.",
    "masked_spec_embed",
    "quantizer.",
    "project_q.",
    "project_hid.",
    "projector.",
    "classifier.",
)
#: Names by which a wrapper calls the encoder: torchaudio's normalising bundles, Hugging Face's models with a head.
_WRAPPERS = re.compile(r"^(model|wav2vec2|hubert|wavlm)\.")


def load_encoder(model: nn.Module, kind: str, source: str, sha256: str = "") -> str:
    """Put the tensors of a file into a torchaudio encoder (also one on the meta device); return the file's sha256.

    source: a .safetensors file, or an http(s) address, which needs the sha256 (64 hex digits) and is fetched once.
    Raises FileError (naming the file) when it is missing, no safetensors file, another file than the sha256 says, or
    does not hold every tensor of the encoder in its shape; AffectZooError for an address without sha256.
    """
    path = download(source, sha256) if re.match(r"https?://", source) else Path(source).expanduser()
    if not path.is_file():
        raise FileError(path, "no such file (weights=FILE.safetensors; docs/ssl.md tells how to get one)")
    if sha256:
        check_sha256(path, sha256)
    if path.suffix != ".safetensors":
        raise FileError(path, "is no .safetensors file; pickles are not read, docs/ssl.md tells how to convert one")
    try:
        tensors = torchaudio_names(load_file(path))
    except (SafetensorError, OSError) as e:
        raise FileError(path, f"is not a readable safetensors file ({e})") from None
    _check(model, kind, tensors, path)
    model.load_state_dict({n: t.float() for n, t in tensors.items()}, strict=True, assign=True)
    return sha256 or file_sha256(path)


def torchaudio_names(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The encoder's tensors under the names of torchaudio's Wav2Vec2Model; heads and quantisers are left out."""
    found = {_WRAPPERS.sub("", n): t for n, t in tensors.items()}
    found = {_renamed(n): t for n, t in found.items() if not n.startswith(_BESIDE)}
    return _joined_projections(found)


def _renamed(name: str) -> str:
    """Hugging Face has no `transformer` level; weight norm was called weight_g and weight_v before torch 2.1."""
    if name.startswith("feature_projection."):
        name = f"encoder.{name}"
    elif name.startswith("encoder.") and not name.startswith(("encoder.transformer.", "encoder.feature_projection.")):
        name = name.replace("encoder.", "encoder.transformer.", 1)
    name = re.sub(r"pos_conv_embed\.conv\.weight_g$", "pos_conv_embed.conv.parametrizations.weight.original0", name)
    return re.sub(r"pos_conv_embed\.conv\.weight_v$", "pos_conv_embed.conv.parametrizations.weight.original1", name)


def _joined_projections(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """WavLM has one matrix for query, key and value in torchaudio and three at Hugging Face."""
    split = r"(encoder\.transformer\.layers\.\d+\.attention\.)(q|k|v|out)_proj\.(weight|bias)"
    wavlm = any(n.endswith(".gru_rel_pos_const") for n in tensors)
    parts = {n: m for n in tensors if wavlm and (m := re.fullmatch(split, n))}
    out = {n: t for n, t in tensors.items() if n not in parts}
    for name, m in parts.items():
        layer, what, kind = m.groups()
        if what == "out":
            out[f"{layer}attention.out_proj.{kind}"] = tensors[name]
        elif what == "q":
            three = [tensors.get(f"{layer}{p}_proj.{kind}") for p in "qkv"]
            if all(t is not None for t in three):
                out[f"{layer}attention.in_proj_{kind}"] = torch.cat(three)
    return out


def _check(model: nn.Module, kind: str, tensors: dict[str, torch.Tensor], path: Path) -> None:
    own = {n: tuple(t.shape) for n, t in model.state_dict().items()}
    given = {n: tuple(t.shape) for n, t in tensors.items()}
    odd = [n for n in sorted(own.keys() | given.keys()) if own.get(n) != given.get(n)]
    if not odd:
        return
    lines = [f"{n}: {given.get(n, 'missing')}, wanted {own.get(n, 'no such tensor')}" for n in odd[:3]]
    more = f"; {len(odd) - 3} more" if len(odd) > 3 else ""
    raise FileError(path, f"does not hold the encoder {kind} ({'; '.join(lines)}{more})")
