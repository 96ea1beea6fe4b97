from dataclasses import replace

import numpy as np
import pytest
import torch
from datakit import SPACE, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import load_space
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import Signal, SignalRef

BOTH = load_space("emodb4+vad")


def timed(key, steps, rate=2.0, t0=0.5):
    values = np.full((steps, 3), 0.25, np.float32)
    mask = np.ones((steps, 3), bool)
    mask[0] = False
    return AffectSample(key, {"eeg": Signal(np.zeros((4, 2)), 4.0)}, {"vad": Target(values, mask, rate, t0)})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_padding_is_zero_and_masked_and_the_data_are_kept(lengths):
    samples = [sample(i, length=n) for i, n in enumerate(lengths)]
    signal = collate(samples, SPACE).signals["audio"]
    assert signal.data.dtype == torch.float32 and signal.data.shape == (len(lengths), max(lengths))
    assert signal.mask.sum(1).tolist() == lengths
    assert (signal.data[~signal.mask] == 0).all()
    for i, s in enumerate(samples):
        assert np.array_equal(signal.data[i, : lengths[i]].numpy(), s.signals["audio"].data)


def test_a_signal_mask_is_kept():
    s = sample(1, length=5)
    mask = np.array([True, False, True, True, True])
    s = replace(s, signals={"audio": replace(s.signals["audio"], mask=mask)})
    assert collate([s, sample(2, length=7)], SPACE).signals["audio"].mask[0].tolist() == [*mask, False, False]


def test_pictures_stay_uint8_and_other_integers_become_float():
    face = [AffectSample(str(i), {"face": Signal(np.full((1 + i, 2, 3, 3), 7, np.uint8), 1.0)}) for i in range(2)]
    data = collate(face, SPACE).signals["face"].data
    assert data.dtype == torch.uint8 and data.shape == (2, 2, 2, 3, 3) and data[0, 1].sum() == 0
    eeg = [AffectSample("a", {"eeg": Signal(np.ones((3, 2), np.int16), 1.0)})]
    assert collate(eeg, SPACE).signals["eeg"].data.dtype == torch.float32


def test_every_field_has_a_target_and_missing_ones_are_masked():
    batch = collate([sample(0), replace(sample(1), targets={})], BOTH)
    assert set(batch.targets) == {"emotion", "vad"}
    assert batch.targets["emotion"].values[0].tolist() == [1, 0, 0, 0]
    assert batch.targets["emotion"].mask.tolist() == [[True] * 4, [False] * 4]
    assert batch.targets["vad"].values.shape == (2, 3) and not batch.targets["vad"].mask.any()
    assert batch.targets["vad"].rate_hz is None and batch.groups[1]["speaker"] == "s1"


def test_timed_targets_are_padded_and_masked_values_are_zero():
    vad = collate([timed("a", 2), timed("b", 5, t0=1.5)], BOTH).targets["vad"]
    assert vad.values.shape == (2, 5, 3) and vad.rate_hz == 2.0 and vad.t0_s.tolist() == [0.5, 1.5]
    assert vad.mask[:, :, 0].tolist() == [[False, True, False, False, False], [False, True, True, True, True]]
    assert (vad.values[~vad.mask] == 0).all() and (vad.values[vad.mask] == 0.25).all()


def test_an_item_without_a_timed_target_is_masked():
    bare = replace(timed("b", 3), targets={})
    vad = collate([bare, timed("a", 2)], BOTH).targets["vad"]
    assert vad.values.shape == (2, 2, 3) and not vad.mask[0].any()


def labelled(values):
    return replace(sample(1), targets={"emotion": Target(values, np.ones(len(values), bool))})


def other_rate(s):
    return replace(s, signals={"audio": replace(s.signals["audio"], rate_hz=50.0)})


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (replace(sample(1), signals={}), "k001: its signals are none; those of k000 are audio"),
        (other_rate(sample(1)), r"k001: audio is \(\) at 50.0 Hz; k000 is \(\) at 100.0 Hz"),
        (
            replace(sample(1), signals={"audio": SignalRef("x.wav", "audio")}),
            "k001: its audio has not been load",
        ),
        (labelled(np.zeros(7)), "7 values, its label space 4"),
        (labelled(np.full(4, np.nan)), "k001.*not finite"),
    ],
)
def test_samples_that_do_not_fit_name_the_key(second, message):
    with pytest.raises(AffectZooError, match=message):
        collate([sample(0), second], SPACE)


def test_timed_and_clip_targets_do_not_mix():
    clip = replace(timed("b", 3), targets={"vad": Target(np.zeros(3), np.ones(3, bool))})
    with pytest.raises(AffectZooError, match="b: vad target is of the whole clip; that of a is at 2.0 Hz"):
        collate([timed("a", 2), clip], BOTH)
    with pytest.raises(AffectZooError, match="at 4.0 Hz; that of a is at 2.0 Hz"):
        collate([timed("a", 2), timed("b", 2, rate=4.0)], BOTH)


def test_empty():
    with pytest.raises(AffectZooError, match="empty"):
        collate([], SPACE)
