"""Readers of pictures and videos: files become face signals of (T, H, W, 3) uint8 RGB.

Pre-cropped mode: the whole frame is taken as the face; nothing is detected or aligned here.
"""

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from affectzoo.errors import FileError
from affectzoo.face.align import crop_square
from affectzoo.face.picture import read_picture
from affectzoo.face.video import PICTURES, open_film
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


def read_shapes(path: str | Path) -> dict[str, Signal]:
    """{'face', 'blendshapes': Signal (T, 52)} of a pre-cropped picture or video; needs the extra 'face'.

    The whole frame is the region in which the mesh is looked for; frames without a mesh are masked. Raises FileError as
    the two readers do, and when no frame has a mesh.
    """
    from affectzoo.face.finding import MESH_SCORE
    from affectzoo.face.landmarks import BLENDSHAPES, Blendshapes, FaceMesh

    face = (read_image if Path(path).suffix.lower() in PICTURES else read_video)(path)["face"]
    height, width = face.data.shape[1:3]
    centre, side = ((width - 1) / 2, (height - 1) / 2), max(height, width)
    mesh, shapes = FaceMesh(), Blendshapes()
    values, good = np.zeros((len(face), len(BLENDSHAPES)), np.float32), np.zeros(len(face), bool)
    for i, frame in enumerate(face.data):
        points, score = mesh(crop_square(frame, centre, side, 0.0)[None])
        good[i] = score[0] >= MESH_SCORE
        values[i] = shapes(points)[0] if good[i] else 0
    if not good.any():
        raise FileError(path, "no face was found (its mesh is looked for in the whole picture)")
    mask = None if good.all() else good
    return {"face": face, "blendshapes": Signal(values, face.rate_hz, mask=mask, names=BLENDSHAPES)}


def _smaller(frame: np.ndarray, max_side: int) -> np.ndarray:
    scale = max_side / max(frame.shape[:2])
    if scale >= 1:
        return frame
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
