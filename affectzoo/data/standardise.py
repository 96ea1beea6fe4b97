"""Features standardised by group: each speaker's items with the mean and standard deviation of that speaker.

A tested speaker's statistics come from its own tested items, without their labels. That is transductive: more is known
before an answer than the one recording, and nobody who predicts a single file can do the same. A run that does it
says so in its records, which are not ranked, and its checkpoints refuse to predict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal

#: Below this standard deviation a column says nothing and becomes 0 (ours).
SMALLEST = 1e-5

#: What a record says of it.
REMARK = (
    "not ranked: transductive, features are standardised with the mean and standard deviation of all items of the same "
    "{group}, tested ones too"
)

Statistics = Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]


def group_statistics(samples: Sequence[AffectSample], group: str) -> Statistics:
    """(value of the group, modality) -> mean and standard deviation (D,) over all valid steps of its prepared signals.

    Raises UnknownNameError for a sample without the group, AffectZooError for signals that are not (T, D).
    """
    rows: dict[tuple[str, str], list[np.ndarray]] = {}
    for sample in samples:
        for modality, signal in sample.signals.items():
            rows.setdefault((_value(sample, group), modality), []).append(_valid(signal, sample.key))
    joined = {key: np.concatenate(parts).astype(np.float64) for key, parts in rows.items()}
    return {key: (x.mean(0), x.std(0)) for key, x in joined.items()}


def standardised(sample: AffectSample, group: str, statistics: Statistics) -> AffectSample:
    """The sample with every column of its signals at mean 0 and standard deviation 1 over its group's items."""
    signals = {}
    for modality, signal in sample.signals.items():
        mean, sd = statistics[_value(sample, group), modality]
        scale = np.where(sd > SMALLEST, 1 / np.maximum(sd, SMALLEST), 0.0)
        signals[modality] = replace(signal, data=((signal.data - mean) * scale).astype(np.float32))
    return replace(sample, signals=signals)


def _value(sample: AffectSample, group: str) -> str:
    if not sample.groups.get(group):
        raise UnknownNameError("group to standardise by", group, sample.groups, sample.key)
    return sample.groups[group]


def _valid(signal: Signal, key: str) -> np.ndarray:
    if signal.data.ndim != 2:
        raise AffectZooError(f"{key}: only features (T, D) can be standardised, these have {signal.data.ndim} axes")
    return signal.data if signal.mask is None else signal.data[signal.mask]
