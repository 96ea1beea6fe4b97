import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError
from affectzoo.face.tracking import Tracker


def boxes_at(centres, side=40):
    centres = np.asarray(centres, float).reshape(-1, 2)
    return np.concatenate([centres - side / 2, centres + side / 2], 1)


def follow(frames, rate_hz=25.0, **options):
    tracker = Tracker(**options)
    return [tracker.update(boxes, i / rate_hz) for i, boxes in enumerate(frames)]


def test_new_faces_are_numbered_from_left_to_right_and_keep_their_ids():
    frames = [boxes_at([[300 + i, 50], [100 - i, 60]]) for i in range(20)]
    assert follow(frames) == [["face1", "face0"]] * 20


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_order_of_the_boxes_does_not_matter(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    centres, speed = rng.uniform(0, 800, (6, 2)), rng.normal(0, 4, (6, 2))
    plain, shuffled = Tracker(), Tracker()
    for i in range(15):
        boxes = boxes_at(centres + i * speed + rng.normal(0, 1, (6, 2)))[rng.random(6) < 0.9]
        order = rng.permutation(len(boxes))
        ids = plain.update(boxes, i / 25)
        assert shuffled.update(boxes[order], i / 25) == [ids[k] for k in order]
        assert len(set(ids)) == len(ids)


@settings(max_examples=40, deadline=None)
@given(st.floats(3, 9), st.floats(3, 9), st.floats(-6, 6), st.floats(0, 1))
def test_two_faces_that_cross_keep_their_ids(right, left, drift, jitter):
    rng = np.random.default_rng(0)
    frames = []
    for i in range(60):
        centres = [[100 + right * i, 200 + drift], [100 + (right + left) * 30 - left * i, 200 - drift]]
        frames.append(boxes_at(np.array(centres) + rng.uniform(-jitter, jitter, (2, 2))))
    ids = follow(frames)  # of frames where the two boxes are one, nobody can tell
    assert all(i == ["face0", "face1"] for i in [*ids[:28], *ids[33:]])


@pytest.mark.parametrize(("missing", "same"), [(5, True), (12, True), (13, False), (40, False)])
def test_a_gap_up_to_max_gap_s_is_bridged(missing, same):
    def path(i):
        return boxes_at([[100 + 3 * i, 80]])

    frames = [path(i) if not 10 <= i < 10 + missing else boxes_at([]) for i in range(80)]
    ids = follow(frames, max_gap_s=13 / 25)
    assert ids[10] == [] and ids[9] == ["face0"]
    assert ids[10 + missing] == (["face0"] if same else ["face1"])


def test_a_face_elsewhere_is_another_one_and_an_old_id_never_comes_back():
    frames = [boxes_at([[50, 50]]), boxes_at([[500, 50]]), boxes_at([]), boxes_at([[50, 400]])]
    assert follow(frames) == [["face0"], ["face1"], [], ["face2"]]


def test_the_whole_assignment_counts_and_not_the_best_pair_first():
    tracker = Tracker(min_iou=0.05)
    tracker.update(boxes_at([[100, 100], [130, 100]]), 0.0)
    # greedy would give the middle box to face1 (18 px) and lose face0's only candidate
    assert tracker.update(boxes_at([[112, 100], [163, 100]]), 0.0) == ["face0", "face1"]


def test_memory_is_that_of_the_living_tracks():
    tracker = Tracker(max_gap_s=0.1)
    for i in range(300):
        tracker.update(boxes_at([[100 * i, 0]]), float(i))
    assert len(tracker._boxes) == 1


def test_bad_input():
    tracker = Tracker()
    tracker.update(boxes_at([[1, 1]]), 2.0)
    with pytest.raises(AffectZooError, match="1 s after 2 s"):
        tracker.update(boxes_at([[1, 1]]), 1.0)
    with pytest.raises(AffectZooError, match=r"\(n, 4\)"):
        tracker.update(np.zeros(4), 3.0)
    with pytest.raises(AffectZooError, match="min_iou"):
        Tracker(min_iou=0.0)
