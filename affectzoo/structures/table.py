"""PredictionTable: the one file format of prediction dumps, submissions and reports.

A row is (key, track, t_s). Columns: key; track (a face or a speaker, '' when there is one); t_s (seconds, NaN for
the whole clip); `<field>.<name>` for every name of the space ('emotion.anger', 'vad.valence', 'au.AU12');
`<field>.<name>.sd` where there is an uncertainty; `wheel` (words, comma separated), `rationale`; `source` (the file);
`warning` (codes, comma separated, of what makes the row's answer doubtful; each modality has its own); `error` (why
this row has no values, '' otherwise). Parquet keeps the meta data inside; CSV and JSON lines beside,
in `<file>.meta.json`. One table holds one granularity.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import LabelSpace
from affectzoo.schema import from_dict, read_json, to_dict

FORMATS = {".parquet": "Parquet", ".csv": "CSV", ".jsonl": "JSON lines"}
POOLINGS = ("mean", "max", "last")
GRANULARITIES = ("clip", "step")
#: Of the values of a table's fields; logits never leave a model.
KINDS = ("probabilities", "value")
#: Columns of text; an empty cell is ''. Anything else in a table is a number, NaN where there is none.
TEXTS = ("key", "track", "source", "warning", "error", "wheel", "rationale")
#: Of these, columns of words: pooling keeps each word once.
WORDS = ("wheel", "warning")
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class TableMeta:
    """space: LabelSpace.to_dict(); kinds: field -> probabilities or value; granularity: clip or step."""

    space: dict[str, Any]
    kinds: dict[str, str]
    granularity: str = "clip"
    rate_hz: float | None = None
    model: dict[str, Any] = field(default_factory=dict)
    training_keys: tuple[str, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class PredictionTable:
    """A data frame (see the module) and its meta data."""

    frame: pd.DataFrame
    meta: TableMeta

    @property
    def space(self) -> LabelSpace:
        """The label space that the columns are named by."""
        return LabelSpace.from_dict(self.meta.space)

    def values(self, field_name: str) -> np.ndarray:
        """(rows, K) float64 of one field, in the order of the space. Raises UnknownNameError without it."""
        return self.frame[self.columns(field_name)].to_numpy(float)

    def columns(self, field_name: str) -> list[str]:
        """Column names of one field."""
        if field_name not in self.meta.kinds:
            raise UnknownNameError("field of the table", field_name, self.meta.kinds)
        return [f"{field_name}.{n}" for n in self.space.names(field_name)]

    @classmethod
    def from_prediction(
        cls,
        pred,
        sources: list[str] | None = None,
        model: dict | None = None,
        training_keys: tuple[str, ...] = (),
        warnings: list[str] | None = None,
    ) -> "PredictionTable":
        """Rows of an AffectPrediction; logits become probabilities, padded steps are left out.

        sources, warnings: of each recording.
        """
        pred = pred.probabilities().cpu()
        n = len(pred.keys)
        steps = 1 if pred.rate_hz is None else next(iter(pred.fields.values())).values.shape[1]
        keep = np.ones((n, steps), bool) if pred.mask is None else pred.mask.numpy().astype(bool).reshape(n, steps)
        rows, cols = np.nonzero(keep)
        t = np.full(len(rows), np.nan)
        if pred.rate_hz is not None:
            t0 = np.zeros(n) if pred.t0_s is None else pred.t0_s.numpy()
            t = t0[rows] + cols / pred.rate_hz
        data: dict[str, Any] = {"key": np.array(pred.keys, object)[rows]}
        data["track"] = np.array(pred.tracks or [""] * n, object)[rows]
        data["t_s"] = t
        for name, f in pred.fields.items():
            flat = f.values.double().numpy().reshape(n, steps, -1)[rows, cols]
            sd = None if f.uncertainty is None else f.uncertainty.double().numpy().reshape(n, steps, -1)[rows, cols]
            for k, label in enumerate(pred.space.names(name)):
                data[f"{name}.{label}"] = flat[:, k]
                if sd is not None:
                    data[f"{name}.{label}.sd"] = sd[:, k]
        if pred.wheel is not None:
            data["wheel"] = np.array([", ".join(w) for w in pred.wheel], object)[rows]
        if pred.rationale is not None:
            data["rationale"] = np.array(pred.rationale, object)[rows]
        data["source"] = np.array(sources or [""] * n, object)[rows]
        data["warning"] = np.array(warnings or [""] * n, object)[rows]
        data["error"] = ""
        meta = TableMeta(
            pred.space.to_dict(),
            {k: f.kind for k, f in pred.fields.items()},
            "clip" if pred.rate_hz is None else "step",
            pred.rate_hz,
            model or {},
            training_keys,
        )
        return cls(pd.DataFrame(data), meta)

    @staticmethod
    def concat(tables: list["PredictionTable"]) -> "PredictionTable":
        """Rows of several tables of the same space and granularity; rows of equal (key, track, t_s) are an error."""
        first = tables[0]
        for other in tables[1:]:
            for what, a, b in (
                ("label space", first.space.hash, other.space.hash),
                ("kinds", first.meta.kinds, other.meta.kinds),
                ("granularity", first.meta.granularity, other.meta.granularity),
            ):
                if a != b:
                    raise AffectZooError(f"tables differ in {what}: {a!r} and {b!r}")
        frame = pd.concat([t.frame for t in tables], ignore_index=True)
        twice = frame.duplicated(["key", "track", "t_s"])
        if twice.any():
            raise AffectZooError(f"rows occur twice: {', '.join(frame.key[twice].head(3))} ({int(twice.sum())} in all)")
        keys = tuple(sorted({k for t in tables for k in t.meta.training_keys}))
        return PredictionTable(frame, replace(first.meta, training_keys=keys))

    def pool(self, method: str = "mean") -> "PredictionTable":
        """One row a (key, track) from rows over time; the method is written into the meta data.

        Numbers without NaN by `method`; of texts the first that is not empty, of `wheel` and `warning` all words, each
        once.
        """
        if method not in POOLINGS:
            raise UnknownNameError("pooling", method, POOLINGS)
        if self.meta.granularity == "clip":
            return self
        numeric = [c for c in self.frame.columns if c.split(".")[0] in self.meta.kinds]
        rest = {c: _all_words if c in WORDS else _first_text for c in TEXTS[2:] if c in self.frame.columns}
        grouped = self.frame.groupby(["key", "track"], sort=False)
        frame = grouped[numeric].agg(method).join(grouped.agg(rest)).reset_index()
        frame.insert(2, "t_s", np.nan)
        notes = {**self.meta.notes, "pooling": method}
        return PredictionTable(frame, replace(self.meta, granularity="clip", rate_hz=None, notes=notes))

    def project(self, to: "LabelSpace | str") -> "PredictionTable":
        """The same rows in another label space; what was lost is in meta.notes['projection']."""
        from affectzoo.structures.project import project_table

        return project_table(self, to)

    def write(self, path: str | Path) -> Path:
        """Write as .parquet, .csv or .jsonl."""
        path = Path(path)
        if path.suffix not in FORMATS:
            raise UnknownNameError("table format", path.suffix, FORMATS, str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        meta = json.dumps(to_dict(self.meta))
        if path.suffix == ".parquet":
            table = pa.Table.from_pandas(self.frame, preserve_index=False)
            pq.write_table(
                table.replace_schema_metadata({**(table.schema.metadata or {}), b"affectzoo": meta.encode()}),
                path,
            )
            return path
        if path.suffix == ".csv":
            self.frame.to_csv(path, index=False)
        else:
            rows = self.frame.astype(object).where(self.frame.notna(), None).to_dict("records")
            path.write_text("".join(json.dumps(r, allow_nan=False) + "\n" for r in rows))
        Path(f"{path}.meta.json").write_text(meta)
        return path

    @classmethod
    def read(cls, path: str | Path) -> "PredictionTable":
        """Read a table that `write` wrote. Raises FileError naming the file, and the column or row at fault."""
        path = Path(path)
        if path.suffix not in FORMATS:
            raise FileError(path, f"is not a prediction table (known: {', '.join(FORMATS)})")
        if not path.exists():
            raise FileError(path, "no such file")
        frame, meta = _read_parquet(path) if path.suffix == ".parquet" else _read_text(path)
        table = cls(frame, from_dict(TableMeta, meta, f"{path}: meta data"))
        table._check(path)
        return table

    def _check_meta(self, path: Path) -> None:
        version = self.meta.schema_version
        if not 1 <= version <= SCHEMA_VERSION:
            raise FileError(
                path, f"table schema {version} is not known here (up to {SCHEMA_VERSION}); update affectzoo"
            )
        space = LabelSpace.from_dict(self.meta.space, f"{path}: label space")
        for name, kind in self.meta.kinds.items():
            if name not in space.fields:
                raise UnknownNameError("field", name, space.fields, f"{path}: kinds")
            if kind not in KINDS:
                raise UnknownNameError("kind", kind, KINDS, f"{path}: kinds.{name}")
        if self.meta.granularity not in GRANULARITIES:
            raise UnknownNameError("granularity", self.meta.granularity, GRANULARITIES, str(path))

    def _check(self, path: Path) -> None:
        self._check_meta(path)
        wanted = ["key", *(c for f in self.meta.kinds for c in self.columns(f))]
        for column in wanted:
            if column not in self.frame:
                raise FileError(
                    path,
                    str(UnknownNameError("column", column, self.frame.columns)).replace("unknown", "missing"),
                )
            if column != "key" and not pd.api.types.is_numeric_dtype(self.frame[column]):
                raise FileError(path, f"column {column!r} holds text where numbers belong")
        for column, default in (("track", ""), ("t_s", np.nan), ("source", ""), ("warning", ""), ("error", "")):
            if column not in self.frame:
                self.frame[column] = default
        for column in TEXTS:
            if column in self.frame:
                self.frame[column] = self.frame[column].fillna("").astype(str)
        self.frame["t_s"] = self.frame["t_s"].astype(float)
        twice = self.frame.duplicated(["key", "track", "t_s"])
        if twice.any():
            raise FileError(path, f"key {self.frame.key[twice].iloc[0]!r} occurs twice with the same track and t_s")


def _read_parquet(path: Path) -> tuple[pd.DataFrame, dict]:
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as e:
        raise FileError(path, f"is not a readable Parquet file ({e})") from None
    meta = (table.schema.metadata or {}).get(b"affectzoo")
    if meta is None:
        raise FileError(
            path,
            "has no affectzoo meta data; write it with PredictionTable.write, or use .csv with .meta.json",
        )
    return table.to_pandas(), json.loads(meta)


def _read_text(path: Path) -> tuple[pd.DataFrame, dict]:
    sidecar = Path(f"{path}.meta.json")
    if not sidecar.exists():
        raise FileError(path, f"needs its side-car {sidecar.name} (label space, kinds)")
    try:
        if path.suffix == ".csv":
            frame = _read_csv(path)
        else:
            style = {"orient": "records", "lines": True, "precise_float": True, "convert_dates": False}
            frame = pd.read_json(path, dtype=dict.fromkeys(TEXTS, str), **style)
    except (ValueError, pd.errors.ParserError) as e:
        raise FileError(path, f"is not readable as {FORMATS[path.suffix]} ({e})") from None
    return frame, read_json(sidecar)


def _read_csv(path: Path) -> pd.DataFrame:
    """Only numbers may be missing: a key or an emotion word 'NA' or 'null' is a text like any other."""
    numbers = [c for c in pd.read_csv(path, nrows=0).columns if c not in TEXTS]
    missing = {c: ["", "nan", "NaN"] for c in numbers}
    texts = dict.fromkeys(TEXTS, str)
    return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=missing, float_precision="round_trip")


def _first_text(texts: pd.Series) -> str:
    return next((t for t in texts if t), "")


def _all_words(texts: pd.Series) -> str:
    return ", ".join(dict.fromkeys(w for t in texts for w in map(str.strip, t.split(",")) if w))
