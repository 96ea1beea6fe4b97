"""Contract checks that our own tests run, and that anyone may run on a model, metric or data set of theirs.

Each raises AssertionError with a sentence that names what is wrong; passing returns None.
"""

import copy
import json
import math
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from affectzoo.data.dataset import Dataset, open_dataset
from affectzoo.data.leaks import check_parts
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch, AffectSample
from affectzoo.zoo.base import AffectModel
from affectzoo.zoo.pretrained import load_artefact, save_artefact

_TOL = {"rtol": 1e-4, "atol": 1e-5}  # float32 sums in another order (ours)


def check_model(model: AffectModel, batch: AffectBatch) -> None:
    """Check the contract of zoo/base.py on a batch of at least two items, best of different lengths.

    Shapes and ranges against the label space; a gradient to every parameter; neither padding (zeros or not)
    nor the other items change an answer in eval mode; reset_head keeps the encoder; options rebuild the
    model; what is saved comes back equal; a missing modality is an error; the batch is left as it was. The
    model is not changed.
    """
    assert len(batch) >= 2, "give a batch of at least two items, so that batch invariance can be seen"
    model = copy.deepcopy(model).eval()
    assert model.modalities, "modalities: the model must name the signals that it reads"
    missing = set(model.modalities) - set(batch.signals)
    assert not missing, f"the batch lacks {', '.join(sorted(missing))}, which the model reads"
    _check_transforms(model)
    before = {m: s.data.clone() for m, s in batch.signals.items()}
    with torch.no_grad():
        pred = model(batch)
        again = model(batch)
    for m, data in before.items():
        assert torch.equal(batch.signals[m].data, data), f"forward changes the batch's {m} in place"
    _check_prediction(pred, model.label_space, batch)
    _same(pred, again, "a second call in eval mode gives another answer", exact=True)
    _check_missing_modality(model, batch)
    _check_gradients(model, batch)
    _check_invariance(model, batch, pred)
    _check_reset_head(model, batch)
    _check_rebuild(model, batch, pred)
    if model.arch:
        _check_artefact(model, batch, pred)


def check_metric(
    make: Callable[[], Any],
    batches: Sequence[tuple],
    oracle: Callable[..., float] | None = None,
    tol: float = 1e-9,
) -> None:
    """Check a torchmetrics metric.

    batches: at least two argument tuples (pred, target) or (pred, target, mask).
    make: gives a fresh metric. oracle: an independent computation on the concatenated arguments (NumPy
    arrays), compared within `tol`. Batches in another order, merged states and a reset give the same value;
    masked values are never read; computing twice changes nothing; without data the value is NaN, not an
    error.
    """
    assert len(batches) >= 2, "give at least two batches, so that merging can be seen"
    metric = make()
    expected = _value(metric, batches)
    assert not math.isnan(expected), "the metric is undefined (NaN) on these batches: give others"
    assert _close(float(metric.compute()), expected, tol), "a second compute gives another value"
    assert _close(_value(make(), batches[::-1]), expected, tol), "the order of the batches changes the value"
    whole = tuple(torch.cat([torch.as_tensor(b[i]) for b in batches]) for i in range(len(batches[0])))
    found = _value(make(), [whole])
    assert _close(found, expected, tol), f"one batch gives {found!r}, the same rows in several {expected!r}"
    first, rest = make(), make()
    first.update(*batches[0])  # no compute before the merge: torchmetrics would keep its value
    for args in batches[1:]:
        rest.update(*args)
    first.merge_state(rest)
    assert _close(float(first.compute()), expected, tol), "merged states (as of two processes) give another value"
    metric.reset()
    assert _close(_value(metric, batches), expected, tol), "after reset() the value differs"
    if len(whole) > 2 and whole[2] is not None:
        _check_masked(make, whole, expected, tol)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert math.isnan(float(make().compute())), "without data the value must be NaN"
    if oracle is not None:
        truth = float(oracle(*(t.numpy() for t in whole)))
        assert _close(expected, truth, tol), f"the metric gives {expected!r}, the oracle {truth!r}"


