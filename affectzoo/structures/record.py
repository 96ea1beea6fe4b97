"""EvalRecord: a score with everything that is needed to compare it or to refuse to."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from affectzoo.errors import FileError
from affectzoo.schema import from_dict, read_json, to_dict

SCHEMA_VERSION = 1
#: Version -> what turns a record of that version, as read from JSON, into one of the next. A change of the schema
#: raises SCHEMA_VERSION and adds its step here (and a record of the old version to the tests).
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


@dataclass(frozen=True)
class ModelRef:
    """Which model answered: architecture, tag of the weights, sha256 of the tensors file ('' when not one file)."""

    arch: str
    tag: str = ""
    sha256: str = ""
    parameters: int = 0


@dataclass(frozen=True)
class BenchmarkRef:
    """What was asked: data with revision, split with hash, label space with hash, main score and its pooling."""

    name: str
    dataset: str
    revision: str
    split: str
    split_sha256: str
    label_space: str
    label_space_hash: str
    main: str
    pooling: str = "pooled"
    protocol: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """One value with its interval, its conventions and its counts. value None: undefined.

    low, high: interval of `value` (pooled over the folds). per_class, support: name (class, axis, unit) -> its value,
    and its labelled rows or positives. undefined: how many names or sequences have no value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    fold_mean: float | None = None
    per_fold: tuple[float | None, ...] = ()
    per_class: dict[str, float | None] = field(default_factory=dict)
    n: int = 0
    support: dict[str, int] = field(default_factory=dict)
    undefined: int = 0
    conventions: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EvalRecord:
    """Tables, cards, plots and submissions are views of this.

    scores: pooled values by metric name. slices: attribute -> value -> metric -> value. controls: control name ->
    metric -> value. trained_on: how many test items are in the model's training keys (None: unknown).
    ranked False carries its reasons in `remarks`.
    """

    model: ModelRef
    benchmark: BenchmarkRef
    scores: dict[str, Score]
    controls: dict[str, dict[str, float | None]] = field(default_factory=dict)
    slices: dict[str, dict[str, dict[str, float | None]]] = field(default_factory=dict)
    confusion: dict[str, Any] = field(default_factory=dict)
    n: int = 0
    n_failed: int = 0
    n_missing: int = 0
    trained_on: int | None = None
    training_keys_sha256: tuple[str, ...] = ()
    ranked: bool = True
    remarks: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    predictions_sha256: str = ""
    licences: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    seconds: float | None = None
    command: str = ""
    created: str = ""
    schema_version: int = SCHEMA_VERSION

    def write(self, path: str | Path) -> Path:
        """Write as JSON (sorted keys, so that a record diffs well)."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(to_dict(self), indent=1, sort_keys=True, allow_nan=False) + "\n")
        return path

    @classmethod
    def read(cls, path: str | Path) -> "EvalRecord":
        """Read, migrate and check a record.

        Raises FileError for a schema that is newer or none, errors with the near match for odd keys.
        """
        data = read_json(path)
        version = data.get("schema_version") if isinstance(data, dict) else None
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            raise FileError(
                path,
                f"record schema {version!r} is not known here (1 to {SCHEMA_VERSION}); update affectzoo",
            )
        for step in range(version, SCHEMA_VERSION):
            data = {**MIGRATIONS[step](data), "schema_version": step + 1}
        return from_dict(cls, data, str(path))
