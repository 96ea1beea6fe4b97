"""What an interrupted run has done so far: an append-only file of JSON lines beside the output."""

import hashlib
import json
import os
from io import TextIOWrapper
from pathlib import Path

import numpy as np
import pandas as pd

from affectzoo.errors import AffectZooError
from affectzoo.schema import from_dict, to_dict
from affectzoo.structures.table import TEXTS, TableMeta

#: The rows of one file by column, texts as objects and numbers as float64: a data frame a file would take most of
#: the time of a run over short files.
Rows = dict[str, np.ndarray]


def file_id(path: Path, salt: str) -> str:
    """Identity of a file and a model: path, size, time of change in ns, and `salt`."""
    try:
        s = path.stat()
        state = f"{s.st_size}:{s.st_mtime_ns}"
    except OSError:
        state = "missing"
    return hashlib.sha256(f"{os.path.abspath(path)}:{state}:{salt}".encode()).hexdigest()[:32]


class Partial:
    """Rows of finished files by file id: `done` have predictions, `failed` an error. A context manager.

    A line is {"id", "rows": {column: [...]}, "meta": ... or null}; meta data stand only with the first
    success. A last line that was cut off by the interruption is dropped.
    """

    def __init__(self, path: Path, resume: bool):
        self.path = path
        self.done: dict[str, Rows] = {}
        self.failed: dict[str, Rows] = {}
        self.meta: TableMeta | None = None
        self._file: TextIOWrapper | None = None
        if resume and path.exists():
            self._load()
        else:
            path.unlink(missing_ok=True)

    def __enter__(self) -> "Partial":
        self._file = open(self.path, "a", encoding="utf-8")
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def add(self, id_: str, rows: Rows, meta: TableMeta | None) -> None:
        """Keep the rows of one file, on disk before this returns to the caller's loop. NaN is written as null."""
        first = meta if self.meta is None else None
        self._keep(id_, rows, first)
        values = {c: [None if x is None or x != x else x for x in v.tolist()] for c, v in rows.items()}
        line = {"id": id_, "rows": values, "meta": None if first is None else to_dict(first)}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()

    def remove(self) -> None:
        """The run is complete: delete the file."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _keep(self, id_: str, rows: Rows, meta: TableMeta | None) -> None:
        self.meta = self.meta or meta
        (self.failed if has_failed(rows) else self.done)[id_] = rows

    def _load(self) -> None:
        whole = 0
        with open(self.path, "rb") as f:
            for raw in f:
                try:
                    line = json.loads(raw)
                    meta = None if line["meta"] is None else from_dict(TableMeta, line["meta"])
                    self._keep(line["id"], {c: _column(c, v) for c, v in line["rows"].items()}, meta)
                except (ValueError, KeyError, TypeError, AffectZooError):
                    break  # cut off, or not ours: what follows is done again
                whole += len(raw)
        with open(self.path, "rb+") as f:
            f.truncate(whole)


def has_failed(rows: Rows | pd.DataFrame) -> bool:
    """Whether the file of these rows could not be used, or not to its end: a step without an answer is no failure."""
    error = np.asarray(rows["error"], object) != ""
    return bool((error & np.isnan(rows["t_s"])).any() or error.all())


def rows_of(frame: pd.DataFrame) -> Rows:
    """The rows of a data frame."""
    return {c: frame[c].to_numpy(object if c in TEXTS else float) for c in frame}


def split_rows(frame: pd.DataFrame) -> dict[str, Rows]:
    """The rows of each `source`; those of one stand together."""
    rows = rows_of(frame)
    source = rows["source"]
    edges = [0, *(np.flatnonzero(source[1:] != source[:-1]) + 1), len(source)]
    parts = (slice(a, b) for a, b in zip(edges, edges[1:], strict=False))
    return {source[part.start]: {c: v[part] for c, v in rows.items()} for part in parts if len(source)}


def joined(parts: list[Rows], columns: list[str]) -> pd.DataFrame:
    """The rows of several files as one data frame with these columns, in this order."""
    sizes = [len(rows["source"]) for rows in parts]

    def column(name: str) -> np.ndarray:
        empty = ("", object) if name in TEXTS else (np.nan, float)
        there = [r[name] if name in r else np.full(n, *empty) for r, n in zip(parts, sizes, strict=True)]
        return np.concatenate(there)

    return pd.DataFrame({c: column(c) for c in columns})


def _column(name: str, values: list) -> np.ndarray:
    text = name in TEXTS
    return np.array(["" if v is None else v for v in values], object) if text else np.array(values, float)
