"""Opening a benchmark on a data set, with a data set and a split in memory."""

import dataclasses

import numpy as np
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import Dataset
from affectzoo.data.split import Folds, read_folds
from affectzoo.errors import AffectZooError, FileError, LeakError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.leaderboard.benchmark import load_benchmark
from affectzoo.leaderboard.exam import Exam, ExamFold, open_exam
from affectzoo.structures.sample import Target, class_target

from .tiny import ITEMS, curve_exam, tiny_benchmark, tiny_exam, tiny_samples

FOLD_OF = {"a": "0", "b": "0", "c": "1", "d": "1"}


def open_tiny(assignment=None, kind="folds", samples=None, **changes) -> Exam:
    card = dataclasses.replace(load_card("emodb"), name="tiny_set", groups=("speaker",))
    folds = Folds(assignment or {k: FOLD_OF[v[0]] for k, v in ITEMS.items()}, kind, ("speaker",), "two", "5" * 64)
    data = Dataset(card, list(samples or tiny_samples()), load_space("emodb4"))
    return open_exam(tiny_benchmark(**changes), data=data, folds=folds)


def test_folds_train_on_the_others():
    exam = open_tiny()
    assert [(f.name, f.test) for f in exam.folds] == [
        ("0", ("a1", "a2", "a3", "b1")),
        ("1", ("c1", "c2", "d1", "d2")),
    ]
    assert exam.folds[0].train == exam.folds[1].test
    assert exam.revision == "2005" and exam.licence.startswith("CC0")
    assert exam.fold_of.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_one_fold_only():
    exam = open_tiny(part="fold 0")
    assert exam.test_keys == ("a1", "a2", "a3", "b1") and len(exam.folds) == 1


def test_parts_leave_validation_out():
    parts = {"a": "train", "b": "val", "c": "test", "d": "test"}
    exam = open_tiny({k: parts[v[0]] for k, v in ITEMS.items()}, "parts", part="test")
    (fold,) = exam.folds
    assert (fold.name, fold.train, fold.test) == ("test", ("a1", "a2", "a3"), ("c1", "c2", "d1", "d2"))
    assert exam.train_rows("emotion", 0).tolist() == [True] * 3 + [False] * 5
    with pytest.raises(AffectZooError, match="part is 'all folds', the split 'two' holds parts"):
        open_tiny({k: parts[v[0]] for k, v in ITEMS.items()}, "parts")


def test_an_incomplete_data_set_is_refused():
    with pytest.raises(AffectZooError, match="1 of the split's 8 keys are not in the data at hand, such as 'd2'"):
        open_tiny(samples=tiny_samples()[:-1])


def test_a_speaker_in_two_folds_is_a_leak():
    bad = {k: FOLD_OF[v[0]] for k, v in ITEMS.items()} | {"a3": "1"}
    with pytest.raises(LeakError, match="share speaker a"):
        open_tiny(bad)


def test_an_edited_split_is_refused(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("key,fold\n" + "".join(f"{k},{FOLD_OF[v[0]]}\n" for k, v in ITEMS.items()))
    sha = read_folds(path, "folds").sha256
    path.write_text(path.read_text().replace("d2,1", "d2,0"))
    with pytest.raises(FileError, match="two.csv.*its card says"):
        read_folds(path, "folds", sha256=sha)


def test_targets_are_projected_to_the_benchmarks_space():
    space = load_space("ravdess8")
    samples = [
        dataclasses.replace(s, targets={"emotion": class_target(space, ITEMS[s.key][2])}) for s in tiny_samples()
    ]
    card = dataclasses.replace(load_card("emodb"), name="tiny_set", groups=("speaker",))
    folds = Folds({k: FOLD_OF[v[0]] for k, v in ITEMS.items()}, "folds", ("speaker",), "two", "5" * 64)
    exam = open_exam(tiny_benchmark(), data=Dataset(card, samples, space), folds=folds)
    np.testing.assert_array_equal(exam.truth["emotion"].values, tiny_exam().truth["emotion"].values)


def test_rows_of_items_without_a_label_are_not_scored():
    samples = list(tiny_samples())
    samples[0] = dataclasses.replace(samples[0], targets={})
    samples[1] = dataclasses.replace(samples[1], targets={"emotion": class_target(load_space("emodb4"), None)})
    exam = open_tiny(samples=samples)
    assert exam.test_rows("emotion").sum() == 6 and len(exam.truth["emotion"].values) == 7


def test_times_follow_the_labels_own_clock():
    exam = curve_exam()
    late = dataclasses.replace(
        exam.samples[1], targets={"vad": dataclasses.replace(exam.samples[1].targets["vad"], t0_s=3.0)}
    )
    truth = dataclasses.replace(exam, samples=(exam.samples[0], late, *exam.samples[2:])).truth["vad"]
    assert truth.granularity == "step"
    assert truth.t_s[:16].tolist() == [i / 4 for i in range(8)] + [3 + i / 4 for i in range(8)]


def test_clips_and_steps_in_one_field_are_an_error():
    exam = curve_exam()
    clip = dataclasses.replace(exam.samples[0], targets={"vad": Target(np.zeros(2, np.float32), np.ones(2, bool))})
    with pytest.raises(AffectZooError, match="whole clips in some items and over time in others"):
        _ = dataclasses.replace(exam, samples=(clip, *exam.samples[1:])).truth


def test_wrong_folds_are_refused(exam):
    with pytest.raises(UnknownNameError, match="key of the split 'a9'"):
        dataclasses.replace(exam, folds=(ExamFold("0", ("b1",), ("a9",)),))
    with pytest.raises(LeakError, match="fold 0 trains and tests a1"):
        dataclasses.replace(exam, folds=(ExamFold("0", ("a1",), ("a1",)),))
    with pytest.raises(AffectZooError, match="tested in two folds"):
        dataclasses.replace(exam, folds=(ExamFold("0", (), ("a1",)), ExamFold("1", (), ("a1",))))


@pytest.mark.data
@pytest.mark.parametrize(
    "name, items, folds", [("emodb4-loso", 339, 10), ("nemo-loso", 823, 9), ("ravdess-emobox6", 1440, 6)]
)
def test_real_benchmarks_open(name, items, folds, data_root):
    exam = open_exam(load_benchmark(name), data_root)
    assert (len(exam.test_keys), len(exam.folds)) == (items, folds)
    assert exam.test_rows("emotion").sum() == items
