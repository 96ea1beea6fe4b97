"""Prediction tables with relabelled fields: the same rows and columns, and emotion from vad or vad from emotion."""

from dataclasses import replace

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.labels.relabel import Relabelled, emotion_to_points, points_to_emotion
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.labels.vad import AXES
from affectzoo.structures.table import PredictionTable


def relabel_table(table: PredictionTable, to: LabelSpace | str) -> PredictionTable:
    """The table with one more field: emotion over the classes of `to`, or vad on its axes.

    Unlike `PredictionTable.project` it keeps what the table has. Rows without usable values get NaN; the report is
    meta.notes['relabel'], the column `derived` says how a row's values came about. Raises AffectZooError where the
    table already has the field or lacks the one to start from.
    """
    target, here = as_space(to), table.space
    new = "vad" if target.fields == ("vad",) else "emotion"
    old = "emotion" if new == "vad" else "vad"
    if new in here.fields:
        raise AffectZooError(
            f"the table already has {new}, of {here.name!r}; PredictionTable.project changes the space"
        )
    if old not in table.meta.kinds:
        raise AffectZooError(f"the table has {', '.join(table.meta.kinds)}; {new} needs {old}")
    done = emotion_to_points(table.values(old), here, target) if new == "vad" else _from_vad(table, target)
    space = here.compose(target)
    frame = table.frame.assign(**dict(zip(done.columns, done.values.T, strict=True)), derived=done.derived)
    kinds = {**table.meta.kinds, new: "value" if new == "vad" else "probabilities"}
    notes = {**table.meta.notes, "relabel": done.report}
    return PredictionTable(frame, replace(table.meta, space=space.to_dict(), kinds=kinds, notes=notes))


def _from_vad(table: PredictionTable, target: LabelSpace) -> Relabelled:
    """Axes by name and in canonical range, whatever the table's order and ranges."""
    axes = {a.name: a for a in table.space.axes}
    lacking = [n for n in AXES[:2] if n not in axes]
    if lacking:
        raise AffectZooError(f"the table's space {table.space.name!r} has no {' and no '.join(lacking)}")
    names = [n for n in AXES if n in axes]
    columns = []
    for name in names:
        values, axis = table.frame[f"vad.{name}"].to_numpy(float), axes[name]
        columns.append((values - (axis.low + axis.high) / 2) / ((axis.high - axis.low) / 2))
    return points_to_emotion(np.stack(columns, 1), target)
