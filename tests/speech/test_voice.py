"""The synthetic voice is what it says: measured by other means than those that made it."""

import dataclasses

import librosa
import numpy as np
import pytest
from scipy.signal import find_peaks

from affectzoo.errors import AffectZooError
from affectzoo.speech.voice import Prosody, Voice, draw_voice, prosody_from_vad, speak

PLAIN = Prosody(
    f0_hz=150,
    range_st=0.5,
    slope_st=0.0,
    rate_hz=4.0,
    level_dbfs=-24,
    tilt_db=8,
    formants=1.0,
    jitter=0.0,
    breath_db=-40,
)
VOICE = Voice(120.0, 1.0, "low")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def measured_pitch(audio: np.ndarray) -> np.ndarray:
    """Pitch of the loud frames."""
    f0 = librosa.yin(audio, fmin=60, fmax=500, sr=16000, frame_length=1024, hop_length=160)
    rms = librosa.feature.rms(y=audio, frame_length=400, hop_length=160)[0][: len(f0)]
    return f0[rms > 0.5 * rms.max()]


@pytest.mark.parametrize("hz", [80, 110, 150, 205, 260, 330])
def test_pitch_is_the_attribute_within_two_percent(hz):
    audio, truth = speak(dataclasses.replace(PLAIN, f0_hz=hz), 1.5, rng(hz))
    assert truth["f0_mean_hz"] == pytest.approx(hz, rel=0.02)
    assert measured_pitch(audio).mean() == pytest.approx(truth["f0_mean_hz"], rel=0.02)


def test_pitch_of_random_voices():
    pairs = []
    for i in range(20):
        r = rng(i)
        audio, truth = speak(prosody_from_vad(r.uniform(-0.8, 0.8, 3), draw_voice(0, i), r), 1.2, r)
        pairs.append((np.median(measured_pitch(audio)), truth["f0_mean_hz"]))
    got, want = np.array(pairs).T
    assert np.median(np.abs(got / want - 1)) < 0.02 and np.corrcoef(got, want)[0, 1] > 0.99


def test_slope_shows_in_the_pitch():
    def change(slope: float) -> float:
        f0 = measured_pitch(speak(dataclasses.replace(PLAIN, slope_st=slope), 1.5, rng())[0])
        third = len(f0) // 3
        return 12 * np.log2(f0[-third:].mean() / f0[:third].mean())

    assert change(6.0) > 2 and change(-6.0) < -2


@pytest.mark.parametrize("rate", [3.0, 4.5, 6.0])
def test_rate_is_the_number_of_loudness_peaks(rate):
    audio, truth = speak(dataclasses.replace(PLAIN, rate_hz=rate, breath_db=-60), 3.0, rng(1))
    envelope = librosa.feature.rms(y=audio, frame_length=800, hop_length=160)[0]
    peaks, _ = find_peaks(envelope, distance=100 / rate * 0.6, prominence=0.3 * envelope.max())
    assert truth["rate_hz"] == pytest.approx(rate, rel=0.1)
    assert len(peaks) == pytest.approx(3.0 * truth["rate_hz"], abs=1)


@pytest.mark.parametrize("level", [-40.0, -24.0, -16.0])
def test_level_is_the_rms(level):
    audio, truth = speak(dataclasses.replace(PLAIN, level_dbfs=level), 1.0, rng())
    rms = np.sqrt(np.mean(audio.astype(float) ** 2))
    assert 20 * np.log10(rms) == pytest.approx(truth["level_dbfs"], abs=0.01)
    assert truth["level_dbfs"] == pytest.approx(level, abs=0.1)


def test_tilt_and_formants_move_the_spectrum():
    def centroid(**change) -> float:
        audio, _ = speak(dataclasses.replace(PLAIN, **change), 1.0, rng())
        return librosa.feature.spectral_centroid(y=audio, sr=16000).mean()

    assert centroid(tilt_db=5) > centroid(tilt_db=8) > centroid(tilt_db=13)
    assert centroid(formants=1.2) > centroid() > centroid(formants=0.9)


def test_arousal_raises_pitch_range_rate_and_level():
    """Each cue, averaged over voices, rises over five levels of arousal."""
    rows = []
    for a in (-0.9, -0.45, 0.0, 0.45, 0.9):
        spoken = [prosody_from_vad(np.array([0, a, 0]), VOICE, rng(i)) for i in range(12)]
        truths = [speak(p, 1.2, rng(i))[1] for i, p in enumerate(spoken)]
        cues = ("f0_mean_hz", "f0_range_st", "rate_hz", "level_dbfs")
        rows.append([np.mean([t[k] for t in truths]) for k in cues])
    assert (np.diff(rows, axis=0) > 0).all()


def test_equations_without_spread():
    p = prosody_from_vad(np.array([0.5, 1.0, -0.5]), VOICE, rng(), spread=0.0)
    expected = Prosody(
        f0_hz=120 * 2 ** (6.5 / 12),
        range_st=7.0,
        slope_st=0.5,
        rate_hz=6.0,
        level_dbfs=-22.0,
        tilt_db=6.0,
        formants=1.06,
        jitter=0.007,
        breath_db=-21.5,
    )
    assert dataclasses.astuple(p) == pytest.approx(dataclasses.astuple(expected))


def test_no_clipping_and_sixteen_bits():
    audio, _ = speak(prosody_from_vad(np.array([0.0, 1.0, 1.0]), VOICE, rng()), 1.2, rng())
    assert np.abs(audio).max() < 1
    np.testing.assert_allclose(audio * 32767, np.round(audio * 32767), atol=2e-3)


def test_vad_outside_the_range():
    with pytest.raises(AffectZooError, match=r"\[-1, 1\]"):
        prosody_from_vad(np.array([0, 1.5, 0]), VOICE, rng())
