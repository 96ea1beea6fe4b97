"""Targets from one label space into another: declared mappings only; what is lost is masked and counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from affectzoo.errors import UndefinedMappingError
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.sample import AffectSample, Target

#: A label that loses more than this share of its mass in a mapping is masked (rounding of float32 is below it).
LOSS_TOLERANCE = 1e-6
DERIVED_VAD = "projected from emotion"


def project_targets(targets: Mapping[str, Target], source: LabelSpace, target: LabelSpace) -> dict[str, Target]:
    """Targets in `target` from targets in `source`; a field that cannot be had is absent.

    emotion: through labels.mapping; an item that loses mass is masked. vad: measured axes by name, the others
    masked; without measured values it is derived from the emotion distribution and says so in `derived`.
    au and state: by name, the missing ones masked. Raises UndefinedMappingError where presence and intensity meet
    or the two spaces have nothing in common for a field that both have.
    """
    if source.hash == target.hash:
        return dict(targets)
    out: dict[str, Target] = {}
    if "emotion" in target.fields and "emotion" in targets:
        out["emotion"] = _emotion(targets["emotion"], source, target)
    if "vad" in target.fields and "vad" in targets:
        out["vad"] = _by_name(targets["vad"], "vad", source, target)
    elif "vad" in target.fields and "emotion" in targets:
        out["vad"] = _derived_vad(targets["emotion"], source, target)
    if "au" in target.fields and "au" in targets:
        if source.au_kind != target.au_kind:
            raise UndefinedMappingError(f"action units of {source.name!r} are {source.au_kind}, those of "
                                        f"{target.name!r} are {target.au_kind}; neither follows from the other")
        out["au"] = _by_name(targets["au"], "au", source, target)
    if "state" in target.fields and "state" in targets:
        out["state"] = _by_name(targets["state"], "state", source, target)
    return out


def project_samples(samples: Sequence[AffectSample], source: LabelSpace,
                    target: LabelSpace) -> tuple[list[AffectSample], dict[str, int]]:
    """Samples with projected targets, and how many items lost a label they had, by 'field' or 'emotion:class'."""
    out, lost = [], Counter()
    for s in samples:
        new = replace(s, targets=project_targets(s.targets, source, target))
        out.append(new)
        lost.update(_lost(s, new, source, target))
    return out, dict(sorted(lost.items()))


def _lost(old: AffectSample, new: AffectSample, source: LabelSpace, target: LabelSpace) -> list[str]:
    lost = []
    for field, t in old.targets.items():
        if field not in target.fields or not t.mask.any():
            continue
        if field in new.targets and new.targets[field].mask.any():
            continue
        top = source.names(field)[int((t.values * t.mask).reshape(-1, t.values.shape[-1]).sum(0).argmax())]
        lost.append(f"emotion:{top}" if field == "emotion" else field)
    return lost


def _emotion(t: Target, source: LabelSpace, target: LabelSpace) -> Target:
    if source.categories == target.categories:
        return t
    p = np.where(t.mask, t.values, 0).astype(np.float64)
    q, lost = _mapping(source, target).apply(p)
    keep = t.mask.all(-1) & (np.asarray(lost) <= LOSS_TOLERANCE)
    mask = np.broadcast_to(keep[..., None], q.shape).copy()
    return replace(t, values=np.where(mask, q, 0).astype(np.float32), mask=mask)


def _derived_vad(t: Target, source: LabelSpace, target: LabelSpace) -> Target:
    from affectzoo.labels.vad import distribution_to_vad

    p = np.where(t.mask, t.values, 0).astype(np.float64)
    rows = p.reshape(-1, p.shape[-1])
    known = t.mask.reshape(rows.shape).all(-1) & ~(rows[:, _no_term(source)] > 0).any(-1)
    vad = np.zeros((len(rows), len(VAD_ORDER)))
    if known.any():
        vad[known] = distribution_to_vad(source, rows[known])
    columns = [VAD_ORDER.index(n) if n in VAD_ORDER else -1 for n in target.names("vad")]
    usable = np.array(columns) >= 0
    mask = known[:, None] & usable
    shape = (*p.shape[:-1], len(columns))
    values = np.where(mask, vad[:, columns], 0).astype(np.float32)
    return Target(values.reshape(shape), mask.reshape(shape), t.rate_hz, t.t0_s, DERIVED_VAD)


#: Order of what labels.vad gives.
VAD_ORDER = ("valence", "arousal", "dominance")


def _no_term(space: LabelSpace) -> list[bool]:
    """Categories without a measured VAD."""
    return [c.term is None for c in space.categories]


def _by_name(t: Target, field: str, source: LabelSpace, target: LabelSpace) -> Target:
    have, want = source.names(field), target.names(field)
    if not set(have) & set(want):
        raise UndefinedMappingError(f"{source.name!r} and {target.name!r} have no {field} name in common")
    shape = (*t.values.shape[:-1], len(want))
    values, mask = np.zeros(shape, np.float32), np.zeros(shape, bool)
    for i, name in enumerate(want):
        if name in have:
            j = have.index(name)
            values[..., i], mask[..., i] = np.where(t.mask[..., j], t.values[..., j], 0), t.mask[..., j]
    return replace(t, values=values, mask=mask)


@lru_cache(maxsize=32)
def _mapping(source: LabelSpace, target: LabelSpace):
    from affectzoo.labels.mapping import map_spaces

    return map_spaces(source, target)
