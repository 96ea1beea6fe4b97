"""A user's own table (CSV or Parquet) of recordings, of any modality, as the data set `table`.

Columns: `path`, or one a modality (`audio`, `face`, `eeg`), relative to the table's folder; `key` (without
it the path without suffix, with the start time of a part); `start_s`, `stop_s` (a part of the file);
`emotion` (a class or alias); `valence`, `arousal`, `dominance` in the declared `range`; `AU01`, `AU12`,
...; a column named like a state of the label space. An empty cell is a missing label. `groups` names the
columns that splits keep apart; every other column is an attribute.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, row_samples
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.structures.sample import AffectSample, Target, class_target
from affectzoo.structures.signal import SignalRef

MODALITIES = ("audio", "face", "eeg")
RESERVED = ("key", "path", "start_s", "stop_s", "emotion", *MODALITIES)
FORMATS = (".csv", ".parquet")


@dataclass(frozen=True)
class Layout:
    """What the columns of one table are. files: column -> the modalities that its files give."""

    files: dict[str, tuple[str, ...]]
    axes: tuple[str, ...]
    units: tuple[str, ...]
    states: tuple[str, ...]
    groups: tuple[str, ...]
    attributes: tuple[str, ...]


def iter_samples(
    root: Path | None,
    card: DatasetCard,
    path: str | Path | None = None,
    modality: str | Sequence[str] | None = None,
    label_space: str | None = None,
    range: Sequence[float] | None = None,
    groups: Sequence[str] = (),
) -> Iterator[AffectSample]:
    """Samples of the table at `path` (relative to `root`, when that is given).

    modality: what the column `path` holds ('audio', or ['face', 'audio'] for videos); not for columns that
    name it. label_space: the space of the labels. range: lowest and highest value of valence, arousal and
    dominance in the table, mapped to [-1, 1]. A row that cannot be used is reported and skipped; a missing
    column, an unknown group or a label column that the space does not have stops it. Raises
    UnknownNameError, FileError, AffectZooError.
    """
    if path is None or label_space is None:
        raise AffectZooError("data set 'table' needs the options path and label_space")
    path = Path(root, path) if root is not None else Path(path)
    space, frame = load_space(label_space), read_table(path)
    layout = _layout(path, list(frame.columns), space, modality, range, tuple(groups))
    limits = _limits(path, range) if layout.axes else None
    cells = frame.astype(object).where(frame.notna() & (frame != ""), None).to_dict("records")

    def make(row: dict) -> AffectSample:
        return AffectSample(
            _key(row, layout),
            _signals(path.parent, row, layout),
            _targets(row, layout, space, limits),
            {g: _text(row, g) for g in layout.groups},
            {a: row[a] for a in layout.attributes if row[a] is not None},
        )

    yield from row_samples(path, cells, make)


def read_table(path: str | Path):
    """The table as a data frame. Raises FileError when it is not there, not readable or empty."""
    import pandas as pd

    path = Path(path)
    if path.suffix not in FORMATS:
        raise FileError(path, f"is not a table that can be read (known: {', '.join(FORMATS)})")
    if not path.is_file():
        raise FileError(path, "no such file")
    try:
        text = {"key": str, "path": str, "emotion": str}
        frame = pd.read_csv(path, dtype=text) if path.suffix == ".csv" else pd.read_parquet(path)
    except (ValueError, OSError, pd.errors.ParserError) as e:
        raise FileError(path, f"is not readable as {path.suffix[1:]} ({e})") from None
    if frame.empty:
        raise FileError(path, "has no rows")
    return frame


def _layout(path: Path, columns: list[str], space: LabelSpace, modality, range, groups: tuple[str, ...]) -> Layout:
    files = _file_columns(path, columns, modality)
    for group in groups:
        if group not in columns:
            raise UnknownNameError("column", group, columns, f"{path}: groups")
    axes = tuple(c for c in ("valence", "arousal", "dominance") if c in columns and c in space.names("vad"))
    units = tuple(c for c in columns if c in space.names("au"))
    states = tuple(c for c in columns if c in space.names("state"))
    foreign = [c for c in columns if c[:2] == "AU" and c[2:].isdigit() and c not in units]
    if foreign:
        raise UnknownNameError("action unit", foreign[0], space.names("au"), f"{path}: label space {space.name!r}")
    if not (axes or units or states or ("emotion" in columns and "emotion" in space.fields)):
        wanted = (
            *(["emotion"] if "emotion" in space.fields else []),
            *space.names("vad"),
            *space.names("au"),
            *space.names("state"),
        )
        raise FileError(
            path,
            f"has no label column of {space.name!r}; it needs one of {', '.join(wanted)}; found {', '.join(columns)}",
        )
    used = {*RESERVED, "valence", "arousal", "dominance", *units, *states, *groups}
    return Layout(files, axes, units, states, groups, tuple(c for c in columns if c not in used))


def _file_columns(path: Path, columns: list[str], modality) -> dict[str, tuple[str, ...]]:
    named = {c: (c,) for c in MODALITIES if c in columns}
    if "path" not in columns:
        if not named:
            raise UnknownNameError("column", "path", columns, str(path))
        return named
    if modality is None:
        raise AffectZooError(f"{path}: say what its column 'path' holds: option modality, of {', '.join(MODALITIES)}")
    kinds = (modality,) if isinstance(modality, str) else tuple(modality)
    for kind in kinds:
        if kind not in MODALITIES:
            raise UnknownNameError("modality", kind, MODALITIES, str(path))
    return {"path": kinds, **{c: m for c, m in named.items() if c not in kinds}}


def _limits(path: Path, range) -> tuple[float, float]:
    if range is None:
        raise AffectZooError(f"{path}: has valence, arousal or dominance; declare their option range, such as [1, 9]")
    low, high = map(float, range)
    if not low < high:
        raise AffectZooError(f"{path}: range must be [lowest, highest], got {list(range)}")
    return low, high


def _key(row: dict, layout: Layout) -> str:
    if row.get("key") is not None:
        return str(row["key"])
    column = next((c for c in layout.files if row[c] is not None), next(iter(layout.files)))
    key, start = Path(_text(row, column)).with_suffix("").as_posix(), _number(row, "start_s")
    return key if start is None else f"{key}@{start:g}"


def _signals(folder: Path, row: dict, layout: Layout) -> dict[str, SignalRef]:
    start, stop = _number(row, "start_s") or 0.0, _number(row, "stop_s")
    if start < 0 or (stop is not None and stop <= start):
        raise AffectZooError(f"columns 'start_s' and 'stop_s': {start:g} to {stop} is not a part of a recording")
    signals = {}
    for column, kinds in layout.files.items():
        if row[column] is not None:
            try:
                file = existing(folder / str(row[column]))
            except FileError as e:
                raise AffectZooError(f"column {column!r}: {e}") from None
            signals.update({m: SignalRef(file, m, start, stop, kinds) for m in kinds})
    return signals


def _targets(row: dict, layout: Layout, space: LabelSpace, limits) -> dict[str, Target]:
    targets = {}
    if row.get("emotion") is not None and "emotion" in space.fields:
        try:
            targets["emotion"] = class_target(space, str(row["emotion"]).strip())
        except UnknownNameError as e:
            raise AffectZooError(f"column 'emotion': {e}") from None
    if layout.axes:
        low, high = limits
        targets["vad"] = _numbers(row, layout.axes, space, "vad", low, high, lambda v: 2 * (v - low) / (high - low) - 1)
    if layout.units:
        targets["au"] = _numbers(row, layout.units, space, "au", 0, 5 if space.au_kind == "intensity" else 1)
    if layout.states:
        targets["state"] = _numbers(row, layout.states, space, "state", 0, 1)
    return targets


def _numbers(
    row: dict,
    columns: Sequence[str],
    space: LabelSpace,
    field: str,
    low: float,
    high: float,
    convert=lambda v: v,
) -> Target:
    values = np.zeros(space.size(field), np.float32)
    mask = np.zeros(len(values), bool)
    for column in columns:
        value = _number(row, column)
        if value is None:
            continue
        if not low <= value <= high:
            raise AffectZooError(f"column {column!r}: {value:g} is outside [{low:g}, {high:g}]")
        i = space.index(field, column)
        values[i], mask[i] = convert(value), True
    return Target(values, mask)


def _number(row: dict, column: str) -> float | None:
    if row.get(column) is None:
        return None
    try:
        return float(row[column])
    except (TypeError, ValueError):
        raise AffectZooError(f"column {column!r}: {row[column]!r} is not a number") from None


def _text(row: dict, column: str) -> str:
    if row[column] is None:
        raise AffectZooError(f"column {column!r} is empty")
    return str(row[column])
