"""Why an answer about a recording of speech is doubtful, as far as the sound itself tells: cheap, and from fixed rules.

The thresholds are ours. They lie between what the clean recordings of EmoDB, RAVDESS and nEMO measure and what the
same recordings measure when they are cut, clipped or sent through a telephone, and synthetic whispers
(tests/speech/test_quality.py; docs/long_audio.md has the numbers).
"""

from functools import cache

import numpy as np
from scipy import fft

from affectzoo.structures.signal import Signal

#: Every code and what it says.
WARNINGS = {
    "short": "less than 0.5 s of sound within 30 dB of its loud parts",
    "clipped": "flat tops: 0.1 % of the samples within 30 dB of the loud parts, or more",
    "narrowband": "nothing above 4 kHz, as from a telephone",
    "no_voicing": "hardly any of the loud parts is periodic: whisper, hiss, noise",
}
SHORT_S = 0.5
#: Tops are samples of 99.9 % of the peak, ten or more, and flat where they are 40 % of those of 95 %: a sine has 14 %.
#: A peak up to 1.5 of full scale is the overshoot that resampling adds to flat tops at full scale.
LEAST_TOPS, CLIPPED_SHARE, TOP, SHOULDER, FLAT, OVERSHOOT = 10, 1e-3, 0.999, 0.95, 0.4, 1.5
#: Mean power density of 4.3-7 kHz over that of 0.3-3.3 kHz in dB. A recording that ends below 5 kHz has no such band.
NARROWBAND_DB, HIGH_HZ, LOW_HZ, LEAST_RATE = -45.0, (4300.0, 7000.0), (300.0, 3300.0), 10000.0
#: A frame is periodic when its normalised autocorrelation (below 2.5 kHz) has a peak of 0.6 at 60-450 Hz; a voice has
#: a fifth of such frames or more among those within 15 dB of the loud parts, of which at least four must be there.
PERIODIC, VOICED_SHARE, PITCH_HZ, TOP_HZ, LOUD_DB, LEAST_FRAMES = 0.6, 0.12, (60.0, 450.0), 2500.0, 15.0, 4
#: Frames of 64 ms within 30 dB of the loud parts are looked at, so many of them, evenly spread.
FRAME_S, ACTIVE_DB, FRAMES = 0.064, 30.0, 32
#: Frames are looked at between 16 and 32 kHz; the autocorrelation has steps of 1 / 8000 s.
LOOK_RATE, LAG_RATE = 16000, 8000


def audio_warnings(signal: Signal) -> tuple[str, ...]:
    """Codes (keys of WARNINGS, in that order) of finite mono audio (N,) at any rate; () for a sound one or silence."""
    audio, rate = np.ascontiguousarray(signal.data, np.float32), signal.rate_hz
    factor = max(1, int(rate // LOOK_RATE))
    half = max(1, round(FRAME_S / 2 * rate / factor)) * factor
    size = np.abs(audio)
    peak = float(size.max(initial=0))
    if peak == 0:
        return ()
    if len(audio) < 2 * half:
        audio = np.pad(audio, (0, 2 * half - len(audio)))
    blocks = audio[: len(audio) // half * half].reshape(-1, half)
    power = np.einsum("ij,ij->i", blocks, blocks)
    level = 10 * np.log10(np.maximum(power[:-1] + power[1:], 1e-20))
    loud = np.sort(level)[round(0.95 * (len(level) - 1))]
    active = np.flatnonzero(level >= loud - ACTIVE_DB)
    count = min(FRAMES, len(active))
    at = active[np.arange(count) * (len(active) - 1) // max(1, count - 1)]
    frames = np.concatenate([blocks[at], blocks[at + 1]], 1)
    frames = frames.reshape(len(at), -1, factor).mean(2) if factor > 1 else frames
    spectra = _power(frames)
    found = {
        "short": min(len(size), (len(active) + 1) * half) < SHORT_S * rate,
        "clipped": _clipped(size, peak, (len(active) + 1) * half),
        "narrowband": rate < LEAST_RATE or _is_narrow(spectra.mean(0), rate / factor),
        "no_voicing": _is_voiceless(spectra[level[at] >= loud - LOUD_DB], rate / factor, frames.shape[1]),
    }
    return tuple(code for code in WARNINGS if found[code])


def _clipped(size: np.ndarray, peak: float, sounding: int) -> bool:
    """From the sizes (N,) of the samples, their peak, and how many of them are not silence."""
    top = 1.0 if 1 < peak < OVERSHOOT else peak
    tops = np.count_nonzero(size >= TOP * top)
    return tops >= max(LEAST_TOPS, CLIPPED_SHARE * sounding) and tops >= FLAT * np.count_nonzero(size >= SHOULDER * top)


def _power(frames: np.ndarray) -> np.ndarray:
    """(F, bins) power spectra of frames (F, L) without their means, long enough that the autocorrelation fits."""
    frames = (frames - frames.mean(1, keepdims=True)) * _window(frames.shape[1])
    spectrum = fft.rfft(frames, _fft_size(frames.shape[1]))
    return spectrum.real**2 + spectrum.imag**2


def _is_narrow(power: np.ndarray, rate: float) -> bool:
    low, high = (power[a:b].mean() for a, b in _edges(rate, len(power)))
    return bool(high < low * 10 ** (NARROWBAND_DB / 10))


@cache
def _edges(rate: float, bins: int) -> list[tuple[int, int]]:
    """First and last bin of the two bands."""
    return [tuple(round(hz * 2 * (bins - 1) / rate) for hz in band) for band in (LOW_HZ, HIGH_HZ)]


def _is_voiceless(power: np.ndarray, rate: float, length: int) -> bool:
    return len(power) >= LEAST_FRAMES and _voiced_share(power, rate, length) < VOICED_SHARE


def _voiced_share(power: np.ndarray, rate: float, length: int) -> float:
    """Share of frames with a pitch, from their power spectra (F, bins)."""
    band, own, points = _tables(rate, length)
    r = fft.irfft(power[:, : len(band)] * band, points)[:, : len(own)]
    r = r[:, 1:] / (np.maximum(r[:, :1], 1e-20) * own[1:])
    step = rate * points / _fft_size(length)
    r = r[:, int(step / PITCH_HZ[1]) - 2 : int(step / PITCH_HZ[0]) + 1]
    left, mid, right = r[:, :-2], r[:, 1:-1], r[:, 2:]
    best = np.where((mid > left) & (mid >= right), mid, 0).max(1)
    return float((best > PERIODIC).mean())


@cache
def _window(length: int) -> np.ndarray:
    return np.hanning(length).astype(np.float32)


def _fft_size(length: int) -> int:
    return 3 * length // 2 + length % 2


@cache
def _tables(rate: float, length: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The band that is heard, the window's own normalised autocorrelation at the lags, and their FFT's length."""
    size = _fft_size(length)
    points = 2 * round(size * LAG_RATE / rate / 2)
    hz = np.arange(size // 2 + 1) * rate / size
    band = np.clip((hz - 20) / 60, 0, 1) * np.clip((TOP_HZ - hz) / 300, 0, 1)
    own = fft.irfft(np.abs(fft.rfft(_window(length), size)) ** 2)
    lags = np.arange(int(rate * points / size / PITCH_HZ[0]) + 3) * size / points
    own = np.interp(lags, np.arange(size // 2), own[: size // 2])
    keep = np.flatnonzero(band)[-1] + 1
    return band[:keep].astype(np.float32), (own / own[0]).astype(np.float32), points
