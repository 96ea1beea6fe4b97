"""Generated clips: determinism, and a state that only both streams together tell."""

import csv

import numpy as np
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.video import synthetic
from affectzoo.video.synthetic import generate, iter_samples, write_files


def test_same_per_seed_and_index_whatever_n():
    a, b = generate(2, seconds=2.0, size=16)[0], generate(1, seconds=2.0, size=16)[0]
    for name in ("face", "audio"):
        np.testing.assert_array_equal(a.signals[name].data, b.signals[name].data)
    assert a.key == b.key and a.attributes == b.attributes


def test_shapes_and_times():
    sample = generate(1, seconds=4.5, size=16)[0]
    state = sample.targets["state"]
    assert sample.signals["face"].data.shape == (45, 16, 16, 3)
    assert sample.signals["audio"].data.shape == (72000,)
    assert state.values.shape == (9, 1) and state.rate_hz == 2.0 and state.t0_s == 0.25
    assert set(sample.groups) == set(load_card("video_synthetic").groups)
    assert set(sample.attributes) == set(load_card("video_synthetic").attributes)


def test_state_is_the_conflict_and_neither_valence_tells_it():
    pleasant, counts, cues = synthetic.PLEASANT, np.zeros((2, 2, 2)), {False: [], True: []}
    for i in range(1500):
        for s in synthetic._segments(12, np.random.default_rng(i)):
            counts[int(s.face in pleasant), int(s.voice in pleasant), int(s.conflict)] += 1
            cues[s.conflict].append((s.pressed, s.slow))
            assert s.steps >= 4
    for conflict, share in ((False, 0.1), (True, 0.8)):
        np.testing.assert_allclose(np.mean(cues[conflict], axis=0), share, atol=0.04)
    share = counts / counts.sum()
    assert (share[0, 0, 1], share[1, 1, 1], share[0, 1, 0], share[1, 0, 0]) == (0, 0, 0, 0)
    for stream in (share.sum(1), share.sum(0)):  # P(state | stream) is a half for either value
        np.testing.assert_allclose(stream[:, 1] / stream.sum(1), 0.5, atol=0.05)


@pytest.mark.parametrize("seconds", [2.0, 3.5, 6.0, 11.5])
def test_segments_fill_the_clip(seconds):
    for i in range(20):
        segments = synthetic._segments(int(2 * seconds), np.random.default_rng(i))
        assert sum(s.steps for s in segments) == 2 * seconds


def test_face_follows_its_emotion():
    segments = [synthetic._Segment(4, "happiness", "happiness"), synthetic._Segment(4, "sadness", "sadness")]
    au = synthetic._faces(segments, np.random.default_rng(0))
    smile, frown = (synthetic.au_matrix({n: 1}, 1)[0].argmax() for n in (12, 15))
    assert au[:19, smile].min() >= 3 and au[21:, smile].max() == 0
    assert au[:19, frown].max() == 0 and au[21:, frown].min() >= 3


def test_hesitation_shows_in_both_streams():
    calm = synthetic._Segment(4, "happiness", "sadness")
    torn = synthetic._Segment(4, "happiness", "sadness", pressed=True, slow=True)
    lips = synthetic.au_matrix({24: 1}, 1)[0].argmax()
    assert synthetic._faces([torn], np.random.default_rng(0))[:, lips].min() >= 3
    assert synthetic._faces([calm], np.random.default_rng(0))[:, lips].max() == 0
    a, b = (synthetic._voices([s], 0, 0, np.random.default_rng(0)) for s in (calm, torn))
    assert a.shape == b.shape and not np.array_equal(a, b)


def test_split_keeps_subjects_apart():
    folds = load_folds(load_card("video_synthetic"), "heldout")
    of = {}
    for sample in iter_samples(None, None, n=32, seconds=2.0, size=16):
        of.setdefault(sample.groups["subject"], set()).add(folds.assignment[sample.key])
    assert folds.n == 4 and len(of) == 16 and all(len(v) == 1 for v in of.values())


def test_labels_of_written_files(tmp_path):
    paths = write_files(tmp_path, 2, seed=1, seconds=2.0)
    rows = list(csv.DictReader((tmp_path / "labels.csv").open()))
    assert len(rows) == 8 and [float(r["t_s"]) for r in rows[:4]] == [0.25, 0.75, 1.25, 1.75]
    made = generate(2, seed=1, seconds=2.0)
    want = np.concatenate([s.targets["state"].values[:, 0] for s in made])
    assert [float(r["ambivalence_hesitancy"]) for r in rows] == list(want)
    assert rows[4]["path"] == paths[1].name


def test_bad_options(tmp_path):
    for seconds in (1.5, 2.2):
        with pytest.raises(AffectZooError, match="half seconds"):
            generate(1, seconds=seconds)
    with pytest.raises(UnknownNameError, match="'.npz'"):
        write_files(tmp_path, 1, suffix=".npy")
