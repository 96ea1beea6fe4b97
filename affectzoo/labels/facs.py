"""Action units of the Facial Action Coding System: titles, spellings, sets (Ekman, Friesen & Hager 2002)."""

import re
from collections.abc import Iterable

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import LabelSpace, as_space

TITLES = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    11: "nasolabial deepener",
    12: "lip corner puller",
    13: "sharp lip puller",
    14: "dimpler",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    18: "lip pucker",
    19: "tongue show",
    20: "lip stretcher",
    22: "lip funneler",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    27: "mouth stretch",
    28: "lip suck",
    29: "jaw thrust",
    30: "jaw sideways",
    31: "jaw clencher",
    32: "lip bite",
    39: "nostril compressor",
    43: "eyes closed",
    45: "blink",
}

_ONE = re.compile(r"(?:AU)?\s*0*(\d{1,2})(?:_[rc])?", re.IGNORECASE)
_MANY = re.compile(r"\bAU\s*0*(\d{1,2})(?!\d)", re.IGNORECASE)


def title(number: int) -> str:
    """What an action unit is called. Raises UnknownNameError for a number that is not in TITLES."""
    if number not in TITLES:
        raise UnknownNameError("action unit", number, TITLES)
    return TITLES[number]


def parse_au(name: str | int) -> int:
    """The number of one action unit: 12 from 12, '12', 'AU12', 'au012', 'AU12_r' (OpenFace), ' AU12'."""
    match = _ONE.fullmatch(str(name).strip())
    if not match or int(match.group(1)) not in TITLES:
        raise UnknownNameError("action unit", name, [f"AU{n:02d}" for n in TITLES])
    return int(match.group(1))


def find_aus(text: str) -> tuple[int, ...]:
    """Sorted distinct numbers of the units that a text names ('AU6', 'AU 12'); unknown ones are left out."""
    return tuple(sorted({int(n) for n in _MANY.findall(text)} & TITLES.keys()))


def au_vector(space: LabelSpace | str, present: Iterable[str | int]) -> np.ndarray:
    """(K,) 0/1 over a presence space from the units that are present.

    Raises AffectZooError for a space of intensities, UnknownNameError for a unit that the space lacks.
    """
    space = as_space(space)
    if space.au_kind != "presence":
        raise AffectZooError(f"label space {space.name!r} has no action units as presence (it has {space.au_kind})")
    vector = np.zeros(space.size("au"), np.float32)
    for unit in present:
        vector[space.index("au", f"AU{parse_au(unit):02d}")] = 1.0
    return vector


def au_sets(space: LabelSpace | str, values: np.ndarray, threshold: float) -> list[tuple[int, ...]]:
    """The units of each row of values (N, K) that reach `threshold`, as numbers; NaN never does."""
    numbers = np.array([a.number for a in as_space(space).action_units])
    values = np.asarray(values, float)
    if values.ndim != 2 or values.shape[1] != len(numbers):
        raise AffectZooError(f"values of shape {values.shape} do not fit {len(numbers)} action units")
    return [tuple(sorted(numbers[row].tolist())) for row in values >= threshold]
