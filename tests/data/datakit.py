"""Samples, cards and a model for tests of the data layer; nothing is read from disk."""

import numpy as np

from affectzoo.data.card import DataLicence, DatasetCard
from affectzoo.data.dataset import Dataset
from affectzoo.labels.space import load_space
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import Signal

SPACE = load_space("emodb4")


def card(**changes) -> DatasetCard:
    fields = {
        "name": "kit", "title": "Kit", "revision": "1", "modalities": ("audio",), "adapter": "affectzoo.none",
        "label_space": "emodb4", "source": "made", "how_to_obtain": "no need", "free_for_any_use": True,
        "licence": DataLicence("CC0-1.0"), "groups": ("speaker",),
    }  # fmt: skip
    return DatasetCard(**{**fields, **changes})


def sample(i: int, speaker: str = "", length: int | None = None, **groups) -> AffectSample:
    length = 20 + (i * 7) % 31 if length is None else length
    data = np.random.default_rng(i).standard_normal(length).astype(np.float32)
    name = SPACE.names("emotion")[i % 4]
    groups = {"speaker": speaker or f"s{i % 6}", **groups}
    return AffectSample(f"k{i:03d}", {"audio": Signal(data, 100.0)}, {"emotion": class_target(SPACE, name)}, groups)


def dataset(n: int = 48, **changes) -> Dataset:
    return Dataset(card(**changes), [sample(i) for i in range(n)], SPACE)


class Double:
    """A transform: twice the signal. `broken` are lengths that it refuses."""

    def __init__(self, gain=2.0, broken=()):
        self.gain, self.broken, self.calls = gain, broken, 0

    @property
    def spec(self):
        return {"transform": "Double", "gain": self.gain, "broken": list(self.broken)}

    def __call__(self, signal):
        from affectzoo.errors import AffectZooError

        self.calls += 1
        if len(signal) in self.broken:
            raise AffectZooError("too odd")
        return Signal(signal.data * self.gain, signal.rate_hz, signal.t0_s)


class Model:
    """What the data module needs of a model."""

    modalities = ("audio",)

    def __init__(self, **kw):
        self.transforms = {"audio": Double(**kw)}

    def prepare(self, sample):
        loaded = sample.load(self.modalities)
        signals = {m: self.transforms[m](loaded.signals[m]) for m in self.modalities}
        return AffectSample(sample.key, signals, sample.targets, sample.groups, sample.attributes)
