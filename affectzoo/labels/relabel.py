"""Relabelling: points of valence, arousal and dominance into distributions over emotion words, and back.

After 'Revisiting Emotions Representation' (arXiv 2602.06778), through the Gaussians of `labels/vad.py`: uniform prior,
diagonal covariance. `rm8` has the eight classes of that paper; its fourteen fused classes were not published with
their numbers, and `fused14_ours` is our own match of them. Any other space whose categories have terms will do.

Neither direction restores the other: a distribution's mean is not the point that it came from. A row that cannot be
used keeps its place, has NaN everywhere and a reason; nothing is clipped, filled or renormalised unless asked for.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from affectzoo.errors import AffectZooError, UndefinedMappingError, UnknownNameError
from affectzoo.labels.ranges import RANGES, Range, to_canonical
from affectzoo.labels.rows import MOST_LOST
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.labels.vad import AXES, distribution_to_vad, fill_dominance, space_gaussians, vad_to_distribution

#: How far a row's sum may lie from 1 and still be a distribution, as rounded files have it (ours).
SUM_TOLERANCE = 0.01
#: What the column `derived` says of a row's new values.
FROM_VAD, FROM_EMOTION = "relabelled from vad", "relabelled from emotion"


@dataclass(frozen=True)
class Relabelled:
    """values: (N, K), by `columns` ('emotion.<class>' or 'vad.<axis>'); NaN in rows that could not be used.

    reasons: (N,) why a row could not be used, '' where it could. report: JSON-able: space, hash, what was assumed,
    counts.
    """

    values: np.ndarray
    columns: tuple[str, ...]
    reasons: tuple[str, ...]
    report: dict[str, Any] = field(repr=False)

    @property
    def derived(self) -> tuple[str, ...]:
        """(N,) how the values came about; '' where there are none."""
        how = FROM_VAD if self.columns[0].startswith("emotion.") else FROM_EMOTION
        return tuple("" if reason else how for reason in self.reasons)


def points_to_emotion(points: np.ndarray, to: LabelSpace | str, source: Range | str = "signed") -> Relabelled:
    """Distributions over the categories of `to` at points (N, 3), or (N, 2) without dominance, of the range `source`.

    A row with NaN or with a value outside its range is not used. Raises UndefinedMappingError for a space of whose
    categories none has measured valence and arousal, AffectZooError for points of another shape.
    """
    space, points, source = _with_emotion(to), np.asarray(points, float), parse_range(source)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise AffectZooError(
            f"points of shape {points.shape}: one row an item with {', '.join(AXES)}, or the first two"
        )
    reasons = _point_reasons(points, source)
    good = np.array([not r for r in reasons], bool)
    values = np.full((len(points), space.size("emotion")), np.nan)
    values[good] = vad_to_distribution(space, to_canonical(points[good], source))
    assumed = {
        "prior": "uniform",
        "covariance": "diagonal",
        "dominance": "given" if points.shape[1] == 3 else _filled(space, to_canonical(points[good], source)),
        "range": f"{source.name} [{source.low:g}, {source.high:g}]",
    }
    columns = tuple(f"emotion.{n}" for n in space.names("emotion"))
    return Relabelled(values, columns, reasons, _report("vad", space, "emotion", assumed, reasons))


def emotion_to_points(
    p: np.ndarray, source: LabelSpace | str, to: LabelSpace | str = "vad", normalise: bool = False
) -> Relabelled:
    """Mean points on the axes of `to` of distributions (N, K) over the categories of `source`.

    A row with NaN or a negative share is not used, nor one whose sum is not 1 (within SUM_TOLERANCE), nor one with more
    than half of its mass on categories without measured values; of the others, the mean is over the mass that has them.
    normalise: rows may be counts of votes, and are divided by their sum.
    """
    space, target, p = _with_emotion(source), as_space(to), np.asarray(p, float)
    axes = _axes_of(target)
    if p.ndim != 2 or p.shape[1] != space.size("emotion"):
        raise AffectZooError(
            f"shares of shape {p.shape} do not fit {space.size('emotion')} categories of {space.name!r}"
        )
    lost = _undefined_share(space, p)
    reasons = _share_reasons(p, lost, normalise)
    good = np.array([not r for r in reasons], bool)
    values = np.full((len(p), len(axes)), np.nan)
    shares = p[good] / p[good].sum(1, keepdims=True) if normalise else p[good]
    half = np.array([(a.high - a.low) / 2 for a in target.axes])
    middle = np.array([(a.high + a.low) / 2 for a in target.axes])
    values[good] = distribution_to_vad(space, shares)[0][:, axes] * half + middle
    assumed = {
        "mean": "sum of p(class) times the class's mean, over the mass that has one",
        "without measured values": [c.name for c in space.categories if c.term is None],
        "their share, mean over rows": float(lost[good].mean()) if good.any() else 0.0,
        "normalised": normalise,
    }
    columns = tuple(f"vad.{a.name}" for a in target.axes)
    return Relabelled(values, columns, reasons, _report("emotion", target, "vad", assumed, reasons, space))


def find_columns(
    there: Sequence[str], names: Sequence[str], optional: Sequence[str] = (), own: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Name -> column of a table: as `own` says, else one of that name, or '<field>.<name>', whatever its case.

    names: axes or classes; those that are also `optional` may be missing. Raises UnknownNameError for a name or column
    that is not there, AffectZooError where two columns fit one name.
    """
    own = dict(own or {})
    for name, column in own.items():
        if name not in names:
            raise UnknownNameError("name in the columns", name, names)
        if column not in there:
            raise UnknownNameError("column", column, there, f"columns: {name}")
    found = {}
    for name in names:
        fits = [c for c in there if c.lower() in (name.lower(), f"vad.{name}".lower(), f"emotion.{name}".lower())]
        if name in own:
            found[name] = own[name]
        elif len(fits) > 1:
            raise AffectZooError(f"columns {', '.join(fits)} all fit {name!r}; say which with --columns {name}=COLUMN")
        elif fits:
            found[name] = fits[0]
        elif name not in optional:
            raise AffectZooError(f"{UnknownNameError('column', name, there)} (or say --columns {name}=COLUMN)")
    return found


