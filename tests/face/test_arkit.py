"""The map from blendshapes to action units: its arithmetic, and what it says of real neutral and smiling faces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weightkit import need_litert

from affectzoo.errors import AffectZooError
from affectzoo.face.align import crop_square
from affectzoo.face.arkit import DEAD, FULL, MARGIN, NUMBERS, RULES, SPACE, WEIGHTS, blendshapes_to_aus
from affectzoo.face.landmarks import BLENDSHAPES, PATCH, Blendshapes, FaceMesh, roi_from_points
from affectzoo.labels.space import load_space


def shapes(**values):
    row = np.zeros(52)
    for name, value in values.items():
        for full in [name] if name in BLENDSHAPES else [name + "Left", name + "Right"]:
            row[BLENDSHAPES.index(full)] = value
    return row


def aus(*args, **values):
    return dict(zip(NUMBERS, blendshapes_to_aus(shapes(**values), *args).tolist(), strict=True))


def test_the_map_fits_its_label_space_and_is_whole():
    space = load_space(SPACE)
    assert tuple(u.number for u in space.action_units) == NUMBERS and space.au_kind == "intensity"
    assert WEIGHTS.shape == (52, len(RULES)) and (DEAD < FULL).all() and (DEAD >= 0.05).all()
    used = {n for r in RULES for n in r.weights}
    known = {*BLENDSHAPES, *(n.removesuffix("Left") for n in BLENDSHAPES if n.endswith("Left"))}
    assert used <= known and all(r.why for r in RULES)
    silent = [i for i, n in enumerate(BLENDSHAPES) if n.startswith(("cheek", "noseSneer", "_neutral", "jawForward"))]
    assert not WEIGHTS[silent].any()  # MediaPipe gives these no values


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("browInnerUp", 1),
        ("browOuterUp", 2),
        ("browDown", 4),
        ("eyeWide", 5),
        ("eyeSquint", 7),
        ("mouthSmile", 12),
        ("mouthDimple", 14),
        ("mouthFrown", 15),
        ("mouthShrugLower", 17),
        ("mouthPucker", 18),
        ("mouthStretch", 20),
        ("mouthPress", 24),
        ("mouthLowerDown", 25),
        ("eyeBlink", 43),
    ],
)
def test_one_full_blendshape_raises_its_unit_alone(name, number):
    found = aus(**{name: 1.0})
    assert {n for n, v in found.items() if v} == {number} and found[number] == 5.0


def test_units_that_share_a_blendshape():
    assert {n for n, v in aus(mouthUpperUp=1.0).items() if v} == {10, 25}
    assert {n for n, v in aus(jawOpen=1.0).items() if v} == {25, 26, 27}
    assert {n for n, v in aus(jawOpen=0.5).items() if v} == {25, 26}
    assert {n for n, v in aus(jawOpen=0.5, mouthClose=0.5).items() if v} == {26}
    assert {n for n, v in aus(mouthUpperUp=0.6, mouthSmile=0.8).items() if v} == {12, 25}  # the smile's own share


def test_cheeks_are_raised_only_by_narrowed_eyes_with_a_smile():
    assert aus(eyeSquint=0.45)[6] == aus(mouthSmile=0.8)[6] == 0
    both = aus(eyeSquint=0.45, mouthSmile=0.55)
    assert both[6] == pytest.approx(2.5) and both[12] == pytest.approx(2.5) and both[7] == 0


def test_a_one_sided_smile_counts_half():
    one = aus(mouthSmileLeft=0.8)
    assert one[12] == pytest.approx(5 * (0.4 - 0.25) / 0.6) and one == aus(mouthSmileRight=0.8)


def test_a_persons_own_neutral_is_the_zero():
    neutral = shapes(browDown=0.4, mouthShrugLower=0.85, mouthSmile=0.1)
    own = aus(neutral, browDown=0.4, mouthShrugLower=0.85, mouthSmile=0.1)
    assert not any(own.values())
    low = 0.1 + MARGIN
    assert aus(neutral, mouthSmile=0.3)[12] == pytest.approx(5 * (0.3 - low) / (0.85 - low), abs=1e-6)
    assert aus(shapes(mouthSmile=0.85), mouthSmile=0.9)[12] == 5  # a neutral at full scale leaves a scale
    batch = blendshapes_to_aus(np.stack([neutral, shapes(mouthSmile=0.3)]), np.stack([neutral, neutral]))
    assert batch[1, NUMBERS.index(12)] == pytest.approx(aus(neutral, mouthSmile=0.3)[12])


@given(st.integers(0, 51), st.floats(0, 1), st.floats(0, 1), st.integers(0, 99))
def test_intensities_stay_in_range_and_rise_with_positive_weights(i, a, b, seed):
    base = np.random.default_rng(seed).uniform(0, 1, 52)
    low, high = base.copy(), base.copy()
    low[i], high[i] = min(a, b), max(a, b)
    x, y = blendshapes_to_aus(low), blendshapes_to_aus(high)
    assert (x >= 0).all() and (x <= 5).all() and x.dtype == np.float32
    rising = WEIGHTS[i] >= 0
    assert (y[rising] >= x[rising] - 1e-6).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [(np.zeros(51), "52"), (np.zeros((2, 478)), "52"), (np.full(52, 1.2), "in .0, 1."), (np.full((2, 52), -0.1), "in")],
)
def test_values_that_are_no_blendshapes_are_refused(values, message):
    with pytest.raises(AffectZooError, match=message):
        blendshapes_to_aus(values)
    with pytest.raises(AffectZooError, match="baseline"):
        blendshapes_to_aus(np.zeros(52), values)


def test_nan_stays_and_shapes_are_kept():
    values = np.zeros((2, 3, 52))
    values[1, 2] = np.nan
    out = blendshapes_to_aus(values)
    assert out.shape == (2, 3, len(NUMBERS)) and np.isnan(out[1, 2]).all() and not np.isnan(out[:, :2]).any()
    assert blendshapes_to_aus(np.zeros((0, 52))).shape == (0, len(NUMBERS))


@pytest.mark.data
def test_smiling_raises_the_units_of_a_smile_and_nothing_else_much(data_root):
    """Thirteen people of the half that the dead zones were not chosen on; benchmarks/face_arkit.py has all of them."""
    import cv2

    need_litert("face_landmarker")
    mesh, network = FaceMesh(), Blendshapes()
    everyone = sorted(int(p.name[:3]) for p in (data_root / "face_london" / "img").glob("*_neutral.jpg"))
    people = [i for i in everyone if i % 2 == 0][::4]

    def patch(name):
        picture = cv2.imread(str(data_root / "face_london" / "img" / f"{name}.jpg"))[..., ::-1]
        points, _ = mesh(cv2.resize(picture, (PATCH, PATCH))[None])  # the whole picture, then the face in it
        centre, side, angle = roi_from_points(points * picture.shape[0] / PATCH)
        return crop_square(picture, centre[0], side[0], angle[0])

    def units(expression):
        return blendshapes_to_aus(network(mesh(np.stack([patch(f"{i:03d}_{expression}") for i in people]))[0]))

    rise = dict(zip(NUMBERS, (units("smiling") - units("neutral")).mean(0), strict=True))
    assert rise[12] > 1.5 and rise[6] > 1 and rise[25] > 0.5
    assert all(abs(v) < 0.5 for n, v in rise.items() if n not in (6, 12, 25)), rise
