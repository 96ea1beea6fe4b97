"""The edge-case battery that every registered metric passes, ours or a stranger's.

`check_metric("vad/ccc")` raises AssertionError with the case that fails. tests/metrics runs it over the
registry; affectzoo.testing offers it to plug-ins.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torchmetrics import Metric

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import ActionUnit, Axis, Category, LabelSpace, State
from affectzoo.metrics.registry import build_metric, metric_entry

#: A small space with every field, to try metrics on.
SPACE = LabelSpace(
    "contract",
    "1",
    axes=(Axis("valence"), Axis("arousal")),
    states=(State("hesitancy"), State("confusion")),
    categories=tuple(map(Category, ("anger", "joy", "sadness", "neutral"))),
    action_units=(ActionUnit(1), ActionUnit(12), ActionUnit(25)),
)


def example_rows(field: str, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Predictions and targets (n, K) that a metric of `field` accepts: float64, related but not equal."""
    g = torch.Generator().manual_seed(seed)
    k = SPACE.size(field)
    noise = torch.rand(n, k, generator=g, dtype=torch.float64)
    if field == "emotion":
        label = torch.randint(0, k, (n,), generator=g)
        target = torch.nn.functional.one_hot(label, k).double()
        return (noise + target).softmax(-1), target
    if field == "vad":
        target = 2 * torch.rand(n, k, generator=g, dtype=torch.float64) - 1
        return (target + noise - 0.5).clamp(-1, 1), target
    target = (torch.rand(n, k, generator=g) > 0.5).double()
    return (0.6 * noise + 0.4 * target), target


def check_metric(name: str) -> None:
    """Run the battery on one registered metric, by full name. Raises AssertionError naming the case."""
    field, short = name.split("/", 1)
    card = metric_entry(field, short).card
    assert card.oracle and card.summary and card.conventions, f"{name}: the card lacks oracle, summary or conventions"

    def new() -> Metric:
        return build_metric(SPACE, field, short)

    for case in CASES:
        try:
            case(new, field, card.higher_is_better)
        except AssertionError as e:
            raise AssertionError(f"{name}: {case.__name__.strip('_')}: {e}") from None


def _feed(metric: Metric, pred: Tensor, target: Tensor, mask: Tensor | None = None, start: int = 0) -> Metric:
    """Update with sequence names where they are needed: five rows make a sequence."""
    if getattr(metric, "needs_ids", False):
        metric.update(pred, target, mask, (torch.arange(len(pred)) + start) // 5)
    else:
        metric.update(pred, target, mask)
    return metric


def _value(metric: Metric) -> Tensor:
    return torch.as_tensor(metric.compute()).double()


def _same(a: Tensor, b: Tensor, what: str) -> None:
    assert torch.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True), f"{what}: {a} and {b}"


def _card(new: Callable[[], Metric], field: str, higher: bool) -> None:
    metric = new()
    assert metric.higher_is_better == higher, "the card and the class disagree on higher_is_better"
    assert (type(metric).__doc__ or "").strip(), "the class has no docstring"


def _empty(new: Callable[[], Metric], field: str, higher: bool) -> None:
    pred, target = example_rows(field, 0)
    value = _value(_feed(new(), pred, target))
    assert value.ndim or math.isnan(value), f"no rows must give NaN, got {value}"


def _single(new: Callable[[], Metric], field: str, higher: bool) -> None:
    _value(_feed(new(), *example_rows(field, 1)))


def _constant(new: Callable[[], Metric], field: str, higher: bool) -> None:
    pred, target = example_rows(field, 12)
    value = _value(_feed(new(), pred[:1].expand(12, -1), target))
    assert value.ndim or math.isnan(value) or math.isfinite(value), f"constant prediction gave {value}"


def _masked(new: Callable[[], Metric], field: str, higher: bool) -> None:
    pred, target = example_rows(field, 6)
    value = _value(_feed(new(), pred, target, torch.zeros_like(pred, dtype=torch.bool)))
    assert value.ndim or math.isnan(value), f"all masked must give NaN, got {value}"


def _unlabelled_values(new: Callable[[], Metric], field: str, higher: bool) -> None:
    pred, target = example_rows(field, 20)
    mask = torch.ones_like(pred, dtype=torch.bool)
    mask[::3] = False
    wild = target.masked_fill(~mask, math.nan)
    ids = torch.arange(20) // 5
    a, b = new(), new()
    if getattr(a, "needs_ids", False):
        a.update(pred, wild, mask, ids)
        b.update(pred[mask[:, 0]], target[mask[:, 0]], None, ids[mask[:, 0]])
    else:
        a.update(pred, wild, mask)
        b.update(pred[mask[:, 0]], target[mask[:, 0]], None)
    _same(_value(a), _value(b), "a masked row and a row that is not there")


def _nan(new: Callable[[], Metric], field: str, higher: bool) -> None:
    for which in (0, 1):
        rows = list(example_rows(field, 8))
        rows[which][3, 0] = math.nan
        _raises(lambda rows=rows: _value(_feed(new(), *rows)), "NaN in a labelled place")


def _shapes(new: Callable[[], Metric], field: str, higher: bool) -> None:
    pred, target = example_rows(field, 8)
    _raises(lambda: _feed(new(), pred[:, :-1], target), "too few columns")
    _raises(lambda: _feed(new(), pred[:-1], target), "unequal numbers of rows")
    _raises(lambda: _feed(new(), pred, target, torch.ones(8, SPACE.size(field))), "a mask that is not bool")


def _merge(new: Callable[[], Metric], field: str, higher: bool) -> None:
    pred, target = example_rows(field, 23)
    whole, parts = _feed(new(), pred, target), new()
    for a, b in ((0, 1), (1, 1), (1, 8), (8, 23)):
        _feed(parts, pred[a:b], target[a:b], start=a)
    _same(_value(whole), _value(parts), "one update and several")


def _order(new: Callable[[], Metric], field: str, higher: bool) -> None:
    pred, target = example_rows(field, 20)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    a, b = _feed(new(), pred, target), new()
    if getattr(b, "needs_ids", False):
        b.update(pred[order], target[order], None, order // 5)
    else:
        b.update(pred[order], target[order], None)
    _same(_value(a), _value(b), "rows in another order")


def _reset(new: Callable[[], Metric], field: str, higher: bool) -> None:
    metric = _feed(new(), *example_rows(field, 9, seed=1))
    metric.reset()
    pred, target = example_rows(field, 11)
    _same(_value(_feed(metric, pred, target)), _value(_feed(new(), pred, target)), "after reset")


def _raises(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except AffectZooError:
        return
    raise AssertionError(f"{what} must raise AffectZooError")


CASES = (
    _card,
    _empty,
    _single,
    _constant,
    _masked,
    _unlabelled_values,
    _nan,
    _shapes,
    _merge,
    _order,
    _reset,
)
