"""Predictions and tables in another label space, through `labels.mapping`, with what was lost written down.

Rules: each field of the target that the prediction can answer is mapped, from its own field, else
vad from emotion or emotion from vad. Logits become probabilities first. A projected distribution is not
renormalised: mass of classes without a counterpart is missing from its sum, and reported. Names of au, state
or vad that the prediction never spoke of are NaN. Fields that the target does not have are dropped.
"""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from affectzoo.errors import UndefinedMappingError
from affectzoo.labels.mapping import SpaceMapping, map_spaces
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.labels.vad import AXES, mixture_sd
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.table import PredictionTable


def project_prediction(pred: AffectPrediction, to: LabelSpace | str) -> tuple[AffectPrediction, dict[str, Any]]:
    """The prediction in another space, and a JSON-able report (see `field_mappings` and `_loss`).

    Values are detached: this is for answers, not for training. Uncertainty is kept where values are only
    selected, and becomes the spread of the mixture where vad comes from emotion; otherwise it is dropped.
    Raises UndefinedMappingError when no field of the target can be answered.
    """
    pred, target = pred.probabilities(), as_space(to)
    mappings, unanswered = field_mappings(pred.space, tuple(pred.fields), target)
    fields, losses = {}, {}
    for name, m in mappings.items():
        f = pred.fields[m.source_field]
        values, sd, lost = project_values(m, _numpy(f.values), _numpy(f.uncertainty))
        fields[name] = PredictionField(_like(values, f.values), _kind(m, f.kind), _like(sd, f.values))
        steps = pred.mask is not None and lost.ndim == 2
        losses[name] = _loss(m, lost[pred.mask.cpu().numpy().astype(bool)] if steps else lost)
    return replace(pred, space=target, fields=fields), _report(pred.space, target, losses, unanswered)


def project_table(table: PredictionTable, to: LabelSpace | str) -> PredictionTable:
    """The same rows in another space; the report is meta.notes['projection'].

    An earlier projection's report is under 'before'. Rows without values (errors) stay without.
    Raises UndefinedMappingError as `project_prediction`.
    """
    source, target = table.space, as_space(to)
    mappings, unanswered = field_mappings(source, tuple(table.meta.kinds), target)
    columns, kinds, losses = {}, {}, {}
    for name, m in mappings.items():
        names = target.names(name)
        values, sd, lost = project_values(m, table.values(m.source_field), _table_sd(table, m.source_field))
        columns.update({f"{name}.{n}": values[:, k] for k, n in enumerate(names)})
        if sd is not None:
            columns.update({f"{name}.{n}.sd": sd[:, k] for k, n in enumerate(names)})
        kinds[name] = _kind(m, table.meta.kinds[m.source_field])
        losses[name] = _loss(m, lost)
    report = _report(source, target, losses, unanswered)
    if "projection" in table.meta.notes:
        report["before"] = table.meta.notes["projection"]
    meta = replace(table.meta, space=target.to_dict(), kinds=kinds, notes={**table.meta.notes, "projection": report})
    return PredictionTable(_with_columns(table, columns), meta)


def field_mappings(
    source: LabelSpace, present: tuple[str, ...], target: LabelSpace
) -> tuple[dict[str, SpaceMapping], dict[str, str]]:
    """Mappings by target field, and why the other target fields have none.

    present: fields of the source that have values.
    Raises UndefinedMappingError with all the reasons when there is no mapping at all.
    """
    there = _only(source, present)
    mappings, unanswered = {}, {}
    for name in target.fields:
        try:
            mappings[name] = map_spaces(there, target, name)
        except UndefinedMappingError as e:
            unanswered[name] = str(e)
    if not mappings:
        raise UndefinedMappingError("; ".join(unanswered.values()))
    return mappings, unanswered


def _only(space: LabelSpace, fields: tuple[str, ...]) -> LabelSpace:
    """The space without the fields that a prediction left out."""
    if set(fields) == set(space.fields):
        return space
    parts = {"vad": "axes", "emotion": "categories", "au": "action_units", "state": "states"}
    return replace(space, **{part: () for f, part in parts.items() if f not in fields})


