"""TimmFeatures: pooled features and a feature map out of any timm network, through timm's own calls."""

from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import nn

import affectzoo.face.backbone  # noqa: F401  registers face_resnet with timm
from affectzoo.errors import AffectZooError, UnknownNameError


class TimmFeatures(nn.Module):
    """Pictures (N, chans, size, size) -> (features (N, dim), map (N, positions, channels)).

    name: of timm (`timm.list_models()`), with random weights; nothing is downloaded. options: go to
    `timm.create_model`. Networks of a fixed input (ViT, Swin) are built for `size`. dim, positions and channels are
    read off one picture. Maps may be NCHW, NHWC (Swin) or tokens (ViT), whose class tokens are left out of the map.
    """

    def __init__(self, name: str, chans: int, size: int, options: Mapping[str, Any] | None = None):
        super().__init__()
        if not timm.is_model(name):
            raise UnknownNameError("timm network", name, timm.list_models())
        given = timm.get_pretrained_cfg(name, allow_unregistered=True)
        sized = {"img_size": size} if given is not None and given.fixed_input_size else {}
        try:
            self.net = timm.create_model(
                name, pretrained=False, num_classes=0, in_chans=chans, **{**sized, **(options or {})}
            )
            self.dim, self.positions, self.channels = self._measure(chans, size)
        except (TypeError, AssertionError, ValueError, RuntimeError) as e:
            raise AffectZooError(f"timm cannot build {name!r} for {size} x {size} pixels: {e}") from None

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the class."""
        maps = self.net.forward_features(x)
        return self.net.forward_head(maps, pre_logits=True), self._tokens(maps)

    def _tokens(self, maps: torch.Tensor) -> torch.Tensor:
        if maps.ndim == 3:
            return maps[:, getattr(self.net, "num_prefix_tokens", 0) :]
        last = getattr(self.net, "output_fmt", "NCHW") == "NHWC"
        return maps.flatten(1, 2) if last else maps.flatten(2).transpose(1, 2)

    @torch.no_grad()
    def _measure(self, chans: int, size: int) -> tuple[int, int, int]:
        self.net.eval()
        features, maps = self(torch.zeros(1, chans, size, size))
        self.net.train()
        return features.shape[1], maps.shape[1], maps.shape[2]