def check_dataset(name: str, root: Any = None, n_load: int = 3, **options: Any) -> None:
    """Check a data set by name: samples against the card, targets, splits, and that it repeats itself.

    root: as open_dataset. n_load: from how many samples the signals are read. options: go to the adapter.
    """
    data = open_dataset(name, root, **options)
    assert data.samples, f"{name}: gives no samples"
    twice = len(data.samples) - len({s.key for s in data.samples})
    assert not twice, f"{name}: {twice} keys occur twice"
    for sample in data.samples:
        _check_sample(sample, data)
    for sample in islice(data.samples, n_load):
        _check_signals(sample, data)
    again = open_dataset(name, root, **options).samples
    assert [s.key for s in again] == [s.key for s in data.samples], f"{name}: opened again, it gives other keys"
    for a, b in zip(data.samples, again, strict=True):
        for field, target in a.targets.items():
            assert np.array_equal(target.values, b.targets[field].values), f"{a.key}: {field} differs when opened again"
    for split in data.card.splits:
        _check_split(data, split)


def _check_transforms(model: AffectModel) -> None:
    lacking = set(model.modalities) - set(model.transforms)
    assert not lacking, f"transforms: none for {', '.join(sorted(lacking))}"
    for m, t in model.transforms.items():
        _jsonable(t.spec, f"transforms[{m!r}].spec")


def _check_prediction(pred: AffectPrediction, space: LabelSpace, batch: AffectBatch) -> None:
    assert pred.keys == batch.keys, "the prediction's keys are not the batch's"
    assert pred.space == space, "the prediction's label space is not the model's"
    lacking = set(space.fields) - set(pred.fields)
    assert not lacking, f"the prediction lacks {', '.join(sorted(lacking))} of its label space"
    for name, f in pred.fields.items():
        assert bool(torch.isfinite(f.values).all()), f"{name}: values are not finite"
        low, high = _range(name, f.kind, space)
        assert low <= float(f.values.min()) and float(f.values.max()) <= high, f"{name}: values leave [{low}, {high}]"
        sd = f.uncertainty
        assert sd is None or bool((torch.isfinite(sd) & (sd > 0)).all()), f"{name}: an uncertainty is not above 0"
    if pred.rate_hz is not None:
        steps = next(iter(pred.fields.values())).values.shape[:2]
        assert pred.mask is not None and pred.mask.shape == steps, "a prediction over time needs a mask (B, T)"
        assert pred.t0_s is not None and len(pred.t0_s) == len(batch), "a prediction over time needs t0_s (B,)"
        assert bool(pred.mask.any(1).all()), "an item has no valid step"


def _range(name: str, kind: str, space: LabelSpace) -> tuple[float, float]:
    if kind == "logits":
        return -math.inf, math.inf
    if name == "vad":
        return -1.0, 1.0
    return (0.0, 5.0) if name == "au" and space.au_kind == "intensity" else (0.0, 1.0)


def _check_missing_modality(model: AffectModel, batch: AffectBatch) -> None:
    try:
        model(replace(batch, signals={}))
    except AffectZooError:
        return
    raise AssertionError("a batch without the model's modalities must raise AffectZooError")


def _check_gradients(model: AffectModel, batch: AffectBatch) -> None:
    model.zero_grad()
    pred = model(batch)
    g = torch.Generator().manual_seed(0)
    outputs = [x for f in pred.fields.values() for x in (f.values, f.uncertainty) if x is not None]
    loss = sum((_valid(pred, x) * torch.randn(_valid(pred, x).shape, generator=g)).sum() for x in outputs)
    loss.backward()
    dead = [n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not bool(p.grad.any()))]
    assert not dead, f"no gradient reaches {', '.join(dead)}"
    odd = [n for n, p in model.named_parameters() if p.grad is not None and not bool(torch.isfinite(p.grad).all())]
    assert not odd, f"the gradient of {', '.join(odd)} is not finite"
    model.zero_grad()


@torch.no_grad()
def _check_invariance(model: AffectModel, batch: AffectBatch, pred: AffectPrediction) -> None:
    for fill in (0.0, 3.0):
        _same(pred, model(_repad(batch, 5, fill)), f"more padding (filled with {fill:g}) changes the answer")
    order = list(range(len(batch)))[::-1]
    turned = model(_pick(batch, order))
    for i in order:
        one = _pick(batch, [i])
        _same(pred, model(one), f"item {i} alone is answered differently than in its batch", i, 0)
        _same(pred, model(_trim(one)), f"item {i} without its padding is answered differently", i, 0)
        _same(pred, turned, f"item {i} is answered differently in another order", i, order.index(i))


