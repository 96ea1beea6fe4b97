"""The rows of a mapping, field by field: what `labels.mapping` puts together.

Each builder gives (rows, matrix, covered, convert); see SpaceMapping for their meaning.
"""

from dataclasses import dataclass

import numpy as np

from affectzoo.errors import UndefinedMappingError
from affectzoo.labels import vad as gaussians
from affectzoo.labels.space import LabelSpace
from affectzoo.labels.words import Candidate, candidates, caveat

#: An action unit of this intensity or more counts as present (the usual DISFA protocol).
PRESENT_FROM = 2.0
#: A point that would rest on less than the other half of the mass is not given (ours).
MOST_LOST = 0.5


@dataclass(frozen=True)
class Row:
    """Where one source name goes: target names (equal shares), kind (of KINDS), rule, and what is lost."""

    source: str
    targets: tuple[str, ...]
    kind: str
    rule: str
    lost: str = ""


def emotion_rows(source: LabelSpace, target: LabelSpace):
    """emotion -> emotion: a row is exact only when it is one to one in both directions and without caveat."""
    there, back = candidates(source, target), candidates(target, source)
    landing, returning = _landing(there, len(back)), _landing(back, len(there))
    rows = tuple(_emotion_row(i, source, target, c, landing, returning[i]) for i, c in enumerate(there))
    matrix = np.zeros((len(there), len(back)))
    for i, c in enumerate(there):
        matrix[i, list(c.targets)] = 1.0 / max(len(c.targets), 1)
    undefined = np.array([not c.targets for c in there], float)
    return rows, matrix, matrix.any(0), lambda p: (p @ matrix, p @ undefined)


def _landing(candidates_: tuple[Candidate, ...], size: int) -> list[list[int]]:
    """For each of `size` positions, who lands on it."""
    landing: list[list[int]] = [[] for _ in range(size)]
    for i, c in enumerate(candidates_):
        for t in c.targets:
            landing[t].append(i)
    return landing


def _emotion_row(
    i: int,
    source: LabelSpace,
    target: LabelSpace,
    c: Candidate,
    landing: list[list[int]],
    returning: list[int],
) -> Row:
    """landing: source positions by target; returning: target positions that map back onto this category."""
    name = source.categories[i].name
    names = tuple(target.categories[t].name for t in c.targets)
    if not names:
        return Row(name, (), "undefined", "none", f"no counterpart of {name} in {target.name}")
    losses = [_loss_by_rule(c, names)]
    also = sorted({j for t in c.targets for j in landing[t]} - {i})
    if also:
        losses.append(f"shares {', '.join(names)} with {_few([source.categories[j].name for j in also])}")
    finer = [t for t in returning if t not in c.targets]
    if finer:
        losses.append(f"{target.name} tells {_few([target.categories[t].name for t in finer])} apart from it")
    if not set(c.targets) <= set(returning):
        losses.append("the way back leads elsewhere")
    notes = {s.name: text for s, n in ((source, name), *((target, n) for n in names)) if (text := caveat(s, n))}
    losses += [f"{text} ({space})" for space, text in notes.items()]
    lost = "; ".join(filter(None, losses))
    return Row(name, names, "lossy" if lost else "exact", c.rule, lost)


def _loss_by_rule(c: Candidate, names: tuple[str, ...]) -> str:
    if c.rule == "dyad":
        return f"a blend, split equally between {' and '.join(names)}"
    if c.rule == "wider":
        return f"becomes the wider {c.word}" + (f", split equally between {', '.join(names)}" if len(names) > 1 else "")
    return f"{c.word} stands in several places: {', '.join(names)}" if len(names) > 1 else ""


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _axis_order(space: LabelSpace) -> list[int]:
    """Positions in gaussians.AXES of a space's axes. Raises UndefinedMappingError for any other axis."""
    for axis in space.axes:
        if axis.name not in gaussians.AXES:
            raise UndefinedMappingError(f"axis {axis.name!r} of {space.name!r} is not valence, arousal or dominance")
    return [gaussians.AXES.index(a.name) for a in space.axes]


def _scale(space: LabelSpace) -> tuple[np.ndarray, np.ndarray]:
    """(half width, middle) of a space's axes: value = canonical * half + middle."""
    low, high = np.array([[a.low, a.high] for a in space.axes]).T
    return (high - low) / 2, (high + low) / 2


