"""Targets from one label space into another: declared mappings only; what is lost is masked and counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from affectzoo.labels.mapping import SpaceMapping, map_spaces
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.sample import AffectSample, Target

#: A distribution that loses more than this in a mapping is masked; float32 rounding stays below (ours).
LOSS_TOLERANCE = 1e-6
#: What `Target.derived` says of valence, arousal and dominance that nobody rated.
DERIVED_VAD = "projected from emotion"
#: And of a distribution that nobody voted on.
DERIVED_EMOTION = "relabelled from vad"


def project_targets(
    targets: Mapping[str, Target], source: LabelSpace, target: LabelSpace, emotion_from_vad: bool = False
) -> dict[str, Target]:
    """Targets in `target` from targets in `source`, by labels.mapping; a field that cannot be had is absent.

    emotion: an item that loses mass is masked. vad: rated axes by name; only where nobody rated is it the
    mean of the emotion distribution, and `derived` says so. au and state: by name. Names that nothing
    reaches are masked. emotion_from_vad: where nobody said an emotion, it is the posterior at the rated point
    (labels/vad.py: uniform prior, diagonal, dominance filled where it was not rated), and `derived` says so; an item
    with an unrated or out-of-range axis stays masked. Never by default: it is a computed answer, not a label. Raises
    UndefinedMappingError when both spaces have a field and nothing of it can be carried over.
    """
    if source.hash == target.hash:
        return dict(targets)
    out: dict[str, Target] = {}
    for field in target.fields:
        if field in targets:
            out[field] = _carry(targets[field], source, target, field)
        elif field == "vad" and "emotion" in targets:
            out["vad"] = _distribution(targets["emotion"], _mapping(source, target, "emotion", "vad"))
            out["vad"] = replace(out["vad"], derived=DERIVED_VAD)
        elif field == "emotion" and emotion_from_vad and "vad" in targets:
            out["emotion"] = _posterior(targets["vad"], source, target)
    return out


def project_samples(
    samples: Sequence[AffectSample], source: LabelSpace, target: LabelSpace, emotion_from_vad: bool = False
) -> tuple[list[AffectSample], dict[str, int]]:
    """Samples with projected targets, and how many of them lost a label, by 'emotion:<class>' or field."""
    out, lost = [], Counter()
    for s in samples:
        new = replace(s, targets=project_targets(s.targets, source, target, emotion_from_vad))
        out.append(new)
        lost.update(f for f in target.fields if _had(s, f) and not _had(new, f) and f != "emotion")
        if "emotion" in target.fields and _had(s, "emotion") and not _had(new, "emotion"):
            t = s.targets["emotion"]
            top = (t.values * t.mask).reshape(-1, t.values.shape[-1]).sum(0).argmax()
            lost[f"emotion:{source.names('emotion')[top]}"] += 1
    return out, dict(sorted(lost.items()))


def _had(sample: AffectSample, field: str) -> bool:
    return field in sample.targets and bool(sample.targets[field].mask.any())


def _carry(t: Target, source: LabelSpace, target: LabelSpace, field: str) -> Target:
    mapping = _mapping(source, target, field, field)
    return _distribution(t, mapping) if field == "emotion" else _by_name(t, mapping)


def _distribution(t: Target, mapping: SpaceMapping) -> Target:
    """From a distribution over classes: an item is valid when all of its mass is known and none is lost."""
    q, lost = mapping.apply(np.where(t.mask, t.values, 0))
    mask = (t.mask.all(-1) & (lost <= LOSS_TOLERANCE))[..., None] & np.isfinite(q)
    return replace(t, values=np.where(mask, q, 0).astype(np.float32), mask=mask)


def _posterior(t: Target, source: LabelSpace, target: LabelSpace) -> Target:
    """Emotion from rated axes: an item counts when all of its axes are known and in range."""
    axes = source.axes
    inside = (t.values >= [a.low for a in axes]) & (t.values <= [a.high for a in axes])
    known = (t.mask & inside).all(-1)
    q, _ = _mapping(source, target, "vad", "emotion").apply(np.where(known[..., None], t.values, 0))
    mask = np.repeat(known[..., None], q.shape[-1], -1)
    return replace(t, values=np.where(mask, q, 0).astype(np.float32), mask=mask, derived=DERIVED_EMOTION)


def _by_name(t: Target, mapping: SpaceMapping) -> Target:
    """From values that each have a name: one is valid when that of its source name is."""
    q, _ = mapping.apply(np.where(t.mask, t.values, 0))
    known = np.zeros(q.shape, bool)
    for i, row in enumerate(mapping.rows):
        for name in row.targets:
            known[..., mapping.target.index(mapping.target_field, name)] = t.mask[..., i]
    mask = known & np.isfinite(q)
    return replace(t, values=np.where(mask, q, 0).astype(np.float32), mask=mask)


@lru_cache(maxsize=64)
def _mapping(source: LabelSpace, target: LabelSpace, origin: str, field: str) -> SpaceMapping:
    """From the field `origin` alone, so that a space that also has ratings can still answer from classes."""
    parts = {"emotion": "categories", "vad": "axes", "au": "action_units", "state": "states"}
    others = {name: () for f, name in parts.items() if f != origin}
    return map_spaces(replace(source, **others), target, field)
