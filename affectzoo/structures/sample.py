"""AffectSample (one recording or part of one, NumPy) and AffectBatch (many, padded, torch)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.signal import Signal, SignalRef


@dataclass(frozen=True)
class Target:
    """What is known about one field of a sample.

    values: (K,) for the whole clip, or (T, K) with rate_hz and t0_s. emotion: a distribution over the classes;
        vad: [-1, 1]; au: 0/1 presence or 0-5 intensity; state: 0/1.
    mask: same shape, bool; False where the label is missing. Never -1 for missing.
    derived: None, or how the values came about when nobody annotated them ('projected from emotion').
    """

    values: np.ndarray
    mask: np.ndarray
    rate_hz: float | None = None
    t0_s: float = 0.0
    derived: str | None = None

    def __post_init__(self):
        if self.values.shape != self.mask.shape:
            raise AffectZooError(f"target values {self.values.shape} and mask {self.mask.shape} differ in shape")
        if (self.values.ndim == 2) != (self.rate_hz is not None):
            raise AffectZooError("a target over time is (T, K) with rate_hz; a clip target is (K,) without")


@dataclass(frozen=True)
class AffectSample:
    """One item. A missing modality is an absent key; a missing label is an absent target or a False mask.

    key: unique and stable in its data set. groups: what splits and leak checks are made of (speaker, session,
    clip, ...). attributes: what results are sliced by (gender, age, ...).
    """

    key: str
    signals: Mapping[str, Signal | SignalRef]
    targets: Mapping[str, Target] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str | float] = field(default_factory=dict)

    def load(self, modalities: tuple[str, ...] | None = None) -> "AffectSample":
        """This sample with its file references read (only `modalities`, when given)."""
        wanted = self.signals if modalities is None else {m: self.signals[m] for m in modalities if m in self.signals}
        return replace(self, signals={m: s.load() if isinstance(s, SignalRef) else s for m, s in wanted.items()})


def class_target(space: LabelSpace, name: str | None) -> Target:
    """A one-hot emotion target from a class name or alias; None gives an all-masked target."""
    n = space.size("emotion")
    values = np.zeros(n, np.float32)
    if name is not None:
        values[space.index("emotion", name)] = 1.0
    return Target(values, np.full(n, name is not None))


@dataclass
class BatchSignal:
    """Padded data (B, T, ...) float32, mask (B, T) bool, one rate, t0_s (B,)."""

    data: torch.Tensor
    mask: torch.Tensor
    rate_hz: float
    t0_s: torch.Tensor

    def to(self, device, **kw) -> "BatchSignal":
        """Move to a device."""
        return BatchSignal(
            self.data.to(device, **kw), self.mask.to(device, **kw), self.rate_hz, self.t0_s.to(device, **kw)
        )


@dataclass
class BatchTarget:
    """values and mask (B, K), or (B, T, K) with rate_hz and t0_s (B,). Masked-out values are 0."""

    values: torch.Tensor
    mask: torch.Tensor
    rate_hz: float | None = None
    t0_s: torch.Tensor | None = None

    def to(self, device, **kw) -> "BatchTarget":
        """Move to a device."""
        t0 = None if self.t0_s is None else self.t0_s.to(device, **kw)
        return BatchTarget(self.values.to(device, **kw), self.mask.to(device, **kw), self.rate_hz, t0)


@dataclass
class AffectBatch:
    """B samples, padded. Every sample of a batch has the same modalities."""

    keys: list[str]
    signals: dict[str, BatchSignal]
    targets: dict[str, BatchTarget] = field(default_factory=dict)
    groups: list[Mapping[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)

    def to(self, device, **kw) -> "AffectBatch":
        """Move all tensors to a device."""
        return AffectBatch(
            self.keys,
            {m: s.to(device, **kw) for m, s in self.signals.items()},
            {f: t.to(device, **kw) for f, t in self.targets.items()},
            self.groups,
        )

    def pin_memory(self) -> "AffectBatch":
        """Pin for fast transfer to a GPU (called by the DataLoader)."""
        for s in self.signals.values():
            s.data, s.mask = s.data.pin_memory(), s.mask.pin_memory()
        return self
