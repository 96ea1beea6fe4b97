"""Low-rank adapters (LoRA, Hu et al. 2021) for the transformer layers of torchaudio's encoders."""

import math
from collections.abc import Iterable, Iterator

import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from affectzoo.errors import AffectZooError, UnknownNameError

#: Option -> the matrices of a layer that it means.
PLACES = {
    "attention": ("attention",),
    "feed_forward": ("feed_forward",),
    "all": ("attention", "feed_forward"),
}


class LowRank(nn.Module):
    """W + (alpha / rank) up @ down for a frozen W (out, in), Hu et al. 2021, equation 3.

    A parametrisation of the weight and not a module around the layer, because torchaudio's WavLM reads the weight of
    its attention without calling a layer. `up` (out, rank) begins at 0, so that a new adapter changes nothing; `down`
    is (rank, in). WavLM's queries, keys and values are one matrix (3 D, D) and share one `down`.
    """

    def __init__(self, weight: torch.Tensor, rank: int, alpha: float):
        super().__init__()
        out, inside = weight.shape
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, inside, device=weight.device))
        self.up = nn.Parameter(torch.zeros(out, rank, device=weight.device))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The adapted weight."""
        return weight + self.scale * (self.up @ self.down)


def add_adapters(layers: Iterable[nn.Module], rank: int, alpha: float, where: str) -> None:
    """Adapt the projections of transformer layers in place; the weights themselves must already be frozen.

    where: attention (query, key, value and output), feed_forward (both matrices) or all.
    Raises UnknownNameError for another place, AffectZooError for a rank below 1.
    """
    if where not in PLACES:
        raise UnknownNameError("lora_on", where, PLACES)
    if rank < 1:
        raise AffectZooError(f"lora_rank must be 0 (no adapters) or more, got {rank}")
    for layer in layers:
        for part in PLACES[where]:
            for module, name in list(_matrices(layer.get_submodule(part))):
                register_parametrization(module, name, LowRank(getattr(module, name), rank, alpha))


def _matrices(part: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """(module, parameter) of every projection of an attention or feed-forward part."""
    for name, module in part.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            yield module, "in_proj_weight"
        elif isinstance(module, nn.Linear) and name != "gru_rel_pos_linear":  # WavLM's gate of positions, 8 outputs
            yield module, "weight"
