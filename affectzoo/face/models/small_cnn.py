"""SmallCnn: a small convolutional network for pre-cropped faces, about 0.4 million parameters."""

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.features import FaceCrop
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.heads import AffectHeads

GRANULARITIES = ("clip", "frame")
_GROUPS = 8
_GRID = 4  # cells a side that keep their place: a pre-cropped face has its brows above its mouth


class SmallCnn(AffectModel):
    """Encodes every frame alone; a clip is the mean over its valid frames.

    Each frame's channels are standardised; then four 3 x 3 convolutions of stride 2 with group normalisation
    (Wu & He 2018; no batch statistics), a 4 x 4 map that keeps places, one linear layer. granularity 'clip'
    answers once a recording, 'frame' once a frame. size, crop: options of `FaceCrop`. Architecture: ours.
    """

    modalities = ("face",)

    def __init__(
        self,
        label_space: LabelSpace | str,
        size: int = 64,
        crop: str = "centre",
        width: int = 32,
        dim: int = 192,
        dropout: float = 0.2,
        granularity: str = "clip",
    ):
        super().__init__(label_space)
        if granularity not in GRANULARITIES:
            raise UnknownNameError("granularity", granularity, GRANULARITIES)
        if width % _GROUPS:
            raise AffectZooError(f"width must be a multiple of {_GROUPS}, got {width}")
        self.size, self.crop, self.width, self.dim = size, crop, width, dim
        self.dropout, self.granularity = dropout, granularity
        self.transforms = {"face": FaceCrop(size, crop, "uint8")}
        widths = (3, width, 2 * width, 4 * width, 6 * width)
        self.blocks = nn.Sequential(*(_block(a, b) for a, b in zip(widths, widths[1:], strict=False)))
        self.squeeze = nn.Sequential(nn.Conv2d(widths[-1], width, 1), nn.AdaptiveAvgPool2d(_GRID), nn.Flatten())
        self.embed = nn.Linear(width * _GRID**2, dim)
        self.drop = nn.Dropout(dropout)
        self.heads = AffectHeads(dim, self.label_space)

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Face (B, T, size, size, 3) uint8, or float in 0 to 1 -> (B, D), or (B, T, D) by frame."""
        face = batch.signals["face"]
        if face.data.shape[2:] != (self.size, self.size, 3):
            found = " x ".join(map(str, face.data.shape[2:]))
            raise AffectZooError(
                f"{self.arch or 'small_cnn'} reads faces of {self.size} x {self.size} x 3; "
                f"the batch has {found}: prepare it with model.prepare"
            )
        frames = self._frames(face.data.flatten(0, 1)).unflatten(0, face.data.shape[:2])
        if self.granularity == "frame":
            return Encoded(self.drop(frames * face.mask[..., None]), face.mask, face.rate_hz, face.t0_s)
        weight = face.mask.to(frames.dtype)[..., None]
        return Encoded(self.drop((frames * weight).sum(1) / weight.sum(1).clamp(min=1)))

    def _frames(self, x: torch.Tensor) -> torch.Tensor:
        x = x if x.is_floating_point() else x.to(self.embed.weight.dtype) / 255
        x = F.instance_norm(x.permute(0, 3, 1, 2), eps=1e-3)  # light and skin tone go, picture by picture
        return F.gelu(self.embed(self.squeeze(self.blocks(x))))


def _block(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride=2, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, outside),
        nn.GELU(),
    )
