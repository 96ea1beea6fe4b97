"""FaceTracks: from a picture, a film or a camera to aligned faces with stable ids, as the model's policy says."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.align import Geometry, align
from affectzoo.face.annotate import draw_recording
from affectzoo.face.detect import load_detector
from affectzoo.face.finding import FlowFinder, Found, MeshFinder
from affectzoo.face.tracking import Tracker
from affectzoo.face.video import Frames, open_frames
from affectzoo.inference.tracks import Piece
from affectzoo.schema import from_dict
from affectzoo.structures.table import PredictionTable

NO_FACE = "no face was found"
MODALITIES = ("face", "blendshapes")
FOLLOWING = ("flow", "mesh")


@dataclass(frozen=True)
class FacePolicy:
    """How faces are found; the model's `find`, stored with its checkpoint.

    detector, options: of `detect.load_detector`. every: frames from one detection to the next, 1 for all. follow: what
    finds known faces in each frame between: 'flow' (OpenCV alone) or 'mesh' (needs the extra 'face'; its points are
    then those that faces are aligned by); '' is 'mesh' for a model that reads blendshapes and else 'flow'.
    geometry: of `align.Geometry`. max_faces: of one frame, the best ones. min_score: of a detection.
    max_gap_s: see `Tracker`.
    """

    detector: str = "centerface"
    options: dict[str, Any] = field(default_factory=dict)
    every: int = 3
    follow: str = ""
    geometry: Geometry = field(default_factory=Geometry)
    max_faces: int = 10
    min_score: float = 0.5
    max_gap_s: float = 0.5

    def __post_init__(self):
        if self.every < 1 or self.max_faces < 1:
            raise AffectZooError(f"find: every ({self.every}) and max_faces ({self.max_faces}) must be 1 or more")
        if self.follow not in ("", *FOLLOWING):
            raise UnknownNameError("way to follow a face", self.follow, FOLLOWING, "find: follow")


class FaceTracks:
    """Named by `tracks:` of the readers of pictures and films (see inference.tracks.SubjectTracks).

    policy: of FacePolicy. modalities: what the model reads, of 'face' (aligned crops (N, size, size, 3) uint8) and
    'blendshapes' (N, 52). Raises UnknownNameError for another key or modality, AffectZooError when a detector, its
    weights or its runtime is missing.
    """

    def __init__(self, policy: Mapping[str, Any], modalities: tuple[str, ...] = ("face",)):
        for modality in modalities:
            if modality not in MODALITIES:
                raise UnknownNameError("modality of a face track", modality, MODALITIES)
        self.policy, self.modalities = from_dict(FacePolicy, dict(policy), "find"), tuple(modalities)
        self._detector = load_detector(self.policy.detector, **self.policy.options)
        self._mesh = self._shapes = None
        if "blendshapes" in modalities or self.policy.follow == "mesh":
            from affectzoo.face.landmarks import BLENDSHAPES, Blendshapes, FaceMesh

            if self.policy.follow == "flow":
                raise AffectZooError("find: follow: blendshapes are read from the mesh, so it follows the faces too")
            self._mesh = FaceMesh()
            self._shapes = Blendshapes() if "blendshapes" in modalities else None
            self._names = {"blendshapes": BLENDSHAPES}

    def open(self, path: str | Path) -> tuple[float, float, Iterator[Piece]]:
        """(nominal rate in Hz, 0 for a picture; seconds, 0 when unknown; a piece a frame) of one source.

        path: a picture, a film, or 'camera:0'. Raises FileError at once or, for what shows only on the way (an end
        that is missing), after the frames before it.
        """
        source = open_frames(path)
        return source.rate_hz, source.seconds, self._pieces(source)

    def draw(self, path: str | Path, table: PredictionTable, key: str, out: str, show=None) -> Path:
        """The recording with the rows of `key` drawn in; see `annotate.draw_recording`."""
        return draw_recording(path, table, key, out, show)

    def _pieces(self, source: Frames) -> Iterator[Piece]:
        tracker, finder = Tracker(self.policy.max_gap_s), self._finder()
        with closing(source.ahead()) as frames:
            for frame, t_s in frames:
                found = finder.find(frame)
                ids = tracker.update(found.faces.boxes, t_s)
                yield self._piece(frame, t_s, found, ids)

    def _finder(self) -> FlowFinder | MeshFinder:
        p = self.policy
        if self._mesh is None:
            return FlowFinder(self._detector, p.every, p.max_faces, p.min_score)
        return MeshFinder(self._detector, self._mesh, p.every, p.max_faces, p.min_score)

    def _piece(self, frame: np.ndarray, t_s: float, found: Found, ids: list[str]) -> Piece:
        if not ids:
            return Piece(t_s, [""], {}, np.full((1, 5), np.nan), NO_FACE)
        order = sorted(range(len(ids)), key=lambda i: int(ids[i].removeprefix("face")))
        faces = found.faces[order]
        signals, names = {}, {}
        if "face" in self.modalities:
            signals["face"] = align(frame, faces.points, self.policy.geometry)
        if self._shapes is not None:
            signals["blendshapes"], names = self._shapes(found.mesh[order]), self._names
        sizes = faces.boxes[:, 2:] - faces.boxes[:, :2]
        place = np.concatenate([faces.boxes[:, :2], sizes, faces.scores[:, None]], 1)
        return Piece(t_s, [ids[i] for i in order], signals, place, names=names)
