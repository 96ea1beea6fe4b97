import numpy as np
import pytest

from affectzoo.errors import AffectZooError
from affectzoo.leaderboard import exam as exam_module
from affectzoo.leaderboard.controls import control_answers, control_scores

from .tiny import ITEMS, curve_exam, tiny_exam

CLIP_CONTROLS = [("constant", False), ("prior", False), ("prior", True), ("duration", False)]
#: The classes of fold 0's test items, turned round.
FLIPPED = {k: {"anger": "sadness", "sadness": "anger"}[ITEMS[k][2]] for k in ("a1", "a2", "a3", "b1")}


def first_fold(exam, control, draw=False):
    field = exam.benchmark.fields[0]
    return control_answers(exam, field, control, 0, draw)[exam.test_rows(field, 0)]


@pytest.mark.parametrize("control, draw", CLIP_CONTROLS)
def test_a_control_does_not_see_the_labels_it_is_scored_on(control, draw):
    np.testing.assert_array_equal(first_fold(tiny_exam(), control, draw), first_fold(tiny_exam(FLIPPED), control, draw))


def test_clip_time_does_not_see_the_labels_it_is_scored_on():
    exam, moved = curve_exam(), curve_exam()
    tested = moved.test_rows("vad", 0)
    moved.truth["vad"].values[tested] += 0.3
    for control in ("constant", "clip_time"):
        np.testing.assert_array_equal(first_fold(exam, control), first_fold(moved, control))


@pytest.mark.parametrize("control, draw", CLIP_CONTROLS)
def test_a_control_that_peeks_would_be_caught(monkeypatch, control, draw):
    """The mutation: with every row as training rows, the answers above do depend on the tested labels."""
    monkeypatch.setattr(exam_module.Exam, "train_rows", lambda self, field, fold: self.test_rows(field))
    one, two = first_fold(tiny_exam(), control, draw), first_fold(tiny_exam(FLIPPED), control, draw)
    assert not np.array_equal(one, two)


def test_constant_and_prior_by_hand(exam):
    """Fold 0 learns from three clips of sadness, one of anger. Order: anger, happiness, neutral, sadness."""
    assert first_fold(exam, "constant").tolist() == [[0, 0, 0, 1]] * 4
    assert first_fold(exam, "prior").tolist() == [[0.25, 0, 0, 0.75]] * 4
    drawn = first_fold(exam, "prior", draw=True)
    assert set(map(tuple, drawn)) <= {(1, 0, 0, 0), (0, 0, 0, 1)}
    np.testing.assert_array_equal(drawn, first_fold(exam, "prior", draw=True))


def test_duration_finds_what_length_alone_gives_away(exam):
    """In the made-up set anger is short and sadness long, without exception."""
    scores = control_scores(exam)
    assert scores["duration"]["emotion/uar"] == 1.0
    assert scores["constant"]["emotion/uar"] < 0.5


def test_clip_time_is_the_mean_training_curve():
    exam = curve_exam(shift=0.1)
    found = first_fold(exam, "clip_time").reshape(2, 8, 2)
    curves = exam.truth["vad"].values.reshape(4, 8, 2)
    np.testing.assert_allclose(found, np.broadcast_to(curves[2:].mean(0), (2, 8, 2)), atol=1e-12)
    np.testing.assert_allclose(first_fold(exam, "constant"), np.tile(curves[2:].mean((0, 1)), (16, 1)), atol=1e-12)


def test_time_beyond_the_training_curve_gets_the_mean():
    exam = curve_exam()
    truth = exam.truth["vad"]
    late = exam.test_rows("vad", 0) & (truth.item == 0)
    truth.t_s[late] += 100.0
    found = control_answers(exam, "vad", "clip_time")
    np.testing.assert_allclose(
        found[late], np.tile(truth.values[exam.train_rows("vad", 0)].mean(0), (8, 1)), atol=1e-12
    )


def test_controls_that_a_field_does_not_know_are_left_out():
    assert set(control_scores(curve_exam())) == {"constant", "clip_time"}
    assert set(control_scores(tiny_exam(controls=("constant", "clip_time")))) == {"constant"}


def test_a_fold_without_labelled_training_rows_is_an_error(exam):
    exam.truth["emotion"].mask[4:] = False
    with pytest.raises(AffectZooError, match="fold 0 has no labelled training rows"):
        control_answers(exam, "emotion", "constant")
