"""Face detectors behind one interface: pictures in, boxes with scores and five points out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.schema import check_arguments

#: A detector takes pictures and gives the faces of each.
Detector = Callable[[Sequence[np.ndarray] | np.ndarray], "list[Faces]"]

#: Name -> class. Its arguments are the detector's options.
DETECTORS = {
    "centerface": "affectzoo.face.centerface.CenterFace",
    "blazeface": "affectzoo.face.blazeface.BlazeFace",
}


@dataclass(frozen=True)
class Faces:
    """The n faces of one picture, best first.

    boxes: (n, 4) float32, x0 y0 x1 y1 in pixels of the picture; they may reach over its edge.
    scores: (n,) float32 in [0, 1].
    points: (n, 5, 2) float32, x y in pixels: eye at the image's left, eye at its right, tip of the nose, corner of
        the mouth at the image's left, at its right.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray

    def __post_init__(self):
        n = len(self.scores)
        if self.boxes.shape != (n, 4) or self.points.shape != (n, 5, 2) or self.scores.shape != (n,):
            found = f"{self.boxes.shape}, {self.scores.shape}, {self.points.shape}"
            raise AffectZooError(f"faces need boxes (n, 4), scores (n,) and points (n, 5, 2), got {found}")

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: np.ndarray | slice | list[int]) -> "Faces":
        """Some of the faces: a slice, indices or a bool mask (n,)."""
        return Faces(self.boxes[index], self.scores[index], self.points[index])


def no_faces() -> Faces:
    """A picture without a face."""
    return Faces(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


def load_detector(name: str, **options) -> Detector:
    """A detector by name, with its options.

    Raises UnknownNameError for a name or option that is not there, AffectZooError when its package or its weights
    are missing; the message says how they are had.
    """
    if name not in DETECTORS:
        raise UnknownNameError("face detector", name, DETECTORS)
    module, _, cls = DETECTORS[name].rpartition(".")
    target = getattr(import_module(module), cls)
    check_arguments(target, options, f"face detector {name}", skip=0)
    return target(**options)


def check_frames(frames: Sequence[np.ndarray] | np.ndarray) -> list[np.ndarray]:
    """The pictures as a list. Raises AffectZooError unless each is (H, W, 3) uint8 with H, W > 0."""
    if isinstance(frames, np.ndarray) and frames.ndim != 4:
        raise AffectZooError(
            f"a detector takes pictures (N, H, W, 3) or a list of (H, W, 3), got one array of shape {frames.shape}"
            + ("; put the picture into a list" if frames.ndim == 3 else "")
        )
    for i, frame in enumerate(frames):
        shape = getattr(frame, "shape", None)
        if not isinstance(frame, np.ndarray) or frame.ndim != 3 or shape[2] != 3 or not frame.size:
            grey = " (grey? repeat the channel three times)" if shape is not None and len(shape) == 2 else ""
            raise AffectZooError(f"picture {i} must be (H, W, 3) RGB, got {shape or type(frame).__name__}{grey}")
        if frame.dtype != np.uint8:
            raise AffectZooError(f"picture {i} must be uint8 in 0 to 255, got {frame.dtype}")
    return list(frames)


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, m) intersection over union of boxes (n, 4) with others (m, 4), x0 y0 x1 y1; 0 where both are empty."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clip(0).prod(-1)
    areas = [(b[:, 2:] - b[:, :2]).clip(0).prod(-1) for b in (boxes, others)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def groups(boxes: np.ndarray, scores: np.ndarray, limit: float) -> np.ndarray:
    """(n,) for each box the index of the best one of its group: greedy, as in non-maximum suppression.

    The best box that is left takes all that are left and overlap it (intersection over union) by more than `limit`.
    Equal scores: the earlier box is the better one. The overlaps are computed at once, the loop is over groups.
    """
    order = np.argsort(-scores, kind="stable")
    clash = overlaps(boxes[order], boxes[order]) > limit
    np.fill_diagonal(clash, True)  # an empty box overlaps nothing, not even itself
    owner, left = np.zeros(len(order), int), np.ones(len(order), bool)
    while left.any():
        best = left.argmax()
        owner[order[left & clash[best]]] = order[best]
        left &= ~clash[best]
    return owner


def suppress(boxes: np.ndarray, scores: np.ndarray, limit: float) -> np.ndarray:
    """Indices of the boxes (n, 4) that non-maximum suppression keeps, best first; see `groups`."""
    kept = np.unique(groups(boxes, scores, limit))
    return kept[np.argsort(-scores[kept], kind="stable")]
