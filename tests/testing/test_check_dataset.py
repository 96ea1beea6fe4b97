from dataclasses import replace

import numpy as np
import pytest

from affectzoo import testing
from affectzoo.data.dataset import open_dataset
from affectzoo.errors import UnknownNameError
from affectzoo.structures.sample import Target
from affectzoo.testing import check_dataset

NAME = "speech_synthetic"


def test_a_generated_data_set_passes():
    check_dataset(NAME, n=6)


def test_an_unknown_data_set_is_named():
    with pytest.raises(UnknownNameError, match="'speech_synthetic'"):
        check_dataset("speech_syntetic")


def first(data, **changes):
    return replace(data, samples=[replace(data.samples[0], **changes), *data.samples[1:]])


def target(data, field, change):
    t = data.samples[0].targets[field]
    return first(
        data,
        targets={
            **data.samples[0].targets,
            field: Target(change(t.values.copy()), t.mask, t.rate_hz, t.t0_s),
        },
    )


CASES = {
    "two equal keys": (lambda d: first(d, key=d.samples[1].key), "keys occur twice"),
    "a missing group": (lambda d: first(d, groups={}), "lacks the group"),
    "minus one for missing": (lambda d: target(d, "emotion", lambda v: v * 0 - 1), "never -1"),
    "no distribution": (lambda d: target(d, "emotion", lambda v: v * 0), "not a distribution"),
    "valence out of range": (lambda d: target(d, "vad", lambda v: v * 0 + 1.5), "leaves"),
    "not finite": (lambda d: target(d, "vad", lambda v: v * np.nan), "not finite"),
    "a modality unknown to the card": (
        lambda d: first(d, signals={"eeg": d.samples[0].signals["audio"]}),
        "card does not name",
    ),
    "none at all": (lambda d: replace(d, samples=[]), "no samples"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_clause_can_fail(monkeypatch, case):
    damage, message = CASES[case]
    monkeypatch.setattr(testing, "open_dataset", lambda *a, **kw: damage(open_dataset(NAME, n=3)))
    with pytest.raises(AssertionError, match=message):
        check_dataset(NAME, n=3)
