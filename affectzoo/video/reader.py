"""Readers of clips with a face and a voice: both signals start at second 0 of the recording.

The frames of a film are read by the face family's reader. Its sound comes from a side-car (clip.wav beside
clip.mp4) when there is one, else from the film itself, which needs PyAV (`pip install 'affectzoo[video]'`).
"""

import zipfile
from pathlib import Path

import numpy as np

from affectzoo.errors import FileError, UnknownNameError
from affectzoo.face.reader import read_video as read_frames
from affectzoo.speech.reader import read_audio
from affectzoo.structures.signal import Signal

#: Sound and picture may differ in length by so much; more means that they do not belong together. Ours.
TOLERANCE_S = 1.0
ARRAYS = ("face", "face_rate_hz", "audio", "audio_rate_hz")


def read_npz(path: str | Path) -> dict[str, Signal]:
    """{'face': Signal (T, H, W, 3) uint8 RGB, 'audio': Signal (N,) float32} from the four arrays of ARRAYS.

    Raises FileError naming the array that is missing, pickled, or of another shape, type or rate.
    """
    arrays = _load_arrays(path)
    face, audio = arrays["face"], arrays["audio"]
    if face.ndim != 4 or face.shape[-1] != 3 or face.dtype != np.uint8 or not face.size:
        raise FileError(path, f"array 'face' must be (T, H, W, 3) uint8, got {face.shape} {face.dtype}")
    if audio.ndim != 1 or not np.issubdtype(audio.dtype, np.floating) or not audio.size:
        raise FileError(path, f"array 'audio' must be (N,) of floats in [-1, 1], got {audio.shape} {audio.dtype}")
    rates = {name: _rate(path, name, arrays[name]) for name in ("face_rate_hz", "audio_rate_hz")}
    return _together(
        path, Signal(face, rates["face_rate_hz"]), Signal(audio.astype(np.float32), rates["audio_rate_hz"])
    )


def read_video(path: str | Path) -> dict[str, Signal]:
    """{'face': frames, 'audio': mono sound} of a film; without any sound track, the face alone.

    Raises FileError when frames or sound cannot be decoded, when PyAV is needed and not installed, or when
    sound and picture differ in length by more than a second.
    """
    path = Path(path)
    face, side_car = read_frames(path)["face"], path.with_suffix(".wav")
    audio = read_audio(side_car)["audio"] if side_car.exists() else _sound_track(path)
    return {"face": face} if audio is None else _together(path, face, audio)


def _load_arrays(path: str | Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in ARRAYS if name not in file.files]
            if missing:
                raise FileError(
                    path,
                    str(UnknownNameError("array", missing[0], file.files)).replace("unknown", "missing", 1),
                )
            return {name: file[name] for name in ARRAYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
        if isinstance(e, FileError):
            raise
        raise FileError(path, f"is not a readable npz without pickled objects ({e})") from None


def _rate(path: str | Path, name: str, value: np.ndarray) -> float:
    if value.size != 1 or not np.issubdtype(value.dtype, np.number) or not 0 < float(value.reshape(-1)[0]) < 1e6:
        raise FileError(path, f"array {name!r} must be one positive number, got {value!r}")
    return float(value.reshape(-1)[0])


def _together(path: str | Path, face: Signal, audio: Signal) -> dict[str, Signal]:
    gap = abs(face.duration_s - audio.duration_s)
    if gap > TOLERANCE_S:
        raise FileError(
            path,
            f"sound ({audio.duration_s:.2f} s) and picture ({face.duration_s:.2f} s) differ by "
            f"{gap:.2f} s; at most {TOLERANCE_S} s is accepted",
        )
    return {"face": face, "audio": audio}


def _sound_track(path: Path) -> Signal | None:
    """The first sound track, mono float32 at its own rate, on the picture's clock; None without one."""
    try:
        import av
    except ModuleNotFoundError:
        raise FileError(
            path,
            "its sound needs PyAV: install 'affectzoo[video]', "
            f"or put the sound beside it as {path.with_suffix('.wav').name}",
        ) from None
    try:
        with av.open(str(path)) as film:
            if not film.streams.audio:
                return None
            stream = film.streams.audio[0]
            mono = av.AudioResampler(format="flt", layout="mono", rate=stream.rate)
            frames = [f for frame in film.decode(stream) for f in mono.resample(frame)] + mono.resample(None)
            start = _start(stream) - (_start(film.streams.video[0]) if film.streams.video else 0.0)
            rate = float(stream.rate)
    except av.error.FFmpegError as e:
        raise FileError(path, f"its sound cannot be decoded ({e})") from None
    if not frames:
        raise FileError(path, "has a sound track without samples")
    audio = np.concatenate([f.to_ndarray().reshape(-1) for f in frames])
    return Signal(_shift(audio, round(start * rate)), rate)


def _start(stream) -> float:
    """Second at which a stream starts on the film's clock."""
    return float(stream.start_time * stream.time_base) if stream.start_time is not None else 0.0


def _shift(audio: np.ndarray, samples: int) -> np.ndarray:
    """Sound that starts late gets silence in front; what lies before the picture is cut."""
    if samples >= 0:
        return np.concatenate([np.zeros(samples, audio.dtype), audio])
    return audio[-samples:]
