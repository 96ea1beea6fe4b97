"""CenterFace: faces as points of a heat map (Xu et al. 2020, Scientific Programming 7845384), run by OpenCV's dnn."""

from collections.abc import Sequence

import cv2
import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.face.detect import Faces, check_frames, no_faces, suppress
from affectzoo.zoo.foreign import foreign_weights

#: Pixels of the network's input per cell of its heat map (section 3.1 of the paper).
STRIDE = 4
#: The network halves its input five times, so sides must be multiples of this.
_MULTIPLE = 32
_OUTPUTS = ("537", "538", "539", "540")  # heat map, log sizes, offsets, points


class CenterFace:
    """Detector (see `affectzoo.face.detect`) of 1.8 M parameters; finds small faces, needs no package beside OpenCV.

    max_side: a longer side is scaled down to this many pixels before detection (ours; time grows with its square and
        faces under about 12 pixels of what is left are missed). min_score: lowest score of a face, in (0, 1).
    max_overlap: two boxes with a greater intersection over union are one face.
    OpenCV's network is not thread-safe: one object a thread.
    """

    def __init__(self, max_side: int = 320, min_score: float = 0.5, max_overlap: float = 0.3):
        if max_side < _MULTIPLE or not 0 < min_score < 1 or not 0 <= max_overlap <= 1:
            raise AffectZooError(
                f"max_side must be at least {_MULTIPLE}, min_score in (0, 1) and max_overlap in [0, 1], "
                f"got {max_side}, {min_score}, {max_overlap}"
            )
        self.max_side, self.min_score, self.max_overlap = max_side, min_score, max_overlap
        self._net = cv2.dnn.readNetFromONNX(str(foreign_weights("centerface")))

    def __call__(self, frames: Sequence[np.ndarray] | np.ndarray) -> list[Faces]:
        """Faces of each picture (H, W, 3) uint8 RGB, best first; sizes may differ. Raises AffectZooError for others."""
        return [self._detect(frame) for frame in check_frames(frames)]

    def _detect(self, frame: np.ndarray) -> Faces:
        height, width = input_size(*frame.shape[:2], self.max_side)
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
        self._net.setInput(cv2.dnn.blobFromImage(small))  # the network takes RGB as it is, 0 to 255
        heat, size, offset, points = self._net.forward(_OUTPUTS)
        faces = decode(heat[0, 0], size[0], offset[0], points[0], self.min_score)
        scale = np.array([frame.shape[1] / width, frame.shape[0] / height], np.float32)
        faces = Faces(faces.boxes * np.tile(scale, 2), faces.scores, faces.points * scale)
        return faces[suppress(faces.boxes, faces.scores, self.max_overlap)]


def input_size(height: int, width: int, max_side: int) -> tuple[int, int]:
    """Height and width of the network's input: no longer than `max_side`, aspect kept, rounded to multiples of 32.

    Rounding stretches a picture a little; boxes and points are scaled back by the same two factors.
    """
    scale = min(1.0, max_side / max(height, width))
    return tuple(max(1, round(s * scale / _MULTIPLE)) * _MULTIPLE for s in (height, width))


def decode(heat: np.ndarray, size: np.ndarray, offset: np.ndarray, points: np.ndarray, min_score: float) -> Faces:
    """Maps of the network -> faces in pixels of its input, before suppression.

    heat: (h, w) scores. size: (2, h, w) logarithm of height and width in cells. offset: (2, h, w) of the centre,
    y then x, in cells. points: (10, h, w) five pairs y, x as shares of the box from its upper left corner.
    """
    rows, columns = np.nonzero(heat > min_score)
    if not len(rows):
        return no_faces()
    sides = np.exp(size[::-1, rows, columns].T) * STRIDE  # (n, 2) width, height
    cells = np.stack([columns, rows], 1) + offset[::-1, rows, columns].T
    low = (cells + 0.5) * STRIDE - sides / 2
    shares = points[:, rows, columns].T.reshape(-1, 5, 2)[..., ::-1]
    boxes = np.concatenate([low, low + sides], 1).astype(np.float32)
    return Faces(
        boxes, heat[rows, columns].astype(np.float32), (low[:, None] + shares * sides[:, None]).astype(np.float32)
    )