@torch.no_grad()
def _check_reset_head(model: AffectModel, batch: AffectBatch) -> None:
    other = "ravdess8" if "emotion" not in model.label_space.fields else "vad"
    twin = copy.deepcopy(model)
    assert twin.reset_head(other) is twin, "reset_head must return the model"
    new = twin.eval()(batch)
    _check_prediction(new, twin.label_space, batch)
    assert twin.label_space.name == other, "reset_head must set label_space"
    a, b = model.forward_features(batch), twin.forward_features(batch)
    assert torch.equal(a.values, b.values), "reset_head changes the encoder"


@torch.no_grad()
def _check_rebuild(model: AffectModel, batch: AffectBatch, pred: AffectPrediction) -> None:
    options = _jsonable(model.options, "options")
    twin = type(model)(label_space=LabelSpace.from_dict(model.label_space.to_dict()), **options)
    state = load(save({n: t.contiguous().clone() for n, t in model.state_dict().items()}))
    try:
        twin.load_state_dict(state, strict=True)
    except RuntimeError as e:
        raise AssertionError(f"options do not rebuild the model: {e}") from None
    assert _jsonable(twin.options, "options") == options, "a model rebuilt from its options has other options"
    _same(
        pred,
        twin.eval()(batch),
        "a model rebuilt from options and state_dict answers differently",
        exact=True,
    )


@torch.no_grad()
def _check_artefact(model: AffectModel, batch: AffectBatch, pred: AffectPrediction) -> None:
    licences = dict.fromkeys(("code", "weights", "data"), "none: a contract test")
    with tempfile.TemporaryDirectory() as folder:
        path = save_artefact(model, folder, tag="check", golden=batch, licences=licences, training={"dataset": "none"})
        back, config = load_artefact(path)
    assert config.arch == model.arch and back.label_space == model.label_space, "config.json says something else"
    _same(pred, back(batch), "a saved and loaded model answers differently", exact=True)


def _same(
    a: AffectPrediction,
    b: AffectPrediction,
    fault: str,
    i: int | None = None,
    j: int | None = None,
    exact: bool = False,
) -> None:
    """Equal values at valid steps, of all items or of item i of a and item j of b."""
    for name in a.fields:
        x, y = (_valid(p, p.fields[name].values, k) for p, k in ((a, i), (b, j)))
        assert x.shape == y.shape, f"{fault} ({name}: {tuple(x.shape)} and {tuple(y.shape)} valid values)"
        ok = torch.equal(x, y) if exact else torch.allclose(x, y, **_TOL)
        assert ok, f"{fault} ({name}: by up to {float((x - y).abs().max()):.3g})"
        sds = [p.fields[name].uncertainty for p in (a, b)]
        assert (sds[0] is None) == (sds[1] is None), f"{fault} ({name}: one has an uncertainty)"
        if sds[0] is not None:
            x, y = (_valid(p, sd, k) for p, sd, k in zip((a, b), sds, (i, j), strict=True))
            ok = torch.equal(x, y) if exact else torch.allclose(x, y, **_TOL)
            assert ok, f"{fault} (uncertainty of {name}: by up to {float((x - y).abs().max()):.3g})"


def _valid(pred: AffectPrediction, values: torch.Tensor, item: int | None = None) -> torch.Tensor:
    """Values of one item (None: all) at valid steps, (N, K)."""
    rows = slice(None) if item is None else slice(item, item + 1)
    return values[rows] if pred.mask is None else values[rows][pred.mask[rows].bool()]


def _repad(batch: AffectBatch, extra: int, fill: float) -> AffectBatch:
    """The batch with `extra` more padded steps; all padding holds `fill`."""
    signals = {}
    for m, s in batch.signals.items():
        pad = s.data.new_zeros(len(batch), extra, *s.data.shape[2:])
        data = torch.cat([s.data, pad], 1)
        mask = torch.cat([s.mask, s.mask.new_zeros(len(batch), extra)], 1)
        data[~mask] = torch.tensor(fill).to(data.dtype)
        signals[m] = replace(s, data=data, mask=mask)
    return replace(batch, signals=signals)