def vad_from_emotion(source: LabelSpace, target: LabelSpace):
    """emotion -> vad through the means of the Gaussians; NaN where most of the mass has none."""
    mean, _, defined = gaussians.space_gaussians(source)
    order, (half, middle) = _axis_order(target), _scale(target)

    def convert(p):
        vad, mass = gaussians.distribution_to_vad(source, p)
        lost = p[..., ~defined].sum(-1)
        vad[lost > MOST_LOST * (mass + lost)] = np.nan
        return vad[..., order] * half + middle, lost

    rows = tuple(
        Row(
            c.name,
            tuple(a.name for a in target.axes),
            "lossy",
            "gaussian",
            f"only the mean of {c.term} is kept",
        )
        if ok
        else Row(c.name, (), "undefined", "none", f"{c.name} has no measured valence and arousal")
        for c, ok in zip(source.categories, defined, strict=True)
    )
    return rows, mean[:, order] * half + middle, np.ones(len(order), bool), convert


def emotion_from_vad(source: LabelSpace, target: LabelSpace):
    """vad -> emotion: the posterior of the Gaussians; a missing dominance is estimated."""
    order, (half, middle) = _axis_order(source), _scale(source)
    if not {0, 1} <= set(order):
        raise UndefinedMappingError(f"{source.name!r} lacks valence or arousal, which a class needs")
    at = [order.index(i) for i in range(len(gaussians.AXES)) if i in order]

    def convert(x):
        p = gaussians.vad_to_distribution(target, ((x - middle) / half)[..., at])
        return p, np.zeros(p.shape[:-1])

    defined = gaussians.space_gaussians(target)[2]
    reached = tuple(c.name for c, ok in zip(target.categories, defined, strict=True) if ok)
    fill = "" if len(at) == 3 else "; dominance is estimated"
    rows = tuple(
        Row(a.name, reached, "lossy", "gaussian", f"a point becomes a distribution over words{fill}")
        for a in source.axes
    )
    return rows, None, defined.copy(), convert


def named_rows(source: LabelSpace, target: LabelSpace, name: str):
    """au, state, vad -> the same: each target name takes the value of its source name; the others are NaN."""
    if name == "au" and source.au_kind == "presence" and target.au_kind == "intensity":
        raise UndefinedMappingError(
            f"{source.name!r} cannot be mapped to {target.name!r}: presence does not say how strong a unit is"
        )
    origin = _origins(source, target, name)
    covered = origin >= 0
    threshold = name == "au" and source.au_kind != target.au_kind
    gain, offset = np.ones(len(origin)), np.zeros(len(origin))
    if name == "vad":
        (half_s, mid_s), (half_t, mid_t) = _scale(source), _scale(target)
        gain, offset = half_t / half_s[origin], mid_t - mid_s[origin] * half_t / half_s[origin]
    matrix = np.zeros((source.size(name), len(origin)))
    matrix[origin[covered], np.flatnonzero(covered)] = gain[covered]
    dropped = np.setdiff1d(np.arange(source.size(name) if name != "vad" else 0), origin)

    def convert(x):
        if threshold:
            x = np.where(np.isnan(x), np.nan, x >= PRESENT_FROM)
        return np.where(covered, x[..., origin] * gain + offset, np.nan), x[..., dropped].sum(-1)

    linear = not threshold and not offset[covered].any()
    return _named_rows(source, target, name, origin, threshold), matrix if linear else None, covered, convert


def _origins(source: LabelSpace, target: LabelSpace, name: str) -> np.ndarray:
    """(T,) position in the source of each target name, -1 where the source has none."""
    if name != "state":
        where = {n: i for i, n in enumerate(source.names(name))}
        return np.array([where.get(n, -1) for n in target.names(name)])
    origins = []
    for t in target.states:
        words = {t.name, *t.aliases}
        origins.append(next((i for i, s in enumerate(source.states) if s.name in words or t.name in s.aliases), -1))
    return np.array(origins)


def _named_rows(
    source: LabelSpace, target: LabelSpace, name: str, origin: np.ndarray, threshold: bool
) -> tuple[Row, ...]:
    to = {int(i): target.names(name)[t] for t, i in enumerate(origin) if i >= 0}
    loss = f"intensity becomes presence: {PRESENT_FROM:g} or more of 5"
    return tuple(
        Row(n, (), "undefined", "none", f"{target.name} has no {n}")
        if i not in to
        else Row(n, (to[i],), "lossy", "threshold", loss)
        if threshold
        else Row(n, (to[i],), "exact", "name")
        for i, n in enumerate(source.names(name))
    )
