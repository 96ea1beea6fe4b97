"""Action units out of ARKit blendshapes: a documented rule, for want of FACS-coded training data.

A blendshape runs from 0 (neutral) to 1 (greatest movement) (Apple, ARFaceAnchor.BlendShapeLocation); each is one
movement that FACS also names. MediaPipe's network answers in these terms but not in full: it never reaches 1 for some,
stays at 0 for others (cheekPuff, cheekSquint, noseSneer, jawForward, jawLeft, jawRight), and gives people with neutral
faces values that are theirs (mouthShrugLower up to .9). So each unit has a dead zone and a full scale (both ours):

    raw       = sum of the unit's blendshapes, weighted; pairs are the mean of left and right
    activity  = (raw - dead) / (full - dead), cut to [0, 1]
    intensity = 5 * activity, as FACS' A to E count 1 to 5; below 1 means absent

dead: no lower than the 95th percentile of raw over the neutral faces of 50 people (face_london, odd subject numbers),
and at least .05; higher where the shape varies more in video. The other 52 people are the check. full: what clear
posed or played expressions reach. The scale is ordinal: no FACS coding was at hand to calibrate it.

AU6 is the exception: cheekSquint is always 0. Squinting eyes alone are AU7; with the corners of the mouth drawn up they
are taken as AU6: its activity is the geometric mean of that of eyeSquint, with its own dead zone, and that of AU12
(ours; a smile and narrowed eyes that are unrelated, as in loud speech, are told as AU6 too).

A person's own neutral face is the better zero: see `baseline`.
"""

from dataclasses import dataclass

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.face.landmarks import BLENDSHAPES

#: Label space of the result.
SPACE = "arkit_au"
#: How far raw must rise over a person's own neutral value before it counts (ours: two ways to crop the same face
#: differ by .075 in the worst of the 52 blendshapes, on average over 52 pictures).
MARGIN = 0.08


@dataclass(frozen=True)
class Rule:
    """One row of the map: action unit, weights of blendshapes ('mouthSmile' = mean of left and right), scale, why."""

    number: int
    weights: dict[str, float]
    dead: float
    full: float
    why: str


RULES = (
    Rule(1, {"browInnerUp": 1}, 0.35, 0.9, "inner parts of both brows up"),
    Rule(2, {"browOuterUp": 1}, 0.41, 0.9, "outer part of the brow up"),
    Rule(4, {"browDown": 1}, 0.48, 0.8, "outer portion of the brow down, which MediaPipe gives for the whole brow"),
    Rule(5, {"eyeWide": 1}, 0.05, 0.5, "lids open wider around the eye"),
    Rule(6, {"eyeSquint": 1}, 0.15, 0.75, "narrowed eyes together with AU12 (ours; see the module)"),
    Rule(7, {"eyeSquint": 1}, 0.5, 0.9, "the face around the eye contracts; without a smile this is the lid tightener"),
    Rule(10, {"mouthUpperUp": 1, "mouthSmile": -0.75}, 0.05, 0.6, "upper lip up, less what a smile draws up (ours)"),
    Rule(12, {"mouthSmile": 1}, 0.25, 0.85, "corners of the mouth up"),
    Rule(14, {"mouthDimple": 1}, 0.05, 0.3, "corners of the mouth drawn back; weak answers"),
    Rule(15, {"mouthFrown": 1}, 0.05, 0.4, "corners of the mouth down; weak answers"),
    Rule(17, {"mouthShrugLower": 1}, 0.8, 1.0, "lower lip pushed up by the chin; large at rest, so rarely told"),
    Rule(18, {"mouthPucker": 1}, 0.65, 1.0, "closed lips contract and compress; large at rest, so rarely told"),
    Rule(20, {"mouthStretch": 1}, 0.1, 0.5, "corners of the mouth drawn sideways"),
    Rule(24, {"mouthPress": 1}, 0.3, 0.7, "lips pressed together"),
    Rule(
        25,
        {"jawOpen": 1, "mouthClose": -1, "mouthUpperUp": 1, "mouthLowerDown": 1},
        0.05,
        0.7,
        "lips apart: the jaw opens and the lips do not close over it, or a lip leaves the other (sum ours)",
    ),
    Rule(26, {"jawOpen": 1}, 0.05, 0.6, "the jaw opens"),
    Rule(27, {"jawOpen": 1}, 0.6, 1.0, "the jaw opens beyond what it drops by itself (limit ours)"),
    Rule(28, {"mouthRollLower": 0.5, "mouthRollUpper": 0.5}, 0.17, 0.6, "lips rolled into the mouth"),
    Rule(43, {"eyeBlink": 1}, 0.35, 0.8, "lids closed over the eyes, whether for long (43) or in a blink (45)"),
)
#: Numbers of the action units, in the order of the result.
NUMBERS = tuple(rule.number for rule in RULES)
_AU6, _AU12 = NUMBERS.index(6), NUMBERS.index(12)


def _matrix() -> np.ndarray:
    index = {name: i for i, name in enumerate(BLENDSHAPES)}
    matrix = np.zeros((len(BLENDSHAPES), len(RULES)))
    for k, rule in enumerate(RULES):
        for name, weight in rule.weights.items():
            sides = [name] if name in index else [f"{name}Left", f"{name}Right"]
            for side in sides:
                matrix[index[side], k] = weight / len(sides)
    return matrix


#: The map as arrays: WEIGHTS (52, K), DEAD (K,), FULL (K,).
WEIGHTS = _matrix()
DEAD = np.array([rule.dead for rule in RULES])
FULL = np.array([rule.full for rule in RULES])


def blendshapes_to_aus(values: np.ndarray, baseline: np.ndarray | None = None) -> np.ndarray:
    """Blendshapes (..., 52) in [0, 1] -> intensities (..., 19) in [0, 5], float32, in the order of NUMBERS.

    baseline: (52,) or (..., 52) blendshapes of the same person's neutral face; a unit then counts from what it shows
    there plus MARGIN, in place of its dead zone. NaN stays NaN. Raises AffectZooError for another last axis or for
    values outside [0, 1].
    """
    values = _checked(values, "blendshapes")
    dead = np.broadcast_to(DEAD, (*values.shape[:-1], len(RULES)))
    if baseline is not None:
        dead = np.minimum(_checked(baseline, "baseline") @ WEIGHTS + MARGIN, FULL - 0.1)  # keeps a scale of its own
    activity = ((values @ WEIGHTS - dead) / (FULL - dead)).clip(0, 1)
    activity[..., _AU6] = np.sqrt(activity[..., _AU6] * activity[..., _AU12])
    return (5 * activity).astype(np.float32)


def _checked(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim < 1 or values.shape[-1] != len(BLENDSHAPES):
        raise AffectZooError(f"{what} must be (..., {len(BLENDSHAPES)}), got {values.shape}")
    if (values < 0).any() or (values > 1).any():
        raise AffectZooError(f"{what} must be in [0, 1], got {np.nanmin(values):.3g} to {np.nanmax(values):.3g}")
    return values
