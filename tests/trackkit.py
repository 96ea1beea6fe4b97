"""Pictures and films of drawn faces on black, and a stand-in detector that finds them without weights."""

import cv2
import numpy as np

from affectzoo.face.detect import Faces, no_faces
from affectzoo.face.drawing import au_matrix, draw_faces

#: Where eyes, nose and corners of the mouth lie in a drawn square, in shares of its side.
POINTS = np.array([[0.37, 0.42], [0.63, 0.42], [0.5, 0.55], [0.42, 0.66], [0.58, 0.66]])
FIND = {"detector": "blobs", "every": 1, "geometry": {"size": 64, "eye_y": 0.42, "eye_distance": 0.26}}


class Blobs:
    """A detector: every connected area that is not black, of at least `least` pixels a side, is a face."""

    calls = 0

    def __init__(self, least: int = 12):
        self.least = least

    def __call__(self, frames):
        Blobs.calls += len(frames)
        return [self._faces(f) for f in frames]

    def _faces(self, frame):
        _, _, stats, _ = cv2.connectedComponentsWithStats((frame.max(2) > 40).astype(np.uint8))
        x, y, w, h, area = stats[1:].T
        keep = (w >= self.least) & (h >= self.least) & (area > 0.6 * w * h)
        if not keep.any():
            return no_faces()
        low, size = np.stack([x, y], 1)[keep], np.stack([w, h], 1)[keep]
        boxes = np.concatenate([low, low + size], 1).astype(np.float32)
        scores = (0.9 + 0.0001 * (x[keep] % 100)).astype(np.float32)
        return Faces(boxes, scores, (low[:, None] + POINTS * size[:, None]).astype(np.float32))


def register(monkeypatch):
    """Make `blobs` a detector for this test."""
    from affectzoo.face import detect

    monkeypatch.setitem(detect.DETECTORS, "blobs", "trackkit.Blobs")
    Blobs.calls = 0


def scene(places, size=(160, 240), side=64, smile=0.0, seed=0):
    """A frame (H, W, 3) with a drawn face of person i at places[i] (x, y of its upper left corner)."""
    frame = np.zeros((*size, 3), np.uint8)
    for i, (x, y) in enumerate(places):
        face = draw_faces(au_matrix({12: smile}), identity_seed=i + seed, size=side)[0]
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + side, size[1]), min(y + side, size[0])
        if x1 > x0 and y1 > y0:
            frame[y0:y1, x0:x1] = np.maximum(face[y0 - y : y1 - y, x0 - x : x1 - x], 50)
    return frame


def write_clip(path, frames, fps=25.0, codec="mp4v"):
    """A film of these frames (H, W, 3) RGB."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def save_picture(path, frame):
    """A picture of a frame (H, W, 3) RGB."""
    assert cv2.imwrite(str(path), np.ascontiguousarray(frame[..., ::-1]))
    return path


def face_predictor(granularity="clip", **find):
    """An untrained small_cnn that finds faces with the stand-in detector."""
    import torch

    from affectzoo.inference.predictor import Predictor
    from affectzoo.zoo.factory import create_model

    torch.manual_seed(0)
    model = create_model("face/small_cnn", "ekman6+vad", granularity=granularity, width=8, dim=16)
    model.find = {**FIND, **find}
    return Predictor(model)
