"""Voice quality and syllables on signals whose cycles, noise, spectrum and syllables are known."""

import dataclasses

import numpy as np
import pytest
import torch
from prosodykit import RATE, pulses, tone, train, white

from affectzoo.speech.prosody.measures import measure, measure_batch
from affectzoo.speech.prosody.rate import syllable_nuclei
from affectzoo.speech.voice import Prosody, speak


def perturbed(amount: float, n: int, seed: int) -> np.ndarray:
    return 1 + amount * np.random.default_rng(seed).uniform(-1, 1, n)


def local(x: np.ndarray) -> float:
    """The usual definition: mean difference of neighbours over the mean."""
    return float(np.abs(np.diff(x)).mean() / x.mean())


@pytest.mark.parametrize("hz", [90, 160, 280])
def test_jitter_is_that_of_the_pulses(hz):
    n = round(1.2 * hz)
    periods = [perturbed(a, n, seed=1) / hz for a in (0.005, 0.01, 0.03)]
    found = measure_batch([pulses(p, np.ones(n)) for p in periods], RATE)
    assert found.values["jitter"].tolist() == pytest.approx([local(p) for p in periods], rel=0.12)
    assert found.values["shimmer"].max() < 0.01


@pytest.mark.parametrize("hz", [90, 160, 280])
def test_shimmer_is_that_of_the_pulses(hz):
    n = round(1.2 * hz)
    loudness = [perturbed(a, n, seed=2) for a in (0.03, 0.1, 0.2)]
    found = measure_batch([pulses(np.full(n, 1 / hz), a) for a in loudness], RATE)
    assert found.values["shimmer"].tolist() == pytest.approx([local(a) for a in loudness], rel=0.12)
    assert found.values["jitter"].max() < 0.001


def test_a_steady_voice_has_neither():
    for hz in (80.0, 150.0, 330.0):
        found = measure(train(hz, 0.6, tilt_db=12), RATE)
        assert found["jitter"] < 0.001 and found["shimmer"] < 0.003 and found["hnr_db"] > 30


@pytest.mark.parametrize("hnr", [5, 10, 20])
def test_hnr_is_the_ratio_of_voice_to_noise(hnr):
    audio = train(170.0, 1.5, tilt_db=12)
    noise = white(1.5, level=1.0)
    found = measure(audio + noise * audio.std() * 10 ** (-hnr / 20), RATE)
    # of white noise the cubic interpolation takes more than a decibel, at the top of the band
    assert found["hnr_db"] == pytest.approx(hnr + 1.3, abs=0.7)


def test_noise_raises_jitter_and_shimmer():
    audio = train(170.0, 1.0, tilt_db=12)
    rows = measure_batch([audio + white(1.0, level=float(audio.std()) * a) for a in (0.0, 0.05, 0.3)], RATE)
    assert (rows.values["jitter"].diff() > 0).all() and (rows.values["shimmer"].diff() > 0).all()


@pytest.mark.parametrize("tilt", [3.0, 6.0, 12.0])
@pytest.mark.parametrize("hz", [100.0, 240.0])
def test_slope_is_the_tilt_of_the_harmonics(hz, tilt):
    assert measure(train(hz, tilt_db=tilt), RATE)["spectral_slope_db_oct"] == pytest.approx(-tilt, abs=1.0)


def test_alpha_ratio_and_hammarberg_index():
    """Harmonics of 200 Hz at 600 and 2,600 Hz with known levels."""
    t = np.arange(RATE) / RATE
    low, high = 0.2 * np.sin(2 * np.pi * 600 * t), 0.02 * np.sin(2 * np.pi * 2600 * t)
    found = measure(low + high + 0.02 * np.sin(2 * np.pi * 200 * t), RATE)
    assert found["alpha_ratio_db"] == pytest.approx(10 * np.log10(0.02**2 / (0.2**2 + 0.02**2)), abs=0.1)
    assert found["hammarberg_db"] == pytest.approx(20, abs=0.2)


def test_bands_beyond_the_recording_have_no_value():
    names = ("spectral_slope_db_oct", "alpha_ratio_db", "hammarberg_db")
    found = measure_batch([train(150.0, rate=8000), train(150.0)], [8000, RATE])
    for name in names:
        assert found.values[name].isfinite().tolist() == [False, True]
    assert found.values["hnr_db"].isfinite().all()


def test_no_voice_no_quality():
    found = measure_batch([white(0.5), tone(150, 0.06)], RATE)
    for name in ("jitter", "shimmer", "hnr_db"):
        assert found.values[name].isnan().all()


PLAIN = Prosody(
    f0_hz=150, range_st=2, slope_st=0, rate_hz=4, level_dbfs=-24, tilt_db=8, formants=1, jitter=0, breath_db=-40
)


@pytest.mark.parametrize("rate", [3.0, 4.5, 6.0])
def test_rate_is_that_of_the_syllables(rate):
    voices = [speak(dataclasses.replace(PLAIN, rate_hz=rate), 3.0, np.random.default_rng(k)) for k in range(4)]
    found = measure_batch([audio for audio, _ in voices], RATE)
    truth = [t["rate_hz"] for _, t in voices]
    assert found.values["syllable_rate_hz"].tolist() == pytest.approx(truth, rel=0.15)
    assert found.values["syllable_count"].tolist() == pytest.approx([3 * t for t in truth], abs=2)


def test_pauses_slow_speaking_but_not_articulation():
    audio = speak(PLAIN, 1.5, np.random.default_rng(0))[0]
    quiet = np.zeros(RATE, np.float32)
    alone, twice = measure(audio, RATE), measure(np.concatenate([quiet, audio, quiet, audio, quiet]), RATE)
    assert twice["syllable_rate_hz"] == pytest.approx(alone["syllable_rate_hz"], rel=0.1)
    assert twice["speaking_rate_hz"] == pytest.approx(twice["syllable_count"] / 4.0, rel=0.05)
    assert twice["pause_count"] == 1 and twice["pause_mean_s"] == pytest.approx(1.0, abs=0.1)


def nuclei(level: list[float], voiced: list[bool] | None = None) -> list[int]:
    db = torch.tensor([level])
    on = torch.ones_like(db, dtype=torch.bool)
    found = syllable_nuclei(db, on if voiced is None else torch.tensor([voiced]), on)
    return found[0].nonzero()[:, 0].tolist()


def test_nuclei_need_dips_voice_and_level():
    hill = [-30.0, -26, -22, -18, -22, -26, -30]
    assert nuclei(hill * 3) == [3, 10, 17]
    assert len(nuclei([-20.0, -19, -18, -18.5, -18.9, -18.5, -18, -19, -20, -30])) == 1  # a dip of 1 dB is none
    assert [len(nuclei([-30.0] + [-18.0] * 3 + [-18 - d] * 3 + [-18.0] * 3 + [-30.0])) for d in (1.5, 2.5)] == [1, 2]
    assert nuclei(hill * 2, [True] * 7 + [False] * 7) == [3]
    assert nuclei(hill + [v - 30 for v in hill] + hill) == [3, 17]  # 25 dB below the loud ones at most
    assert len(nuclei([-20.0] * 12)) == 1  # a steady vowel
