"""FaceNet: any timm network over faces, with heads for emotion, VAD and action units, by clip, frame or track."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.au_relation import AuRelationHeads
from affectzoo.face.augment import FaceAugment, views_of
from affectzoo.face.features import FaceCrop
from affectzoo.face.projected import ProjectedVad
from affectzoo.face.temporal import CausalTCN
from affectzoo.face.timm_features import TimmFeatures
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.zoo.base import AffectModel, Encoded, Transform
from affectzoo.zoo.heads import AffectHeads

GRANULARITIES = ("clip", "frame", "track")


@dataclass
class EncodedFaces(Encoded):
    """Encoded with the feature maps: (B, P, C), or (B, T, P, C); None where no head reads them."""

    maps: torch.Tensor | None = None


class FaceNet(AffectModel):
    """A timm network on every valid frame; each channel of a frame is standardised first, so light and tone go.

    backbone, backbone_options: see `TimmFeatures`. size, crop, grey: see `FaceCrop`. dropout: before the heads.
    granularity: 'clip' answers once a recording from the mean over its valid frames, 'frame' once a frame, 'track' once
    a frame from a causal network over the frames so far (`CausalTCN` of `layers` blocks; its `context_steps` say how
    many).
    relation: width of a unit's embedding in `AuRelation`; 0 gives action units one linear head.
    augment: random views (`FaceAugment`) in training. views: how many fixed views (`augment.VIEWS`), each mirrored too,
    are averaged in use; 0 is the picture alone.
    project: VAD is the mean of the emotion distribution (`ProjectedVad`) instead of a trained head's answer.
    uncertainty: VAD comes with its standard deviation. find: how faces are found in a recording; None: pre-cropped.
    """

    modalities = ("face",)

    def __init__(
        self,
        label_space: LabelSpace | str,
        backbone: str = "face_resnet",
        backbone_options: Mapping[str, Any] | None = None,
        size: int = 48,
        crop: str = "centre",
        grey: bool = False,
        dropout: float = 0.2,
        granularity: str = "clip",
        layers: int = 3,
        relation: int = 0,
        uncertainty: bool = False,
        project: bool = False,
        augment: bool = False,
        views: int = 0,
        find: Mapping[str, Any] | None = None,
    ):
        super().__init__(label_space)
        if granularity not in GRANULARITIES:
            raise UnknownNameError("granularity", granularity, GRANULARITIES)
        if project and uncertainty:
            raise AffectZooError("project: has a standard deviation of its own; set uncertainty to false")
        self.backbone, self.backbone_options = backbone, dict(backbone_options or {})
        self.size, self.crop, self.grey, self.dropout = size, crop, grey, dropout
        self.granularity, self.layers = granularity, layers
        self.relation, self.uncertainty, self.find = relation, uncertainty, find
        self.augment, self.views, self.project = augment, views, project
        self.projected = ProjectedVad(self.label_space) if project else None
        self.random_view = FaceAugment() if augment else nn.Identity()
        self.transforms = self._new_transforms()
        self.features = TimmFeatures(backbone, 1 if grey else 3, size, backbone_options)
        self.temporal = CausalTCN(self.features.dim, layers, dropout) if granularity == "track" else None
        self.drop = nn.Dropout(dropout)
        self.heads = self._trained_heads()

    @property
    def context_steps(self) -> int:
        """Frames, its own included, that a frame's answer depends on (1 unless granularity is 'track')."""
        return self.temporal.context_steps if self.temporal else 1

    def forward_features(self, batch: AffectBatch) -> EncodedFaces:
        """Face (B, T, size, size, 3 or 1) uint8, or float in 0 to 1 -> (B, D), or (B, T, D) by frame or track."""
        face = batch.signals["face"]
        self._check_size(face)
        features, maps = self._seen(self._pictures(face.data[face.mask]))
        values, maps = _by_step(features, face.mask), _by_step(maps, face.mask) if self.relation else None
        if self.temporal is not None:
            values = self.temporal(values, face.mask)
        if self.granularity != "clip":
            return EncodedFaces(self.drop(values), face.mask, face.rate_hz, face.t0_s, maps)
        n = face.mask.sum(1).clamp(min=1)
        maps = None if maps is None else maps.sum(1) / n[:, None, None]
        return EncodedFaces(self.drop(values.sum(1) / n[:, None]), maps=maps)

    def forward_head(self, encoded: EncodedFaces, keys: list[str]) -> AffectPrediction:
        """Fields of the label space; action units from the feature map where the model relates them."""
        pred = super().forward_head(encoded, keys)
        if self.project:
            pred = replace(pred, fields={**pred.fields, "vad": self.projected(pred.emotion.values)})
        if not self.relation:
            return pred
        return replace(pred, fields={**pred.fields, **self.heads.relate(encoded.values, encoded.maps)})

    def reset_head(self, label_space: LabelSpace | str) -> "FaceNet":
        """As AffectModel; uncertainty and relation stay what they were."""
        self.label_space = as_space(label_space)
        device = next(self.parameters()).device
        if self.project:
            self.projected = ProjectedVad(self.label_space).to(device)
        self.heads = self._trained_heads().to(device)
        return self

    def au_edges(self) -> tuple[tuple[str, ...], torch.Tensor]:
        """Names of the K units, and A (K, K): what unit j (column) adds to the log-odds of unit i (row).

        Raises AffectZooError for a model without an AU relation.
        """
        graph = getattr(self.heads, "relation", None)
        if graph is None:
            raise AffectZooError(
                f"{self.arch or 'this model'} has no edges: it needs relation > 0 and action units in its label space"
            )
        return self.label_space.names("au"), graph.matrix().detach().cpu()

    def _new_transforms(self) -> dict[str, Transform]:
        return {"face": FaceCrop(self.size, self.crop, "uint8", self.grey)}

    def _trained_heads(self) -> AffectHeads:
        """Heads of all that is not made by rule."""
        heads = self._new_heads()
        if self.project:
            del heads.linear["vad"]
        return heads

    def _new_heads(self) -> AffectHeads:
        f = self.features
        if not self.relation:
            return AffectHeads(f.dim, self.label_space, self.uncertainty)
        return AuRelationHeads(f.dim, self.label_space, f.channels, f.positions, self.relation, self.uncertainty)

    def _check_size(self, face: BatchSignal) -> None:
        wanted = (self.size, self.size, 1 if self.grey else 3)
        if tuple(face.data.shape[2:]) != wanted:
            raise AffectZooError(
                f"{self.arch or 'face_net'} reads faces of {' x '.join(map(str, wanted))}; the batch has "
                f"{' x '.join(map(str, face.data.shape[2:]))}: prepare it with model.prepare"
            )

    def _pictures(self, crops: torch.Tensor) -> torch.Tensor:
        """(N, H, W, C) uint8, or float in 0 to 1, to (N, C, H, W) in 0 to 1."""
        x = crops.permute(0, 3, 1, 2)
        return x if x.is_floating_point() else x.to(next(self.parameters()).dtype) / 255

    def _seen(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and maps of one random view in training, in use the mean over views; maps of the picture itself."""
        if self.training or not self.views:
            return self.features(_standardised(self.random_view(x) if self.training else x))
        first, *others = views_of(x, self.views)
        features, maps = self.features(_standardised(first))
        for view in others:
            features = features + self.features(_standardised(view))[0]
        return features / (1 + len(others)), maps


def _standardised(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W), each channel of a picture with mean 0 and variance 1."""
    return F.instance_norm(x, eps=1e-3)


def _by_step(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Rows (N, ...) of the valid steps of mask (B, T) back in their places (B, T, ...); zeros elsewhere."""
    out = x.new_zeros(*mask.shape, *x.shape[1:])
    out[mask] = x
    return out
