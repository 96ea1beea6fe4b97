"""LabelSpace: a named, versioned, hashed set of axes, categories, action units and states.

Axes and classes are addressed by name; the order of a space is the order of the model's outputs and is part of
its hash. Spaces are YAML files (`labels/spaces/` and those of plug-ins); `a+b` composes two of them.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.plugins import label_space_files
from affectzoo.schema import from_dict, read_yaml, to_dict

#: The fields of a prediction that a space can name, in the order in which they are listed everywhere.
FIELDS = ("vad", "emotion", "au", "state")


@dataclass(frozen=True)
class Axis:
    """A continuous dimension. Canonical range [-1, 1]; source ranges are affine maps (labels/ranges.py)."""

    name: str
    low: float = -1.0
    high: float = 1.0


@dataclass(frozen=True)
class Category:
    """A class. `term` is its Russell & Mehrabian term (None: no measured VAD); `parents` make a tree or graph.

    `name` is unique in its space (a path, `joy/cheerfulness/joy`, where the plain word is not);
    `aliases` are other names accepted on input; `angle_deg` is its direction on a wheel, anticlockwise.
    """

    name: str
    term: str | None = None
    aliases: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    angle_deg: float | None = None


@dataclass(frozen=True)
class ActionUnit:
    """A FACS action unit; `kind` is presence (0/1, a probability) or intensity (0 to 5)."""

    number: int
    title: str = ""
    kind: str = "presence"

    @property
    def name(self) -> str:
        """'AU01', 'AU12': two digits, so that names sort."""
        return f"AU{self.number:02d}"


@dataclass(frozen=True)
class State:
    """A binary state such as ambivalence/hesitancy."""

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelSpace:
    """See the module. `source` and `licence` document; they are not part of the hash."""

    name: str
    version: str
    title: str = ""
    source: str = ""
    licence: str = ""
    notes: str = ""
    axes: tuple[Axis, ...] = ()
    categories: tuple[Category, ...] = ()
    action_units: tuple[ActionUnit, ...] = ()
    states: tuple[State, ...] = ()

    def __post_init__(self):
        if not self.fields:
            raise AffectZooError(f"label space {self.name!r}: has no axes, categories, action units or states")
        for field in self.fields:
            names = self.names(field)
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise AffectZooError(f"label space {self.name!r}: {field} names occur twice: {', '.join(twice)}")
        kinds = {a.kind for a in self.action_units}
        if kinds - {"presence", "intensity"} or len(kinds) > 1:
            raise AffectZooError(f"label space {self.name!r}: action-unit kind must be all presence or all intensity")
        known = set(self.names("emotion"))
        for c in self.categories:
            for parent in c.parents:
                if parent not in known:
                    raise UnknownNameError("parent", parent, known, f"label space {self.name!r}: {c.name}")

    @property
    def fields(self) -> tuple[str, ...]:
        """The prediction fields that this space names: of vad, emotion, au, state."""
        parts = (self.axes, self.categories, self.action_units, self.states)
        return tuple(f for f, part in zip(FIELDS, parts, strict=True) if part)

    def names(self, field: str) -> tuple[str, ...]:
        """Ordered names of one field; empty when the space does not have it."""
        parts = dict(zip(FIELDS, (self.axes, self.categories, self.action_units, self.states), strict=True))
        if field not in parts:
            raise UnknownNameError("field", field, FIELDS, f"label space {self.name!r}")
        return tuple(item.name for item in parts[field])

    def size(self, field: str) -> int:
        """How many names a field has."""
        return len(self.names(field))

    def index(self, field: str, name: str) -> int:
        """Position of a name or alias. Raises UnknownNameError with the nearest names."""
        lookup = self._lookup[field]
        if name not in lookup:
            raise UnknownNameError(f"{field} label", name, self.names(field), f"label space {self.name!r}")
        return lookup[name]

    @cached_property
    def _lookup(self) -> dict[str, dict[str, int]]:
        tables: dict[str, dict[str, int]] = {f: {n: i for i, n in enumerate(self.names(f))} for f in FIELDS}
        for field, items in (("emotion", self.categories), ("state", self.states)):
            for i, item in enumerate(items):
                for alias in item.aliases:
                    tables[field].setdefault(alias, i)
        return tables

    @property
    def au_kind(self) -> str | None:
        """'presence', 'intensity', or None without action units."""
        return self.action_units[0].kind if self.action_units else None

    @cached_property
    def hash(self) -> str:
        """16 hex digits over all that changes the meaning of an output: names, order, ranges, terms, angles."""
        meaning = {
            "axes": [(a.name, a.low, a.high) for a in self.axes],
            "categories": [(c.name, c.term, list(c.parents), c.angle_deg) for c in self.categories],
            "action_units": [(a.number, a.kind) for a in self.action_units],
            "states": [s.name for s in self.states],
        }
        text = json.dumps([self.name, self.version, meaning], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form with the hash, from which `from_dict` rebuilds and checks the space."""
        return {**to_dict(self), "hash": self.hash}

    @classmethod
    def from_dict(cls, data: dict[str, Any], where: str = "label space") -> "LabelSpace":
        """Rebuild a space; a hash that does not match its contents is an error."""
        data = dict(data)
        expected = data.pop("hash", None)
        space = from_dict(cls, data, where)
        if expected is not None and expected != space.hash:
            raise AffectZooError(f"{where}: hash {expected} does not match its contents ({space.hash})")
        return space

    def compose(self, other: "LabelSpace") -> "LabelSpace":
        """This space and another's fields; a field may come from one of them only."""
        both = set(self.fields) & set(other.fields)
        if both:
            raise AffectZooError(f"{self.name!r} and {other.name!r} both define {', '.join(sorted(both))}")
        merge = {k: getattr(self, k) or getattr(other, k) for k in ("axes", "categories", "action_units", "states")}
        join = {k: "+".join((getattr(self, k), getattr(other, k))) for k in ("name", "version")}
        notes = {
            k: "; ".join(filter(None, (getattr(self, k), getattr(other, k)))) for k in ("title", "source", "licence")
        }
        return LabelSpace(**join, **merge, **notes)


def list_spaces() -> list[str]:
    """Names of all label spaces of all plug-ins."""
    return sorted(label_space_files())


@cache
def load_space(name: str) -> LabelSpace:
    """A space by name, or several joined with '+' ('ravdess8+vad').

    Raises UnknownNameError with the nearest names, AffectZooError when the YAML is wrong.
    """
    first, *rest = name.split("+")
    files = label_space_files()
    if first not in files:
        raise UnknownNameError("label space", first, files)
    space = from_dict(LabelSpace, read_yaml(files[first]), str(files[first]))
    if space.name != first:
        raise AffectZooError(f"{files[first]}: name is {space.name!r}, expected {first!r}")
    for other in rest:
        space = space.compose(load_space(other))
    return space


def as_space(space: "LabelSpace | str | dict") -> LabelSpace:
    """Accept a space, its name or its dict form."""
    if isinstance(space, LabelSpace):
        return space
    return LabelSpace.from_dict(space) if isinstance(space, dict) else load_space(space)
