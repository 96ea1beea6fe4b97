"""Any database in audEERING's audformat: a folder with db.yaml, db.<table>.csv (or .parquet) and recordings.

Columns are named by a reference: `emotion` is a column of the table; `files/speaker` one of another table, joined
by file; `speaker/gender` and `files/speaker/gender` a property of its values, which the scheme of the column
holds in the header or in a misc table.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, row_samples
from affectzoo.data.native import NativeLabels
from affectzoo.errors import AffectZooError
from affectzoo.labels.ranges import Range, to_canonical
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.speech.adapters.audformat_db import INDEX, Database
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import SignalRef

AXES = ("valence", "arousal", "dominance")


def iter_samples(
    root: Path | None,
    card: DatasetCard,
    path: str | Path | None = None,
    table: str | Sequence[str] | None = None,
    label_space: str | None = None,
    emotion: str | None = None,
    labels: Mapping[str, str | None] | None = None,
    valence: str | None = None,
    arousal: str | None = None,
    dominance: str | None = None,
    range: Sequence[float] | None = None,
    groups: Mapping[str, str] | None = None,
    attributes: Mapping[str, str] | None = None,
    outside: str = "leave_out",
) -> Iterator[AffectSample]:
    """Samples of one or several tables (of a train and a test table, say) of the database in the folder `path`.

    emotion, valence, arousal, dominance: references to columns. labels: native label -> name in the label
    space, null for one that has no place there; others must be names or aliases of the space. outside:
    'leave_out' or 'mask' items whose emotion is null or empty. range: lowest and highest rating, where the
    column's scheme has no minimum and maximum. groups, attributes: name -> reference. The attribute `split`
    is the type of the table's split, 'none' without one.
    """
    if path is None or table is None or label_space is None:
        raise AffectZooError("data set 'audformat' needs the options path, table and label_space")
    db = Database(Path(root, path) if root is not None else Path(path))
    space = load_space(label_space)
    native = NativeLabels(_declared(card, space, labels or {}), label_space, outside) if emotion else None
    vad = {a: ref for a, ref in zip(AXES, (valence, arousal, dominance), strict=True) if ref}
    names = {"emotion": emotion, **vad, **_prefixed("group", groups), **_prefixed("attribute", attributes)}
    for name in [table] if isinstance(table, str) else table:
        frame = db.table(name)
        cells = frame[[c for c in INDEX if c in frame]].assign(
            **{key: db.column(name, ref) for key, ref in names.items() if ref}
        )
        limits = {axis: db.limits(name, ref, range) for axis, ref in vad.items()}

        def make(row: dict, name=name, limits=limits) -> AffectSample | None:
            targets = {"emotion": native.target(row["emotion"])} if native else {}
            if limits:
                targets["vad"] = _vad(row, space, limits)
            return None if None in targets.values() else _sample(db, name, row, targets, groups, attributes)

        yield from row_samples(db.file(name), cells.to_dict("records"), make)
    if native:
        native.report()


def _declared(card: DatasetCard, space: LabelSpace, labels: Mapping[str, str | None]) -> DatasetCard:
    """The card with the label map that options and label space give together."""
    known = {alias: c.name for c in space.categories for alias in (c.name, *c.aliases)}
    known |= {str(k): v for k, v in labels.items() if v is not None}
    outside = {"": "no label"} | {str(k): "declared" for k, v in labels.items() if v is None}
    return replace(card, label_map={k: v for k, v in known.items() if k not in outside}, outside=outside)


def _prefixed(kind: str, refs: Mapping[str, str] | None) -> dict[str, str]:
    return {f"{kind} {name}": ref for name, ref in (refs or {}).items()}


def _vad(row: dict, space: LabelSpace, limits: Mapping[str, Range]) -> Target:
    values, mask = np.zeros(space.size("vad"), np.float32), np.zeros(space.size("vad"), bool)
    for axis, scale in limits.items():
        if row[axis] == "":
            continue
        rating, i = float(row[axis]), space.index("vad", axis)
        if not scale.low <= rating <= scale.high:
            raise AffectZooError(f"{axis} {rating:g} is outside [{scale.low:g}, {scale.high:g}]")
        values[i], mask[i] = to_canonical(np.array(rating), scale), True
    return Target(values, mask)


def _sample(db: Database, table: str, row: dict, targets: dict, groups, attributes) -> AffectSample:
    file = existing(db.folder / row["file"])
    start, stop = _seconds(row.get("start", "")), _seconds(row.get("end", ""))
    key = Path(row["file"]).with_suffix("").as_posix()
    if "start" in row:
        key += f"@{start or 0:g}-{'' if stop is None else f'{stop:g}'}"
    split = db.part("tables", table).get("split_id")
    kind = str(db.part("splits", split).get("type", split)) if split else "none"
    empty = [name for name in groups or {} if row[f"group {name}"] == ""]
    if empty:
        raise AffectZooError(f"group {empty[0]!r} is empty")
    return AffectSample(
        key,
        {"audio": SignalRef(file, "audio", start or 0.0, stop)},
        targets,
        {name: row[f"group {name}"] for name in groups or {}},
        {"split": kind, **{name: row[f"attribute {name}"] for name in attributes or {}}},
    )


def _seconds(text: str) -> float | None:
    """Seconds of a time like 0 days 00:00:03.79, None for an empty one."""
    import pandas as pd

    if text in ("", "NaT"):
        return None
    return pd.Timedelta(text).total_seconds()
