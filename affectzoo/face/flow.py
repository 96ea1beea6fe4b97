"""Faces followed from one frame to the next by optical flow, where no mesh does it: cheap, needs OpenCV only."""

import cv2
import numpy as np

from affectzoo.face.detect import Faces, no_faces

#: Longest side of the pictures that are compared; points a side of the grid in a face; largest way back, as a share
#: of the face's side; fewest points that must come back. Ours.
SIDE, GRID, BACK, LEAST = 320, 6, 0.03, 0.4
_OPTIONS = {"winSize": (15, 15), "maxLevel": 3}


def small_grey(frame: np.ndarray) -> tuple[np.ndarray, float]:
    """What `follow` compares: (h, w) uint8 and its scale, of a frame (H, W, 3) uint8 RGB."""
    scale = min(1.0, SIDE / max(frame.shape[:2]))
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if scale < 1 else frame
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), scale


def follow(faces: Faces, before: np.ndarray, now: np.ndarray, scale: float) -> Faces:
    """The faces of the frame before, where they are now; those that are lost are left out.

    before, now: of `small_grey`. Points on a grid in each box are followed forwards and back (Lucas & Kanade 1981,
    the test of Kalal et al. 2010, Forward-Backward Error); those that come back give the movement, scale and
    rotation of boxes and points, by RANSAC. A face is lost when under 40 % of its points come back.
    """
    n = len(faces)
    if not n or before.shape != now.shape:
        return no_faces()
    side = (faces.boxes[:, 2:] - faces.boxes[:, :2]).mean(1)
    steps = (np.arange(GRID) + 0.5) / GRID
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(1, -1, 2)
    start = faces.boxes[:, None, :2] + grid * (faces.boxes[:, 2:] - faces.boxes[:, :2])[:, None]
    flat = (start * scale).reshape(-1, 1, 2).astype(np.float32)
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, flat, None, **_OPTIONS)
    back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None, **_OPTIONS)
    error = np.linalg.norm(back - flat, axis=-1).reshape(n, -1) / scale
    good = (found & again).reshape(n, -1).astype(bool) & (error < BACK * side[:, None])
    end = there.reshape(n, -1, 2) / scale
    moved = [_moved(faces.boxes[i], faces.points[i], start[i][good[i]], end[i][good[i]]) for i in range(n)]
    kept = [i for i in range(n) if good[i].mean() >= LEAST and moved[i] is not None]
    if not kept:
        return no_faces()
    boxes, points = (np.stack([moved[i][k] for i in kept]).astype(np.float32) for k in (0, 1))
    return Faces(boxes, faces.scores[kept], points)


def _moved(box: np.ndarray, points: np.ndarray, start: np.ndarray, end: np.ndarray):
    """(box, points) after the similarity transform that most of the pairs agree on; None when there is none."""
    if len(start) < 3:
        return None
    matrix, _ = cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=2.0)
    if matrix is None:
        return None
    scale = np.hypot(matrix[0, 0], matrix[1, 0])
    middle = matrix[:, :2] @ ((box[:2] + box[2:]) / 2) + matrix[:, 2]
    half = scale * (box[2:] - box[:2]) / 2
    return np.concatenate([middle - half, middle + half]), points @ matrix[:, :2].T + matrix[:, 2]
