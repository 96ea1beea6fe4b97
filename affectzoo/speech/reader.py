"""Audio files become signals: any rate, any number of channels, mono out, native rate kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile as sf

from affectzoo.errors import FileError
from affectzoo.structures.signal import Signal

#: An mp3's length is known to a frame only.
MP3_FRAME = 1152


def read_audio(path: str | Path) -> dict[str, Signal]:
    """Read a wav, flac, mp3 or ogg file: {"audio": (T,) float32 at the file's own rate}.

    Channels are averaged. Integer formats lie in [-1, 1]; a float file may go beyond and is left as it is.
    Raises FileError when the file is not audio, ends before its header says, holds no samples or
    NaN/infinity.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(path, "no such file")
    with decoding(path), sf.SoundFile(path) as f:
        rate, declared = f.samplerate, f.frames - (MP3_FRAME if f.format == "MP3" else 0)
        missing = missing_bytes(path, f.format)
        data = f.read(dtype="float32", always_2d=True)
    if missing:
        raise FileError(path, f"is truncated: at least {missing} bytes are missing at its end")
    if len(data) < declared:
        raise FileError(path, f"is truncated: {len(data)} of about {declared} samples can be read")
    if not len(data):
        raise FileError(path, "holds no samples")
    audio = mono(data)
    bad = np.flatnonzero(~np.isfinite(audio))
    if len(bad):
        raise FileError(path, f"holds {len(bad)} samples that are NaN or infinite, the first at {bad[0] / rate:.3f} s")
    return {"audio": Signal(audio, float(rate))}


def mono(data: np.ndarray) -> np.ndarray:
    """The mean (N,) of the channels of (N, C) floats; a sum by channel is many times faster than one by sample."""
    return sum(data.T[1:], data[:, 0]) / np.float32(data.shape[1]) if data.shape[1] > 1 else data[:, 0]


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """What goes wrong with decoding inside is a FileError of this path."""
    try:
        yield
    except sf.LibsndfileError as e:
        # for what looks like an mp3 and is none, libsndfile says that there is no such file
        why = "" if "does not exist" in e.error_string else f" ({e.error_string.rstrip('.')})"
        raise FileError(path, f"cannot be decoded as audio{why}") from None
    except (OSError, RuntimeError) as e:
        raise FileError(path, f"cannot be read ({e})") from None


def missing_bytes(path: Path, container: str) -> int:
    """How many bytes are missing at the end of a wav or ogg file; libsndfile shortens those silently."""
    if container in ("WAV", "WAVEX"):
        return _missing_in_wav(path)
    return _missing_in_ogg(path) if container == "OGG" else 0


def _missing_in_wav(path: Path) -> int:
    """By the size of the data chunk; 0 or 0xFFFFFFFF is what a stream writes that did not know its length."""
    with path.open("rb") as f:
        f.seek(12)
        while len(head := f.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                there = path.stat().st_size - f.tell()
                return 0 if size in (0, 0xFFFFFFFF) else max(0, size - there)
            f.seek(size + size % 2, 1)
    return 0


def _missing_in_ogg(path: Path) -> int:
    """By the segment table of the last page (RFC 3533, section 6); a page has at most 65307 bytes."""
    with path.open("rb") as f:
        f.seek(max(0, path.stat().st_size - 65307))
        tail = f.read()
    page = tail[tail.rfind(b"OggS") :]
    table = page[27 : 27 + page[26]] if len(page) > 26 else b""
    complete = len(page) > 26 and len(table) == page[26]
    return max(0, 27 + len(table) + sum(table) - len(page)) if complete else 1
