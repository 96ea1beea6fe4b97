import csv
import re

import cv2
import numpy as np
import pytest

from affectzoo.data.dataset import BrokenRowWarning, open_dataset, summary
from affectzoo.data.leaks import check_parts
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError
from affectzoo.face.adapters.london import FER_GEOMETRY, age_band, cut, read_pupils

COLUMNS = ("path", "subject", "expression", "age", "gender", "ethnicity")
ROWS = [
    ("img/001_neutral.jpg", "london001", "neutral", "24", "f", "white"),
    ("img/001_smiling.jpg", "london001", "smiling", "NA", "f", "white"),
]
#: Pupils of a head that leans by 10 degrees.
EYES = np.array([[80.0, 85.0], [80 + 64 * np.cos(np.pi / 18), 85 + 64 * np.sin(np.pi / 18)]])


def dots(eyes):
    """A black picture with a bright dot on each pupil."""
    y, x = np.mgrid[:224, :224]
    spots = [np.exp(-((x - ex) ** 2 + (y - ey) ** 2) / 18) for ex, ey in eyes]
    return np.repeat((255 * np.clip(sum(spots), 0, 1)).astype(np.uint8)[..., None], 3, 2)


@pytest.fixture
def london(tmp_path):
    def make(*rows, points=None, subject="london001"):
        folder = tmp_path / "face_london"
        (folder / "img").mkdir(parents=True, exist_ok=True)
        for row in ROWS:
            cv2.imwrite(str(folder / row[0]), dots(EYES))
        with (folder / "metadata.csv").open("w", newline="") as f:
            csv.writer(f).writerows([COLUMNS, *ROWS, *rows])
        xy = np.zeros((1, 189, 2), np.float32)
        xy[0, :2] = EYES
        np.savez(folder / "landmarks_neutral.npz", subject=np.array([subject]), xy=xy if points is None else points)
        return tmp_path

    return make


def test_rows_become_samples(london):
    data = open_dataset("london", london())
    a, b = data.samples
    assert (a.key, b.key) == ("img/001_neutral", "img/001_smiling") and a.groups == b.groups == {"subject": "london001"}
    names = data.space.names("emotion")
    assert [names[s.targets["emotion"].values.argmax()] for s in (a, b)] == ["neutral", "happiness"]
    assert (a.attributes["age"], b.attributes["age"]) == ("18 to 24", "unknown")
    assert a.load().signals["face"].data.shape == (1, 224, 224, 3)


def test_cut_brings_the_pupils_to_the_place_of_fer_pictures(london):
    data = open_dataset("london", london(), face=True)
    face = data.samples[0].signals["face"].data
    g = FER_GEOMETRY
    assert face.shape == (1, g.size, g.size, 3)
    y, x = np.mgrid[: g.size, : g.size] + 0.5
    for left, expected in ((True, 0.5 - g.eye_distance / 2), (False, 0.5 + g.eye_distance / 2)):
        light = face[0, ..., 0] * ((x < g.size / 2) == left).astype(float)
        assert (light * x).sum() / light.sum() / g.size == pytest.approx(expected, abs=0.01)
        assert (light * y).sum() / light.sum() / g.size == pytest.approx(g.eye_y, abs=0.01)


@pytest.mark.parametrize(
    ("age", "band"), [("18", "18 to 24"), ("24", "18 to 24"), ("25", "25 to 34"), ("54", "35 and over")]
)
def test_age_bands(age, band):
    assert age_band(age) == band


@pytest.mark.parametrize("age", ["17", "old", "-3", "20.5"])
def test_ages_that_are_none(age):
    with pytest.raises(AffectZooError, match="is not a number of years"):
        age_band(age)


def test_bad_rows(london):
    gone = ("img/gone.jpg", "london002", "neutral", "30", "m", "black")
    odd = ("img/001_neutral.jpg", "london002", "smilling", "30", "m", "black")
    young = ("img/001_neutral.jpg", "london002", "smiling", "3", "m", "black")
    with pytest.warns(BrokenRowWarning):
        data = open_dataset("london", london(gone, odd, young))
    said = ("line 4: .*no such file", "line 5: .*'smilling'.*'smiling'", "line 6: .*age '3'")
    assert len(data) == 2 and len(data.broken) == 3
    assert all(re.search(text, broken) for text, broken in zip(said, data.broken, strict=True))


def test_landmarks_that_are_not_there_or_not_right(london):
    with (
        pytest.warns(BrokenRowWarning, match="'london001'.*'london010'"),
        pytest.raises(AffectZooError, match="no usable"),
    ):
        open_dataset("london", london(subject="london010"), face=True)
    for points in (np.zeros((1, 68, 2), np.float32), np.full((1, 189, 2), np.nan, np.float32)):
        with pytest.raises(FileError, match=r"xy must be finite and \(1, 189, 2\)"):
            open_dataset("london", london(points=points), face=True)
    path = london() / "face_london" / "landmarks_neutral.npz"
    np.savez(path, other=np.zeros(3))
    with pytest.raises(FileError, match="no arrays subject and xy"):
        read_pupils(path)
    np.savez(path, subject=np.array(["x", None], object), xy=np.zeros(1))
    with pytest.raises(FileError, match="no arrays subject and xy"):  # pickled objects are not read
        read_pupils(path)
    path.write_bytes(b"PK nothing")
    with pytest.raises(FileError, match="no arrays subject and xy"):
        read_pupils(path)
    path.unlink()
    with pytest.raises(FileError, match="no such file"):
        read_pupils(path)


@pytest.mark.data
def test_real_set(data_root):
    data = open_dataset("london", data_root)
    counts = summary(data)
    assert counts["classes"] == {"neutral": 102, "happiness": 102} and counts["broken"] == 0
    assert data.card.free_for_any_use and len(data) == data.card.items
    folds = load_folds(data.card, "subjects6")
    tested = []
    for fold in range(6):
        parts = folds.parts(fold, data.samples)
        check_parts(parts, data.samples, ["subject"])
        tested += parts["test"]
        assert len(parts["test"]) == 34
    assert sorted(tested) == sorted(s.key for s in data.samples)


@pytest.mark.data
def test_real_cut(data_root):
    folder = data_root / "face_london"
    pupils = read_pupils(folder / "landmarks_neutral.npz")
    assert len(pupils) == 102
    whole = cv2.cvtColor(cv2.imread(str(folder / "img" / "001_neutral.jpg")), cv2.COLOR_BGR2RGB)
    face = cut(folder / "img" / "001_neutral.jpg", pupils["london001"]).data[0]
    x, y = (96 * np.array([0.5 - 0.367 / 2, 0.4])).astype(int)
    at = pupils["london001"][0].round().astype(int)
    # a pupil is dark and stays so
    assert (
        face[y - 1 : y + 2, x - 1 : x + 2].mean() < 0.6 * face.mean() and whole[at[1], at[0]].mean() < 0.6 * face.mean()
    )
