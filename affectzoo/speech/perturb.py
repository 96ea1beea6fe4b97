"""Changes of the waveform before its features: other speakers, rooms, microphones, the same emotion (more or less)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import soxr

from affectzoo.errors import AffectZooError
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import init_arguments


class AudioPerturbation:
    """Perturbed forms of audio; each part draws its value evenly from a range (low, high), None switches it off.

    copies: forms an item, beside its own.
    speed: factor of playing speed, drawn on a logarithmic scale: tempo, pitch and formants move together, as between
        a large and a small speaker (Ko et al. 2015, Interspeech; our range is wider).
    pitch_st: semitones, tempo kept (a phase vocoder, librosa).
    reverb_s: reverberation time in seconds: convolution with noise that decays by 60 dB in that time, 6 dB below the
        direct sound (ours).
    noise_db: signal-to-noise ratio in dB of added noise with a 1/f spectrum.
    gain_db: gain in dB. Without effect on features that are normalised by level.
    share: part of the forms that each of pitch, reverberation, noise and gain acts on.
    Raises AffectZooError for a range that is none.
    """

    modality = "audio"
    version = 1

    def __init__(
        self,
        copies: int = 4,
        speed: Sequence[float] | None = (0.82, 1.22),
        pitch_st: Sequence[float] | None = None,
        reverb_s: Sequence[float] | None = None,
        noise_db: Sequence[float] | None = None,
        gain_db: Sequence[float] | None = None,
        share: float = 1.0,
    ):
        if copies < 1 or not 0 < share <= 1:
            raise AffectZooError(f"perturb: need copies >= 1 and 0 < share <= 1, got {copies} and {share}")
        self.copies, self.share = copies, share
        self.speed, self.pitch_st = _range("speed", speed, 0), _range("pitch_st", pitch_st)
        self.reverb_s, self.noise_db = _range("reverb_s", reverb_s, 0), _range("noise_db", noise_db)
        self.gain_db = _range("gain_db", gain_db)

    @property
    def spec(self) -> dict[str, Any]:
        """Identity for the cache. `copies` is no part of it: more copies leave the first ones as they are."""
        options = {k: v for k, v in init_arguments(self).items() if k != "copies"}
        return {"perturbation": type(self).__qualname__, "version": self.version, **options}

    def __call__(self, signal: Signal, rng: np.random.Generator) -> Signal:
        """One perturbed form of audio (N,); its length changes with the speed, its rate does not."""
        x = np.asarray(signal.data, np.float32)
        if self.speed:
            factor = float(np.exp(rng.uniform(*np.log(self.speed))))
            x = soxr.resample(x, signal.rate_hz * factor, signal.rate_hz, quality="HQ")
        for limits, change in (
            (self.pitch_st, shift_pitch),
            (self.reverb_s, add_reverberation),
            (self.noise_db, add_noise),
            (self.gain_db, _gain),
        ):
            if limits and rng.random() < self.share:
                x = change(x, signal.rate_hz, rng.uniform(*limits), rng)
        return Signal(x.astype(np.float32), signal.rate_hz, signal.t0_s)


def shift_pitch(x: np.ndarray, rate_hz: float, semitones: float, rng: np.random.Generator) -> np.ndarray:
    """Audio (N,) with its pitch moved and its length kept."""
    from librosa.effects import pitch_shift

    return pitch_shift(x, sr=rate_hz, n_steps=semitones)


def add_reverberation(x: np.ndarray, rate_hz: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Audio (N,) in a room with that reverberation time; the tail beyond the end is cut, the level is kept."""
    from scipy.signal import fftconvolve

    t = np.arange(max(2, round(seconds * rate_hz))) / rate_hz
    tail = rng.normal(size=len(t)) * 10 ** (-3 * t / seconds)
    response = 0.5 * tail / np.sqrt(np.sum(tail**2))
    response[0] += 1
    y = fftconvolve(x, response)[: len(x)]
    return y * np.sqrt(np.mean(np.square(x, dtype=np.float64)) / max(np.mean(y**2), 1e-20))


def add_noise(x: np.ndarray, rate_hz: float, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """Audio (N,) with noise of a 1/f power spectrum added, `snr_db` below the mean power of the audio."""
    spectrum = np.fft.rfft(rng.normal(size=len(x)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), len(x))
    power = np.mean(np.square(x, dtype=np.float64))
    return x + noise * np.sqrt(power / np.mean(noise**2) * 10 ** (-snr_db / 10))


def _gain(x: np.ndarray, rate_hz: float, gain_db: float, rng: np.random.Generator) -> np.ndarray:
    return x * 10 ** (gain_db / 20)


def _range(name: str, limits: Sequence[float] | None, above: float = -np.inf) -> tuple[float, float] | None:
    if limits is None:
        return None
    low, high = map(float, limits) if len(limits) == 2 else (np.nan, np.nan)
    if not above < low <= high < np.inf:
        raise AffectZooError(f"perturb.{name}: expected [low, high]{f' above {above:g}' * (above == 0)}, got {limits}")
    return low, high
