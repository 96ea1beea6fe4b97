"""BlazeFace, short range (Bazarevsky et al. 2019, arXiv:1907.05047), out of MediaPipe's bundle.

The graph's constants (anchors, score limit, weighted suppression) are facts of MediaPipe's face_detector_graph.cc.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.face.detect import Faces, check_frames, groups, no_faces
from affectzoo.face.litert import Network

#: Side of the network's input in pixels.
SIDE = 128
#: (cells of a side, anchors a cell) of its feature maps: stride 8 with 2 anchors, and three layers of stride 16.
GRIDS = ((16, 2), (8, 6))
#: The network's six points: eye at the image's left, right, nose, mouth's middle, ear at the left, right.
_EYES_NOSE = slice(0, 3)
#: How far the mouth's corners lie from its middle, as a share of the distance of the eyes (ours; adults about .4).
MOUTH_SHARE = 0.4


class BlazeFace:
    """Detector (see `affectzoo.face.detect`) for faces near the camera: the fastest; misses small faces.

    min_score: lowest score of a face, in (0, 1). max_overlap: boxes with a greater intersection over union are one
    face, whose box and points are their mean weighted by score (section 4.2 of the paper). num_threads: of the runtime.
    The network sees the whole picture in 128 pixels, so a face below about a tenth of the longer side is missed. It
    gives the middle of the mouth only; its corners are set from the eyes' line and distance (ours, for alignment).
    """

    def __init__(self, min_score: float = 0.5, max_overlap: float = 0.3, num_threads: int = 1):
        if not 0 < min_score < 1 or not 0 <= max_overlap <= 1:
            raise AffectZooError(
                f"min_score must be in (0, 1) and max_overlap in [0, 1], got {min_score}, {max_overlap}"
            )
        self.min_score, self.max_overlap = min_score, max_overlap
        self._net = Network("face_detector.tflite", num_threads)
        self._anchors = anchors()

    def __call__(self, frames: Sequence[np.ndarray] | np.ndarray) -> list[Faces]:
        """Faces of each picture (H, W, 3) uint8 RGB, best first; sizes may differ. Raises AffectZooError for others."""
        return [self._detect(frame) for frame in check_frames(frames)]

    def _detect(self, frame: np.ndarray) -> Faces:
        values, shift, scale = letterbox(frame)
        out = self._net(values)
        boxes, points = decode(out["regressors"][0], self._anchors)
        scores = sigmoid(out["classificators"][0, :, 0])
        sure = scores >= self.min_score
        if not sure.any():
            return no_faces()
        boxes, scores, points = merge(boxes[sure], scores[sure], points[sure], self.max_overlap)
        return Faces((boxes - np.tile(shift, 2)) / np.tile(scale, 2), scores, five_points((points - shift) / scale))


def letterbox(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(H, W, 3) -> (1, 128, 128, 3) float32 in [-1, 1], aspect kept, black borders; shift (2,) and scale (2,), x y.

    A point p of the picture is at p * scale + shift in the input.
    """
    size = np.array([frame.shape[1], frame.shape[0]])
    fitted = np.maximum(1, np.round(size * SIDE / size.max())).astype(int)
    small = cv2.resize(frame, fitted.tolist(), interpolation=cv2.INTER_AREA if size.max() > SIDE else cv2.INTER_LINEAR)
    left, top = (SIDE - fitted) // 2
    out = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    out[0, top : top + fitted[1], left : left + fitted[0]] = small
    shift = np.array([left, top], np.float32)
    return out.astype(np.float32) / 127.5 - 1, shift, (fitted / size).astype(np.float32)


def anchors() -> np.ndarray:
    """(896, 2) x y in pixels of the input: centres of the cells, row by row, each as often as it has anchors."""
    parts = []
    for cells, count in GRIDS:
        centres = (np.arange(cells, dtype=np.float32) + 0.5) * (SIDE / cells)
        x, y = np.meshgrid(centres, centres)
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), count, axis=0))
    return np.concatenate(parts)


def decode(regressors: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(896, 16) of the network and anchors (896, 2) -> boxes (896, 4) and points (896, 6, 2) in pixels of the input.

    A row holds x y of the box's centre, width, height, then x y of six points; all positions relative to the anchor.
    """
    middle, half = regressors[:, :2] + centres, regressors[:, 2:4] / 2
    points = regressors[:, 4:].reshape(-1, 6, 2) + centres[:, None]
    return np.concatenate([middle - half, middle + half], 1), points


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Scores in (0, 1), float32; logits are clipped to +-100 as in MediaPipe's graph."""
    return (1 / (1 + np.exp(-logits.astype(np.float64).clip(-100, 100)))).astype(np.float32)


def merge(
    boxes: np.ndarray, scores: np.ndarray, points: np.ndarray, limit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One face for each group of overlapping ones, best first: the group's mean weighted by score, its best score."""
    owner = groups(boxes, scores, limit)
    best = np.unique(owner)
    best = best[np.argsort(-scores[best], kind="stable")]
    weights = (owner[None] == best[:, None]) * scores
    weights = weights / weights.sum(1, keepdims=True)
    merged = (weights @ points.reshape(len(points), -1)).reshape(-1, *points.shape[1:])
    return (weights @ boxes).astype(np.float32), scores[best], merged.astype(np.float32)


def five_points(points: np.ndarray) -> np.ndarray:
    """(n, 6, 2) of the network -> (n, 5, 2) of `Faces`; the corners of the mouth lie along the eyes' line."""
    half = MOUTH_SHARE * (points[:, 1] - points[:, 0])
    corners = np.stack([points[:, 3] - half, points[:, 3] + half], 1)
    return np.concatenate([points[:, _EYES_NOSE], corners], 1)
