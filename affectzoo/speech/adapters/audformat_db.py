"""A database in audEERING's audformat on disk: db.yaml and its tables, read as text.

Format: audeering/audformat, docs/data-*.rst. The package itself is not used: besides six more packages it brings
the reading of pickled tables, which it prefers to a CSV beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from affectzoo.data.dataset import read_frame
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.ranges import Range
from affectzoo.schema import read_yaml

INDEX = ("file", "start", "end")


@dataclass(frozen=True)
class Database:
    """The header, and tables as text. Raises FileError and UnknownNameError naming file, table and column."""

    folder: Path
    frames: dict[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def header(self) -> dict:
        """db.yaml, read by the safe loader."""
        header = read_yaml(self.folder / "db.yaml")
        if not isinstance(header, dict) or not header.get("tables"):
            raise FileError(self.folder / "db.yaml", "is not the header of a database: it has no tables")
        return header

    def part(self, kind: str, name: str) -> dict:
        """An entry of tables, misc_tables, schemes or splits; {} where nothing is declared of it."""
        known = self.header.get(kind) or {}
        if name not in known:
            raise UnknownNameError(kind.rstrip("s"), name, known, str(self.folder / "db.yaml"))
        return known[name] or {}

    def file(self, name: str) -> Path:
        """db.<name>.csv or .parquet. A table that is there as a pickle only is refused."""
        for suffix in ("parquet", "csv"):  # the order of the format's own package
            if (self.folder / f"db.{name}.{suffix}").is_file():
                return self.folder / f"db.{name}.{suffix}"
        pickled = (self.folder / f"db.{name}.pkl").exists()
        why = "is there as a pickle only, which is not read: save it as csv or parquet" if pickled else "no such file"
        raise FileError(self.folder / f"db.{name}.csv", why)

    def table(self, name: str, kind: str = "tables"):
        """A data frame of text, '' where a cell is empty."""
        if name not in self.frames:
            self.part(kind, name)
            path = self.file(name)
            self.frames[name] = _read(path, INDEX[:1] if kind == "tables" else ())
        return self.frames[name]

    def column(self, table: str, ref: str) -> np.ndarray:
        """Text of a referenced column for the rows of a table."""
        other, name, prop = self._resolve(table, ref)
        frame, source = self.table(table), self.table(other)
        if name not in source:
            raise UnknownNameError("column", name, source.columns, str(self.file(other)))
        by = [c for c in INDEX if c in source and c in frame]
        if other == table:
            values = source[name]
        elif set(by) != {c for c in INDEX if c in source} or source.duplicated(by).any():
            raise FileError(self.file(other), f"cannot be joined to table {table!r}: not one row a {' and '.join(by)}")
        else:
            values = frame[by].merge(source[[*by, name]], on=by, how="left")[name].fillna("")
        return (values.map(self._property(other, name, prop)).fillna("") if prop else values).to_numpy(object)

    def limits(self, table: str, ref: str, given: Sequence[float] | None) -> Range:
        """The range of a rating: as given, or the minimum and maximum of its column's scheme."""
        other, name, _ = self._resolve(table, ref)
        scheme = self._scheme(other, name)
        low, high = given if given is not None else (scheme.get("minimum"), scheme.get("maximum"))
        if low is None or high is None:
            raise AffectZooError(
                f"{self.folder / 'db.yaml'}: {ref!r} has no minimum and maximum; give the option range"
            )
        return Range(ref, float(low), float(high))

    def _resolve(self, table: str, ref: str) -> tuple[str, str, str | None]:
        first, *rest = ref.split("/")
        own = self.part("tables", table).get("columns") or {}
        if rest and first in self.header["tables"]:
            table, (first, *rest) = first, rest
        elif rest and first not in own:
            raise UnknownNameError("table or column", first, {*self.header["tables"], *own}, f"{ref!r}")
        if len(rest) > 1:
            raise AffectZooError(f"{ref!r} is not column, table/column or [table/]column/property")
        return table, first, rest[0] if rest else None

    def _scheme(self, table: str, column: str) -> dict:
        columns = self.part("tables", table).get("columns") or {}
        name = (columns.get(column) or {}).get("scheme_id")
        return self.part("schemes", name) if name else {}

    def _property(self, table: str, column: str, prop: str) -> dict[str, str]:
        """Value -> property, from the scheme's labels or from the misc table that they name."""
        labels = self._scheme(table, column).get("labels")
        if isinstance(labels, str):
            frame = self.table(labels, "misc_tables")
            if prop not in frame:
                raise UnknownNameError("property", prop, frame.columns, str(self.file(labels)))
            return dict(zip(frame.iloc[:, 0], frame[prop], strict=True))
        known = {str(k): v for k, v in labels.items() if isinstance(v, dict)} if isinstance(labels, dict) else {}
        found = {p for v in known.values() for p in v}
        if prop not in found:
            raise UnknownNameError("property", prop, found, f"{self.folder / 'db.yaml'}: column {column!r}")
        return {k: str(v.get(prop, "")) for k, v in known.items()}


def _read(path: Path, columns: Sequence[str]):
    import pandas as pd

    if path.suffix == ".csv":
        return read_frame(path, columns)
    try:
        frame = pd.read_parquet(path)
    except (ValueError, OSError) as e:
        raise FileError(path, f"is not readable as parquet ({e})") from None
    for column in columns:
        if column not in frame:
            raise UnknownNameError("column", column, frame.columns, str(path))
    return frame.astype(object).where(frame.notna(), "").astype(str)
