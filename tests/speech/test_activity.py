"""The energy rule, against its formula and against recordings whose silence is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.speech.activity import HALVING, SpeechActivity

RATE = 1000.0  # a frame is 20 samples


def steady(level_db, frames, sign=1.0):
    """Frames whose RMS is exactly level_db: a square wave."""
    return np.resize([sign, -sign], 20 * frames).astype(np.float32) * 10 ** (level_db / 20)


def after(*parts):
    activity = SpeechActivity(RATE)
    for part in parts:
        activity.hear(part)
    return activity


@pytest.mark.parametrize(
    ("heard", "threshold"),
    [
        ([], -70),
        ([steady(-50.5, 50)], -45),  # noise: level -51 as a bin, 6 dB above
        ([steady(-50.5, 9), steady(-20.5, 91)], -29),  # less than a tenth is no noise floor: capped at -35
        ([steady(-50.5, 11), steady(-20.5, 89)], -45),
        ([steady(-90.5, 50), steady(-20.5, 50)], -61),  # 40 dB below the loud parts
        ([steady(-90.5, 50), steady(-20.5, 2)], -70),  # what is loud for less than a twentieth is no loud part
        ([np.zeros(20000, np.float32), steady(-50.5, 5)], -45),  # digital silence tells nothing
        ([steady(-20.5, 100)], -29),
        ([steady(-99.5, 100)], -70),
    ],
)
def test_the_threshold_is_that_of_the_formula(heard, threshold):
    assert after(*heard).threshold_db == threshold


def test_a_tenth_of_the_frames_must_speak():
    activity = after(steady(-60.5, 90), steady(-30.5, 10))
    quiet, loud = steady(-60.5, 100), steady(-30.5, 100)
    assert not activity.speaks(np.concatenate([quiet[:1820], loud[:180]]))
    assert activity.speaks(np.concatenate([quiet[:1800], loud[:200]]))
    assert activity.speaks(loud[:7]) and not activity.speaks(quiet[:7])  # less than a frame


def test_what_was_heard_fades():
    activity = after(steady(-60.5, HALVING))
    assert activity.threshold_db == -55
    activity.hear(steady(-45.5, 2 * HALVING))  # the older is 1/8 of itself, 1/7 of all
    assert activity.threshold_db == -55
    activity.hear(steady(-45.5, HALVING))  # and now 1/15 of all
    assert activity.threshold_db == -40


@settings(deadline=None)
@given(st.lists(st.integers(0, 900), max_size=30), st.integers(0, 2**32 - 1))
def test_pieces_do_not_matter(sizes, seed):
    audio = np.random.default_rng(seed).normal(size=40000) * np.repeat([1e-4, 1e-1, 0, 1e-2], 10000)
    whole, pieces = after(audio), SpeechActivity(RATE)
    for part in np.split(audio, np.cumsum(sizes)):
        pieces.hear(part)
    assert np.array_equal(whole._counts, pieces._counts) and whole.threshold_db == pieces.threshold_db


def test_voices_speak_and_the_room_between_them_does_not():
    from affectzoo.speech.synthetic import generate

    rng = np.random.default_rng(0)
    voices = [s.signals["audio"].data for s in generate(4, seconds=3.4)]
    room = [(rng.normal(size=48000) * 10 ** (-60 / 20)).astype(np.float32) for _ in voices]
    activity = SpeechActivity(16000.0)
    for n, (silent, voice) in enumerate(zip(room, voices, strict=True)):
        activity.hear(silent)
        assert not activity.speaks(silent), n
        activity.hear(voice)
        assert activity.speaks(voice[:24000]) and activity.speaks(voice[-24000:]), n
