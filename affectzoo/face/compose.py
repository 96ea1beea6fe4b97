"""A trained FaceNet and the AU read-out of blendshapes as one model, face/emotion_au."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from affectzoo.data.collate import collate
from affectzoo.engine.calibration import read_temperature
from affectzoo.errors import AffectZooError
from affectzoo.face.arkit import SPACE
from affectzoo.face.models.emotion_au import EmotionAu
from affectzoo.face.models.face_net import FaceNet
from affectzoo.face.synthetic_units import generate
from affectzoo.labels.space import load_space
from affectzoo.zoo.pretrained import load_artefact, save_artefact

ARCH = "face/emotion_au"
_RULES = "heads.units."


def compose(checkpoint: str | Path, calibration: str | Path | None = None, **options: Any) -> EmotionAu:
    """`face/emotion_au` (eval mode) with the weights of a FaceNet's checkpoint (name or folder), copied strictly.

    Its label space is the checkpoint's with the units of `arkit_au` added; answers of emotion and VAD stay the same. A
    temperature is worked into the emotion head: that of `calibration` (the record.json of the checkpoint's training),
    or the checkpoint's own. options: of FaceNet that change no weight (find, views, ...); project=True adds valence,
    arousal and dominance to a checkpoint of emotion alone.
    Raises AffectZooError for another architecture or for a checkpoint that has action units of its own.
    """
    model, config = load_artefact(checkpoint)
    if type(model) is not FaceNet:
        raise AffectZooError(f"{config.name}: {ARCH} is made of a FaceNet, got {type(model).__name__}")
    if "au" in model.label_space.fields:
        raise AffectZooError(f"{config.name}: has action units of its own; train it on emotion and VAD alone")
    found = config.calibration if calibration is None else read_temperature(calibration, config.arch)
    for parameter in model.heads.linear["emotion"].parameters() if found else ():
        parameter.data /= found["emotion"]
    return with_units(model, **options)


def with_units(model: FaceNet, **options: Any) -> EmotionAu:
    """`compose` for a FaceNet in memory; the tensors are copied."""
    space = model.label_space
    if options.get("project") and "vad" not in space.fields:
        space = space.compose(load_space("vad"))
    made = EmotionAu(space.compose(load_space(SPACE)), **{**model.options, **options, "relation": 0})
    rules = {n: t for n, t in made.state_dict().items() if n.startswith(_RULES)}
    made.load_state_dict({**model.state_dict(), **rules}, strict=True)
    made.arch = ARCH
    return made.eval()


def compose_artefact(
    checkpoint: str | Path, folder: str | Path, tag: str, calibration: str | Path | None = None, **options: Any
) -> Path:
    """`compose`, written as a checkpoint below `folder`, with the licences and training keys of the one it is made of.

    Its golden inputs are drawn faces. Raises what compose and save_artefact raise.
    """
    config = load_artefact(checkpoint)[1]
    model = compose(checkpoint, calibration, **options)
    drawn = [replace(model.prepare(s), targets={}) for s in generate(2, size=64)]
    golden = collate(drawn, model.label_space)
    rules = "action units by rule from MediaPipe's blendshapes (Apache-2.0, face_landmarker), not trained here"
    return save_artefact(
        model,
        folder,
        tag=tag,
        golden=golden,
        licences=replace(config.licences, code=f"{config.licences.code}; {rules}"),
        training=config.training,
        training_keys=config.training_keys,
        dtype="float16",
        notes=f"Made of {config.name}: emotion from its network, {rules}."
        + (" Valence, arousal and dominance are means of the emotion distribution; nobody rated them." * model.project),
    )
