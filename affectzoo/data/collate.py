"""collate: samples become one padded batch with masks."""

from collections.abc import Sequence

import numpy as np
import torch

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.sample import AffectBatch, AffectSample, BatchSignal, BatchTarget, Target
from affectzoo.structures.signal import Signal


def collate(samples: Sequence[AffectSample], space: LabelSpace) -> AffectBatch:
    """Pad and stack B samples whose signals are loaded.

    Signals: (B, T, ...) with mask (B, T), T of the longest; uint8 stays (pictures), all else becomes float32.
    Targets: every field of `space`; a missing one is zeros under a False mask; masked values are 0. A field
    labelled over time in one sample is (B, T, K). Raises AffectZooError naming the key when samples differ in
    modalities, rate, shape, or when a valid target is not finite.
    """
    if not samples:
        raise AffectZooError("cannot collate an empty list of samples")
    wanted = set(samples[0].signals)
    for s in samples:
        if set(s.signals) != wanted:
            raise AffectZooError(
                f"{s.key}: its signals are {_list(s.signals)}; those of {samples[0].key} are {_list(wanted)}"
            )
    signals = {m: _stack_signal(m, samples) for m in samples[0].signals}
    targets = {f: _stack_target(f, samples, space.size(f)) for f in space.fields}
    return AffectBatch([s.key for s in samples], signals, targets, [s.groups for s in samples])


def _stack_signal(modality: str, samples: Sequence[AffectSample]) -> BatchSignal:
    parts = [s.signals[modality] for s in samples]
    first = parts[0]
    for s, p in zip(samples, parts, strict=True):
        if not isinstance(p, Signal):
            raise AffectZooError(f"{s.key}: its {modality} has not been loaded")
        if p.rate_hz != first.rate_hz or p.data.shape[1:] != first.data.shape[1:]:
            raise AffectZooError(
                f"{s.key}: {modality} is {p.data.shape[1:]} at {p.rate_hz} Hz; "
                f"{samples[0].key} is {first.data.shape[1:]} at {first.rate_hz} Hz"
            )
    dtype = np.uint8 if all(p.data.dtype == np.uint8 for p in parts) else np.float32
    data = np.zeros((len(parts), max(map(len, parts)), *first.data.shape[1:]), dtype)
    mask = np.zeros(data.shape[:2], bool)
    for i, p in enumerate(parts):
        data[i, : len(p)] = p.data
        mask[i, : len(p)] = True if p.mask is None else p.mask
    t0 = torch.tensor([p.t0_s for p in parts], dtype=torch.float32)
    return BatchSignal(torch.from_numpy(data), torch.from_numpy(mask), first.rate_hz, t0)


def _stack_target(field: str, samples: Sequence[AffectSample], size: int) -> BatchTarget:
    parts = [s.targets.get(field) for s in samples]
    known = [(s.key, p) for s, p in zip(samples, parts, strict=True) if p is not None]
    for key, p in known:
        _check_target(field, key, p, known[0], size)
    rate = known[0][1].rate_hz if known else None
    steps = max(len(p.values) for _, p in known) if rate else 0
    values = np.zeros((len(parts), steps, size) if rate else (len(parts), size), np.float32)
    mask = np.zeros(values.shape, bool)
    for i, p in enumerate(parts):
        if p is not None:
            where = (i, slice(len(p.values))) if rate else i
            values[where], mask[where] = np.where(p.mask, p.values, 0), p.mask
    t0 = torch.tensor([p.t0_s if p else 0.0 for p in parts], dtype=torch.float32) if rate else None
    return BatchTarget(torch.from_numpy(values), torch.from_numpy(mask), rate, t0)


def _check_target(field: str, key: str, p: Target, first: tuple[str, Target], size: int) -> None:
    if p.values.shape[-1] != size:
        raise AffectZooError(f"{key}: {field} target has {p.values.shape[-1]} values, its label space {size}")
    if p.rate_hz != first[1].rate_hz:
        raise AffectZooError(f"{key}: {field} target is {_rate(p)}; that of {first[0]} is {_rate(first[1])}")
    if not np.isfinite(p.values[p.mask]).all():
        raise AffectZooError(f"{key}: {field} target is not finite where it is marked as valid")


def _rate(p: Target) -> str:
    return f"at {p.rate_hz} Hz" if p.rate_hz else "of the whole clip"


def _list(names) -> str:
    return ", ".join(sorted(names)) or "none"
