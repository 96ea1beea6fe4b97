"""MetricSuite: all metrics of a label space over many batches, devices and processes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import LabelSpace
from affectzoo.metrics.base import MetricResult, StatMetric
from affectzoo.metrics.checks import sequence_ids
from affectzoo.metrics.score import column_result, named_metrics
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import BatchTarget


class MetricSuite(nn.Module):
    """update with predictions and aligned targets, compute a flat dict `<field>/<metric>` -> scalar float64.

    A submodule of a LightningModule moves with it; states are torchmetrics states and are joined over
    processes in compute. Metrics that share a summary (uar, accuracy, f1_macro) collect and join it once.
    Build it with `from_label_space`. Log what compute returns at the end of an epoch: never the mean of batch
    scores.
    """

    def __init__(self, space: LabelSpace, metrics: dict[str, Sequence[str] | None]):
        super().__init__()
        self.space = space
        self._named = {n: m for f, names in metrics.items() for n, m in named_metrics(space, f, names).items()}
        self.collectors = nn.ModuleDict()
        self._collector: dict[str, str] = {}
        keys: dict[Any, str] = {}
        for name, (metric, _) in self._named.items():
            key = (name.split("/")[0], metric.key) if isinstance(metric, StatMetric) else name
            if key not in keys:
                keys[key] = name.replace(".", "_")
                self.collectors[keys[key]] = metric
            self._collector[name] = keys[key]

    @classmethod
    def from_label_space(
        cls,
        space: LabelSpace,
        fields: Sequence[str] | None = None,
        metrics: dict[str, Sequence[str]] | None = None,
    ) -> "MetricSuite":
        """The default metrics of `fields` (default: all of the space), or those named in `metrics` by
        field."""
        fields = space.fields if fields is None else tuple(fields)
        for f in (*fields, *(metrics or {})):
            if f not in space.fields:
                raise UnknownNameError("field", f, space.fields, f"label space {space.name!r}")
        return cls(space, {f: (metrics or {}).get(f) for f in fields})

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are scored."""
        return tuple(dict.fromkeys(n.split("/")[0] for n in self._named))

    @torch.no_grad()
    def update(self, pred: AffectPrediction, targets: dict[str, BatchTarget]) -> None:
        """Add a batch. A target must have its prediction's shape ((B, K), or (B, T, K) on the same steps).

        Logits become probabilities once, by declared kind. A place counts when the target's mask and the
        prediction's step mask say so. A field without target is passed over. Raises AffectZooError for
        another label space, kind or shape.
        """
        if pred.space.hash != self.space.hash:
            raise AffectZooError(
                f"the prediction speaks {pred.space.name!r}, the suite scores {self.space.name!r}; "
                "project one to the other"
            )
        ids = None
        for field in self.fields:
            if field not in targets:
                continue
            if field not in pred.fields:
                raise UnknownNameError("field of the prediction", field, pred.fields)
            values, target, mask = aligned(pred, field, targets[field])
            for name, collector in self.collectors.items():
                if not name.startswith(f"{field}/"):
                    continue
                if getattr(collector, "needs_ids", False):
                    ids = sequence_ids(pred.keys) if ids is None else ids
                    collector.update(values, target, mask, ids)
                else:
                    collector.update(values, target, mask)

    def compute(self) -> dict[str, Tensor]:
        """Scores of everything seen since the last reset, by all processes; NaN where undefined."""
        out: dict[str, Tensor] = {}
        summaries = self._summaries()
        for name, (metric, part) in self._named.items():
            stats = summaries[self._collector[name]]
            if not isinstance(metric, StatMetric):
                out[name] = stats
            elif part is not None:
                out[name] = metric.classes(stats)[part]
            else:
                out[name] = metric.finish(stats)
                if metric.log_classes and len(metric.names) > 1:
                    out |= {f"{name}.{n}": v for n, v in zip(metric.names, metric.classes(stats), strict=True)}
        return out

    def results(self) -> dict[str, MetricResult]:
        """As compute, with per-class values, counts and conventions."""
        out = {}
        summaries = self._summaries()
        for name, (metric, part) in self._named.items():
            stats = summaries[self._collector[name]]
            if isinstance(metric, StatMetric):
                out[name] = column_result(metric.result(stats), metric.names, part)
            else:
                value = float(stats)
                out[name] = MetricResult(value if value == value else None)
        return out

    def reset(self) -> None:
        """Forget everything."""
        for collector in self.collectors.values():
            collector.reset()

    def _summaries(self) -> dict[str, Tensor]:
        out = {}
        for name, collector in self.collectors.items():
            if isinstance(collector, StatMetric):
                with collector.sync_context():
                    out[name] = collector.summary().clone()
            else:
                out[name] = collector.compute()
        return out


def aligned(pred: AffectPrediction, field: str, target: BatchTarget) -> tuple[Tensor, Tensor, Tensor]:
    """Values, target and mask of one field, of equal shape; logits as probabilities."""
    f = pred.fields[field]
    is_value = field == "vad" or (field == "au" and pred.space.au_kind == "intensity")
    if (f.kind == "value") != is_value:
        raise AffectZooError(
            f"{field}: the prediction's kind is {f.kind!r}, expected "
            f"{'value' if is_value else 'logits or probabilities'}"
        )
    if f.kind == "logits":
        f = AffectPrediction(pred.keys, pred.space, {field: f}, pred.rate_hz).probabilities().fields[field]
    if f.values.shape != target.values.shape or target.mask.shape != target.values.shape:
        raise AffectZooError(
            f"{field}: prediction {tuple(f.values.shape)}, target {tuple(target.values.shape)} and mask "
            f"{tuple(target.mask.shape)} differ; align them first (structures.time.read_at)"
        )
    mask = target.mask.bool()
    if pred.mask is not None:
        mask = mask & pred.mask.bool().reshape(*pred.mask.shape, *[1] * (mask.ndim - pred.mask.ndim))
    return f.values, target.values, mask