def parse_range(text: Range | str) -> Range:
    """A range by name ('sam9') or as 'LOW:HIGH'. Raises UnknownNameError or AffectZooError for neither."""
    if isinstance(text, Range):
        return text
    low, colon, high = text.partition(":")
    if not colon and text not in RANGES:
        raise UnknownNameError("range", text, RANGES)
    if not colon:
        return RANGES[text]
    try:
        ends = float(low), float(high)
    except ValueError:
        raise AffectZooError(f"range {text!r}: two numbers are needed, such as 1:9") from None
    return Range(text, *ends)


def _with_emotion(space: LabelSpace | str) -> LabelSpace:
    space = as_space(space)
    if "emotion" not in space.fields:
        raise UndefinedMappingError(f"label space {space.name!r} has no emotion classes")
    space_gaussians(space)  # raises where no category has a term
    return space


def _axes_of(target: LabelSpace) -> list[int]:
    if target.fields != ("vad",) or any(a.name not in AXES for a in target.axes):
        raise UndefinedMappingError(f"label space {target.name!r} does not consist of axes among {', '.join(AXES)}")
    return [AXES.index(a.name) for a in target.axes]


def _point_reasons(points: np.ndarray, source: Range) -> tuple[str, ...]:
    """Only rows at fault are gone through one by one."""
    missing = ~np.isfinite(points)
    outside = (points < source.low) | (points > source.high)
    reasons = np.full(len(points), "", object)
    for i in np.flatnonzero((missing | outside).any(1)):
        no_number = _names(missing[i])
        reasons[i] = f"{no_number}: no number" if no_number else f"{_names(outside[i])}: outside the range"
    return tuple(reasons)


def _names(flags: np.ndarray) -> str:
    return ", ".join(a for a, flag in zip(AXES, flags, strict=False) if flag)


