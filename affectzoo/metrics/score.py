"""Scores of arrays and tables: names in, MetricResults out."""

from collections.abc import Sequence
from typing import Any

import torch
from torchmetrics import Metric

from affectzoo.errors import UnknownNameError
from affectzoo.labels.space import LabelSpace
from affectzoo.metrics.base import MetricResult, StatMetric
from affectzoo.metrics.checks import as_tensor, sequence_ids
from affectzoo.metrics.registry import build_metric

__all__ = ["DEFAULTS", "MetricResult", "default_metrics", "named_metrics", "score_arrays"]

#: What is scored when nobody says what: field (au: field and kind) -> metric names.
DEFAULTS = {
    "emotion": ("uar", "accuracy", "f1_macro", "f1_weighted", "nll", "ece", "brier", "js"),
    "vad": ("ccc", "pearson", "rmse"),
    "au/presence": ("au_f1", "average_precision"),
    "au/intensity": ("icc31_consistency", "rmse", "ccc"),
    "state": ("f1_macro", "f1", "accuracy", "average_precision", "ap_bah"),
}


def default_metrics(space: LabelSpace, field: str) -> tuple[str, ...]:
    """The default names for one field of a space."""
    return DEFAULTS[f"au/{space.au_kind}" if field == "au" else field]


def named_metrics(
    space: LabelSpace, field: str, metrics: Sequence[str] | None = None
) -> dict[str, tuple[Metric, int | None]]:
    """Full name -> (metric, None), or (metric, column) for a name such as 'ccc.valence'.

    metrics: names with or without the field ('uar', 'emotion/uar'); None: the defaults.
    Raises UnknownNameError with the nearest names.
    """
    if field not in space.fields:
        raise UnknownNameError("field", field, space.fields, f"label space {space.name!r}")
    out: dict[str, tuple[Metric, int | None]] = {}
    for name in default_metrics(space, field) if metrics is None else metrics:
        short = name.removeprefix(f"{field}/")
        base, _, part = short.partition(".")
        out[f"{field}/{short}"] = (
            build_metric(space, field, base),
            space.index(field, part) if part else None,
        )
    return out


def score_arrays(
    space: LabelSpace,
    field: str,
    pred: Any,
    target: Any,
    mask: Any = None,
    metrics: Sequence[str] | None = None,
    groups: Any = None,
) -> dict[str, MetricResult]:
    """Score one field. pred, target, mask (N, K) in the order of the space; pred as probabilities or values.

    metrics: registered names (see named_metrics). groups (N,): sequence names, needed by ccc_seq only.
    Returns full name -> MetricResult. Raises AffectZooError for shapes, NaN, or values that a metric refuses.
    """
    ids = None if groups is None else as_ids(groups)
    found: dict[Any, Any] = {}
    out = {}
    for name, (metric, part) in named_metrics(space, field, metrics).items():
        if not isinstance(metric, StatMetric):
            out[name] = _foreign(metric, pred, target, mask)
            continue
        if metric.key not in found:  # metrics with one summary collect it once
            metric.update(pred, target, mask, ids)
            found[metric.key] = metric.summary()
        out[name] = column_result(metric.result(found[metric.key]), metric.names, part)
    return out


def column_result(result: MetricResult, names: Sequence[str], part: int | None) -> MetricResult:
    """The result of one column (`ccc.valence`), or the whole when `part` is None."""
    if part is None:
        return result
    name = names[part]
    if name not in result.per_class:
        raise UnknownNameError("per-class value", name, result.per_class or ("(this metric has none)",))
    value = result.per_class[name]
    return MetricResult(
        value,
        {},
        result.support.get(name, result.n),
        int(value is None),
        result.conventions,
        {name: result.support[name]} if name in result.support else {},
    )


def as_ids(groups: Any) -> torch.Tensor:
    """Integers (N,) for group names."""
    if isinstance(groups, torch.Tensor):
        return groups
    return sequence_ids(list(groups))


def _foreign(metric: Metric, pred: Any, target: Any, mask: Any) -> MetricResult:
    """A plain torchmetrics metric: one number."""
    pred, target = as_tensor(pred, "pred"), as_tensor(target, "target")
    metric.update(pred, target, None if mask is None else as_tensor(mask, "mask"))
    value = float(metric.compute())
    undefined = value != value
    return MetricResult(None if undefined else value, {}, len(pred), int(undefined))
