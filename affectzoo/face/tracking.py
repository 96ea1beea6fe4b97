"""Which face is which from frame to frame: boxes are matched by overlap, ids stay over short gaps."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from affectzoo.errors import AffectZooError
from affectzoo.face.detect import overlaps

#: Share of a new movement in a track's velocity, the rest is the old one. Ours.
_NEW = 0.5


class Tracker:
    """Gives each box the id of the track that it goes on: 'face0', 'face1', ... in order of appearance.

    Every track's centre is expected to go on at its velocity (exponential mean); boxes and expected boxes are matched
    as a whole so that the sum of their overlaps is greatest (Hungarian assignment, as in SORT, Bewley et al. 2016).
    min_iou: less overlap is another face. max_gap_s: a track that was not seen for longer has ended. Both ours.
    Memory: one box a living track.
    """

    def __init__(self, max_gap_s: float = 0.5, min_iou: float = 0.2):
        if not (max_gap_s >= 0 and 0 < min_iou <= 1):
            raise AffectZooError(f"tracker: max_gap_s {max_gap_s} must be 0 or more, min_iou {min_iou} in 0 to 1")
        self.max_gap_s, self.min_iou = max_gap_s, min_iou
        self._ids = np.zeros(0, int)
        self._boxes, self._speed, self._seen_s = np.zeros((0, 4)), np.zeros((0, 2)), np.zeros(0)
        self._next, self._now_s = 0, -np.inf

    def update(self, boxes: np.ndarray, t_s: float) -> list[str]:
        """Ids of the boxes (n, 4) x0 y0 x1 y1 of the frame at t_s, which must not run backwards.

        The order of the boxes does not matter: new ids go from left to right. Raises AffectZooError for an earlier
        t_s or another shape.
        """
        boxes = np.asarray(boxes, float)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise AffectZooError(f"boxes must be (n, 4) x0 y0 x1 y1, got {boxes.shape}")
        if t_s < self._now_s:
            raise AffectZooError(f"frames must come in order of time: {t_s:g} s after {self._now_s:g} s")
        self._now_s = t_s
        self._keep(t_s - self._seen_s <= self.max_gap_s + 1e-9)
        gap = t_s - self._seen_s
        expected = self._boxes + np.tile(self._speed * gap[:, None], 2)
        shared = overlaps(expected, boxes)
        old, new = linear_sum_assignment(shared, maximize=True)
        fits = shared[old, new] >= self.min_iou
        old, new = old[fits], new[fits]
        self._move(old, boxes[new], t_s)
        ids = np.full(len(boxes), -1)
        ids[new] = self._ids[old]
        fresh = np.flatnonzero(ids < 0)
        fresh = fresh[np.lexsort(boxes[fresh].T[::-1])]
        ids[fresh] = self._next + np.arange(len(fresh))
        self._begin(ids[fresh], boxes[fresh], t_s)
        return [f"face{i}" for i in ids]

    def _keep(self, alive: np.ndarray) -> None:
        self._ids, self._boxes = self._ids[alive], self._boxes[alive]
        self._speed, self._seen_s = self._speed[alive], self._seen_s[alive]

    def _move(self, old: np.ndarray, boxes: np.ndarray, t_s: float) -> None:
        gap = np.maximum(t_s - self._seen_s[old], 1e-3)[:, None]
        speed = (_middle(boxes) - _middle(self._boxes[old])) / gap
        first = (self._speed[old] == 0).all(1, keepdims=True)  # a track of one box has no velocity to keep
        self._speed[old] = np.where(first, speed, _NEW * speed + (1 - _NEW) * self._speed[old])
        self._boxes[old], self._seen_s[old] = boxes, t_s

    def _begin(self, ids: np.ndarray, boxes: np.ndarray, t_s: float) -> None:
        n = len(ids)
        self._ids, self._boxes = np.append(self._ids, ids), np.concatenate([self._boxes, boxes])
        self._speed = np.concatenate([self._speed, np.zeros((n, 2))])
        self._seen_s = np.append(self._seen_s, np.full(n, t_s))
        self._next += n


def _middle(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, :2] + boxes[:, 2:]) / 2