def _share_reasons(p: np.ndarray, lost: np.ndarray, normalise: bool) -> tuple[str, ...]:
    total = p.sum(1)
    tests = (
        (np.isnan(p).any(1), "a share is missing"),
        ((p < 0).any(1) | np.isinf(p).any(1), "a share is negative or infinite"),
        (total <= 0, "all shares are 0"),
        (np.abs(total - 1) > SUM_TOLERANCE if not normalise else np.zeros(len(p), bool), "the shares do not sum to 1"),
        (lost > MOST_LOST, "more than half of its mass is on classes without measured valence and arousal"),
    )
    reasons = np.full(len(p), "", object)
    for flags, text in tests:
        reasons[flags & (reasons == "")] = text
    return tuple(reasons)


def _undefined_share(space: LabelSpace, p: np.ndarray) -> np.ndarray:
    """(N,) share of a row's sum on categories without a term."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return p[:, ~space_gaussians(space)[2]].sum(1) / p.sum(1)


def _filled(space: LabelSpace, va: np.ndarray) -> str:
    spread = fill_dominance(space, va) if len(va) else np.zeros(1)
    return (
        "filled: each class regresses it on valence and arousal with assumed correlations, clipped to [-1, 1] "
        f"(labels/vad.py fill_dominance); from {spread.min():.3f} to {spread.max():.3f}"
    )


def _report(
    origin: str,
    space: LabelSpace,
    what: str,
    assumed: Mapping[str, Any],
    reasons: Sequence[str],
    classes: LabelSpace | None = None,
) -> dict[str, Any]:
    """classes: the space of the classes where `space` holds the axes."""
    named = classes or space
    return {
        "from": origin,
        "to": what,
        "space": space.name,
        "space_version": space.version,
        "space_hash": space.hash,
        **({"classes": classes.name, "classes_hash": classes.hash} if classes else {}),
        "terms": {c.name: c.term for c in named.categories},
        "source": "arXiv 2602.06778; Gaussians of Russell & Mehrabian 1977, Table 4, and additions (labels/vad.py)",
        "assumed": dict(assumed),
        "rows": len(reasons),
        "unusable": sum(bool(r) for r in reasons),
        "reasons": dict(Counter(r for r in reasons if r)),
    }


def relabel_frame(
    frame,
    to: LabelSpace | str,
    source: LabelSpace | str | None = None,
    columns: Mapping[str, str] | None = None,
    scale: Range | str = "signed",
    normalise: bool = False,
):
    """(data frame with added columns, report) of a pandas data frame of the user's own; rows and their order stay.

    to: a space with classes (the frame has valence, arousal and perhaps dominance, of the range `scale`), or one of
    axes, such as vad (the frame has shares of the classes of the space `source`). columns: see `find_columns`.
    normalise: see `emotion_to_points`. Added: the values' columns, `derived` (how; '' without values) and
    `relabel_error` (why there are none). Raises AffectZooError where a column would be overwritten or holds text.
    """
    target = as_space(to)
    back = target.fields == ("vad",)
    if back and source is None:
        raise AffectZooError(f"to {target.name!r}: say of which label space the classes are (--from)")
    names = as_space(source).names("emotion") if back else AXES
    found = find_columns(list(frame.columns), names, () if back else AXES[2:], columns)
    values = np.stack([_numbers(frame, c) for c in found.values()], 1)
    done = emotion_to_points(values, source, target, normalise) if back else points_to_emotion(values, target, scale)
    added = {**dict(zip(done.columns, done.values.T, strict=True)), "derived": done.derived}
    added["relabel_error"] = done.reasons
    taken = [c for c in added if c in frame.columns]
    if taken:
        raise AffectZooError(f"column {taken[0]!r} is already there and would be overwritten; rename it first")
    return frame.assign(**added), {**done.report, "columns": found}


def _numbers(frame, column: str) -> np.ndarray:
    """(N,) float64; empty cells are NaN. AffectZooError names the first cell that is neither."""
    import pandas as pd

    values = pd.to_numeric(frame[column], errors="coerce")
    text = frame[column].astype(str).str.strip().str.lower()
    wrong = values.isna() & ~text.isin(("", "nan", "na", "none", "null"))
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        raise AffectZooError(f"column {column!r}, row {at + 1}: {frame[column].iloc[at]!r} is no number")
    return values.to_numpy(float)
