"""Differential entropy against scipy, and no look-ahead."""

import numpy as np
import pytest
from scipy.signal import butter, freqz, lfilter, lfilter_zi
from scipy.stats import norm

from affectzoo.eeg.features import BANDS, FLOOR_UV2, BandPower
from affectzoo.errors import AffectZooError
from affectzoo.structures.signal import Signal

RATE = 128.0


def noise(seconds=10.0, channels=2, rate=RATE, sd=10.0, seed=0):
    return np.random.default_rng(seed).normal(0, sd, (round(seconds * rate), channels))


def test_bands_are_those_of_seed():
    assert list(BANDS.values()) == [(1, 4), (4, 8), (8, 14), (14, 31), (31, 50)]


def test_each_value_is_the_entropy_of_a_gaussian_with_the_windows_spread():
    """Independent path: transfer-function filters, window by window, scipy's own entropy."""
    x = noise()
    out = BandPower()(Signal(x, RATE)).data.reshape(10, 2, 5)
    for b, band in enumerate(BANDS.values()):
        num, den = butter(2, band, "bandpass", fs=RATE)
        for c in range(2):
            y, _ = lfilter(num, den, x[:, c], zi=lfilter_zi(num, den) * x[0, c])
            expected = [norm(scale=y[k * 128 : (k + 1) * 128].std()).entropy() / np.log(2) for k in range(10)]
            assert out[:, c, b] == pytest.approx(expected, abs=1e-5)


def test_white_noise_has_the_variance_that_passes_the_band():
    sd = 7.0
    out = BandPower()(Signal(noise(60, 24, sd=sd), RATE)).data[2:].reshape(58, 24, 5).astype(float)
    variance = (2 ** (2 * out) / (2 * np.pi * np.e)).mean((0, 1))
    for b, band in enumerate(BANDS.values()):
        _, response = freqz(*butter(2, band, "bandpass", fs=RATE), worN=20000)
        assert variance[b] == pytest.approx(sd**2 * np.mean(np.abs(response) ** 2), rel=0.06)


def test_a_sine_shows_in_its_band_with_half_its_squared_amplitude():
    t = np.arange(round(8 * RATE)) / RATE
    x = np.stack([10 * np.sin(2 * np.pi * 10.5 * t), 10 * np.sin(2 * np.pi * 40 * t)], 1)
    out = BandPower()(Signal(x, RATE)).data[3:].reshape(-1, 2, 5)
    expected = 0.5 * np.log2(2 * np.pi * np.e * 50)
    assert out[:, 0, 2] == pytest.approx(expected, abs=0.05)
    assert out[:, 1, 4] == pytest.approx(expected, abs=0.05)
    assert out[:, 0, [0, 4]].max() < expected - 2 and out[:, 1, :3].max() < expected - 3


def test_twice_the_amplitude_is_one_bit_more():
    one, two = (BandPower()(Signal(noise() * k, RATE)).data for k in (1, 2))
    assert two - one == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("hop", [1.0, 0.25, 0.1])
@pytest.mark.parametrize("rate", [128.0, 250.0, 333.0])
def test_no_value_changes_with_samples_after_its_window(hop, rate):
    transform, x = BandPower(hop_s=hop), noise(6, rate=rate)
    before = transform(Signal(x, rate))
    cut = round(3.3 * rate)
    later = x.copy()
    later[cut:] += 500 * noise(6, rate=rate, seed=1)[cut:]
    after = transform(Signal(later, rate))
    past = before.times_s * rate <= cut + 0.5 - 1e-6  # a window that ends at sample `cut` has not seen it
    assert np.array_equal(before.data[past], after.data[past])
    assert (np.abs(before.data[~past] - after.data[~past]).max(1) > 0.1).all()
    assert past.any() and not past.all()


