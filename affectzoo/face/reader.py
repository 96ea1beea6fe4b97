"""Readers of pictures and videos: files become face signals of (T, H, W, 3) uint8 RGB.

Pre-cropped mode: the whole frame is taken as the face; nothing is detected or aligned here.
"""

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from affectzoo.errors import FileError
from affectzoo.face.picture import read_picture
from affectzoo.face.video import open_film
from affectzoo.structures.signal import Signal

#: A longer side is scaled down to this many pixels while a video is read; faces are analysed at 64 to 224.
MAX_SIDE = 256
#: More frames than this are refused (about 1 GB at 256 x 170): cut the file into parts.
MAX_FRAMES = 9000


def read_image(path: str | Path) -> dict[str, Signal]:
    """{'face': Signal (1, H, W, 3)} of a png, jpg or bmp (see `picture.read_picture`); rate 1.0."""
    return {"face": Signal(read_picture(path)[None], 1.0)}


def read_video(path: str | Path, max_side: int = MAX_SIDE, max_frames: int = MAX_FRAMES) -> dict[str, Signal]:
    """{'face': Signal (T, H, W, 3)} at the file's nominal frame rate.

    Frames whose longer side exceeds `max_side` pixels are scaled down (area averaging, aspect kept). A
    variable frame rate is read as if it were constant. Raises FileError when nothing can be decoded, the rate
    is missing, the file ends early or has more than `max_frames` frames.
    """
    film, frames = open_film(path), []
    with closing(film.frames) as decoded:
        for frame, _ in decoded:
            if len(frames) == max_frames:
                raise FileError(path, f"has more than {max_frames} frames; cut it into parts")
            frames.append(_smaller(frame, max_side))
    return {"face": Signal(np.stack(frames), film.rate_hz)}


def _smaller(frame: np.ndarray, max_side: int) -> np.ndarray:
    scale = max_side / max(frame.shape[:2])
    if scale >= 1:
        return frame
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
