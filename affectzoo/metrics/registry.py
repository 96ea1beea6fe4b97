"""Which metrics there are: `configs/metrics/*.yaml` of every plug-in, listed without importing anything.

A file looks like this:

    _target_: mypkg.metrics.MyMetric     # a class; other keys beside it are options for its constructor
    card: {name: my_metric, fields: [vad], higher_is_better: true, oracle: what it is tested against,
           summary: one line, conventions: one line}

The contract of `_target_`: `MyMetric(names, **options)` gives a torchmetrics.Metric for columns `names`, with
`update(pred, target, mask)` for (N, K) tensors and a bool mask or None (True = labelled; masked values are
not read), and `compute()` that gives one number, NaN where undefined. Whoever derives from
`affectzoo.metrics.base.StatMetric` gets mergeable summaries, per-name values and a fast bootstrap for it; any
other torchmetrics metric is resampled in a loop. `affectzoo.metrics.contract.check_metric` tests all of this.

The full name is `<field>/<name>`; two files may share a card name when their fields differ (`f1_macro` of
emotion and of state are two computations).
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import FIELDS, LabelSpace
from affectzoo.plugins import import_target, resource_files
from affectzoo.schema import from_dict, read_yaml

if TYPE_CHECKING:  # listing must not import torch
    from torchmetrics import Metric

_SWAPPED = (
    "means plain accuracy in some papers and mean recall in others; use 'accuracy' (correct / all) or "
    "'uar' (mean recall over classes present in the truth)"
)
#: Names that will never be metrics, and why.
REFUSED = {
    "wa": f"'wa' {_SWAPPED}",
    "ua": f"'ua' {_SWAPPED}",
    "war": f"'war' {_SWAPPED}",
    "ap": "'ap' has two common forms that give two numbers; use 'average_precision' (scikit-learn's) or "
    "'ap_bah' (BAH organisers')",
    "icc": "'icc' does not say which form; use 'icc31_consistency' or 'icc21'",
    "icc31_agreement": "ICC(3,1) is the consistency form; use 'icc31_consistency', or 'icc21' for agreement",
}


@dataclass(frozen=True)
class MetricCard:
    """What a metric's YAML says about it. oracle: the independent implementation that its test compares
    with."""

    name: str
    fields: tuple[str, ...]
    higher_is_better: bool
    oracle: str
    summary: str
    conventions: str


@dataclass(frozen=True)
class MetricEntry:
    """A registered metric: its card, where its code is, options and file."""

    card: MetricCard
    target: str
    options: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None


@cache
def entries() -> dict[str, MetricEntry]:
    """All metrics by full name (`emotion/uar`). Raises FileError for a broken file or a name that is
    taken."""
    found: dict[str, MetricEntry] = {}
    for path in resource_files("configs", "metrics").values():
        entry = _read(path)
        for f in entry.card.fields:
            name = f"{f}/{entry.card.name}"
            if name in found:
                raise FileError(path, f"{name} is already defined by {found[name].path}")
            found[name] = entry
    return found


def list_metrics(field_name: str | None = None) -> list[str]:
    """Full names, sorted; of one field when given. Imports no metric."""
    if field_name is not None and field_name not in FIELDS:
        raise UnknownNameError("field", field_name, FIELDS)
    return sorted(n for n in entries() if field_name is None or n.startswith(f"{field_name}/"))


def metric_entry(field_name: str, name: str) -> MetricEntry:
    """The entry of `name` ('uar' or 'emotion/uar') for a field.

    Raises AffectZooError with the reason for a name that is refused, UnknownNameError with the nearest
    otherwise.
    """
    short = name.removeprefix(f"{field_name}/")
    full = f"{field_name}/{short}"
    if full in entries():
        return entries()[full]
    if short in REFUSED:
        raise AffectZooError(f"metric {short!r} is not offered: {REFUSED[short]}")
    raise UnknownNameError(f"{field_name} metric", short, [n.split("/", 1)[1] for n in list_metrics(field_name)])


def build_metric(space: LabelSpace, field_name: str, name: str) -> "Metric":
    """A fresh metric for one field of a space."""
    from torchmetrics import Metric

    names = space.names(field_name)
    if not names:
        raise UnknownNameError("field", field_name, space.fields, f"label space {space.name!r}")
    entry = metric_entry(field_name, name)
    metric = import_target(entry.target)(names, **entry.options)
    if not isinstance(metric, Metric):
        raise FileError(entry.path, f"{entry.target} gives a {type(metric).__name__}, not a torchmetrics Metric")
    return metric


def _read(path: Path) -> MetricEntry:
    data = read_yaml(path)
    if not isinstance(data, dict) or "_target_" not in data or "card" not in data:
        raise FileError(path, "a metric needs `_target_` and `card`")
    card = from_dict(MetricCard, data["card"], f"{path}: card")
    for f in card.fields:
        if f not in FIELDS:
            raise UnknownNameError("field", f, FIELDS, str(path))
    if card.name in REFUSED:
        raise FileError(path, f"the name is refused: {REFUSED[card.name]}")
    if not card.oracle.strip():
        raise FileError(path, "card.oracle is empty: say what the metric is tested against")
    return MetricEntry(card, data["_target_"], {k: v for k, v in data.items() if k not in ("_target_", "card")}, path)
