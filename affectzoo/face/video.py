"""Frames with their own times from a video, a picture or a camera, decoded ahead and never held as a whole."""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from affectzoo.errors import AffectZooError, FileError
from affectzoo.face.picture import read_bytes, read_picture
from affectzoo.inference.ahead import run_ahead

# A broken file is told by our own errors; OpenCV and FFmpeg would add lines to stderr that do not name it.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
if "OPENCV_LOG_LEVEL" not in os.environ:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
#: Decoded frames that may wait for the consumer: 25 MB at 1920 x 1080. Ours.
AHEAD = 4
#: Text that the decoder would follow to other files, whatever this one is called.
_PLAYLISTS = (b"ffconcat", b"#EXTM3U")
_CAMERA = re.compile(r"camera:(\d+)")

#: A picture (H, W, 3) uint8 RGB and its time in seconds.
Frame = tuple[np.ndarray, float]


@dataclass(frozen=True)
class Frames:
    """Frames of one source, to be gone through once.

    rate_hz: nominal, of the file's header (a camera's own word); the frames' times are what counts. 0: a picture.
    count: how many the header promises; 0 when nobody knows. live: a camera, whose frames do not wait.
    """

    frames: Iterator[Frame]
    rate_hz: float
    count: int = 0
    live: bool = False

    @property
    def seconds(self) -> float:
        """How long it should last; 0 when nobody knows."""
        return self.count / self.rate_hz if self.rate_hz > 0 else 0.0

    def ahead(self) -> Iterator[Frame]:
        """The same frames, decoded in a thread; a camera's are dropped when the consumer is slower than it is."""
        return run_ahead(self.frames, AHEAD, self.live)


def open_frames(source: str | Path) -> Frames:
    """A picture or video file, or 'camera:0' for the first camera. Raises FileError as `open_film` does."""
    camera = _CAMERA.fullmatch(str(source))
    if camera and not Path(source).exists():
        return open_camera(int(camera[1]))
    if Path(source).suffix.lower() in PICTURES:
        return Frames(iter([(read_picture(source), 0.0)]), 0.0, 1)
    return open_film(source)


def open_film(path: str | Path) -> Frames:
    """The frames of a video file at the times that the file gives them, which need not be evenly spaced.

    A time that does not go on (a broken container) becomes the last one plus 1 / rate_hz. Raises FileError for a
    playlist and what is no video; while the frames are read, for a file without frames, without a usable rate, or
    whose end is missing (after the frames that are there).
    """
    if read_bytes(path, 16).startswith(_PLAYLISTS):
        raise FileError(path, "is a playlist that names other files, not a video")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        capture.release()
        raise FileError(path, "is not a readable video (broken, truncated or an unknown codec)")
    rate, promised = float(capture.get(cv2.CAP_PROP_FPS)), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return Frames(_film(capture, path, rate, promised), rate, max(promised, 0))


def open_camera(index: int) -> Frames:
    """A camera by its number, timed from its first frame. Raises AffectZooError when there is none."""
    capture = cv2.VideoCapture(index)
    if not capture.isOpened():
        capture.release()
        raise AffectZooError(f"camera:{index} cannot be opened: there is no such camera, or another program uses it")
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return Frames(_camera(capture), rate if np.isfinite(rate) and rate > 0 else 30.0, live=True)


def _film(capture: cv2.VideoCapture, path: str | Path, rate: float, promised: int) -> Iterator[Frame]:
    usable = np.isfinite(rate) and 0 < rate <= 1000
    decoded, last = 0, -1.0
    try:
        while True:
            ok, frame = capture.read()
            if not ok:
                break
            if not usable:
                raise FileError(path, f"has no usable frame rate ({rate})")
            t_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not (np.isfinite(t_s) and t_s > last):
                t_s = last + 1 / rate if decoded else 0.0
            decoded, last = decoded + 1, t_s
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), t_s
    finally:
        capture.release()
    if not decoded:
        raise FileError(path, "has no frames that can be decoded")
    reached = max(decoded, round(last * rate) + 1)  # some containers only promise a length, and frames may be uneven
    if promised - reached > max(2, 0.05 * promised):
        raise FileError(path, f"is truncated: {decoded} of {promised} frames can be decoded")


def _camera(capture: cv2.VideoCapture) -> Iterator[Frame]:
    start = None
    try:
        while True:
            ok, frame = capture.read()
            if not ok:
                return
            now = time.monotonic()
            start = now if start is None else start
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), now - start
    finally:
        capture.release()
