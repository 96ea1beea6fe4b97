"""The faces of one frame after the other: detected now and then, followed in between."""

from dataclasses import dataclass

import numpy as np

from affectzoo.face.align import back_to_frame, crop_square, square_matrix
from affectzoo.face.detect import Detector, Faces, overlaps, suppress
from affectzoo.face.flow import follow, small_grey
from affectzoo.face.landmarks import roi_from_points

#: A detected face that overlaps a followed one by more is that one; meshes that do are of one face. Ours.
SAME = 0.3
#: The mesh network's own word for "this is a face", as in MediaPipe.
MESH_SCORE = 0.5
#: Points of the mesh: corners of the eye at the image's left and right, tip of the nose, corners of the mouth.
_LEFT_EYE, _RIGHT_EYE, _NOSE, _MOUTH = (33, 133), (362, 263), 1, (61, 291)


@dataclass(frozen=True)
class Found:
    """Faces of one frame; mesh: (n, 478, 3) in pixels of the frame, None where no mesh is made."""

    faces: Faces
    mesh: np.ndarray | None = None


class FlowFinder:
    """The detector on every `every`-th frame and on those where a face was lost; optical flow between."""

    def __init__(self, detector: Detector, every: int, max_faces: int, min_score: float):
        self._detector, self._every, self._most, self._least = detector, every, max_faces, min_score
        self._count, self._faces, self._grey = 0, None, None

    def find(self, frame: np.ndarray) -> Found:
        """Faces of the next frame (H, W, 3) uint8 RGB."""
        grey, scale = small_grey(frame) if self._every > 1 else (None, 1.0)
        faces = None
        if self._count % self._every and self._faces is not None and len(self._faces):
            faces = follow(self._faces, self._grey, grey, scale)
            if len(faces) < len(self._faces):
                faces = None
        if faces is None:
            faces = detect(self._detector, frame, self._most, self._least)
        self._count, self._faces, self._grey = self._count + 1, faces, grey
        return Found(faces)


class MeshFinder:
    """The mesh in every frame, around the mesh of the frame before (as MediaPipe's face landmarker does).

    The detector adds faces, on every `every`-th frame, when one was lost, and while there is none. Boxes are those
    of the mesh, and so are the five points: eyes are the middle between their corners.
    """

    def __init__(self, detector: Detector, mesh, every: int, max_faces: int, min_score: float):
        self._detector, self._mesh, self._every = detector, mesh, every
        self._most, self._least = max_faces, min_score
        self._count, self._points = 0, None

    def find(self, frame: np.ndarray) -> Found:
        """Faces of the next frame (H, W, 3) uint8 RGB, with their mesh."""
        known = 0 if self._points is None else len(self._points)
        due = self._count % self._every == 0 or not known
        found = self._meshes(frame, detect_too=due)
        if not due and len(found.faces) < known:
            self._points = found.mesh
            found = self._meshes(frame, detect_too=True)
        self._count, self._points = self._count + 1, found.mesh
        return found

    def _meshes(self, frame: np.ndarray, detect_too: bool) -> Found:
        regions = [roi_from_points(self._points)] if self._points is not None and len(self._points) else []
        if detect_too:
            new = detect(self._detector, frame, self._most, self._least)
            if regions:
                new = new[overlaps(new.boxes, _boxes(self._points)).max(1) < SAME]
            regions.append(roi_from_points(new.points))  # better centred than the detector's box
        centre, side, angle = (np.concatenate(parts) for parts in zip(*regions, strict=True))
        patches = [crop_square(frame, *region) for region in zip(centre, side, angle, strict=True)]
        points, score = self._mesh(np.stack(patches) if patches else np.zeros((0, 256, 256, 3), np.uint8))
        mesh = np.empty_like(points)
        for i, region in enumerate(zip(centre, side, angle, strict=True)):
            mesh[i, :, :2] = back_to_frame(points[i, :, :2], square_matrix(*region))
            mesh[i, :, 2] = points[i, :, 2] * side[i] / 256
        good = np.flatnonzero(score >= MESH_SCORE)
        kept = good[suppress(_boxes(mesh[good]), score[good], SAME)][: self._most]
        return Found(Faces(_boxes(mesh[kept]), score[kept], five_points(mesh[kept])), mesh[kept])


def detect(detector: Detector, frame: np.ndarray, most: int, least: float) -> Faces:
    """The `most` best faces with a score of at least `least`."""
    (faces,) = detector([frame])
    faces = faces[faces.scores >= least]
    return faces[np.argsort(-faces.scores, kind="stable")[:most]]


def five_points(mesh: np.ndarray) -> np.ndarray:
    """(n, 5, 2) points as a detector gives them from meshes (n, 478, 3)."""
    eyes = [mesh[:, pair, :2].mean(1) for pair in (_LEFT_EYE, _RIGHT_EYE)]
    return np.stack([*eyes, mesh[:, _NOSE, :2], *(mesh[:, i, :2] for i in _MOUTH)], 1).astype(np.float32)


def _boxes(mesh: np.ndarray) -> np.ndarray:
    return np.concatenate([mesh[..., :2].min(1), mesh[..., :2].max(1)], 1).astype(np.float32)
