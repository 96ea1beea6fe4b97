"""Why an answer about a recording of speech is doubtful, as far as the sound itself tells: cheap, and from fixed rules.

The thresholds are ours. They lie between what the clean recordings of EmoDB, RAVDESS and nEMO measure and what the
same recordings measure when they are cut, clipped or sent through a telephone, and synthetic whispers
(tests/speech/test_quality.py; docs/long_audio.md has the numbers).
"""

from functools import cache
from math import log10

import numpy as np
from numpy.lib.stride_tricks import as_strided
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
#: a quarter of such frames or more among those within 15 dB of the loud parts, of which at least four must be there.
PERIODIC, VOICED_SHARE, PITCH_HZ, TOP_HZ, LOUD, LEAST_FRAMES = 0.6, 0.12, (60.0, 450.0), 2500.0, 10**-1.5, 4
#: Frames of 64 ms within 30 dB of the loud parts are looked at, evenly spread: a few, and more where these are not
#: clearly sound, which is when half of them are periodic and the high band is 10 dB above what counts as narrow.
FRAME_S, ACTIVE, FEW, MANY, CLEAR_SHARE, CLEAR_DB = 0.064, 10**-3.0, 8, 48, 0.5, 10.0
#: Frames are looked at between 16 and 32 kHz; the autocorrelation has steps of 1 / 8000 s.
LOOK_RATE, LAG_RATE = 16000, 8000


def audio_warnings(signal: Signal) -> tuple[str, ...]:
    """Codes (keys of WARNINGS, in that order) of finite mono audio (N,) at any rate; () for a sound one or silence."""
    audio, rate = np.ascontiguousarray(signal.data, np.float32), signal.rate_hz
    size = np.abs(audio)
    peak = float(size.max(initial=0))
    if peak == 0:
        return ()
    factor = max(1, int(rate // LOOK_RATE))
    half = max(1, round(FRAME_S / 2 * rate / factor)) * factor
    frames = _overlapping(audio, half)
    power = np.einsum("ij,ij->i", frames, frames)
    loud = np.sort(power)[round(0.95 * (len(power) - 1))]
    active = np.flatnonzero(power >= ACTIVE * loud)
    sounding = min(len(size), (len(active) + 1) * half)
    for count in (FEW, MANY):
        at = _spread(active, count)
        spectra, look_rate = _spectra(frames[at], factor), rate / factor
        high_db = _high_band_db(spectra, look_rate) if rate >= LEAST_RATE else -np.inf
        share = _voiced_share(spectra[power[at] >= LOUD * loud], look_rate, 2 * half // factor)
        if share >= CLEAR_SHARE and high_db >= NARROWBAND_DB + CLEAR_DB:
            break
    found = {
        "short": sounding < SHORT_S * rate,
        "clipped": _clipped(size, peak, sounding),
        "narrowband": high_db < NARROWBAND_DB,
        "no_voicing": share < VOICED_SHARE,
    }
    return tuple(code for code in WARNINGS if found[code])


def _overlapping(audio: np.ndarray, half: int) -> np.ndarray:
    """(F, 2 half) view of every two blocks of `half` samples; a shorter recording is padded to one frame."""
    if len(audio) < 2 * half:
        audio = np.pad(audio, (0, 2 * half - len(audio)))
    step = audio.itemsize
    return as_strided(audio, (len(audio) // half - 1, 2 * half), (half * step, step), writeable=False)


def _spread(active: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the frames, evenly spread."""
    count = min(count, len(active))
    return active[np.arange(count) * (len(active) - 1) // max(1, count - 1)]


def _clipped(size: np.ndarray, peak: float, sounding: int) -> bool:
    """From the sizes (N,) of the samples, their peak, and how many of them are not silence."""
    top = 1.0 if 1 < peak < OVERSHOOT else peak
    tops = np.count_nonzero(size >= TOP * top)
    enough = tops >= max(LEAST_TOPS, CLIPPED_SHARE * sounding)
    return enough and tops >= FLAT * np.count_nonzero(size >= SHOULDER * top)


def _spectra(frames: np.ndarray, factor: int) -> np.ndarray:
    """(F, bins) power spectra of frames (F, L), of which `factor` samples become one."""
    if factor > 1:
        frames = frames.reshape(len(frames), -1, factor).mean(2)
    spectrum = fft.rfft(frames * _window(frames.shape[1]), _fft_size(frames.shape[1]))
    return spectrum.real**2 + spectrum.imag**2


def _high_band_db(power: np.ndarray, rate: float) -> float:
    """Mean power density of the high band over that of the low one, from power spectra (F, bins)."""
    whole = np.add.reduce(power)
    low, high = (np.add.reduce(whole[a:b]) / (b - a) for a, b in _edges(rate, len(whole)))
    return 10 * log10(max(high, 1e-30) / max(low, 1e-30))


@cache
def _edges(rate: float, bins: int) -> list[tuple[int, int]]:
    """First and last bin of the two bands."""
    return [tuple(min(bins, round(hz * 2 * (bins - 1) / rate)) for hz in band) for band in (LOW_HZ, HIGH_HZ)]


def _voiced_share(power: np.ndarray, rate: float, length: int) -> float:
    """Share of frames with a pitch, from their power spectra (F, bins); of too few, the share that is just enough."""
    if len(power) < LEAST_FRAMES:
        return VOICED_SHARE
    band, own, points = _tables(rate, length)
    r = fft.irfft(power[:, : len(band)] * band, points)[:, : len(own)]
    r = r[:, 1:] / (np.maximum(r[:, :1], 1e-20) * own[1:])
    step = rate * points / _fft_size(length)
    r = r[:, int(step / PITCH_HZ[1]) - 2 : int(step / PITCH_HZ[0]) + 1]
    left, mid, right = r[:, :-2], r[:, 1:-1], r[:, 2:]
    periodic = (mid > PERIODIC) & (mid > left) & (mid >= right)
    return np.count_nonzero(periodic.any(1)) / len(r)


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
    band = np.clip((hz - 40) / 60, 0, 1) * np.clip((TOP_HZ - hz) / 300, 0, 1)
    own = fft.irfft(np.abs(fft.rfft(_window(length), size)) ** 2)
    lags = np.arange(int(rate * points / size / PITCH_HZ[0]) + 3) * size / points
    own = np.interp(lags, np.arange(size // 2), own[: size // 2])
    keep = np.flatnonzero(band)[-1] + 1
    return band[:keep].astype(np.float32), (own / own[0]).astype(np.float32), points
