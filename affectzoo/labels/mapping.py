"""The only way from one label space to another: rows that are exact, lossy or undefined, and what was lost.

exact: the same meaning, and the way back gives the same class. lossy: the nearest declared counterpart; the
way back does not restore it. undefined: no counterpart; its mass is lost and reported, never moved elsewhere.

| from -> to | rows |
|---|---|
| emotion -> emotion | by name, dyad or declared wider word (labels/words.py, labels/data/maps.yaml) |
| emotion -> vad | lossy: means of Russell & Mehrabian's Gaussians (labels/vad.py) |
| vad -> emotion | lossy: posterior of the same Gaussians |
| vad -> vad | axes of one name, affine between their ranges: exact |
| au -> au | shared numbers exact; intensity >= 2 as presence lossy; presence as intensity undefined |
| state -> state | by name |
Everything else (AU -> emotion, state -> emotion, emotion -> AU, ...) raises UndefinedMappingError.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from affectzoo.errors import AffectZooError, UndefinedMappingError, UnknownNameError
from affectzoo.labels import rows as build
from affectzoo.labels.rows import Row
from affectzoo.labels.space import FIELDS, LabelSpace, as_space

KINDS = ("exact", "lossy", "undefined")
#: Source fields that can answer a target field, best first.
ROUTES = {"vad": ("vad", "emotion"), "emotion": ("emotion", "vad"), "au": ("au",), "state": ("state",)}

REASONS = {
    (
        "au",
        "emotion",
    ): "action units describe a face, not a feeling; a model must learn that step",
    ("emotion", "au"): "a class does not say which muscles moved; prototypes are not labels",
    ("au", "vad"): "action units have no measured valence or arousal",
    ("vad", "au"): "a point does not say which muscles moved",
    ("state", "emotion"): "a state such as ambivalence or hesitancy is present beside any emotion",
    ("emotion", "state"): "no class implies or excludes a state such as ambivalence or hesitancy",
}


@dataclass(frozen=True, eq=False)
class SpaceMapping:
    """A mapping of one field. Build it with `map_spaces`.

    rows: one per source name. matrix: (S, T), the linear form (emotion -> vad: class means, NaN where a class
    has none), or None for vad -> emotion and where a threshold or an offset applies.
    covered: (T,) bool, target names that some row reaches.
    """

    source: LabelSpace
    target: LabelSpace
    source_field: str
    target_field: str
    rows: tuple[Row, ...]
    matrix: np.ndarray | None
    covered: np.ndarray
    convert: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] = field(repr=False)

    @property
    def kind(self) -> str:
        """'exact' when every row is, else 'lossy'."""
        return "exact" if all(r.kind == "exact" for r in self.rows) else "lossy"

    def apply(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Map values (..., S) of the source field; float64. Returns q (..., T) and lost (...).

        emotion -> emotion: p >= 0 is a distribution, q.sum(-1) + lost == p.sum(-1); q is not renormalised.
        emotion -> vad: mean over the mass that has measured values, lost is the rest; NaN where
            that is more than half.
        vad -> emotion: lost is 0.
        au, state, vad -> the same: target names that no row reaches are NaN; lost is the sum of the
        source's au or state values without a counterpart (of presence: how many units that is), 0 for vad.
        Raises AffectZooError for a wrong size, or for negative probabilities.
        """
        p = np.asarray(p, float)
        if p.ndim < 1 or p.shape[-1] != len(self.rows):
            raise AffectZooError(
                f"values of shape {p.shape} do not fit the {len(self.rows)} names that "
                f"{self.source.name!r} has in {self.source_field}"
            )
        if self.source_field == "emotion" and (p < 0).any():
            raise AffectZooError("negative values are no distribution; logits need a softmax first")
        return self.convert(p)

    def report(self) -> dict[str, Any]:
        """JSON-able: kind, counts of rows, what each row that is not exact loses, targets never reached."""
        names = self.target.names(self.target_field)
        return {
            "from": f"{self.source.name}.{self.source_field}",
            "to": f"{self.target.name}.{self.target_field}",
            "from_hash": self.source.hash,
            "to_hash": self.target.hash,
            "kind": self.kind,
            "counts": {k: sum(r.kind == k for r in self.rows) for k in KINDS},
            "losses": {r.source: r.lost for r in self.rows if r.kind != "exact"},
            "unreached": [n for n, c in zip(names, self.covered, strict=True) if not c],
        }


def map_spaces(source: LabelSpace | str, target: LabelSpace | str, field: str | None = None) -> SpaceMapping:
    """The mapping of one field of `source` to field `field` of `target`.

    field None: the first field of the target that the source has, else the first that it can answer.
    Raises UndefinedMappingError with the reason when there is no meaningful way, UnknownNameError for a field
    that the target lacks.
    """
    source, target = as_space(source), as_space(target)
    if field is None:
        field = _default_field(source, target)
    if field not in target.fields:
        raise UnknownNameError("field", field, target.fields, f"label space {target.name!r}")
    route = next((f for f in ROUTES[field] if f in source.fields), None)
    if route is None:
        raise _undefined(source, target, source.fields[0], field)
    return _build(source, target, route, field)


def _default_field(source: LabelSpace, target: LabelSpace) -> str:
    shared = [f for f in FIELDS if f in source.fields and f in target.fields]
    reached = [f for f in target.fields if set(ROUTES[f]) & set(source.fields)]
    if not shared and not reached:
        raise _undefined(source, target, source.fields[0], target.fields[0])
    return (shared or reached)[0]


def _undefined(source: LabelSpace, target: LabelSpace, a: str, b: str) -> UndefinedMappingError:
    why = REASONS.get((a, b), f"{a} does not determine {b}")
    return UndefinedMappingError(f"{source.name!r} ({a}) cannot be mapped to {target.name!r} ({b}): {why}")


@cache
def _build(source: LabelSpace, target: LabelSpace, a: str, b: str) -> SpaceMapping:
    if a != b:
        rows, matrix, covered, convert = (build.vad_from_emotion if b == "vad" else build.emotion_from_vad)(
            source, target
        )
    elif a == "emotion":
        rows, matrix, covered, convert = build.emotion_rows(source, target)
    else:
        rows, matrix, covered, convert = build.named_rows(source, target, a)
    if not covered.any():
        raise UndefinedMappingError(f"no {a} of {source.name!r} has a counterpart in {target.name!r}")
    for array in (matrix, covered):
        if array is not None:
            array.flags.writeable = False
    return SpaceMapping(source, target, a, b, rows, matrix, covered, convert)
