import os
from pathlib import Path

import numpy as np
import pytest
from trackkit import FIND, POINTS, Blobs, register, save_picture, scene, write_clip

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.detect import Faces
from affectzoo.face.finding import MeshFinder, five_points
from affectzoo.face.flow import follow, small_grey
from affectzoo.face.tracks import FaceTracks


@pytest.fixture(autouse=True)
def detector(monkeypatch):
    register(monkeypatch)


def pieces_of(path, **policy):
    return list(FaceTracks({**FIND, **policy}).open(path)[2])


def test_pieces_have_crops_places_and_ids_in_order(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", [scene([(120 - i, 30), (10 + i, 60)]) for i in range(6)])
    rate, seconds, pieces = FaceTracks(FIND).open(clip)
    pieces = list(pieces)
    assert rate == pytest.approx(25) and seconds == pytest.approx(6 / 25) and len(pieces) == 6
    for i, piece in enumerate(pieces):
        assert piece.tracks == ["face0", "face1"] and piece.error == ""
        assert piece.signals["face"].shape == (2, 64, 64, 3) and piece.signals["face"].dtype == np.uint8
        assert piece.place[:, 0] == pytest.approx([10 + i, 120 - i], abs=2)
        assert piece.t_s == pytest.approx(i / 25)


def test_the_geometry_decides_where_the_eyes_lie(tmp_path):
    face = np.zeros((200, 200, 3), np.uint8)
    face[40:140, 40:140] = 60
    for x, y in 40 + 100 * POINTS[:2]:
        face[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4] = 255
    path = save_picture(tmp_path / "a.png", face)
    for eye_y, distance in ((0.4, 0.3), (0.3, 0.4)):
        (piece,) = pieces_of(path, geometry={"size": 100, "eye_y": eye_y, "eye_distance": distance})
        rows, columns = np.nonzero(piece.signals["face"][0, ..., 0] > 180)
        # the mouth of POINTS is nearer than the average one, so the fit gives way a little
        assert rows.mean() / 100 == pytest.approx(eye_y, abs=0.03)
        assert np.abs(columns[columns > 50].mean() - columns[columns < 50].mean()) / 100 == pytest.approx(
            distance, abs=0.05
        )


def test_max_faces_and_min_score(tmp_path):
    path = save_picture(tmp_path / "a.png", scene([(70 * i, 40) for i in range(5)], (160, 360)))
    assert len(pieces_of(path, max_faces=3)[0].tracks) == 3
    (none,) = pieces_of(path, min_score=0.99)
    assert none.error == "no face was found" and none.tracks == [""] and np.isnan(none.place).all()


@pytest.mark.parametrize(
    ("policy", "error", "message"),
    [
        ({"evry": 2}, UnknownNameError, "evry.*every"),
        ({"every": 0}, AffectZooError, "every"),
        ({"detector": "blob"}, UnknownNameError, "blobs"),
        ({"follow": "flows"}, UnknownNameError, "flow"),
        ({"geometry": {"size": 2}}, AffectZooError, "geometry"),
    ],
)
def test_a_policy_that_is_wrong_says_where(policy, error, message):
    with pytest.raises(error, match=message):
        FaceTracks({**FIND, **policy})


def test_modalities_that_are_not_there():
    with pytest.raises(UnknownNameError, match="audio"):
        FaceTracks(FIND, ("audio",))
    with pytest.raises(AffectZooError, match="follow"):
        pytest.importorskip("ai_edge_litert")
        FaceTracks({**FIND, "follow": "flow"}, ("face", "blendshapes"))


def test_flow_follows_a_moving_growing_face_and_loses_one_that_has_gone():
    before, scale = small_grey(scene([(30, 40)]))
    faces = Blobs()([scene([(30, 40)])])[0]
    now, _ = small_grey(scene([(35, 43)]))
    moved = follow(faces, before, now, scale)
    assert moved.boxes[0] == pytest.approx(faces.boxes[0] + [5, 3, 5, 3], abs=1)
    assert moved.points[0] == pytest.approx(faces.points[0] + [5, 3], abs=1)
    gone, _ = small_grey(np.random.default_rng(0).integers(0, 255, (160, 240, 3), np.uint8))
    assert len(follow(faces, before, gone, scale)) == 0


class Mesh:
    """Stands in for the mesh: finds the bright square in a patch and spreads 478 points over it."""

    def __init__(self):
        self.calls = 0

    def __call__(self, patches):
        self.calls += len(patches)
        grid = np.stack(np.meshgrid(np.linspace(0, 1, 22), np.linspace(0, 1, 22)), -1).reshape(-1, 2)[:478]
        grid[[33, 263]] = [[0, 0.4], [1, 0.4]]
        points, score = np.zeros((len(patches), 478, 3), np.float32), np.zeros(len(patches), np.float32)
        for i, patch in enumerate(patches):
            rows, columns = np.nonzero(patch.max(2) > 40)
            score[i] = len(rows) > 500
            if score[i]:
                low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
                points[i, :, :2] = low + grid * (high - low)
        return points, score


def test_the_mesh_follows_and_the_detector_is_asked_when_it_must_be():
    finder, counts, boxes = MeshFinder(Blobs(), Mesh(), every=10, max_faces=5, min_score=0.5), [], []
    for i in range(30):
        places = [(10 + i, 40)] if i < 13 else [] if i < 16 else [(100, 50)]
        found = finder.find(scene(places))
        counts.append(Blobs.calls)
        boxes.append(found.faces.boxes)
    asked = np.flatnonzero(np.diff([0, *counts])).tolist()
    assert asked == [0, 10, 13, 14, 15, 16, 20]
    assert [len(b) for b in boxes] == [1] * 13 + [0] * 3 + [1] * 14
    for i in range(13):
        assert boxes[i][0] == pytest.approx([10 + i, 40, 74 + i, 104], abs=4)


def test_a_new_face_is_found_at_the_next_detection_and_none_is_there_twice():
    finder, counts = MeshFinder(Blobs(), Mesh(), every=4, max_faces=5, min_score=0.5), []
    for i in range(10):
        counts.append(len(finder.find(scene([(5, 90)] + [(170, 5)] * (i > 1), (160, 240))).faces))
    assert counts == [1] * 4 + [2] * 6


def test_five_points_of_a_mesh_are_those_of_a_detector():
    mesh = np.zeros((1, 478, 3), np.float32)
    mesh[0, [33, 133, 362, 263, 1, 61, 291], :2] = [[0, 0], [2, 0], [6, 1], [8, 1], [4, 4], [2, 7], [6, 7]]
    points = five_points(mesh)
    assert points[0].tolist() == [[1, 0], [7, 1], [4, 4], [2, 7], [6, 7]]
    Faces(np.zeros((1, 4), np.float32), np.zeros(1, np.float32), points)


@pytest.mark.data
@pytest.mark.skipif("AFFECTZOO_DATA" not in os.environ, reason="AFFECTZOO_DATA is not set: the real clip is not there")
def test_real_clip_with_what_weights_are_there():
    clip = Path(os.environ["AFFECTZOO_DATA"]) / "video_samples" / "WolfgangLanger_Pexels.mp4"
    try:
        tracks = FaceTracks({"every": 5}, ("face",))
    except AffectZooError as e:
        pytest.skip(f"no detector: {e}")
    _, _, pieces = tracks.open(clip)
    first = [next(pieces) for _ in range(12)]
    pieces.close()
    assert all(p.tracks == ["face0"] for p in first)
    assert all(abs(p.place[0, 0] - 320) < 40 and 180 < p.place[0, 2] < 260 for p in first)
