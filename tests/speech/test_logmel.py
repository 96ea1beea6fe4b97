"""LogMel: against an independent computation, and what must not change it."""

import librosa
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError
from affectzoo.speech.features import LogMel
from affectzoo.speech.synthetic import generate
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import init_arguments


@pytest.fixture(scope="module")
def voice() -> Signal:
    return generate(1, seed=3)[0].signals["audio"]


def noise(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).normal(size=round(seconds * rate)).astype(np.float32)


def test_equals_librosa(voice):
    mel = librosa.feature.melspectrogram(
        y=voice.data,
        sr=16000,
        n_fft=1024,
        win_length=400,
        hop_length=160,
        fmin=50,
        fmax=7600,
        n_mels=64,
        htk=True,
        norm=None,
        pad_mode="constant",
    )
    gain = librosa.filters.get_window("hann", 400).sum() ** 2
    got = LogMel(level="absolute")(voice)
    np.testing.assert_allclose(got.data, np.log(np.maximum(mel.T / gain, 1e-8)), atol=2e-3)
    assert got.data.dtype == np.float32 and got.rate_hz == 100.0


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.01, 4.0))
def test_gain_does_not_matter(gain):
    audio = noise(0.4)
    a, b = LogMel()(Signal(audio, 16000)), LogMel()(Signal(audio * np.float32(gain), 16000))
    np.testing.assert_allclose(a.data, b.data, atol=1e-3)


def test_gain_matters_when_the_level_is_kept():
    audio = noise(0.4)
    a, b = (LogMel(level="absolute")(Signal(audio * np.float32(g), 16000)).data for g in (1, 0.1))
    np.testing.assert_allclose((a - b)[a > -9], np.log(100), atol=1e-3)


def test_silence_around_the_voice_shifts_but_does_not_change_it(voice):
    pad = np.zeros(8000, np.float32)
    padded = LogMel()(Signal(np.concatenate([pad, voice.data, pad]), 16000)).data
    alone = LogMel()(voice).data
    np.testing.assert_allclose(padded[52 : 48 + len(alone)], alone[2:-2], atol=0.02)


def test_rate_does_not_matter(voice):
    high = soxr.resample(voice.data, 16000, 48000, quality="VHQ")
    a, b = LogMel()(voice), LogMel()(Signal(high, 48000))
    assert abs(len(a) - len(b)) <= 1
    n = min(len(a), len(b)) - 2
    difference = np.abs(a.data[2:n, :62] - b.data[2:n, :62])  # the top bands lie in the resampler's flank
    assert np.median(difference) < 0.01 and np.quantile(difference, 0.99) < 0.3


def test_every_band_has_a_filter():
    banks = LogMel()._mel.mel_scale.fb
    assert (banks.sum(0) > 0).all()


def test_mask_and_origin_survive(voice):
    mask = np.ones(len(voice), bool)
    mask[:4000] = False
    out = LogMel()(Signal(voice.data, 16000.0, 2.5, mask))
    assert out.t0_s == 2.5 and out.mask.shape == (len(out),)
    assert not out.mask[:25].any() and out.mask[25:].all()


@pytest.mark.parametrize(
    "data, reason",
    [
        (np.zeros(16000), "silent"),
        (np.full(16000, 1e-7), "silent"),
        (noise(0.09), "too short"),
        (np.zeros(0), "too short"),
        (noise(1.0).reshape(-1, 2), "mono"),
        (np.where(np.arange(16000) == 8000, np.nan, noise(1.0)), r"sample 8000 \(0\.500 s\) is nan"),
        (np.where(np.arange(16000) == 3, np.inf, noise(1.0)), "sample 3 .* is inf"),
    ],
)
def test_audio_that_no_model_should_answer_on(data, reason):
    with pytest.raises(AffectZooError, match=reason):
        LogMel()(Signal(data, 16000))


def test_quiet_audio_is_answered_on():
    assert np.isfinite(LogMel()(Signal(1e-3 * noise(0.3), 16000)).data).all()


@pytest.mark.parametrize("options", [{"level": "peak"}, {"f_max": 9000.0}, {"f_min": 8000.0}])
def test_wrong_options(options):
    with pytest.raises(AffectZooError, match="LogMel"):
        LogMel(**options)


def test_spec_rebuilds_it():
    a = LogMel(n_mels=40, level="absolute")
    assert LogMel(**init_arguments(a)).spec == a.spec and a.spec["n_mels"] == 40
