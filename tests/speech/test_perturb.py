"""What each perturbation does to a waveform, measured on signals whose truth is known."""

import numpy as np
import pytest

from affectzoo.errors import AffectZooError
from affectzoo.speech.perturb import AudioPerturbation, add_noise, add_reverberation, shift_pitch
from affectzoo.structures.signal import Signal

RATE = 16000.0
OFF = {"copies": 1, "speed": None}


def tone(hz=200.0, seconds=1.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * hz * t).astype(np.float32)


def peak_hz(x):
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 18))
    return spectrum.argmax() * RATE / (1 << 18)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("factor", [0.82, 1.22])
def test_speed_moves_pitch_and_duration_together(factor):
    out = AudioPerturbation(1, speed=(factor, factor))(Signal(tone(), RATE, 2.5), rng())
    assert out.rate_hz == RATE and out.t0_s == 2.5 and out.data.dtype == np.float32
    assert len(out) == pytest.approx(RATE / factor, rel=1e-3)
    assert peak_hz(out.data) == pytest.approx(200 * factor, rel=2e-3)


def test_speed_is_drawn_evenly_on_a_logarithmic_scale():
    perturb = AudioPerturbation(1, speed=(0.5, 2.0))
    logs = np.log2([RATE * 0.1 / len(perturb(Signal(tone(seconds=0.1), RATE), rng(i))) for i in range(400)])
    assert abs(logs.mean()) < 0.1 and logs.min() < -0.97 and logs.max() > 0.97


def test_pitch_moves_and_duration_stays():
    out = shift_pitch(tone(), RATE, 4.0, rng())
    assert len(out) == RATE and peak_hz(out) == pytest.approx(200 * 2 ** (4 / 12), rel=0.01)


@pytest.mark.parametrize("snr", [0.0, 20.0])
def test_noise_has_the_stated_ratio_and_a_falling_spectrum(snr):
    x = tone(1000)
    noise = add_noise(x, RATE, snr, rng()) - x
    assert 10 * np.log10(np.mean(x**2) / np.mean(noise**2)) == pytest.approx(snr, abs=0.05)
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[100:200].mean() / power[1000:2000].mean() == pytest.approx(10, rel=0.4)  # 1/f: 10 dB a decade


def test_reverberation_decays_by_60_db_in_its_time_and_keeps_the_level():
    click = np.zeros(round(RATE), np.float32)
    click[0] = 1
    out = add_reverberation(click, RATE, 0.5, rng())
    assert np.mean(out**2) == pytest.approx(np.mean(click**2), rel=1e-4)
    early, late = (np.mean(out[round(s * RATE) : round((s + 0.05) * RATE)] ** 2) for s in (0.05, 0.3))
    assert 10 * np.log10(early / late) == pytest.approx(60 * 0.25 / 0.5, abs=2)
    assert 10 * np.log10(out[0] ** 2 / np.sum(out[1:] ** 2)) == pytest.approx(6, abs=0.3)


def test_gain_and_share():
    perturb = AudioPerturbation(**OFF, gain_db=(6, 6), share=0.5)
    gains = [float(perturb(Signal(tone(), RATE), rng(i)).data.max()) for i in range(200)]
    assert {round(g, 2) for g in gains} == {1.0, 2.0} and 60 < sum(g > 1.5 for g in gains) < 140


def test_what_is_off_changes_nothing_and_copies_do_not_change_the_identity():
    x = Signal(tone(), RATE)
    assert np.array_equal(AudioPerturbation(**OFF)(x, rng()).data, x.data)
    assert AudioPerturbation(2).spec == AudioPerturbation(5).spec != AudioPerturbation(2, speed=(0.9, 1.1)).spec


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"speed": (1.2, 0.8)}, "perturb.speed"),
        ({"speed": (0, 1)}, "perturb.speed"),
        ({"noise_db": (3,)}, "perturb.noise_db"),
        ({"pitch_st": (0, float("nan"))}, "perturb.pitch_st"),
        ({"copies": 0}, "copies >= 1"),
        ({"share": 0}, "share"),
    ],
)
def test_ranges_that_are_none(options, words):
    with pytest.raises(AffectZooError, match=words):
        AudioPerturbation(**options)
