"""Drawn faces do what their action units say."""

import numpy as np
import pytest

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.drawing import AU_NUMBERS, au_matrix, draw_faces

SIZE = 64
UPPER, LOWER = (1, 2, 4, 5, 6, 7, 43), (12, 15, 17, 20, 23, 24, 25, 26)


def grey(frames):
    return frames.astype(float) @ [0.299, 0.587, 0.114]


def mouth_bend(frame):
    """Pixels that the mouth's corners lie above its middle: darkest rows of a grey face, sides averaged."""
    rows = slice(int(0.60 * SIZE), int(0.88 * SIZE))
    region = 255 - grey(frame)[rows]
    region = np.where(region > region.max(0) - 12, region, 0)
    row = (region * np.arange(len(region))[:, None]).sum(0) / region.sum(0)
    middle = SIZE // 2
    return row[middle - 1 : middle + 2].mean() - (row[middle - 6] + row[middle + 6]) / 2


def test_mouth_corners_rise_with_au12_and_fall_with_au15():
    rest, smile, frown = [], [], []
    for person in range(10):
        frames = draw_faces(au_matrix({12: [0, 5, 0], 15: [0, 0, 5]}, 3), person)
        for out, frame in zip((rest, smile, frown), frames, strict=True):
            out.append(mouth_bend(frame))
    assert np.mean(smile) - np.mean(rest) > 1.0  # pixels of 64
    assert np.mean(rest) - np.mean(frown) > 1.0
    assert all(a > b for a, b in zip(smile, frown, strict=True))


def changed_rows(number, person=3):
    """Rows whose pixels change when one unit goes from 0 to 5; both pictures have the same sensor noise."""
    a, b = (draw_faces(au_matrix({number: level}), person)[0].astype(int) for level in (0, 5))
    return np.flatnonzero((np.abs(a - b).max(-1) > 10).sum(1) >= 2) / SIZE


@pytest.mark.parametrize("number", AU_NUMBERS)
def test_every_unit_shows_in_its_own_half_of_the_face(number):
    rows = changed_rows(number)
    assert len(rows) >= 1
    if number in UPPER:
        assert rows.max() < 0.62
    if number in LOWER:
        assert rows.min() > 0.5


@pytest.mark.parametrize("number", AU_NUMBERS)
def test_change_grows_with_intensity(number):
    frames = [draw_faces(au_matrix({number: level}), 5)[0].astype(int) for level in (0, 1, 3, 5)]
    change = [np.abs(f - frames[0]).sum() for f in frames[1:]]
    assert 0 < change[0] < change[1] < change[2]


def test_brows_rise_with_au1_and_au2_and_sink_with_au4():
    def brow_row(units):
        dark = 255 - grey(draw_faces(au_matrix(units), 1)[0])[13:27, 20:45]  # dark brows on light skin
        dark = np.where(dark > np.quantile(dark, 0.88), dark, 0)
        return (dark * np.arange(len(dark))[:, None]).sum() / dark.sum()

    assert brow_row({1: 5, 2: 5}) < brow_row({}) - 0.4 < brow_row({4: 5})


def test_cheeks_redden_with_au6():
    rest, raised = (draw_faces(au_matrix({6: level}), 1)[0].astype(float)[30:42] for level in (0, 5))
    gain = (raised - rest)[..., 0] - (raised - rest)[..., 1]  # red less green
    assert gain.mean() > 0.5


def test_motion_is_sub_pixel():
    """A tenth of an intensity level moves no edge by a whole pixel, yet changes the picture."""
    a, b = (draw_faces(au_matrix({12: level}), 2)[0].astype(int) for level in (2.0, 2.1))
    assert 0 < np.abs(a - b).max() < 40


def test_same_seeds_same_pixels_and_time_does_not_leak():
    au = np.random.default_rng(0).uniform(0, 5, (200, len(AU_NUMBERS)))
    whole = draw_faces(au, 7, 32, scene_seed=1)
    assert whole.shape == (200, 32, 32, 3) and whole.dtype == np.uint8
    assert np.array_equal(whole, draw_faces(au, 7, 32, scene_seed=1))
    assert np.array_equal(whole[:150], draw_faces(au[:150], 7, 32, scene_seed=1))  # crosses a chunk


def test_people_and_scenes_differ_more_than_noise():
    rest = au_matrix({}, 2)
    first = draw_faces(rest, 1).astype(int)
    noise = np.abs(first[0] - first[1]).mean()
    assert 0 < noise < 8
    for other in (draw_faces(rest, 2), draw_faces(rest, 1, scene_seed=5)):
        assert np.abs(first[0] - other[0]).mean() > 1.5 * noise


@pytest.mark.parametrize(
    ("au", "size", "text"),
    [
        (np.zeros((2, 3)), 64, "must be"),
        (np.zeros(17), 64, "must be"),
        (np.zeros((0, 17)), 64, "must be"),
        (np.full((1, 17), 5.1), 64, "0 to 5"),
        (np.full((1, 17), -0.1), 64, "0 to 5"),
        (np.full((1, 17), np.nan), 64, "0 to 5"),
        (np.zeros((1, 17)), 8, "16 pixels"),
    ],
)
def test_bad_input_is_refused(au, size, text):
    with pytest.raises(AffectZooError, match=text):
        draw_faces(au, 0, size)


def test_unknown_unit_is_named():
    with pytest.raises(UnknownNameError, match="drawn action unit 11"):
        au_matrix({11: 3})
