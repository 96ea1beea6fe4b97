"""Detectors: decoding, suppression and bad input without weights; real pictures with them."""

import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weightkit import need_litert, need_weights

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.face import blazeface, centerface, litert
from affectzoo.face.detect import Faces, check_frames, groups, load_detector, no_faces, overlaps, suppress


def need(name):
    (need_weights if name == "centerface" else need_litert)("centerface" if name == "centerface" else "face_landmarker")


def slow_overlap(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(w, 0) * max(h, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0.0


def slow_suppress(boxes, scores, limit):
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if all(slow_overlap(boxes[i], boxes[j]) <= limit for j in kept):
            kept.append(i)
    return kept


numbers = st.integers(0, 12)


@given(
    st.lists(st.tuples(numbers, numbers, numbers, numbers, st.integers(1, 4)), max_size=12), st.sampled_from([0.2, 0.5])
)
def test_suppression_is_the_textbook_loop(rows, limit):
    data = np.array(rows, float).reshape(-1, 5)
    boxes, scores = np.concatenate([data[:, :2], data[:, :2] + data[:, 2:4]], 1), data[:, 4]
    np.testing.assert_allclose(overlaps(boxes, boxes), [[slow_overlap(a, b) for b in boxes] for a in boxes] or 0)
    kept = suppress(boxes, scores, limit)
    assert sorted(kept) == sorted(slow_suppress(boxes, scores, limit))
    assert (np.diff(scores[kept]) <= 0).all()
    owner = groups(boxes, scores, limit)
    assert set(owner) == set(kept) and (scores[owner] >= scores).all()


def test_centerface_decodes_a_planted_face():
    heat, size = np.full((8, 10), 0.1), np.zeros((2, 8, 10))
    offset, points = np.zeros((2, 8, 10)), np.zeros((10, 8, 10))
    heat[3, 6], size[:, 3, 6], offset[:, 3, 6] = 0.9, np.log([5, 3]), [0.25, -0.5]  # 20 high, 12 wide
    points[:, 3, 6] = [0.4, 0.3, 0.4, 0.7, 0.6, 0.5, 0.8, 0.35, 0.8, 0.65]  # y, x
    faces = centerface.decode(heat, size, offset, points, 0.5)
    centre = np.array([(6 - 0.5 + 0.5) * 4, (3 + 0.25 + 0.5) * 4])
    np.testing.assert_allclose(faces.boxes, [[*(centre - [6, 10]), *(centre + [6, 10])]], rtol=1e-6)
    np.testing.assert_allclose(faces.points[0, 0], faces.boxes[0, :2] + [0.3 * 12, 0.4 * 20], rtol=1e-6)
    np.testing.assert_allclose(faces.points[0, 4], faces.boxes[0, :2] + [0.65 * 12, 0.8 * 20], rtol=1e-6)
    assert faces.scores == pytest.approx([0.9]) and len(centerface.decode(heat, size, offset, points, 0.95)) == 0


@pytest.mark.parametrize(
    ("frame", "limit", "size"),
    [
        ((720, 1280), 320, (192, 320)),
        ((224, 224), 320, (224, 224)),
        ((8, 8), 320, (32, 32)),
        ((3000, 20), 320, (320, 32)),
    ],
)
def test_the_size_of_centerfaces_input(frame, limit, size):
    assert centerface.input_size(*frame, limit) == size


def test_blazeface_anchors_and_decoding():
    centres = blazeface.anchors()
    assert centres.shape == (896, 2)
    assert centres[:4].tolist() == [[4, 4], [4, 4], [12, 4], [12, 4]] and centres[512].tolist() == [8, 8]
    assert centres[-1].tolist() == [120, 120] and len(np.unique(centres[512:], axis=0)) == 64
    raw = np.zeros((896, 16), np.float32)
    raw[3] = [1, -2, 10, 20, *range(12)]
    boxes, points = blazeface.decode(raw, centres)
    assert boxes[3].tolist() == [13 - 5, 2 - 10, 13 + 5, 2 + 10] and points[3, 5].tolist() == [12 + 10, 4 + 11]


def test_blazeface_merges_a_group_by_its_scores():
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [1, 0, 11, 10]], np.float32)
    points = np.arange(36, dtype=np.float32).reshape(3, 6, 2)
    merged, scores, where = blazeface.merge(boxes, np.array([0.6, 0.7, 0.8], np.float32), points, 0.3)
    assert scores.tolist() == pytest.approx([0.8, 0.7])
    np.testing.assert_allclose(merged[0], [0.8 / 1.4, 0, 10 + 0.8 / 1.4, 10], rtol=1e-6)
    np.testing.assert_allclose(where[0], (0.6 * points[0] + 0.8 * points[2]) / 1.4, rtol=1e-6)
    np.testing.assert_allclose(where[1], points[1], rtol=1e-6)


def test_blazeface_mouth_corners_follow_the_eyes_line():
    six = np.array([[[0, 0], [0, 10], [5, 5], [-8, 5], [0, 0], [0, 0]]], np.float32)  # turned by 90 degrees
    five = blazeface.five_points(six)[0]
    np.testing.assert_allclose(five, [[0, 0], [0, 10], [5, 5], [-8, 1], [-8, 9]], atol=1e-6)


