"""Perturbed forms of training items: made once, cached like everything prepared, drawn anew in every epoch."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from affectzoo.data.cache import FeatureCache, prepare_all
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal


class Perturbation(Protocol):
    """What makes other forms of a signal that mean the same.

    copies: forms an item beside its own; modality: the signal that it changes; spec: its JSON-able identity, which
    decides the cache, and so holds a version.
    """

    copies: int
    modality: str

    @property
    def spec(self) -> dict[str, Any]:
        """JSON-able identity."""

    def __call__(self, signal: Signal, rng: np.random.Generator) -> Signal:
        """One perturbed form of a raw signal; all chance comes from `rng`."""


def perturbed_forms(
    originals: Sequence[AffectSample],
    prepared: Sequence[AffectSample],
    perturb: Perturbation,
    model: Any,
    spec: dict[str, Any],
    cache: FeatureCache | None,
) -> tuple[list[AffectSample], int]:
    """(copies * N forms, form after form, in the order of the N items; how many could not be made).

    originals: the N items before preparation; prepared: after it, they stand in for a form that cannot be made (audio
    that gets too short). A form depends on the signal's content and the form's number only.
    """
    forms, failed = [], 0
    for number in range(1, perturb.copies + 1):
        done, failures = prepare_all(
            originals,
            _preparation(perturb, model, number),
            {**spec, "perturb": perturb.spec, "form": number},
            cache,
            progress=len(originals) > 200,
            text=f"preparing form {number} of {perturb.copies}",
        )
        made, failed = {s.key: s for s in done}, failed + len(failures)
        forms += [made.get(s.key, s) for s in prepared]
    return forms, failed


def _preparation(perturb: Perturbation, model: Any, number: int) -> Callable[[AffectSample], AffectSample]:
    def prepare(sample: AffectSample) -> AffectSample:
        loaded = sample.load(model.modalities)
        signal = loaded.signals[perturb.modality]
        rng = np.random.default_rng([number, zlib.crc32(np.ascontiguousarray(signal.data).tobytes())])
        signals = {**loaded.signals, perturb.modality: perturb(signal, rng)}
        return model.prepare(AffectSample(sample.key, signals, sample.targets, sample.groups, sample.attributes))

    return prepare
