"""Prosody as model input: frames beside those of LogMel, cached as every Transform's."""

import numpy as np
import torch

from affectzoo.speech.features import LogMel, check_audio, frame_mask
from affectzoo.speech.prosody.frames import FRAME_RATE, HOP, RATE
from affectzoo.speech.prosody.tracks import centred, follow, resample
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import Transform

#: f0_st: semitones from the utterance's median pitch, 0 where unvoiced. voicing: periodicity in 0..1. voiced: 0 or 1.
#: level_db: dB from the mean level of speech, -60 at least. f0_delta, level_delta: their change in 10 ms, from a line
#: through five frames; f0_delta is 0 where one of the five is unvoiced.
COLUMNS = ("f0_st", "voicing", "voiced", "level_db", "f0_delta", "level_delta")
LOWEST_DB = -60.0
#: Frames on each side of a delta's middle.
REACH = 2


class Prosody(Transform):
    """Audio (N,) at any rate to frames (T, 6) float32 at 100 Hz, T = 1 + N' // 160 at 16 kHz, named as COLUMNS.

    Frame t is centred on second t / 100, as LogMel's with hop_ms=10. Gain changes nothing, but the rounding of the
    file's samples. Raises AffectZooError as LogMel does.
    """

    version = 1

    def __call__(self, signal: Signal) -> Signal:
        """Transform one audio signal; see the class."""
        audio = torch.from_numpy(np.array(resample(check_audio(signal), signal.rate_hz)))[None]
        lengths = torch.tensor([audio.shape[1]])
        with torch.no_grad():
            tracks, _ = follow(centred(audio, lengths), lengths)
        data = _columns(
            tracks.f0_hz[0].numpy(), tracks.voicing[0].numpy(), tracks.level_db[0].numpy(), tracks.speech[0]
        )
        mask = frame_mask(signal, len(data), HOP / RATE)
        return Signal(data, FRAME_RATE, signal.t0_s, mask, COLUMNS)


class LogMelProsody(Transform):
    """LogMel's frames and Prosody's side by side: (T, n_mels + 6) at 100 Hz, named mel00, mel01, ..., then COLUMNS.

    Arguments as LogMel's; with trim, both leave out the same frames.
    """

    version = 1

    def __init__(
        self,
        n_mels: int = 64,
        win_ms: float = 25.0,
        f_min: float = 50.0,
        f_max: float = 7600.0,
        floor: float = 1e-8,
        level: str = "utterance",
        trim: bool = False,
    ):
        self.n_mels, self.win_ms, self.f_min, self.f_max = n_mels, win_ms, f_min, f_max
        self.floor, self.level, self.trim = floor, level, trim
        self._mel = LogMel(RATE, n_mels, 1000 / FRAME_RATE, win_ms, f_min, f_max, floor, level, trim)
        self._prosody = Prosody()

    @property
    def spec(self) -> dict:
        """Identity with the versions of both parts."""
        return {**super().spec, "parts": [LogMel.version, Prosody.version]}

    def __call__(self, signal: Signal) -> Signal:
        """Transform one audio signal; see the class."""
        mel, prosody = self._mel(signal), self._prosody(signal).data
        first = round((mel.t0_s - signal.t0_s) * FRAME_RATE)
        data = np.concatenate([mel.data, prosody[first : first + len(mel)]], axis=1)
        names = (*(f"mel{k:02d}" for k in range(self.n_mels)), *COLUMNS)
        return Signal(data, mel.rate_hz, mel.t0_s, mel.mask, names)


def _columns(f0: np.ndarray, voicing: np.ndarray, level: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """(T, 6) of tracks (T,)."""
    voiced = np.isfinite(f0)
    tones = 12 * np.log2(np.where(voiced, f0, 1.0))
    tones = np.where(voiced, tones - (np.median(tones[voiced]) if voiced.any() else 0.0), 0.0)
    heard = speech if speech.any() else np.ones(len(level), bool)
    mean = 10 * np.log10(np.mean(10 ** (level[heard].astype(float) / 10)))
    level = np.maximum(level - mean, LOWEST_DB)
    whole = _windows(voiced).all(axis=1)
    columns = (tones, voicing, voiced, level, np.where(whole, _delta(tones), 0.0), _delta(level))
    return np.stack(columns, axis=1).astype(np.float32)


def _windows(x: np.ndarray) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(np.pad(x, REACH, mode="edge"), 2 * REACH + 1)


def _delta(x: np.ndarray) -> np.ndarray:
    """Slope of the least-squares line through five frames."""
    place = np.arange(-REACH, REACH + 1)
    return _windows(x) @ (place / np.square(place).sum())
