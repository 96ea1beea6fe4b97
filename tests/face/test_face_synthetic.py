import csv

import numpy as np
import pytest

from affectzoo.data.dataset import open_dataset
from affectzoo.data.split import load_folds
from affectzoo.face.reader import read_image
from affectzoo.face.synthetic import CONFLICTS, PROTOTYPES, SPACE, generate, iter_samples, write_files
from affectzoo.labels.space import load_space
from affectzoo.testing import check_dataset


@pytest.fixture(scope="module")
def samples():
    return generate(168, seed=3, size=16)


@pytest.fixture(scope="module")
def space():
    return load_space(SPACE)


def emotion(space, sample):
    return space.names("emotion")[int(sample.targets["emotion"].values.argmax())]


def test_a_sample_depends_on_seed_and_index_only(samples):
    for a, b in zip(generate(3, seed=3, size=16), samples, strict=False):
        assert a.key == b.key
        assert np.array_equal(a.signals["face"].data, b.signals["face"].data)
        assert all(np.array_equal(a.targets[f].values, b.targets[f].values) for f in a.targets)
    other = generate(1, seed=4, size=16)[0]
    assert other.key != samples[0].key and other.groups["subject"] != samples[0].groups["subject"]
    assert not np.array_equal(other.signals["face"].data, samples[0].signals["face"].data)
    streamed = list(iter_samples(None, None, n=2, seed=3, size=16))
    assert [s.key for s in streamed] == [s.key for s in samples[:2]]


def test_every_person_shows_every_emotion(samples, space):
    seen = {(s.groups["subject"], emotion(space, s)) for s in samples}
    assert len(seen) == 24 * 7 and len({s.key for s in samples}) == 168


def test_prototypes_are_the_published_combinations():
    """Units that define each emotion in EMFACS, of those that are drawn."""
    core = {
        "neutral": set(),
        "happiness": {6, 12},
        "sadness": {1, 4, 15},
        "surprise": {1, 2, 5, 26},
        "fear": {1, 2, 4, 5, 20},
        "anger": {4, 5, 7, 23},
        "disgust": {9, 10},
    }
    assert {name: set(always) for name, (always, _) in PROTOTYPES.items()} == core


def test_units_follow_the_prototype(samples, space):
    columns = {a.number: i for i, a in enumerate(space.action_units)}
    for s in samples:
        present = {n for n, i in columns.items() if s.targets["au"].values[i]}
        always, sometimes = PROTOTYPES[emotion(space, s)]
        assert set(always) & set(columns) <= present <= set(always) | set(sometimes) | set(CONFLICTS)
        assert not present >= {24, 25}
        assert set(np.unique(s.targets["au"].values)) <= {0.0, 1.0}


def test_vad_is_the_published_mean_times_strength(samples, space):
    published = {
        "happiness": (0.81, 0.51, 0.46),
        "anger": (-0.51, 0.59, 0.25),
        "sadness": (-0.63, -0.27, -0.33),
        "fear": (-0.64, 0.60, -0.43),
        "surprise": (0.40, 0.67, -0.13),
        "disgust": (-0.60, 0.35, 0.11),
        "neutral": (0, 0, 0),
    }  # Russell & Mehrabian 1977, Table 4
    for s in samples:
        mean, vad = np.array(published[emotion(space, s)]), s.targets["vad"].values
        if not mean.any():
            assert not vad.any()
            continue
        ratio = vad / mean
        assert np.ptp(ratio) < 1e-5 and 0.4 <= ratio[0] <= 1.0
        assert s.attributes["strength"] == ("strong" if ratio[0] >= 0.7 else "weak")


def test_written_files_read_back(tmp_path, space):
    paths = write_files(tmp_path / "faces", 3, seed=1, size=32)
    expected = generate(3, seed=1, size=32)
    with open(tmp_path / "faces" / "labels.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    for path, sample, row in zip(paths, expected, rows, strict=True):
        assert np.array_equal(read_image(path)["face"].data, sample.signals["face"].data)  # RGB both ways
        assert row["path"] == path.name and row["emotion"] == emotion(space, sample)
        assert float(row["valence"]) == pytest.approx(float(sample.targets["vad"].values[0]), abs=1e-4)
        assert [int(row[n]) for n in space.names("au")] == sample.targets["au"].values.astype(int).tolist()


def test_card_split_and_data_agree():
    opened = open_dataset("face_synthetic", size=16)
    folds = load_folds(opened.card, "subjects")
    assert set(folds.assignment) == {s.key for s in opened.samples}
    parts = {}
    for s in opened.samples:
        parts.setdefault(s.groups["subject"], set()).add(folds.assignment[s.key])
    assert all(len(p) == 1 for p in parts.values()) and len(parts) == 24
    assert opened.space.hash == load_space(SPACE).hash


def test_contract():
    check_dataset("face_synthetic", n=60, size=16)
