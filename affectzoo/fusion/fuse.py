"""fuse: several prediction tables of the same items become one.

Rules, of a row's answers p_m with weights w_m:

| field | log | mean |
|---|---|---|
| emotion | softmax(sum w_m log p_m): the logarithmic opinion pool (Genest & Zidek 1986) | sum w_m p_m / sum w_m |
| state, au presence | sigmoid(sum w_m logit p_m) | as above |
| vad, au intensity | sum w_m x_m / sum w_m | as above |

Answers are taken as the tables have them, with the temperature of a calibrated checkpoint already in them. Under `log`
the sum of the weights is the sharpness: 1 averages logits, the number of tables multiplies independent experts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit, softmax

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.fusion.origin import unite_training_keys
from affectzoo.leaderboard.answers import table_sha256
from affectzoo.structures.table import PredictionTable

RULES = ("log", "mean")
#: What happens to rows that not every table answers: stop, leave them out, or fuse the answers that are there.
MISSING = ("error", "common", "any")
#: Probabilities below this are taken as this before a logarithm (ours).
FLOOR = 1e-6
ROW = ["key", "track", "t_s"]


@dataclass(frozen=True)
class Aligned:
    """Answers of M tables on the rows that are fused.

    rows: data frame of key, track and t_s. values: field -> (M, N, K), NaN where a table does not answer.
    answered: (M, N) bool. left_out: number of rows that one table has and the fused one does not.
    """

    rows: pd.DataFrame
    values: dict[str, np.ndarray]
    answered: np.ndarray
    left_out: int


def fuse(
    tables: Sequence[PredictionTable],
    weights: Sequence[float] | np.ndarray | None = None,
    rule: str = "log",
    missing: str = "error",
    tag: str = "",
    unknown_training: bool = False,
) -> PredictionTable:
    """One table from two or more of one label space, granularity and rate; see the module for the rule.

    weights: (M,) one a table, or (M, N) one a table and row (in the order of `align`); None is 1 / M each. missing: see
    MISSING; a row with an error or NaN is not answered; under 'any' the weights of the others grow to the same sum.
    tag: of the model in the fused table. unknown_training: see `unite_training_keys`.

    The fused table has the fields that all have, the united training keys (so that evaluate still sees a leak) and, in
    meta.notes['fusion'], what was fused and how. Raises AffectZooError for tables that do not fit together.
    """
    _known(rule, "rule", RULES)
    _known(missing, "missing", MISSING)
    aligned = align(tables, missing)
    w = _weights(weights, aligned)
    columns: dict[str, np.ndarray] = {}
    for field, values in aligned.values.items():
        names = tables[0].columns(field)
        columns |= dict(zip(names, pool(values, w, _how(tables[0], field), rule).T, strict=True))
    frame = aligned.rows.assign(**columns, source="", warning=_warnings(tables, aligned), error="")
    return PredictionTable(frame, _meta(tables, aligned, weights, rule, missing, tag, unknown_training))


def align(tables: Sequence[PredictionTable], missing: str = "error") -> Aligned:
    """Answers on common rows, in the order of the first table (under 'any' the others' rows follow)."""
    _fitting(tables)
    frames = [t.frame.set_index(ROW) for t in tables]
    rows = frames[0].index
    for f in frames[1:]:
        rows = rows.append(f.index.difference(rows, sort=False))
    fields = [f for f in tables[0].meta.kinds if all(f in t.meta.kinds for t in tables)]
    if not fields:
        raise AffectZooError("the tables have no field in common")
    values = {}
    for field in fields:
        found = [f[t.columns(field)].where(f["error"].eq("")) for f, t in zip(frames, tables, strict=True)]
        values[field] = np.stack([x.reindex(rows).to_numpy(float) for x in found])
    answered = np.all([~np.isnan(v).any(2) for v in values.values()], 0)
    keep = answered.any(0) if missing == "any" else answered.all(0)
    if missing == "error" and not keep.all():
        key = rows[~keep][0][0]
        raise AffectZooError(
            f"{int((~keep).sum())} of {len(keep)} rows are not answered by every table, such as {key!r}; "
            "missing='common' leaves them out, 'any' fuses the answers that are there"
        )
    if not keep.any():
        raise AffectZooError("the tables have no answered row in common")
    kept = rows[keep].to_frame(index=False)
    return Aligned(kept, {f: v[:, keep] for f, v in values.items()}, answered[:, keep], int((~keep).sum()))


def pool(values: np.ndarray, weights: np.ndarray, how: str, rule: str) -> np.ndarray:
    """(N, K) from values (M, N, K) and weights (M, N), which are 0 where a value is NaN.

    how: 'distribution', 'independent' probabilities or plain 'value'.
    """
    x, w = np.where(weights[..., None] > 0, values, 0.5), weights[..., None]
    if rule == "mean" or how == "value":
        return (w * x).sum(0) / w.sum(0)
    if how == "distribution":
        return softmax((w * np.log(np.maximum(x, FLOOR))).sum(0), axis=1)
    return expit((w * logit(np.clip(x, FLOOR, 1 - FLOOR))).sum(0))


def _known(value: str, what: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UnknownNameError(what, value, choices)


def _fitting(tables: Sequence[PredictionTable]) -> None:
    if len(tables) < 2:
        raise AffectZooError(f"a fusion needs at least two tables, got {len(tables)}")
    first = tables[0]
    for other in tables[1:]:
        if other.space.hash != first.space.hash:
            raise AffectZooError(
                f"the tables differ in label space: {first.space.name!r} and {other.space.name!r}; "
                "bring them into one first (PredictionTable.project), which says what is lost"
            )
        for what in ("granularity", "rate_hz"):
            a, b = getattr(first.meta, what), getattr(other.meta, what)
            if a != b:
                raise AffectZooError(
                    f"the tables differ in {what}: {a!r} and {b!r}; pool or resample one of them first"
                )


def _how(table: PredictionTable, field: str) -> str:
    if field == "emotion":
        return "distribution"
    return "independent" if table.meta.kinds[field] == "probabilities" else "value"


def _weights(weights: Sequence[float] | np.ndarray | None, aligned: Aligned) -> np.ndarray:
    """(M, N), 0 where a table does not answer; a row's sum is that of the given weights."""
    m, n = aligned.answered.shape
    w = np.full(m, 1 / m) if weights is None else np.asarray(weights, float)
    if w.shape not in ((m,), (m, n)):
        raise AffectZooError(f"weights of shape {w.shape} do not fit {m} tables (and {n} rows)")
    if not np.isfinite(w).all() or (w < 0).any() or not (w.sum(0) > 0).all():
        raise AffectZooError(f"weights must be numbers of at least 0 and not all 0, got {np.round(w, 4).tolist()}")
    full = np.broadcast_to(w.reshape(m, -1), (m, n))
    return _with_sum(full * aligned.answered, full.sum(0))


def _with_sum(w: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Weights (M, N) scaled to the sums (N,). Raises AffectZooError where all that answer have the weight 0."""
    there = w.sum(0)
    if not (there > 0).all():
        raise AffectZooError("a row is only answered by tables of weight 0; leave it out with missing='common'")
    return w * (total / there)


def _warnings(tables: Sequence[PredictionTable], aligned: Aligned) -> np.ndarray:
    """All warnings of a row's answers, each once; only rows that have one are gone through."""
    rows = pd.MultiIndex.from_frame(aligned.rows)
    found = np.stack([t.frame.set_index(ROW)["warning"].reindex(rows).fillna("").to_numpy(str) for t in tables], 1)
    out = np.full(len(found), "", object)
    for i in np.flatnonzero((found != "").any(1)):
        out[i] = ", ".join(dict.fromkeys(w.strip() for text in found[i] for w in text.split(",") if w.strip()))
    return out


def _meta(tables, aligned: Aligned, weights, rule, missing, tag, unknown_training):
    keys, by_fold = unite_training_keys(tables, unknown_training)
    w = np.full(len(tables), 1 / len(tables)) if weights is None else np.asarray(weights, float)
    note: dict[str, Any] = {
        "rule": rule,
        "weights": w.tolist() if w.ndim == 1 else "of each row",
        "missing": missing,
        "rows": len(aligned.rows),
        "rows left out": aligned.left_out,
        "answered": aligned.answered.sum(1).tolist(),
        "tables": [{"model": dict(t.meta.model), "sha256": table_sha256(t)} for t in tables],
    }
    parameters = [t.meta.model.get("parameters") for t in tables]
    model: Mapping[str, Any] = {"arch": f"fusion/{rule}", "tag": tag}
    if all(parameters):
        model = {**model, "parameters": sum(parameters)}
    kinds = {f: tables[0].meta.kinds[f] for f in aligned.values}
    notes = {"fusion": note, **by_fold}
    return replace(tables[0].meta, kinds=kinds, model=dict(model), training_keys=keys, notes=notes)
