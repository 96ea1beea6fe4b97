"""Perturbed forms of training items: which are made, when they are drawn, and what never sees them."""

from dataclasses import replace

import numpy as np
import pytest
from datakit import Model, dataset

from affectzoo.data.datamodule import AffectDataModule, PreparationWarning
from affectzoo.data.dataset import Dataset
from affectzoo.data.forms import perturbed_forms
from affectzoo.errors import AffectZooError
from affectzoo.structures.sample import Target
from affectzoo.structures.signal import Signal


class Shift:
    """Adds 1000 times a drawn number to a signal, so that a form shows; refuses signals of the lengths `broken`."""

    modality = "audio"

    def __init__(self, copies=2, broken=()):
        self.copies, self.broken, self.calls = copies, broken, 0

    @property
    def spec(self):
        return {"perturbation": "Shift", "broken": list(self.broken)}

    def __call__(self, signal, rng):
        self.calls += 1
        if len(signal) in self.broken:
            raise AffectZooError("too short")
        return Signal(signal.data + np.float32(1000 * rng.integers(1, 9)), signal.rate_hz)


def module(perturb, **kw):
    data = AffectDataModule(dataset(), batch_size=4, perturb=perturb, **kw).attach(Model())
    data.setup()
    return data


def epochs(loader, n):
    """Per epoch: key -> the item's mean value, as the loader gives it."""
    out = []
    for epoch in range(n):
        loader.sampler.set_epoch(epoch)
        rows = {}
        for batch in loader:
            signal = batch.signals["audio"]
            rows.update({k: float(d[m].mean()) for k, d, m in zip(batch.keys, signal.data, signal.mask, strict=True)})
        out.append(rows)
    return out


def test_every_epoch_takes_each_item_once_in_one_of_its_forms():
    data = module(Shift(copies=2))
    seen = epochs(data.train_dataloader(), 12)
    assert all(sorted(rows) == sorted(data.parts["train"]) for rows in seen)
    forms = {key: {round(rows[key] / 2000) for rows in seen} for key in seen[0]}
    assert all(0 in f for f in forms.values())  # its own form is one of them
    assert max(len(f) for f in forms.values()) == 3
    own = np.mean([abs(v) < 500 for rows in seen for v in rows.values()])
    assert 0.25 < own < 0.42  # a third


def test_the_order_of_forms_is_a_function_of_seed_and_epoch():
    a, b = (epochs(module(Shift()).train_dataloader(), 2) for _ in range(2))
    assert a == b and a[0] != a[1]


def test_no_other_part_sees_a_form():
    data = module(Shift())
    for rows in (*epochs(data.val_dataloader(), 1), *epochs(data.test_dataloader(), 1)):
        assert all(abs(v) < 500 for v in rows.values())
    assert len(data.training_keys()) == len(data.parts["train"]) + len(data.parts["val"])


def test_a_form_that_cannot_be_made_is_the_item_itself_and_that_is_said():
    lengths = tuple(range(20, 36))
    data = module(Shift(broken=lengths))
    with pytest.warns(PreparationWarning, match=r"perturbed forms cannot be prepared; the item itself is used"):
        loader = data.train_dataloader()
    short = {s.key for s in data.samples("train") if len(s.signals["audio"]) in lengths}
    assert short
    for rows in epochs(loader, 8):
        assert all(abs(rows[k]) < 500 for k in short)


def test_forms_depend_on_content_and_number_and_are_cached(tmp_path):
    model, samples = Model(), dataset().samples[:6]
    prepared = [model.prepare(s) for s in samples]

    def make(perturb, some):
        found = [prepared[samples.index(s)] for s in some]
        from affectzoo.data.cache import FeatureCache

        forms, failed = perturbed_forms(some, found, perturb, model, {"x": 1}, FeatureCache(tmp_path))
        assert failed == 0
        return [f.signals["audio"].data for f in forms]

    first = Shift(copies=2)
    both = make(first, samples)
    assert first.calls == 12 and len(both) == 12
    again = Shift(copies=1)
    assert all(np.array_equal(a, b) for a, b in zip(make(again, samples[::-1])[::-1], both, strict=False))
    assert again.calls == 0  # more or fewer copies leave the first ones as they are
    shifts = np.array([(b - p.signals["audio"].data).mean() for b, p in zip(both, prepared * 2, strict=True)])
    assert len({*np.round(shifts[:6])}) > 1 and not np.allclose(shifts[:6], shifts[6:])


def test_the_first_process_of_a_machine_makes_the_forms_for_all(tmp_path):
    first, second = Shift(), Shift()
    AffectDataModule(dataset(), perturb=first, cache_dir=tmp_path).attach(Model()).prepare_data()
    other = AffectDataModule(dataset(), perturb=second, cache_dir=tmp_path).attach(Model())
    assert first.calls == 2 * len(other.samples("train")) > 0
    other.train_dataloader()
    assert second.calls == 0


def test_what_perturbing_would_tear_apart_is_refused():
    data = module(Shift())
    data._model.modalities = ("audio", "face")
    with pytest.raises(AffectZooError, match="perturb: changes audio alone, and the model reads audio and face"):
        data.train_dataloader()
    timed = Target(np.zeros((3, 4), np.float32), np.ones((3, 4), bool), rate_hz=10.0)
    kit = dataset()
    over_time = Dataset(kit.card, [replace(s, targets={"emotion": timed}) for s in kit.samples], kit.space)
    data = AffectDataModule(over_time, batch_size=4, perturb=Shift()).attach(Model())
    with pytest.raises(AffectZooError, match="labels over time would not follow"):
        data.train_dataloader()


def test_the_split_has_a_seed_of_its_own():
    a, b = (AffectDataModule(dataset(), seed=s, split_seed=7).attach(Model()) for s in (0, 1))
    a.setup()
    b.setup()
    assert a.parts == b.parts != AffectDataModule(dataset(), seed=1).parts
    firsts = [next(iter(m.train_dataloader())).keys for m in (a, b)]
    assert firsts[0] != firsts[1]
