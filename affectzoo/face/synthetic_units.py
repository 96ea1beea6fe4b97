"""Synthetic faces for action units: intensities as labels, VAD that is independent, units that come together by plan.

Two ways to make the units of a picture:

- `units: vad` draws valence, arousal and dominance independently and uniformly in [-1, 1]; each axis moves units of its
  own by RULE, so that all three can be read off the face. The emotion is the posterior of that point
  (labels.vad.vad_to_distribution), a distribution. Units of BYSTANDERS come on top at random.
- `units: random` draws each of FREE alone, then adds what `edges` plant. There is no emotion and no VAD then.

Rule, rates and ranges are ours. The data are made by this file and `drawing.py` alone (CC0).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.arkit import RULES
from affectzoo.face.drawing import AU_NUMBERS, au_matrix, draw_faces
from affectzoo.face.landmarks import BLENDSHAPES
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.labels.vad import vad_to_distribution
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import Signal

#: Intensities of the drawn units among these 17; AU14 and AU45 are not drawn and not labelled.
SPACE = "ekman7+openface17+vad"
CAUSES = ("vad", "random")
#: axis: (units of its positive side, units of its negative side); intensity 5 |x|.
RULE = {"valence": ((6, 12), (15, 17)), "arousal": ((5, 26), (43,)), "dominance": ((4, 7), (1, 2))}
#: Units outside RULE, each in one picture of six, at 1.5 to 5.
BYSTANDERS = (9, 10, 20, 23, 25)
#: Units that may come in any combination and stay visible, each in one picture of five, at 2 to 5.
FREE = (1, 2, 4, 5, 6, 7, 9, 10, 12, 17, 20, 23, 25, 26)
#: (a, b, p): where a is there, b comes with probability p; a and b lie in different halves of the face.
EDGES = ((1, 25, 0.9), (2, 23, 0.9), (4, 10, 0.9), (6, 26, 0.9), (7, 12, 0.9))
#: Rows of a picture (shares of its side) that a cover hides.
COVERS = {"upper": (0.0, 0.51), "lower": (0.55, 1.0)}


def generate(n: int, seed: int = 0, **options: object) -> list[AffectSample]:
    """`n` labelled pictures (T = 1, rate 1.0), deterministic per (seed, index); options as `iter_samples`."""
    return list(iter_samples(None, None, n, seed, **options))


def iter_samples(
    root: Path | None,
    card: object,
    n: int = 2400,
    seed: int = 0,
    size: int = 64,
    subjects: int = 60,
    units: str = "vad",
    edges: Sequence[Sequence[float]] = (),
    hide: float = 0.0,
) -> Iterator[AffectSample]:
    """The adapter of the card `face_synthetic_units`; there are no files under `root`.

    units: one of CAUSES. edges: (a, b, p) with FACS numbers of FREE and a probability, read with `units: random`.
    Signals: face, and blendshapes (1, 52) of the same units (`blendshapes_of`).
    hide: share of pictures whose upper or lower half is covered; labels stay true under the cover.
    Targets in SPACE: au (0 to 5, drawn units only), and with `units: vad` vad and emotion (a distribution).
    Groups: subject. Attributes: hidden ('none', 'upper', 'lower').
    Raises UnknownNameError for another cause or unit, AffectZooError for edges beside `units: vad` or odd numbers.
    """
    if units not in CAUSES:
        raise UnknownNameError("units", units, CAUSES)
    _check_edges(edges, units)
    if not 0 <= hide <= 1:
        raise AffectZooError(f"hide: must lie in 0 to 1, got {hide}")
    space = load_space(SPACE)
    for index in range(n):
        rng = np.random.default_rng([seed, index, 2])
        shown, vad = _from_vad(rng) if units == "vad" else (_at_random(rng, edges), None)
        cover = str(rng.choice(list(COVERS))) if rng.uniform() < hide else "none"
        person = index % subjects
        frames = draw_faces(au_matrix(shown), 5000 + 1000 * seed + person, size, scene_seed=index)
        yield AffectSample(
            f"units_s{seed}_{index:05d}",
            {
                "face": Signal(_covered(frames, cover, rng), 1.0),
                "blendshapes": Signal(blendshapes_of(shown)[None], 1.0, names=BLENDSHAPES),
            },
            _targets(space, shown, vad),
            {"subject": f"s{seed}_p{person:02d}"},
            {"hidden": cover},
        )


def blendshapes_of(units: Mapping[int, float]) -> np.ndarray:
    """Blendshapes (52,) float32 that `arkit.blendshapes_to_aus` reads as `units` ({FACS number: intensity}).

    One shape carries a unit, the last that adds to it in its rule; where two units share one, the larger counts. Units
    without a rule (AU9, AU23) leave no trace, AU6 needs AU12 beside it, and AU10 is raised by what AU12 takes from it.
    """
    out = dict.fromkeys(BLENDSHAPES, 0.0)
    for rule in RULES:
        if units.get(rule.number, 0) <= 0:
            continue
        raw = rule.dead + units[rule.number] / 5 * (rule.full - rule.dead)
        name, weight = [(n, w) for n, w in rule.weights.items() if w > 0][-1]
        for side in (name, f"{name}Left", f"{name}Right"):
            if side in out:
                out[side] = max(out[side], raw / weight)
    smile = out["mouthSmileLeft"]
    for side in ("mouthUpperUpLeft", "mouthUpperUpRight") if units.get(10, 0) > 0 else ():
        out[side] += 0.75 * smile
    return np.array(list(out.values()), np.float32).clip(0, 1)


def write_files(folder: str | Path, n: int, seed: int = 0, size: int = 64) -> list[Path]:
    """Write `generate(n, seed, size=size)` as <key>.png; returns the paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for sample in generate(n, seed, size=size):
        paths.append(folder / f"{sample.key}.png")
        cv2.imwrite(str(paths[-1]), cv2.cvtColor(sample.signals["face"].data[0], cv2.COLOR_RGB2BGR))
    return paths


