"""Audio piece by piece: the `stream:` of the audio reader (see inference.stream.SignalStream)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from affectzoo.errors import AffectZooError, FileError
from affectzoo.speech.activity import SpeechActivity
from affectzoo.speech.reader import MP3_FRAME, decoding, missing_bytes, mono
from affectzoo.zoo.base import Transform

#: More channels than this are samples: the chunk is transposed. Ours.
MOST_CHANNELS = 64
NO_SPEECH = "no speech"
#: Seconds of a file that are in memory at once, besides the window. Ours.
CHUNK_S = 10


class AudioStream:
    """Chunks of any length to mono audio (N,) float32, at the rate that the model's transform works at.

    rate_hz: of the chunks. transform: what will be applied to the windows; when it has a `sample_rate` the audio
    is resampled to it once, here (soxr, the same numbers as resampling the whole), so that overlapping windows
    need not. A chunk is (N,) or (N, channels); float in [-1, 1], integers are divided by their full scale.
    """

    def __init__(self, rate_hz: float, transform: Transform):
        if not 0 < rate_hz < float("inf"):
            raise AffectZooError(f"rate_hz must be positive, got {rate_hz!r}")
        self.source_hz, self.rate_hz = float(rate_hz), float(getattr(transform, "sample_rate", rate_hz))
        same = self.source_hz == self.rate_hz
        self._resampler = None if same else soxr.ResampleStream(self.source_hz, self.rate_hz, 1, "float32", "HQ")
        self._activity = SpeechActivity(self.rate_hz)
        self._taken = 0

    @staticmethod
    def open(path: Path) -> tuple[float, float, Iterator[np.ndarray]]:
        """(rate in Hz, seconds, chunks (N, channels)) of a file; a chunk is ten seconds.

        Raises FileError like `read_audio`, at once or, for what shows only later (an end or samples that are
        missing, samples that are not numbers), after the chunks before it.
        """
        with decoding(path), sf.SoundFile(path) as f:
            return float(f.samplerate), f.frames / f.samplerate, _chunks(path)

    def feed(self, chunk: np.ndarray) -> np.ndarray:
        """What can be given after this chunk; resampling lags by up to 40 ms at 44.1 kHz, 115 ms at 8 kHz.

        Raises AffectZooError, and takes nothing of it, for a chunk that is not audio or not finite.
        """
        audio = self._mono(np.asarray(chunk))
        bad = _first_bad(audio)
        if bad is not None:
            raise AffectZooError(f"the sample at {(self._taken + bad) / self.source_hz:.3f} s is NaN or infinite")
        self._taken += len(audio)
        return audio if self._resampler is None else self._resampler.resample_chunk(audio)

    def finish(self) -> np.ndarray:
        """What resampling has held back."""
        nothing = np.zeros(0, np.float32)
        return nothing if self._resampler is None else self._resampler.resample_chunk(nothing, last=True)

    def hear(self, samples: np.ndarray) -> None:
        """The next samples that `feed` gave, in order, for the judgement of `silence`."""
        self._activity.hear(samples)

    def silence(self, window: np.ndarray) -> str:
        """'no speech' for a window that has none, after what was heard; '' otherwise."""
        return "" if self._activity.speaks(window) else NO_SPEECH

    @staticmethod
    def _mono(chunk: np.ndarray) -> np.ndarray:
        if chunk.ndim not in (1, 2) or (chunk.ndim == 2 and not 0 < chunk.shape[1] <= MOST_CHANNELS):
            raise AffectZooError(f"a chunk of audio is (N,) or (N, channels), time first; got {chunk.shape}")
        if chunk.dtype.kind == "i":
            chunk = chunk / np.float32(np.iinfo(chunk.dtype).max + 1)
        elif chunk.dtype.kind != "f":
            raise AffectZooError(f"a chunk of audio holds floats or signed integers, not {chunk.dtype}")
        audio = chunk if chunk.ndim == 1 else mono(chunk)
        return np.ascontiguousarray(audio, np.float32)


def _chunks(path: Path) -> Iterator[np.ndarray]:
    with decoding(path), sf.SoundFile(path) as f:
        rate, declared = f.samplerate, f.frames - (MP3_FRAME if f.format == "MP3" else 0)
        missing, read = missing_bytes(path, f.format), 0
        while len(chunk := _read(path, f, read / rate)):
            bad = _first_bad(chunk)
            if bad is not None:
                yield chunk[:bad]
                raise FileError(path, f"the sample at {(read + bad) / rate:.3f} s is NaN or infinite")
            read += len(chunk)
            yield chunk
    if missing:
        raise FileError(path, f"is truncated at {read / rate:.1f} s: at least {missing} bytes are missing at its end")
    if read < declared:
        raise FileError(path, f"is truncated: {read / rate:.1f} of about {declared / rate:.1f} s can be read")
    if not read:
        raise FileError(path, "holds no samples")


def _read(path: Path, f: sf.SoundFile, after_s: float) -> np.ndarray:
    """The next chunk (N, channels); an error says after how many seconds it came."""
    try:
        with decoding(path):
            return f.read(CHUNK_S * f.samplerate, dtype="float32", always_2d=True)
    except FileError as e:
        raise FileError(path, f"{e.reason}, after {after_s:.0f} s") from None


def _first_bad(audio: np.ndarray) -> int | None:
    """Number of the first sample that is not finite."""
    finite = np.isfinite(audio)
    if finite.all():
        return None
    return int(np.argmin(finite if audio.ndim == 1 else finite.all(axis=1)))
