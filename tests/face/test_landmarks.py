"""The mesh's region as pure geometry; the networks where their weights are."""

import numpy as np
import pytest
from weightkit import need_litert

from affectzoo.errors import AffectZooError
from affectzoo.face.landmarks import (
    BLENDSHAPES,
    POINTS,
    SUBSET,
    Blendshapes,
    FaceMesh,
    roi_from_points,
)


def turn(points, degrees, about=(0, 0)):
    a = np.radians(degrees)
    return (points - about) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + about


def test_names_and_subset_are_whole():
    assert len(BLENDSHAPES) == len(set(BLENDSHAPES)) == 52 and SUBSET.shape == (146,)
    assert (np.diff(SUBSET) > 0).all() and SUBSET[-10:].tolist() == list(range(468, 478))
    lefts = [n for n in BLENDSHAPES if n.endswith("Left")]
    assert all(n.removesuffix("Left") + "Right" in BLENDSHAPES for n in lefts)


@pytest.mark.parametrize("degrees", [0, 30, -75, 170])
def test_the_region_turns_moves_and_grows_with_the_mesh(degrees):
    rng = np.random.default_rng(0)
    mesh = rng.uniform(-50, 50, (1, POINTS, 2))
    mesh[0, :2] = [[-60, -80], [60, 80]]  # the box: 120 wide, 160 high, centre 0
    mesh[0, 33], mesh[0, 263] = [-30, 10], [30, 10]
    centre, side, angle = roi_from_points(turn(mesh, degrees) * 2 + [300, 200])
    np.testing.assert_allclose(centre, [[300, 200]], atol=1e-9)
    np.testing.assert_allclose(side, [1.5 * 160 * 2])
    np.testing.assert_allclose(np.degrees(angle), [degrees])
    deep = np.concatenate([mesh, rng.normal(size=(1, POINTS, 1))], 2)
    np.testing.assert_allclose(roi_from_points(deep)[1], roi_from_points(mesh)[1])


def test_the_region_of_five_points():
    five = np.array([[[40, 50], [60, 50], [50, 60], [44, 74], [56, 74]]], float)
    centre, side, angle = roi_from_points(turn(five, 20))
    np.testing.assert_allclose(centre, turn(np.array([[50, 62]]), 20))
    np.testing.assert_allclose(side, [3.8 * 24])
    np.testing.assert_allclose(np.degrees(angle), [20])
    assert [len(x) for x in roi_from_points(five[:0])] == [0, 0, 0]


@pytest.mark.parametrize("shape", [(478, 2), (1, 68, 2), (1, 478, 4), (1, 5, 3)])
def test_points_of_another_shape_are_refused(shape):
    with pytest.raises(AffectZooError, match="points must be"):
        roi_from_points(np.zeros(shape))


@pytest.fixture(scope="module")
def networks():
    return {}


def mesh_of(networks):
    need_litert("face_landmarker")
    return networks.setdefault("mesh", FaceMesh())


def test_the_mesh_checks_its_patches_and_doubts_an_empty_one(networks):
    mesh = mesh_of(networks)
    points, score = mesh(np.zeros((2, 256, 256, 3), np.uint8))
    assert points.shape == (2, 478, 3) and points.dtype == np.float32 and (score < 0.5).all()
    assert (points[0] == points[1]).all()
    assert mesh(np.zeros((0, 256, 256, 3), np.uint8))[0].shape == (0, 478, 3)
    for bad in (np.zeros((1, 256, 256), np.uint8), np.zeros((1, 128, 128, 3), np.uint8), np.zeros((1, 256, 256, 3))):
        with pytest.raises(AffectZooError, match="patches must be"):
            mesh(bad)


def test_blendshapes_do_not_care_where_and_how_large(networks):
    need_litert("face_landmarker")
    shapes, rng = Blendshapes(), np.random.default_rng(0)
    points = rng.uniform(0, 256, (2, 478, 3))
    out = shapes(points)
    assert out.shape == (2, 52) and out.dtype == np.float32 and (out >= 0).all() and (out <= 1).all()
    np.testing.assert_allclose(shapes(points[..., :2] * 3 + 100), out, atol=1e-4)
    assert shapes(points[:0]).shape == (0, 52)
    with pytest.raises(AffectZooError, match="points must be"):
        shapes(points[0])
    points[1, SUBSET[3], 0] = np.nan
    with pytest.raises(AffectZooError, match="not finite"):
        shapes(points)


@pytest.mark.data
def test_the_mesh_lies_on_the_pupils_of_a_real_face(networks, data_root):
    import cv2

    mesh, folder = mesh_of(networks), data_root / "face_london"
    marks = np.load(folder / "landmarks_neutral.npz", allow_pickle=False)
    for i in (0, 7, 30):
        name = str(marks["subject"][i])[-3:]
        picture = cv2.imread(str(folder / "img" / f"{name}_neutral.jpg"))[..., ::-1]
        pad = cv2.copyMakeBorder(picture, 32, 32, 32, 32, cv2.BORDER_REPLICATE)  # 288: the face as the mesh wants it
        points, score = mesh(cv2.resize(pad, (256, 256), interpolation=cv2.INTER_AREA)[None])
        irises = points[0, [468, 473], :2] * 288 / 256 - 32
        pupils = marks["xy"][i, :2]
        pupils = pupils[np.argsort(pupils[:, 0])]
        assert score[0] > 0.9 and np.linalg.norm(irises - pupils, axis=1).max() < 3  # of 224 pixels
