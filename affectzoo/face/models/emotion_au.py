"""EmotionAu: emotion and VAD from the picture of a face, action units from its blendshapes by rule."""

from dataclasses import dataclass, replace

from affectzoo.errors import AffectZooError
from affectzoo.face.blendshape_units import MODALITY, BlendshapeHeads, CheckedBlendshapes
from affectzoo.face.models.face_net import EncodedFaces, FaceNet
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.zoo.base import Transform


@dataclass
class EncodedWithShapes(EncodedFaces):
    """EncodedFaces with the blendshapes beside them."""

    shapes: BatchSignal | None = None


class EmotionAu(FaceNet):
    """FaceNet with its options; the field au is `BlendshapeUnits` of the blendshapes, whose rules are not trained.

    The trained part is a FaceNet's: `affectzoo.face.compose` makes one out of a FaceNet's checkpoint. relation must be
    0. By frame or track, a frame without blendshapes has no answer.
    """

    modalities = ("face", MODALITY)

    def forward_features(self, batch: AffectBatch) -> EncodedWithShapes:
        """See FaceNet; blendshapes (B, T, 52) on the steps of the face."""
        face, shapes = batch.signals["face"], batch.signals[MODALITY]
        if self.granularity != "clip" and face.mask.shape != shapes.mask.shape:
            raise AffectZooError(f"{face.mask.shape[1]} faces and {shapes.mask.shape[1]} blendshapes do not fit")
        encoded = super().forward_features(batch)
        if encoded.mask is not None:
            encoded = replace(encoded, mask=encoded.mask & shapes.mask)
        return EncodedWithShapes(**vars(encoded), shapes=shapes)

    def forward_head(self, encoded: EncodedWithShapes, keys: list[str]) -> AffectPrediction:
        """Fields of the label space."""
        pred = super().forward_head(encoded, keys)
        return replace(pred, fields={**pred.fields, **self.heads.read(encoded.shapes, pred.rate_hz is not None)})

    def _new_transforms(self) -> dict[str, Transform]:
        return {**super()._new_transforms(), MODALITY: CheckedBlendshapes()}

    def _new_heads(self) -> BlendshapeHeads:
        if self.relation:
            raise AffectZooError("relation: action units are read from blendshapes here; it must be 0")
        return BlendshapeHeads(self.features.dim, self.label_space, self.uncertainty)
