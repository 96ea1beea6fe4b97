"""One pass over the spectra of 64 ms frames: pitch candidates, and the levels of bands.

The audio goes through in chunks of a few hundred frames that stay in the processor's cache, so that memory does not
grow with the recording but for a few numbers a frame.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch.nn import functional

from affectzoo.speech.prosody.frames import HOP, RATE, frame_count

WINDOW = 1024
#: Window and longest lag together, so that the autocorrelation does not wrap around.
N_FFT = 1536
#: Search range of the pitch in Hz.
F0_MIN, F0_MAX = 50.0, 600.0
#: Lags go in steps of two samples, 0.125 ms; parabolas through three of them find the peaks.
LAG_STEP = 2 / RATE
#: The pitch is heard between these edges in Hz (raised cosines in the power spectrum): below is rumble, above noise.
#: Ours.
RUMBLE, TOP = (10.0, 40.0), (3500.0, 4000.0)
#: Candidates a frame.
CANDIDATES = 8
#: Bonus of a candidate for each octave of pitch: of equal peaks the shortest lag is the period. Ours, after the
#: "octave cost" of Boersma 1993 (IFA Proceedings 17, 97-110).
OCTAVE_BONUS = 0.02
#: From 300 Hz on, fully at 400 Hz, a candidate loses half of what the autocorrelation falls by from one period to two:
#: a voice goes on, the ringing of a formant dies away. Ours.
RINGING, RINGING_LOSS = (300.0, 400.0), 0.5
#: Bands of the spectral slope, one octave wide each and a third of an octave apart, 250 Hz to 5 kHz: wide enough that
#: each holds a harmonic of any voice. Ours.
OCTAVES = tuple((250.0 * 2 ** (k / 3), 500.0 * 2 ** (k / 3)) for k in range(11))
#: Frames that pass at a time: 2,000 spectra are a few megabytes.
CHUNK = 2000


@dataclass(frozen=True)
class Scan:
    """What the spectra of a batch say.

    f0_hz (B, T, C): candidates; periodicity (B, T, C): height of the normalised autocorrelation in 0..1, -1 where
    there is no candidate; bands: (B, T) for each name of BANDS, see `_bands`.
    """

    f0_hz: torch.Tensor
    periodicity: torch.Tensor
    bands: dict[str, torch.Tensor]


@dataclass(frozen=True)
class _Tables:
    window: torch.Tensor  # (WINDOW,)
    cosines: torch.Tensor  # (bins to the top of the pitch's band, lags)
    bonus: torch.Tensor  # (lags,), -inf beyond the search range
    bands: torch.Tensor  # (bins, bands): powers of bands
    slope: torch.Tensor  # (octaves,): weights of their levels in dB that give the slope in dB an octave


def scan_spectra(audio: torch.Tensor, lengths: torch.Tensor) -> Scan:
    """Scan audio (B, N) at 16 kHz whose rows are 0 beyond `lengths` (B,)."""
    tables, frames = _tables(audio.device), int(frame_count(lengths).max())
    padded = functional.pad(audio, (WINDOW // 2, (frames - 1) * HOP + WINDOW // 2 - audio.shape[1]))
    windows = padded.unfold(1, WINDOW, HOP)
    step = max(1, CHUNK // len(audio))
    parts = [_chunk(windows[:, i : i + step], tables) for i in range(0, frames, step)]
    joined = [torch.cat([p[k].unflatten(0, (len(audio), -1)) for p in parts], 1) for k in range(len(parts[0]))]
    return Scan(joined[0], joined[1], dict(zip(BANDS, joined[2:], strict=True)))


def _chunk(frames: torch.Tensor, tables: _Tables) -> tuple[torch.Tensor, ...]:
    """Candidates and bands of frames (B, F, WINDOW), both dimensions flattened."""
    spectrum = torch.fft.rfft((frames * tables.window).flatten(0, 1), N_FFT)
    power = spectrum.real.square() + spectrum.imag.square()
    return *_candidates(power[:, : len(tables.cosines)] @ tables.cosines, tables.bonus), *_bands(power, tables)


def _candidates(r: torch.Tensor, bonus: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The best peaks of autocorrelations (F, lags): pitch in Hz and height (F, C)."""
    r = r / r[:, :1].clamp(min=1e-20)
    left, mid, right = r[:, :-2], r[:, 1:-1], r[:, 2:]
    score = torch.where((mid > left) & (mid >= right), mid + bonus[1:-1], -torch.inf)
    best, at = score.topk(CANDIDATES, dim=1)
    a, b, c = (x.gather(1, at) for x in (left, mid, right))
    curve = (a - 2 * b + c).clamp(max=-1e-12)
    shift = (0.5 * (a - c) / curve).clamp(-0.5, 0.5)
    lag, height = at + 1 + shift, b - 0.25 * (a - c) * shift
    height = torch.where(height > 1, 1 / height, height)  # the window's correction overshoots; as far below as above
    f0 = 1 / (lag * LAG_STEP)
    twice = (2 * lag).round().long().clamp(max=r.shape[1] - 2)
    second = torch.stack([r.gather(1, twice + k) for k in (-1, 0, 1)]).amax(0)
    loss = RINGING_LOSS * ((f0 - RINGING[0]) / (RINGING[1] - RINGING[0])).clamp(0, 1)
    height = height - loss * (height - second).clamp(min=0)
    there = (best > -torch.inf) & (f0 >= F0_MIN) & (f0 <= F0_MAX)
    return f0, torch.where(there, height, -1.0)