def _pick(batch: AffectBatch, order: list[int]) -> AffectBatch:
    signals = {
        m: replace(s, data=s.data[order], mask=s.mask[order], t0_s=s.t0_s[order]) for m, s in batch.signals.items()
    }
    return AffectBatch([batch.keys[i] for i in order], signals)


def _trim(batch: AffectBatch) -> AffectBatch:
    """Without the steps after the last valid one."""
    ends = {m: int(s.mask.any(0).nonzero().max()) + 1 for m, s in batch.signals.items()}
    signals = {m: replace(s, data=s.data[:, : ends[m]], mask=s.mask[:, : ends[m]]) for m, s in batch.signals.items()}
    return replace(batch, signals=signals)


def _jsonable(value: Any, what: str) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as e:
        raise AssertionError(f"{what} cannot be written as JSON: {e}") from None


def _value(metric: Any, batches: Iterable[tuple]) -> float:
    for args in batches:
        metric.update(*args)
    return float(metric.compute())


def _close(a: float, b: float, tol: float) -> bool:
    return math.isclose(a, b, rel_tol=tol, abs_tol=tol)


def _check_masked(make: Callable[[], Any], whole: tuple, expected: float, tol: float) -> None:
    pred, target, mask = (torch.as_tensor(t).clone() for t in whole[:3])
    assert not bool(mask.all()), "the mask hides nothing: give batches with missing labels too"
    pred[~mask], target[~mask] = 1e6, -1e6
    found = _value(make(), [(pred, target, mask, *whole[3:])])
    assert _close(found, expected, tol), "values under a False mask change the result"


def _check_sample(sample: AffectSample, data: Dataset) -> None:
    card, space = data.card, data.space
    assert sample.key, f"{card.name}: an empty key"
    odd = set(sample.signals) - set(card.modalities)
    assert not odd, f"{sample.key}: has {', '.join(sorted(odd))}, which the card does not name"
    for what, wanted, found in (
        ("group", card.groups, sample.groups),
        ("attribute", card.attributes, sample.attributes),
    ):
        lacking = set(wanted) - set(found)
        assert not lacking, f"{sample.key}: lacks the {what} {', '.join(sorted(lacking))} that the card promises"
    for field, t in sample.targets.items():
        size = space.size(field)
        assert size and t.values.shape[-1] == size, f"{sample.key}: {field} has {t.values.shape[-1]} values, not {size}"
        values = t.values[t.mask]
        assert np.isfinite(values).all(), f"{sample.key}: {field} is not finite where it is labelled"
        low, high = _range(field, "value", space)
        inside = (values >= low - 1e-6) & (values <= high + 1e-6)
        assert inside.all(), f"{sample.key}: {field} leaves [{low}, {high}] (a missing label is a mask, never -1)"
        if field == "emotion":
            rows = t.values[t.mask.all(-1)] if t.values.ndim == 2 else t.values[None][t.mask.all()[None]]
            assert np.allclose(rows.sum(-1), 1, atol=1e-4), f"{sample.key}: emotion is not a distribution"


def _check_signals(sample: AffectSample, data: Dataset) -> None:
    for m, s in sample.load().signals.items():
        assert len(s), f"{sample.key}: {m} is empty"
        assert np.isfinite(s.data).all(), f"{sample.key}: {m} is not finite"
        if m == "audio":
            assert s.data.dtype == np.float32 and np.abs(s.data).max() <= 1.0, (
                f"{sample.key}: audio is not float32 in [-1, 1]"
            )
        if m == "face":
            assert s.data.dtype == np.uint8 and s.data.shape[-1] == 3, f"{sample.key}: face is not (T, H, W, 3) uint8"


def _check_split(data: Dataset, name: str) -> None:
    folds = load_folds(data.card, name).resolve(data.samples)
    known = {s.key for s in data.samples}
    assert known & set(folds.assignment), f"split {name!r} names none of the data set's keys"
    samples = [s for s in data.samples if s.key in folds.assignment]
    parts: dict[str, list[str]] = {}
    for s in samples:
        parts.setdefault(str(folds.assignment[s.key]), []).append(s.key)
    try:
        check_parts(parts, samples, folds.disjoint)
    except AffectZooError as e:
        raise AssertionError(f"split {name!r}: {e}") from None