def project_values(
    m: SpaceMapping, values: np.ndarray, sd: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """(values (..., T), sd (..., T) or None, lost (...)) of one field's values (..., S) and sd (..., S)."""
    mapped, lost = m.apply(values)
    if (m.source_field, m.target_field) == ("emotion", "vad"):
        axes = [AXES.index(a.name) for a in m.target.axes]
        half = np.array([(a.high - a.low) / 2 for a in m.target.axes])
        return mapped, mixture_sd(m.source, values)[..., axes] * half, lost
    if sd is None or m.matrix is None or not _selects(m):
        return mapped, None, lost
    out = np.full(mapped.shape, np.nan)
    out[..., m.covered] = sd[..., m.matrix[:, m.covered].argmax(0)] * m.matrix.max(0)[m.covered]
    return mapped, out, lost


def _selects(m: SpaceMapping) -> bool:
    """Whether every target value is one source value times a factor (of 1 for a distribution)."""
    single = ((m.matrix != 0).sum(0) <= 1).all()
    return bool(single and (m.target_field != "emotion" or np.isin(m.matrix, (0.0, 1.0)).all()))


def _kind(m: SpaceMapping, kind: str) -> str:
    if m.source_field == m.target_field == "au" and m.target.au_kind == "presence":
        return "probabilities"
    return kind if m.source_field == m.target_field else "value" if m.target_field == "vad" else "probabilities"


def _loss(m: SpaceMapping, lost: np.ndarray) -> dict[str, Any]:
    """The mapping's report with the mean and the largest lost mass over the rows that have values."""
    lost = lost[~np.isnan(lost)]
    mean, largest = (float(lost.mean()), float(lost.max())) if lost.size else (0.0, 0.0)
    return {**m.report(), "lost_mean": mean, "lost_max": largest}


def _report(source: LabelSpace, target: LabelSpace, fields: Mapping[str, Any], unanswered: Mapping[str, str]) -> dict:
    used = {f["from"].rpartition(".")[2] for f in fields.values()}
    return {
        "from": source.name,
        "to": target.name,
        "fields": dict(fields),
        "unanswered": dict(unanswered),
        "dropped": [f for f in source.fields if f not in used],
    }


def _table_sd(table: PredictionTable, name: str) -> np.ndarray | None:
    columns = [f"{c}.sd" for c in table.columns(name)]
    return table.frame[columns].to_numpy(float) if set(columns) <= set(table.frame.columns) else None


def _with_columns(table: PredictionTable, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """The frame with its value columns replaced, between the row's identity and its texts."""
    old = table.frame
    rest = [c for c in old.columns if c.split(".")[0] not in table.meta.kinds]
    head = [c for c in rest if c in ("key", "track", "t_s")]
    values = pd.DataFrame(columns, index=old.index)
    return pd.concat([old[head], values, old[[c for c in rest if c not in head]]], axis=1)


def warn_of_losses(report: dict[str, Any]) -> None:
    """A UserWarning for each field of a report that lost mass, and for target fields without an answer."""
    lost = [
        f"{f['from']} -> {f['to']}: {f['lost_mean']:.3f} of the mass on average has no counterpart"
        for f in report["fields"].values()
        if f["lost_mean"] > 0
    ]
    for text in (*lost, *report["unanswered"].values()):
        warnings.warn(text, stacklevel=3)


def _numpy(x: torch.Tensor | None) -> np.ndarray | None:
    return None if x is None else x.detach().double().cpu().numpy()


def _like(values: np.ndarray | None, x: torch.Tensor) -> torch.Tensor | None:
    """Back to a tensor of x's device and (floating) type."""
    dtype = x.dtype if x.is_floating_point() else torch.float32
    return None if values is None else torch.from_numpy(values).to(x.device, dtype)
