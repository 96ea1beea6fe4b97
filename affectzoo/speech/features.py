"""Log-mel spectrograms: what the speech models hear."""

import numpy as np
import soxr
import torch
from torchaudio.transforms import MelSpectrogram

from affectzoo.errors import AffectZooError
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import Transform

#: Shortest audio that is accepted: ten hops, about one short syllable. Ours.
MIN_SECONDS = 0.1
#: RMS below which audio counts as silent: -100 dBFS, under one step of 16-bit audio. Ours.
SILENT_RMS = 1e-5
#: Frames that `trim` keeps before the first and after the last active one. Ours.
TRIM_MARGIN = 10
#: A frame is active when its energy is within 40 dB of the loudest frame. Ours.
ACTIVE_RATIO = 1e-4


class LogMel(Transform):
    """Audio (N,) at any rate to log-mel frames (T, n_mels) float32 at 1000 / hop_ms Hz, T = 1 + N' // hop.

    Frame t is centred on second t * hop_ms / 1000 of the signal; the ends are padded with zeros. Values are
    ln(max(power, floor)); the default floor lies 80 dB below the voice, deep enough for its high bands.

    level='utterance' divides the mel power by the mean frame energy of the active frames, so that neither
    the gain of the microphone nor silence around the voice changes the features (ours; a simple form of the
    active speech level of ITU-T P.56). level='absolute' keeps the power of full-scale audio: loudness stays a
    cue, which is fair only where all recordings were made at one gain.

    trim: leave out the silence before the first and after the last active frame but ten frames each; t0_s moves
    along. It halves the work on recordings with long silent ends.

    sample_rate: rate in Hz to which audio is resampled (soxr, high quality); f_min, f_max: band in Hz.
    Raises AffectZooError for audio that is not (N,), not finite, shorter than 0.1 s, or silent.
    """

    version = 2

    def __init__(
        self,
        sample_rate: int = 16000,
        n_mels: int = 64,
        hop_ms: float = 10.0,
        win_ms: float = 25.0,
        f_min: float = 50.0,
        f_max: float = 7600.0,
        floor: float = 1e-8,
        level: str = "utterance",
        trim: bool = False,
    ):
        if level not in ("utterance", "absolute"):
            raise AffectZooError(f"LogMel: level must be 'utterance' or 'absolute', got {level!r}")
        if not 0 <= f_min < f_max <= sample_rate / 2:
            raise AffectZooError(f"LogMel: need 0 <= f_min < f_max <= {sample_rate / 2:g} Hz, got {f_min} and {f_max}")
        self.sample_rate, self.n_mels, self.hop_ms, self.win_ms = sample_rate, n_mels, hop_ms, win_ms
        self.f_min, self.f_max, self.floor, self.level, self.trim = f_min, f_max, floor, level, trim
        self._hop, window = round(sample_rate * hop_ms / 1000), round(sample_rate * win_ms / 1000)
        # At least twice the window: the lowest mel bands are narrower than a bin of the window's own FFT.
        self._mel = MelSpectrogram(
            sample_rate,
            n_fft=2 ** (2 * window - 1).bit_length(),
            win_length=window,
            hop_length=self._hop,
            f_min=f_min,
            f_max=f_max,
            n_mels=n_mels,
            pad_mode="constant",
            power=2.0,
        )
        # Window gain: a full-scale sine then has the same mel power at any window length.
        self._gain = float(self._mel.spectrogram.window.sum() ** 2)

    def __call__(self, signal: Signal) -> Signal:
        """Transform one audio signal; see the class."""
        audio = self._resample(check_audio(signal), signal.rate_hz)
        with torch.no_grad():
            power = self._mel(torch.from_numpy(audio)).T.numpy() / self._gain
        mask = frame_mask(signal, len(power), self._hop / self.sample_rate)
        if self.level == "utterance":
            power = power / active_energy(power)
        data = np.log(np.maximum(power, self.floor)).astype(np.float32)
        rate = self.sample_rate / self._hop
        if not self.trim:
            return Signal(data, rate, signal.t0_s, mask)
        active = np.flatnonzero(active_frames(power))
        lo, hi = max(0, active[0] - TRIM_MARGIN), active[-1] + 1 + TRIM_MARGIN
        return Signal(data[lo:hi], rate, signal.t0_s + lo / rate, None if mask is None else mask[lo:hi])

    def _resample(self, audio: np.ndarray, rate_hz: float) -> np.ndarray:
        if rate_hz == self.sample_rate:
            return audio
        return soxr.resample(audio, rate_hz, self.sample_rate, quality="HQ").astype(np.float32)


def frame_mask(signal: Signal, n_frames: int, hop_s: float) -> np.ndarray | None:
    """(n_frames,) bool: a frame is valid when the sample at its centre is. None without a mask."""
    if signal.mask is None:
        return None
    centre = np.round(np.arange(n_frames) * hop_s * signal.rate_hz).astype(int)
    return signal.mask[np.minimum(centre, len(signal) - 1)]


def check_audio(signal: Signal) -> np.ndarray:
    """The samples (N,) as contiguous float32. Raises AffectZooError for audio that no model should answer."""
    audio = np.ascontiguousarray(signal.data, dtype=np.float32)
    if audio.ndim != 1:
        raise AffectZooError(f"audio must be mono, shape (N,); got {signal.data.shape}")
    if signal.duration_s < MIN_SECONDS:
        raise AffectZooError(f"audio is too short: {signal.duration_s:.3f} s, at least {MIN_SECONDS} s are needed")
    if not np.isfinite(audio).all():
        first = int(np.flatnonzero(~np.isfinite(audio))[0])
        raise AffectZooError(f"audio is not finite: sample {first} ({first / signal.rate_hz:.3f} s) is {audio[first]}")
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    if rms < SILENT_RMS:
        raise AffectZooError(f"audio is silent: RMS {rms:.1e} of full scale, {SILENT_RMS:.0e} is the least")
    return audio


def active_frames(power: np.ndarray) -> np.ndarray:
    """(T,) bool: frames of power (T, F) whose energy lies within 40 dB of the loudest."""
    energy = power.sum(axis=1, dtype=np.float64)
    return energy >= ACTIVE_RATIO * energy.max()


def active_energy(power: np.ndarray) -> float:
    """Mean frame energy of the active frames of power (T, F)."""
    return float(power.sum(axis=1, dtype=np.float64)[active_frames(power)].mean())
