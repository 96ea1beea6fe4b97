"""Synthetic faces: drawn from action units, so that every label is true by construction.

An emotion shows through its prototype: units that are always there and units that are there half of the time,
after the EMFACS combinations (Friesen & Ekman 1983; Ekman, Friesen & Hager 2002, FACS Investigator's Guide,
ch. 12), reduced to the units that are drawn. Units that belong to no emotion (a blink, lips apart, pressed
lips) come on top at random. Which of the listed combinations stands here, and every probability, is ours.

The data are made by this file alone (CC0).
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from affectzoo.face.drawing import AU_NUMBERS, au_matrix, draw_faces
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.labels.vad import space_gaussians
from affectzoo.structures.sample import AffectSample, Target, class_target
from affectzoo.structures.signal import Signal

__all__ = ["AU_NUMBERS", "au_matrix", "draw_faces", "generate", "iter_samples", "write_files"]

SPACE = "ekman7+abaw12+vad"
#: emotion: (units of every picture, units of every second picture).
PROTOTYPES = {
    "neutral": ((), ()),
    "happiness": ((6, 12), (25,)),
    "sadness": ((1, 4, 15), (17,)),
    "surprise": ((1, 2, 5, 26), (25,)),
    "fear": ((1, 2, 4, 5, 20), (7, 25, 26)),
    "anger": ((4, 5, 7, 23), (24,)),
    "disgust": ((9, 10), (15, 17)),
}
#: Units without emotional meaning here, each in one picture of twelve.
BYSTANDERS = (24, 25, 43)
#: A bystander does not come with units that undo it: lips pressed and parted, lids shut and raised.
CONFLICTS = {24: {25, 26}, 25: {24}, 43: {5}}


def generate(n: int, seed: int = 0, size: int = 64, subjects: int = 24) -> list[AffectSample]:
    """`n` labelled pictures (T = 1, rate 1.0), deterministic per (seed, index) whatever `n` is.

    Targets in the space SPACE: emotion one-hot, au presence (a unit drawn with any intensity is present), vad
    = the emotion's mean of Russell & Mehrabian 1977 times the strength of its always-present units, 0.4 to 1
    (neutral: 0). Groups: subject (the drawn person). Attributes: strength ('weak' below 0.7, 'strong').
    """
    return [_sample(seed, i, size, subjects) for i in range(n)]


def iter_samples(
    root: Path | None, card: object, n: int = 840, seed: int = 0, size: int = 64, subjects: int = 24
) -> Iterator[AffectSample]:
    """The adapter of the card `face_synthetic`: `generate` one by one; there are no files under `root`."""
    yield from (_sample(seed, i, size, subjects) for i in range(n))


def write_files(folder: str | Path, n: int, seed: int = 0, size: int = 64) -> list[Path]:
    """Write `generate(n, seed, size)` as <key>.png and a labels.csv; returns the pictures' paths.

    labels.csv: path, subject, emotion, the axes and the action units (0 or 1) of SPACE.
    """
    folder, space = Path(folder), load_space(SPACE)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle)
        table.writerow(["path", "subject", "emotion", *space.names("vad"), *space.names("au")])
        for sample in generate(n, seed, size):
            paths.append(folder / f"{sample.key}.png")
            cv2.imwrite(str(paths[-1]), cv2.cvtColor(sample.signals["face"].data[0], cv2.COLOR_RGB2BGR))
            target = {f: t.values for f, t in sample.targets.items()}
            emotion = space.names("emotion")[int(target["emotion"].argmax())]
            vad = [f"{v:.4f}" for v in target["vad"]]
            row = (paths[-1].name, sample.groups["subject"], emotion, *vad, *target["au"].astype(int))
            table.writerow(row)
    return paths


def _sample(seed: int, index: int, size: int, subjects: int) -> AffectSample:
    rng = np.random.default_rng([seed, index])
    person = index % subjects
    emotion = list(PROTOTYPES)[(person + index // subjects) % len(PROTOTYPES)]  # so a person shows all of them
    strength = rng.uniform(0.4, 1.0)
    units = _units(emotion, strength, rng)
    frames = draw_faces(au_matrix(units), 1000 * seed + person, size, scene_seed=index)
    return AffectSample(
        f"face_s{seed}_{index:05d}",
        {"face": Signal(frames, 1.0)},
        _targets(load_space(SPACE), emotion, strength, units),
        {"subject": f"s{seed}_p{person:02d}"},
        {"strength": "strong" if strength >= 0.7 else "weak"},
    )


def _units(emotion: str, strength: float, rng: np.random.Generator) -> dict[int, float]:
    """Intensities by FACS number."""
    always, sometimes = PROTOTYPES[emotion]
    shown = (*always, *(n for n in sometimes if rng.uniform() < 0.5))
    units = dict.fromkeys(shown, 5 * strength)
    for number in BYSTANDERS:
        level = float(rng.uniform(2, 5))
        if rng.uniform() < 1 / 12 and number not in units and not CONFLICTS[number] & set(units):
            units[number] = level
    return units


def _targets(space: LabelSpace, emotion: str, strength: float, units: dict[int, float]) -> dict[str, Target]:
    target = class_target(space, emotion)
    present = np.array([float(a.number in units) for a in space.action_units], np.float32)
    means = space_gaussians(space)[0]
    vad = (strength * means[space.index("emotion", emotion)]).astype(np.float32)
    return {
        "emotion": target,
        "au": Target(present, np.ones(present.shape, bool)),
        "vad": Target(vad, np.ones(vad.shape, bool)),
    }
