"""BlendshapeAu: action units from blendshapes by rule; emotion and VAD, where asked for, from a small trained layer."""

from dataclasses import replace

import torch
from torch import nn

from affectzoo.errors import UnknownNameError
from affectzoo.face.blendshape_units import MODALITY, BlendshapeHeads, CheckedBlendshapes
from affectzoo.face.landmarks import BLENDSHAPES
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded

GRANULARITIES = ("clip", "frame")


class BlendshapeAu(AffectModel):
    """No picture is read. In the label space `arkit_au` nothing is trained; other fields come from one hidden layer.

    granularity 'clip' answers once a recording (mean over valid steps), 'frame' once a step. hidden: width of the
    layer that the other fields read.
    """

    modalities = (MODALITY,)

    def __init__(self, label_space: LabelSpace | str, hidden: int = 64, granularity: str = "clip"):
        super().__init__(label_space)
        if granularity not in GRANULARITIES:
            raise UnknownNameError("granularity", granularity, GRANULARITIES)
        self.hidden, self.granularity = hidden, granularity
        self.transforms = {MODALITY: CheckedBlendshapes()}
        self.layer = self._new_layer()
        self.heads = BlendshapeHeads(hidden, self.label_space)

    def forward(self, batch: AffectBatch) -> AffectPrediction:
        """As AffectModel; action units by rule."""
        pred = super().forward(batch)
        fields = self.heads.read(batch.signals[MODALITY], pred.rate_hz is not None)
        return replace(pred, fields={**pred.fields, **fields})

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Blendshapes (B, T, 52) -> (B, D), or (B, T, D) by frame; themselves where nothing is trained."""
        shapes = batch.signals[MODALITY]
        x = self.layer(torch.where(shapes.mask[..., None], shapes.data, 0.0))
        if self.granularity == "frame":
            return Encoded(x, shapes.mask, shapes.rate_hz, shapes.t0_s)
        keep = shapes.mask[..., None].to(x.dtype)
        return Encoded((x * keep).sum(1) / keep.sum(1).clamp(min=1))

    def reset_head(self, label_space: LabelSpace | str) -> "BlendshapeAu":
        """As AffectModel; the layer stays where both spaces have fields for it."""
        device = self.heads.units.weights.device if self.heads.units else next(self.parameters()).device
        before, self.label_space = self.layer, as_space(label_space)
        layer = self._new_layer()
        self.layer = before if type(before) is type(layer) else layer.to(device)
        self.heads = BlendshapeHeads(self.hidden, self.label_space).to(device)
        return self

    def _new_layer(self) -> nn.Module:
        """A layer for fields other than au, or nothing to train."""
        if set(self.label_space.fields) == {"au"}:
            return nn.Identity()
        return nn.Sequential(nn.Linear(len(BLENDSHAPES), self.hidden), nn.GELU())
