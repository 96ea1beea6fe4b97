"""Readers of pictures and videos: files become face signals of (T, H, W, 3) uint8 RGB.

Pre-cropped mode: the whole frame is taken as the face; nothing is detected or aligned here.
"""

import os
from pathlib import Path

import cv2
import numpy as np

from affectzoo.errors import FileError
from affectzoo.structures.signal import Signal

# A broken file is told by our own errors; OpenCV and FFmpeg would add lines to stderr that do not name it.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
if "OPENCV_LOG_LEVEL" not in os.environ:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

#: A longer side is scaled down to this many pixels while a video is read; faces are analysed at 64 to 224.
MAX_SIDE = 256
#: More frames than this are refused (about 1 GB at 256 x 170): cut the file into parts.
MAX_FRAMES = 9000
#: Text that the decoder would follow to other files, whatever this one is called.
_PLAYLISTS = (b"ffconcat", b"#EXTM3U")


def read_image(path: str | Path) -> dict[str, Signal]:
    """{'face': Signal (1, H, W, 3)} of a png, jpg or bmp; rate 1.0.

    Grey becomes three equal channels, transparency is dropped, 16 bits become 8, EXIF rotation is applied.
    Raises FileError when the file is not such a picture or is cut off.
    """
    raw = _read(path)
    image = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR) if raw else None
    if _is_cut_off(raw):
        raise FileError(path, "the picture is truncated (its end is missing)")
    if image is None:
        raise FileError(path, "is not a readable picture (png, jpg or bmp expected)")
    return {"face": Signal(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)[None], 1.0)}


def _read(path: str | Path, size: int = -1) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read(size)
    except OSError as e:
        raise FileError(path, f"cannot be read ({e.strerror})") from None


def _is_cut_off(raw: bytes) -> bool:
    """True when the format's own end mark or size says that bytes are missing; decoders fill up silently."""
    if raw.startswith(b"\x89PNG"):
        return b"IEND" not in raw[-64:]
    if raw.startswith(b"BM"):
        return len(raw) < int.from_bytes(raw[2:6], "little")
    if raw.startswith(b"\xff\xd8"):
        return raw.find(b"\xff\xd9", _jpeg_scan(raw)) < 0
    return False


def _jpeg_scan(raw: bytes) -> int:
    """Offset of the first scan, past the segments: an EXIF thumbnail there has an end mark of its own."""
    at = 2
    while at + 4 <= len(raw) and raw[at] == 0xFF and raw[at + 1] != 0xDA:
        at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return at


def read_video(path: str | Path, max_side: int = MAX_SIDE, max_frames: int = MAX_FRAMES) -> dict[str, Signal]:
    """{'face': Signal (T, H, W, 3)} at the file's nominal frame rate.

    Frames whose longer side exceeds `max_side` pixels are scaled down (area averaging, aspect kept). A
    variable frame rate is read as if it were constant. Raises FileError when nothing can be decoded, the rate
    is missing, the file ends early or has more than `max_frames` frames.
    """
    if _read(path, 16).startswith(_PLAYLISTS):
        raise FileError(path, "is a playlist that names other files, not a video")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise FileError(path, "is not a readable video (broken, truncated or an unknown codec)")
        rate, promised = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        frames = _decode(capture, path, max_side, max_frames)
    finally:
        capture.release()
    if not frames:
        raise FileError(path, "has no frames that can be decoded")
    if not (np.isfinite(rate) and 0 < rate <= 1000):
        raise FileError(path, f"has no usable frame rate ({rate})")
    if promised - len(frames) > max(2, 0.05 * promised):
        raise FileError(path, f"is truncated: {len(frames)} of {promised} frames can be decoded")
    return {"face": Signal(np.stack(frames), float(rate))}


def _decode(capture: cv2.VideoCapture, path: str | Path, max_side: int, max_frames: int) -> list[np.ndarray]:
    frames: list[np.ndarray] = []
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames
        if len(frames) == max_frames:
            raise FileError(path, f"has more than {max_frames} frames; cut it into parts")
        scale = max_side / max(frame.shape[:2])
        if scale < 1:
            size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
