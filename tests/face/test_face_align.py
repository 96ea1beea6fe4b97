import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError
from affectzoo.face.align import MOUTH, Geometry, align, back_to_frame, crop_square, similarities, square_matrix

GEOMETRY = Geometry(64, 0.4, 0.35)


def face_points(centre, distance, angle=0.0, ratio=MOUTH):
    """Five points of a face whose eyes' middle is `centre`; the nose is put where it would spoil the fit."""
    d = distance
    upright = np.array([[-d / 2, 0], [d / 2, 0], [500, 500], [-d / 4, ratio * d], [d / 4, ratio * d]])
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(centre) + upright @ np.array([[c, s], [-s, c]])


def apply(matrix, points):
    return points @ matrix[:, :2].T + matrix[:, 2]


def oracle(points, geometry):
    """Least squares over (a, b, tx, ty) as a linear system."""
    src = np.vstack([points[:2], points[3:5].mean(0)])
    rows = [r for x, y in src for r in ([x, -y, 1, 0], [y, x, 0, 1])]
    a, b, tx, ty = np.linalg.lstsq(np.array(rows), geometry.template.ravel(), rcond=None)[0]
    return np.array([[a, -b, tx], [b, a, ty]])


@settings(max_examples=50, deadline=None)
@given(
    st.floats(-500, 500),
    st.floats(-500, 500),
    st.floats(3, 800),
    st.floats(-np.pi, np.pi),
    st.floats(0.7, 2),
)
def test_least_squares_as_a_linear_system_gives_them(x, y, distance, angle, ratio):
    points = face_points((x, y), distance, angle, ratio)
    (matrix,) = similarities(points[None], GEOMETRY)
    assert np.allclose(matrix, oracle(points, GEOMETRY), atol=1e-6)
    if abs(ratio - MOUTH) < 1e-12:
        assert np.allclose(apply(matrix, points[:2]), GEOMETRY.template[:2], atol=1e-6)


def test_eyes_lie_where_the_geometry_says_whatever_size_and_turn_the_face_has():
    faces = np.stack([face_points((100, 80), 30, 0.4), face_points((-20, 300), 7, -2.0)])
    for matrix, points in zip(similarities(faces, GEOMETRY), faces, strict=True):
        eyes = apply(matrix, points[:2])
        assert eyes[:, 1] == pytest.approx([0.4 * 64 - 0.5] * 2)
        assert eyes[:, 0] == pytest.approx([(0.5 - 0.175) * 64 - 0.5, (0.5 + 0.175) * 64 - 0.5])


def test_a_turned_head_is_not_blown_up():
    front, turned = face_points((0, 0), 40), face_points((0, 0), 10, ratio=MOUTH * 4)
    scale = [np.hypot(*m[:, 0]) for m in similarities(np.stack([front, turned]), GEOMETRY)]
    assert scale[1] < 1.3 * scale[0]


@pytest.mark.parametrize("distance", [12.0, 40.0, 300.0])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_painted_eyes_are_found_in_the_crop(distance, angle):
    frame = np.zeros((900, 900, 3), np.uint8)
    points = face_points((450, 400), distance, angle)
    for x, y in points[:2]:
        cv2.circle(frame, (round(x * 16), round(y * 16)), round(distance * 2.4), (255, 255, 255), -1, shift=4)
    (crop,) = align(frame, points[None], GEOMETRY)
    near = 0.35 if distance > 12 else 0.6  # a drawn circle of two pixels is off itself
    assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
    for half, (x, y) in zip((slice(0, 32), slice(32, 64)), GEOMETRY.template[:2], strict=True):
        weight = crop[:, half, 0].astype(float)
        rows, columns = np.mgrid[:64, half]
        assert (rows * weight).sum() / weight.sum() == pytest.approx(y, abs=near)
        assert (columns * weight).sum() / weight.sum() == pytest.approx(x, abs=near)


def test_large_faces_are_averaged_and_not_sampled():
    board = (np.indices((1000, 1000)).sum(0) % 2 * 255).astype(np.uint8)
    (crop,) = align(np.repeat(board[..., None], 3, 2), face_points((500, 400), 250)[None], GEOMETRY)
    assert np.abs(crop.astype(int) - 128).max() < 40


def test_beyond_the_border_the_border_goes_on_and_no_face_is_no_crop():
    frame = np.full((20, 20, 3), 77, np.uint8)
    assert (align(frame, face_points((0, 0), 30)[None], GEOMETRY) == 77).all()
    assert align(frame, np.zeros((0, 5, 2), np.float32), GEOMETRY).shape == (0, 64, 64, 3)
    assert np.isfinite(similarities(np.full((1, 5, 2), 7.0), GEOMETRY)).all()


def test_a_turned_square_is_shown_level_and_comes_back():
    frame = np.zeros((200, 200, 3), np.uint8)
    centre, angle = np.array([110.0, 90.0]), 0.5
    tip = centre + 30 * np.array([np.cos(angle), np.sin(angle)])
    cv2.circle(frame, tuple(np.round(tip).astype(int)), 4, (255, 255, 255), -1)
    crop = crop_square(frame, centre, 80, angle, 160)
    y, x = (np.argwhere(crop[..., 0] > 127)).mean(0)
    assert (x, y) == pytest.approx((79.5 + 60, 79.5), abs=1.5)
    matrix = square_matrix(centre, 80, angle, 160)
    assert back_to_frame(apply(matrix, np.array([[3.0, 9.0]])), matrix) == pytest.approx(np.array([[3.0, 9.0]]))


@pytest.mark.parametrize("bad", [{"size": 4}, {"eye_y": 0.0}, {"eye_distance": 1.2}, {"eye_y": 0.7}])
def test_a_geometry_that_shows_no_face_is_refused(bad):
    with pytest.raises(AffectZooError, match="geometry: "):
        Geometry(**bad)