@pytest.mark.parametrize("shape", [(720, 1280), (50, 20), (8, 8), (1, 300)])
def test_letterbox_maps_points_back(shape):
    frame = np.zeros((*shape, 3), np.uint8)
    frame[shape[0] // 2 :] = 255
    values, shift, scale = blazeface.letterbox(frame)
    assert values.shape == (1, 128, 128, 3) and values.dtype == np.float32 and -1 <= values.min() <= values.max() <= 1
    corner = np.array([shape[1], shape[0]]) * scale + shift
    assert (shift >= 0).all() and (corner <= 128.001).all() and max(corner - shift) == pytest.approx(128)
    inside = values[0, :, int(shift[0]), 0] > 0
    if shape[0] > 40:
        edge = shape[0] // 2 * scale[1] + shift[1]
        assert abs(int(inside.argmax()) - edge) <= 1


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((8, 8), np.uint8), "array of shape"),
        (np.zeros((8, 8, 3), np.uint8), "into a list"),
        ([np.zeros((8, 8), np.uint8)], "grey"),
        ([np.zeros((8, 8, 4), np.uint8)], "picture 0 must be"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 0, 3), np.uint8)], "picture 1 must be"),
        ([np.zeros((8, 8, 3), np.uint16)], "uint16"),
        ([np.zeros((8, 8, 3))], "float64"),
        (["a.png"], "got str"),
    ],
)
def test_what_is_no_picture_is_refused(frames, message):
    with pytest.raises(AffectZooError, match=message):
        check_frames(frames)


def test_faces_check_their_shapes_and_can_be_picked():
    faces = Faces(np.zeros((3, 4)), np.arange(3.0), np.zeros((3, 5, 2)))
    assert faces[faces.scores > 0].scores.tolist() == [1, 2] and len(faces[:1]) == 1 and len(no_faces()) == 0
    with pytest.raises(AffectZooError, match="boxes"):
        Faces(np.zeros((3, 4)), np.zeros(2), np.zeros((3, 5, 2)))


def test_names_and_options_are_checked_before_weights_are_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("AFFECTZOO_CACHE", str(tmp_path))
    monkeypatch.setenv("AFFECTZOO_OFFLINE", "1")
    with pytest.raises(UnknownNameError, match="Did you mean 'centerface'"):
        load_detector("centreface")
    with pytest.raises(UnknownNameError, match="max_side"):
        load_detector("centerface", maxside=3)
    for options in ({"max_side": 8}, {"min_score": 0.0}, {"max_overlap": 2.0}):
        with pytest.raises(AffectZooError, match="got"):
            load_detector("centerface", **options)
    with pytest.raises(AffectZooError, match="min_score"):
        load_detector("blazeface", min_score=1.0)
    with pytest.raises(AffectZooError, match="affectzoo weights add FILE"):
        load_detector("centerface")


def test_a_missing_runtime_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(AffectZooError, match=r"affectzoo\[face\]"):
        load_detector("blazeface")


def test_a_bundle_without_the_network_is_named(monkeypatch, tmp_path):
    pytest.importorskip("ai_edge_litert")
    with zipfile.ZipFile(tmp_path / "b.task", "w") as z:
        z.writestr("other", b"")
    monkeypatch.setattr(litert, "foreign_weights", lambda _: tmp_path / "b.task")
    with pytest.raises(FileError, match="holds no face_detector.tflite"):
        load_detector("blazeface")
    with pytest.raises(AffectZooError, match="num_threads"):
        load_detector("blazeface", num_threads=0)


@pytest.mark.parametrize("name", ["centerface", "blazeface"])
def test_empty_and_tiny_pictures_have_no_face(name, capfd):
    need(name)
    detector = load_detector(name)
    frames = [np.zeros((8, 8, 3), np.uint8), np.full((1, 1, 3), 200, np.uint8), np.zeros((40, 300, 3), np.uint8)]
    assert [len(f) for f in detector(frames)] == [0, 0, 0] and detector([]) == []
    assert detector(np.zeros((0, 9, 9, 3), np.uint8)) == []
    assert capfd.readouterr().err == ""


@pytest.mark.data
@pytest.mark.parametrize("name", ["centerface", "blazeface"])
def test_real_faces_are_found_where_their_pupils_are(name, data_root):
    import cv2

    need(name)
    folder = data_root / "face_london"
    marks = np.load(folder / "landmarks_neutral.npz", allow_pickle=False)
    subjects, pupils = [str(s) for s in marks["subject"][:40:4]], marks["xy"][:40:4, :2]
    frames = [cv2.imread(str(folder / "img" / f"{s[-3:]}_neutral.jpg"))[..., ::-1] for s in subjects]
    found = load_detector(name)(np.stack(frames))
    assert [len(f) for f in found] == [1] * len(frames)
    eyes = np.stack([f.points[0, :2] for f in found])
    distance = np.linalg.norm(pupils[:, 0] - pupils[:, 1], axis=1)
    ordered = np.take_along_axis(pupils, np.argsort(pupils[..., 0], 1)[..., None], 1)
    error = np.linalg.norm(eyes - ordered, axis=-1).max(1) / distance
    assert error.max() < 0.12, error
    for f in found:
        left, right, nose, corner_left, corner_right = f.points[0]
        assert left[0] < nose[0] < right[0] and nose[1] < corner_left[1] and corner_left[0] < corner_right[0]


@pytest.mark.data
@pytest.mark.parametrize("name", ["centerface", "blazeface"])
def test_frames_of_different_sizes_and_several_faces(name, data_root):
    import cv2

    need(name)
    face = cv2.imread(str(data_root / "face_london" / "img" / "001_neutral.jpg"))[..., ::-1]
    pair = np.concatenate([face, face[:, ::-1]], 1)
    detector = load_detector(name)
    one, two, large = detector([face, pair, cv2.resize(face, None, fx=3, fy=3)])
    assert (len(one), len(two), len(large)) == (1, 2, 1)
    np.testing.assert_allclose(large.boxes / 3, one.boxes, atol=6)
    for a, b in zip(
        two.boxes[np.argsort(two.boxes[:, 0])], [one.boxes[0], one.boxes[0] + [224, 0, 224, 0]], strict=True
    ):
        assert np.abs((a - b)[[1, 3]]).max() < 12