def _check_edges(edges: Sequence[Sequence[float]], units: str) -> None:
    if edges and units == "vad":
        raise AffectZooError("edges: are planted among units drawn at random; set units: random")
    for edge in edges:
        if len(edge) != 3 or not 0 <= edge[2] <= 1:
            raise AffectZooError(f"edges: (unit, unit, probability) expected, got {list(edge)}")
        for unit in edge[:2]:
            if unit not in FREE:
                raise UnknownNameError("edge of unit", str(unit), map(str, FREE))


def _from_vad(rng: np.random.Generator) -> tuple[dict[int, float], np.ndarray]:
    vad, shown = rng.uniform(-1, 1, 3), {}
    for x, (positive, negative) in zip(vad, RULE.values(), strict=True):
        shown |= dict.fromkeys(positive if x > 0 else negative, 5 * abs(x))
    for unit in BYSTANDERS:
        level = rng.uniform(1.5, 5)
        if rng.uniform() < 1 / 6:
            shown[unit] = level
    return shown, vad


def _at_random(rng: np.random.Generator, edges: Sequence[Sequence[float]]) -> dict[int, float]:
    levels, alone, planted = rng.uniform(2, 5, len(FREE)), rng.uniform(size=len(FREE)), rng.uniform(size=len(edges))
    there = {unit for unit, chance in zip(FREE, alone, strict=True) if chance < 1 / 5}
    there |= {b for (a, b, p), chance in zip(edges, planted, strict=True) if a in there and chance < p}
    return {unit: level for unit, level in zip(FREE, levels, strict=True) if unit in there}


def _covered(frames: np.ndarray, cover: str, rng: np.random.Generator) -> np.ndarray:
    grey = rng.integers(40, 216)
    if cover != "none":
        first, last = (round(share * frames.shape[1]) for share in COVERS[cover])
        frames[:, first:last] = grey
    return frames


def _targets(space: LabelSpace, shown: dict[int, float], vad: np.ndarray | None) -> dict[str, Target]:
    numbers = [a.number for a in space.action_units]
    values = np.array([shown.get(n, 0.0) for n in numbers], np.float32)
    out = {"au": Target(values, np.array([n in AU_NUMBERS for n in numbers]))}
    if vad is not None:
        emotion = vad_to_distribution(space, vad).astype(np.float32)
        out["vad"] = Target(vad.astype(np.float32), np.ones(3, bool))
        out["emotion"] = Target(emotion, np.ones(len(emotion), bool))
    return out