@pytest.mark.parametrize(
    ("rate", "hop", "seconds", "steps"),
    [(128.0, 1.0, 10.0, 10), (128.0, 0.25, 10.0, 37), (250.0, 0.1, 3.0, 21), (200.0, 1.0, 1.995, 1)],
)
def test_time_axis(rate, hop, seconds, steps):
    out = BandPower(hop_s=hop)(Signal(noise(seconds, rate=rate), rate, t0_s=5.0, names=("Fz", "Cz")))
    assert len(out) == steps and out.rate_hz == pytest.approx(1 / hop)
    assert out.t0_s == 6.0  # the end of the first window
    assert out.times_s[-1] <= 5.0 + seconds + 0.5 / rate
    assert out.data.dtype == np.float32 and out.data.shape[1] == 10
    assert out.names[:6] == ("Fz.delta", "Fz.theta", "Fz.alpha", "Fz.beta", "Fz.gamma", "Cz.delta")


def test_any_rate_gives_the_same_features():
    def tones(rate):
        t = np.arange(round(12 * rate)) / rate
        x = sum(a * np.sin(2 * np.pi * f * t) for f, a in ((2.5, 9), (6, 8), (11, 7), (22, 6), (40, 5)))
        return BandPower()(Signal(x[:, None], rate)).data[3:]

    reference = tones(1000.0)
    for rate in (128.0, 200.0, 250.0, 512.0):
        assert tones(rate) == pytest.approx(reference, abs=0.06)


def test_an_electrodes_offset_makes_no_transient():
    x = noise()
    still, shifted = (BandPower()(Signal(x + k, RATE)).data for k in (0, 20_000))
    assert np.abs(still - shifted).max() < 0.02


def test_invalid_samples_mask_the_windows_that_hold_them():
    x, mask = noise(), np.ones(1280, bool)
    mask[300] = False
    x[300] = np.nan
    out = BandPower()(Signal(x, RATE, mask=mask))
    assert out.mask.tolist() == [k != 2 for k in range(10)]
    assert np.isfinite(out.data).all()


def test_a_flat_channel_stays_finite():
    x = noise()
    x[:, 1] = 3.0
    out = BandPower()(Signal(x, RATE)).data.reshape(10, 2, 5)
    assert out[:, 1] == pytest.approx(0.5 * np.log2(2 * np.pi * np.e * FLOOR_UV2))


@pytest.mark.parametrize(
    ("data", "rate", "text"),
    [
        (noise()[:, 0], RATE, "T, channels"),
        (noise(), 100.0, "100 Hz cannot hold the band up to 50 Hz"),
        (noise(0.5), RATE, "0.500 s, less than one window"),
        (np.ones((1280, 2)), RATE, "flat"),
        (np.full((1280, 2), np.nan), RATE, "NaN"),
    ],
)
def test_bad_input(data, rate, text):
    with pytest.raises(AffectZooError, match=text):
        BandPower()(Signal(data, rate))


def test_bad_options():
    for options in ({"window_s": 0}, {"hop_s": -1}):
        with pytest.raises(AffectZooError, match="positive"):
            BandPower(**options)


@pytest.mark.data
def test_real_posterior_alpha_drops_in_mental_arithmetic(data_root):
    """PhysioNet eegmat (Zyma et al. 2019): posterior alpha is weaker in the task than at rest."""
    drops = []
    for path in sorted((data_root / "eegmat" / "eeg").glob("*.npz"))[:12]:
        with np.load(path, allow_pickle=False) as z:
            names = [n for n in z["ch_names"] if n.split()[-1] in ("P3", "P4", "Pz", "O1", "O2")]
            rows = [z["ch_names"].tolist().index(n) for n in names]
            parts = [(z[k][rows] * z["scale_uv"][rows, None]).T for k in ("rest", "task")]
            rest, task = (BandPower()(Signal(x, float(z["sfreq"]))).data for x in parts)
        assert len(names) == 5 and len(rest) == 60
        alpha = slice(2, None, 5)
        drops.append(2 * np.log(2) * (task[:, alpha].mean() - rest[:, alpha].mean()))  # log power ratio
    assert -1.5 < np.median(drops) < -0.15
