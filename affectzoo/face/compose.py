"""A trained FaceNet and the AU read-out of blendshapes as one model, face/emotion_au."""

from pathlib import Path

from affectzoo.errors import AffectZooError
from affectzoo.face.arkit import SPACE
from affectzoo.face.models.emotion_au import EmotionAu
from affectzoo.face.models.face_net import FaceNet
from affectzoo.labels.space import load_space
from affectzoo.zoo.pretrained import load_artefact

ARCH = "face/emotion_au"
_RULES = "heads.units."


def compose(checkpoint: str | Path) -> EmotionAu:
    """`face/emotion_au` (eval mode) with the weights of a FaceNet's checkpoint (name or folder), copied strictly.

    Its label space is the checkpoint's with the units of `arkit_au` added; answers of emotion and VAD stay the same.
    Raises AffectZooError for another architecture or for a checkpoint that has action units of its own.
    """
    model, config = load_artefact(checkpoint)
    if type(model) is not FaceNet:
        raise AffectZooError(f"{config.name}: {ARCH} is made of a FaceNet, got {type(model).__name__}")
    if "au" in model.label_space.fields:
        raise AffectZooError(f"{config.name}: has action units of its own; train it on emotion and VAD alone")
    return with_units(model)


def with_units(model: FaceNet) -> EmotionAu:
    """`compose` for a FaceNet in memory; the tensors are copied."""
    space = model.label_space.compose(load_space(SPACE))
    made = EmotionAu(space, **{**model.options, "relation": 0})
    rules = {n: t for n, t in made.state_dict().items() if n.startswith(_RULES)}
    made.load_state_dict({**model.state_dict(), **rules}, strict=True)
    made.arch = ARCH
    return made.eval()
