"""The waveform that self-supervised encoders hear."""

import numpy as np
import pytest
import torch
from ssl_kit import TINY, make_model

from affectzoo.errors import AffectZooError
from affectzoo.speech.ssl_audio import Waveform
from affectzoo.structures.signal import Signal


def noise(n, rate, **more):
    return Signal((0.1 * np.random.default_rng(0).normal(size=n) + 0.02).astype(np.float32), rate, **more)


def test_audio_at_16_khz_passes_and_is_normalised_as_the_bundle_does_it():
    signal = noise(4000, 16000.0, t0_s=2.5)
    plain = Waveform()(signal)
    assert np.array_equal(plain.data, signal.data) and (plain.rate_hz, plain.t0_s) == (16000, 2.5)
    x = torch.from_numpy(signal.data)[None]
    expected = torch.nn.functional.layer_norm(x, x.shape)[0].numpy()
    np.testing.assert_allclose(Waveform(normalise=True)(signal).data, expected, atol=1e-5)


@pytest.mark.parametrize("rate", [8000.0, 44100.0])
def test_a_tone_keeps_its_pitch_and_length(rate):
    t = np.arange(int(rate)) / rate
    out = Waveform()(Signal(np.sin(2 * np.pi * 440 * t).astype(np.float32), rate))
    assert abs(len(out) - 16000) <= 1 and out.data.dtype == np.float32
    assert abs(int(np.abs(np.fft.rfft(out.data[:16000], 16000)).argmax()) - 440) <= 1


def test_masked_samples_are_left_out():
    mask = np.ones(8000, bool)
    mask[2000:4000] = False
    loud = noise(8000, 8000.0, mask=mask)
    loud.data[2000:4000] = 1.0
    out = Waveform(normalise=True)(loud)
    assert out.mask.shape == out.data.shape == (16000,) and not out.data[~out.mask].any()
    assert abs(out.mask.mean() - 0.75) < 1e-3
    heard = out.data[out.mask][1000:]
    assert abs(heard.mean()) < 0.1 and 0.7 < heard.std() < 1.1


@pytest.mark.parametrize(("data", "message"), [(np.zeros(16000), "silent"), (np.ones(100), "too short")])
def test_bad_audio_is_refused(data, message):
    with pytest.raises(AffectZooError, match=message):
        Waveform()(Signal(data.astype(np.float32), 16000.0))


def test_a_model_normalises_as_its_encoder_was_trained():
    assert [make_model(k).transforms["audio"].normalise for k in TINY] == [False, True, False]
    assert make_model(normalise=True).transforms["audio"].normalise and make_model().options["normalise"] is None
