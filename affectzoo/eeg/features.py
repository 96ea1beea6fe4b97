"""BandPower: differential entropy of EEG in five bands over causal windows."""

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from affectzoo.errors import AffectZooError
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import Transform

#: name: (low, high) in Hz, as used with SEED (Zheng & Lu 2015).
BANDS = {"delta": (1, 4), "theta": (4, 8), "alpha": (8, 14), "beta": (14, 31), "gamma": (31, 50)}
#: Least variance in square microvolts: below any amplifier's noise, so a flat channel stays finite (ours).
FLOOR_UV2 = 1e-4
_ORDER = 4


class BandPower(Transform):
    """Signal (T, C) microvolts -> (T', C * 5) float32 bits: differential entropy per channel and band.

    DE = 1/2 log2(2 pi e var(x_band)) (Duan, Zhu & Lu 2013; a Gaussian's entropy), an affine map of log band
    power: one bit is 6.02 dB. Bands: BANDS, in that order within each channel. Window `window_s`, one step
    every `hop_s`.

    Causal: the filters run forward only (Butterworth, order 4, started at the first sample's steady state),
    and step k uses the samples up to the END of its window, which is its time: t0_s = the recording's t0_s +
    window_s. The filters are designed at the recording's own rate instead of resampling it, since resampling
    looks ahead. A window with an invalid sample is masked.
    """

    def __init__(self, window_s: float = 1.0, hop_s: float = 1.0):
        if not (window_s > 0 and hop_s > 0):
            raise AffectZooError(f"window_s and hop_s must be positive, got {window_s} and {hop_s}")
        self.window_s, self.hop_s = window_s, hop_s

    def __call__(self, signal: Signal) -> Signal:
        """Filter and measure. Raises AffectZooError for other shapes, low rates, short, flat or NaN input."""
        data = self._checked(signal)
        width = round(self.window_s * signal.rate_hz)
        steps = int((len(data) / signal.rate_hz - self.window_s) / self.hop_s + 1e-9) + 1
        ends = width + np.round(np.arange(steps) * self.hop_s * signal.rate_hz).astype(int)
        ends = np.minimum(ends, len(data))
        bands = (_bandpass(data, band, signal.rate_hz) for band in BANDS.values())
        variance = np.stack([_window_variance(x, ends, width) for x in bands], axis=-1)
        entropy = 0.5 * np.log2(2 * np.pi * np.e * np.maximum(variance, FLOOR_UV2))
        mask = None
        if signal.mask is not None:
            mask = _window_sum(signal.mask.astype(float), ends, width) > width - 0.5
        names = tuple(f"{c}.{b}" for c in signal.names for b in BANDS)
        features = entropy.reshape(steps, -1).astype(np.float32)
        return Signal(features, 1 / self.hop_s, signal.t0_s + self.window_s, mask, names)

    def _checked(self, signal: Signal) -> np.ndarray:
        if signal.data.ndim != 2:
            raise AffectZooError(f"EEG must be (T, channels), got {signal.data.shape}")
        top = max(high for _, high in BANDS.values())
        if signal.rate_hz < 2.2 * top:
            raise AffectZooError(
                f"EEG at {signal.rate_hz:g} Hz cannot hold the band up to {top} Hz; "
                f"at least {2.2 * top:g} Hz are needed"
            )
        if len(signal) < round(self.window_s * signal.rate_hz):
            raise AffectZooError(f"EEG lasts {signal.duration_s:.3f} s, less than one window of {self.window_s} s")
        data = signal.data.astype(np.float64)
        if signal.mask is not None:
            data = np.where(signal.mask[:, None], data, 0.0)
        if not np.isfinite(data).all():
            raise AffectZooError("EEG holds NaN or infinite values that are not masked")
        if not data.std(0).any():
            raise AffectZooError("EEG is flat in every channel")
        return data


def _bandpass(data: np.ndarray, band: tuple[float, float], rate_hz: float) -> np.ndarray:
    sos = butter(_ORDER // 2, band, "bandpass", fs=rate_hz, output="sos")  # a band-pass doubles the order
    start = sosfilt_zi(sos)[..., None] * data[0]  # no step from 0 to the electrode's offset
    return sosfilt(sos, data, axis=0, zi=start)[0]


def _window_sum(x: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
    total = np.concatenate([np.zeros_like(x[:1]), np.cumsum(x, axis=0)])
    return total[ends] - total[ends - width]


def _window_variance(x: np.ndarray, ends: np.ndarray, width: int) -> np.ndarray:
    mean = _window_sum(x, ends, width) / width
    return np.maximum(_window_sum(x**2, ends, width) / width - mean**2, 0)
