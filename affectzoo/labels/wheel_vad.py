"""Between the sectors of a wheel (or any tree of emotion words) and valence-arousal-dominance.

A sector's point is the mean of the measured terms in it (Russell & Mehrabian 1977 by way of
`labels.vad`), each term once: that mean, and the way back to the nearest sector, are ours.
"""

from dataclasses import dataclass

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.labels.vad import space_gaussians


@dataclass(frozen=True)
class SectorVad:
    """Points of all sectors, in the order of the space's categories.

    values: (K, 3) in [-1, 1], NaN where undefined. basis: per sector 'measured', 'parent' (backed off) or
    'undefined'. terms: the measured terms behind each point.
    """

    names: tuple[str, ...]
    values: np.ndarray
    basis: tuple[str, ...]
    terms: tuple[tuple[str, ...], ...]


def sector_vad(space: LabelSpace | str, back_off: bool = False) -> SectorVad:
    """VAD points of a wheel's sectors.

    A sector holds its own term and those of all its descendants. One without any is undefined; with
    `back_off` it takes the mean of its parents' points instead, and `basis` says so. Raises
    UndefinedMappingError when no category has a measured term.
    """
    space = as_space(space)
    mean, _, defined = space_gaussians(space)
    inside = _descendants(space)
    values = np.full(mean.shape, np.nan)
    basis, terms = ["undefined"] * len(mean), [()] * len(mean)
    for k, members in enumerate(inside):
        found = {space.categories[i].term: i for i in np.flatnonzero(members & defined)}
        if found:
            values[k] = mean[list(found.values())].mean(0)
            basis[k], terms[k] = "measured", tuple(found)
    if back_off:
        _back_off(space, values, basis, terms)
    return SectorVad(space.names("emotion"), values, tuple(basis), tuple(terms))


def nearest_sector(space: LabelSpace | str, vad: np.ndarray, level: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The sector of one level whose measured point lies nearest (Euclid).

    vad: (..., 3), or (..., 2) valence and arousal only. level: 1 for sectors without parents, 2 for their
    children, and so on. Returns category indices (...), -1 at NaN points, and distances (...).
    Raises AffectZooError when no sector of that level has a measured point, or for a wrong last axis.
    """
    space, vad = as_space(space), np.asarray(vad, float)
    if vad.ndim < 1 or vad.shape[-1] not in (2, 3):
        raise AffectZooError(f"points of shape {vad.shape}: the last axis is valence, arousal(, dominance)")
    points = sector_vad(space).values[:, : vad.shape[-1]]
    here = np.flatnonzero((_levels(space) == level) & ~np.isnan(points[:, 0]))
    if not len(here):
        raise AffectZooError(f"{space.name!r} has no sector with a measured term at level {level}")
    distance = np.linalg.norm(vad[..., None, :] - points[here], axis=-1)
    known = ~np.isnan(distance).any(-1)
    best = np.where(known, here[np.where(known[..., None], distance, 0.0).argmin(-1)], -1)
    return best, distance.min(-1)


def _back_off(space: LabelSpace, values: np.ndarray, basis: list, terms: list) -> None:
    """Fill undefined sectors from their parents, top down."""
    levels = _levels(space)
    for k in sorted(range(len(basis)), key=lambda k: levels[k]):
        parents = [space.index("emotion", p) for p in space.categories[k].parents]
        sources = [p for p in parents if basis[p] != "undefined"]
        if basis[k] == "undefined" and sources:
            values[k] = values[sources].mean(0)
            basis[k], terms[k] = "parent", tuple(dict.fromkeys(t for p in sources for t in terms[p]))


def _descendants(space: LabelSpace) -> np.ndarray:
    """(K, K) bool: row k marks k itself and all below it."""
    k = space.size("emotion")
    child = np.zeros((k, k), bool)
    for i, c in enumerate(space.categories):
        for parent in c.parents:
            child[space.index("emotion", parent), i] = True
    inside = np.eye(k, dtype=bool)
    for _ in range(k):
        wider = inside | (inside.astype(int) @ child.astype(int) > 0)
        if (wider == inside).all():
            break
        inside = wider
    return inside


def _levels(space: LabelSpace) -> np.ndarray:
    """(K,) 1 without parents, otherwise one more than the highest of the parents."""
    levels = np.zeros(space.size("emotion"), int)
    for _ in range(len(levels)):
        for i, c in enumerate(space.categories):
            above = [levels[space.index("emotion", p)] for p in c.parents]
            levels[i] = 1 if not above else (max(above) + 1 if all(above) else 0)
        if levels.all():
            return levels
    raise AffectZooError(f"{space.name!r}: its parents run in a circle")