#: Names of what `_bands` gives, in its order.
BANDS = ("spectral_slope_db_oct", "alpha_ratio_db", "hammarberg_db", "syllable_db")


def _bands(power: torch.Tensor, tables: _Tables) -> tuple[torch.Tensor, ...]:
    """Levels of bands of each power spectrum (F, bins), (F,) each, in dB.

    Slope: least-squares line through the power densities of octaves from 250 Hz to 5 kHz, in dB an octave (ours).
    Alpha ratio: 1-5 kHz over 50 Hz-1 kHz; Hammarberg index: highest peak of 0-2 kHz over that of 2-5 kHz (bands of
    eGeMAPS, Eyben et al. 2016, IEEE TAFFC 7, 190-202). Syllable level: 300 Hz-2.5 kHz, where vowels are.
    """
    level = 10 * (power @ tables.bands).clamp(min=1e-12).log10()
    octaves, (low, high, vowels) = level[:, :-3], level[:, -3:].unbind(1)
    edges = [round(hz * N_FFT / RATE) for hz in (0, 2000, 5000)]
    peaks = [power[:, lo:hi].amax(1).clamp(min=1e-12) for lo, hi in zip(edges, edges[1:], strict=False)]
    return octaves @ tables.slope, high - low, 10 * (peaks[0] / peaks[1]).log10(), vowels


@cache
def _tables(device: torch.device) -> _Tables:
    hz = torch.arange(N_FFT // 2 + 1, dtype=torch.float64) * RATE / N_FFT
    lags = torch.arange(round(1 / F0_MIN / LAG_STEP) + 2, dtype=torch.float64) * LAG_STEP
    window = torch.hann_window(WINDOW, periodic=True, dtype=torch.float64)
    own = torch.fft.irfft(torch.fft.rfft(window, 2 * WINDOW).abs().square())[: WINDOW // 2 : 2][: len(lags)]
    band = _rise(hz, *RUMBLE) * (1 - _rise(hz, *TOP))
    keep = hz < TOP[1]
    cosines = 2 * band[keep, None] * torch.cos(2 * math.pi * hz[keep, None] * lags) * (own[0] / own)
    pitch = 1 / lags.clamp(min=LAG_STEP / 2)
    inside = (pitch > F0_MIN * 0.98) & (pitch < F0_MAX * 1.05)  # peaks beside the edges may lie within
    bonus = torch.where(inside, OCTAVE_BONUS * (pitch / F0_MIN).log2(), -torch.inf)
    density = [_band(hz, lo, hi) / _band(hz, lo, hi).sum() for lo, hi in OCTAVES]
    powers = torch.stack([*density, _band(hz, 50, 1000), _band(hz, 1000, 5000), _band(hz, 300, 2500)], 1)
    octave = torch.tensor([math.log2(math.sqrt(lo * hi)) for lo, hi in OCTAVES], dtype=torch.float64)
    slope = (octave - octave.mean()) / (octave - octave.mean()).square().sum()
    return _Tables(*(t.float().to(device) for t in (window, cosines, bonus, powers, slope)))


def _rise(hz: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """0 below `low`, 1 above `high`, half a cosine between."""
    return 0.5 - 0.5 * torch.cos(math.pi * ((hz - low) / (high - low)).clamp(0, 1))


def _band(hz: torch.Tensor, low: float, high: float) -> torch.Tensor:
    return ((hz >= low) & (hz < high)).double()
