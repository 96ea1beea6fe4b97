"""Audio files become signals: any rate, any number of channels, mono out, native rate kept."""

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
    try:
        with sf.SoundFile(path) as f:
            rate, declared = f.samplerate, f.frames - (MP3_FRAME if f.format == "MP3" else 0)
            missing = _missing_bytes(path, f.format)
            data = f.read(dtype="float32", always_2d=True)
    except sf.LibsndfileError as e:
        # for what looks like an mp3 and is none, libsndfile says that there is no such file
        why = "" if "does not exist" in e.error_string else f" ({e.error_string.rstrip('.')})"
        raise FileError(path, f"cannot be decoded as audio{why}") from None
    except (OSError, RuntimeError) as e:
        raise FileError(path, f"cannot be read ({e})") from None
    if missing:
        raise FileError(path, f"is truncated: its header promises {missing} bytes more")
    if len(data) < declared:
        raise FileError(path, f"is truncated: {len(data)} of about {declared} samples can be read")
    if not len(data):
        raise FileError(path, "holds no samples")
    audio = data.mean(axis=1, dtype=np.float32)
    if not np.isfinite(audio).all():
        raise FileError(path, f"holds {int((~np.isfinite(audio)).sum())} samples that are NaN or infinite")
    return {"audio": Signal(audio, float(rate))}


def _missing_bytes(path: Path, container: str) -> int:
    """How many bytes of a wav file's audio are not there.

    libsndfile shortens a cut wav without a word. A length of 0 or 0xFFFFFFFF is what a stream writes whose
    end was not known; it promises nothing.
    """
    if container not in ("WAV", "WAVEX"):
        return 0
    with path.open("rb") as f:
        f.seek(12)
        while len(head := f.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                there = path.stat().st_size - f.tell()
                return 0 if size in (0, 0xFFFFFFFF) else max(0, size - there)
            f.seek(size + size % 2, 1)
    return 0
