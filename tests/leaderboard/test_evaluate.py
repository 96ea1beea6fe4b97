import dataclasses

import pytest

from affectzoo.errors import AffectZooError, FileError
from affectzoo.leaderboard.answers import lay_over
from affectzoo.leaderboard.compare import compare
from affectzoo.leaderboard.evaluate import evaluate
from affectzoo.leaderboard.report import open_console, print_record
from affectzoo.leaderboard.trained import key_hash
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.table import PredictionTable

from .tiny import ANSWERS, curve_exam, curve_table, table, tiny_exam


def run(answers, exam, n_boot=20, **kw) -> EvalRecord:
    frame = table(answers, **kw) if isinstance(answers, dict) else answers
    return evaluate(frame, exam.benchmark, n_boot=n_boot, data=exam)


def test_golden_scores_of_eight_clips(exam):
    """Truth: four clips of anger, four of sadness; a3 and d1 are wrong. Counted by hand, see each line."""
    record = run(ANSWERS, exam)
    uar, accuracy = record.scores["emotion/uar"], record.scores["emotion/accuracy"]
    # anger: a1 a2 right, a3 and d1 wrong: 2/4; sadness: all four right
    assert uar.value == pytest.approx((2 / 4 + 4 / 4) / 2, abs=1e-12)
    assert accuracy.value == pytest.approx(6 / 8, abs=1e-12)
    # fold 0: anger 2/3, sadness 1/1; fold 1: anger 0/1, sadness 3/3
    assert uar.per_fold == pytest.approx(((2 / 3 + 1) / 2, 0.5), abs=1e-12)
    assert uar.fold_mean == pytest.approx(((2 / 3 + 1) / 2 + 0.5) / 2, abs=1e-12)
    assert uar.value != pytest.approx(uar.fold_mean, abs=1e-3)
    assert uar.per_class["anger"] == 0.5 and uar.per_class["sadness"] == 1.0
    assert uar.per_class["neutral"] is None
    assert record.ranked and record.n == uar.n == 8 and record.n_failed == record.n_missing == 0
    assert uar.low <= uar.value <= uar.high
    assert uar.conventions


def test_slices_and_confusion_by_hand(exam):
    record = run(ANSWERS, exam)
    assert record.slices["gender"]["f"]["emotion/accuracy"] == pytest.approx(4 / 5)
    assert record.slices["gender"]["m"]["emotion/accuracy"] == pytest.approx(2 / 3)
    labels, counts = record.confusion["labels"], record.confusion["counts"]
    assert counts[labels.index("anger")][labels.index("neutral")] == 1
    assert counts[labels.index("anger")] == [2, 0, 1, 1] and sum(map(sum, counts)) == 8


def test_missing_and_failed_lower_the_score_and_the_rank(exam):
    partial = {k: v for k, v in ANSWERS.items() if k != "b1"} | {"c1": ""}
    record = run(partial, exam)
    assert (record.n_missing, record.n_failed, record.ranked) == (1, 1, False)
    assert record.scores["emotion/accuracy"].value == pytest.approx(4 / 8)  # not 4 of 6
    assert sum(map(sum, record.confusion["counts"])) == 6
    assert any("missing among the tested items: 1 (b1)" in r for r in record.remarks)
    assert any("failed among the tested items: 1 (c1)" in r for r in record.remarks)


def test_a_split_that_keeps_nothing_apart_is_never_ranked():
    for split, ranked in (("two", True), ("two-leaky", False)):
        record = run(ANSWERS, tiny_exam(split=split))
        assert record.ranked == ranked and any("keeps no group" in r for r in record.remarks) != ranked


def test_planted_contamination_is_refused(exam):
    clean = run(ANSWERS, exam, training_keys=(key_hash("tiny_set", "other"),))
    assert clean.ranked and clean.trained_on == 0
    planted = run(ANSWERS, exam, training_keys=(key_hash("tiny_set", "d2"),))
    assert not planted.ranked and planted.trained_on == 1
    assert any("trained on 1 of the tested items" in r for r in planted.remarks)
    assert planted.scores == clean.scores


def test_unknown_training_is_said(exam):
    record = run(ANSWERS, exam)
    assert record.trained_on is None and any("does not tell" in r for r in record.remarks)


def test_a_table_without_the_scored_field_is_an_error(exam):
    units = table(ANSWERS, "ekman7+abaw12")
    meta = dataclasses.replace(units.meta, kinds={"au": "probabilities"})
    frame = units.frame.assign(**{f"au.{n}": 0.5 for n in units.space.names("au")})
    with pytest.raises(AffectZooError, match="emotion"):
        run(PredictionTable(frame, meta), exam)


def test_another_space_is_projected_and_says_so(exam):
    """EmoDB's classes are among RAVDESS' eight: a foreign table scores, and the record says how."""
    record = run(table(ANSWERS, "ravdess8"), exam)
    assert record.scores["emotion/accuracy"].value == pytest.approx(6 / 8)
    assert any("from ravdess8.emotion to emodb4.emotion" in r for r in record.remarks)
    assert record.benchmark.label_space == "emodb4"


def test_what_a_projection_loses_is_said_and_the_rest_renormalised(exam):
    foreign = table(ANSWERS, "ravdess8")
    foreign.frame.loc[0, ["emotion.anger", "emotion.calm"]] = (
        0.4,
        0.6,
    )  # calm has no counterpart in EmoDB's four
    foreign.frame.loc[1, ["emotion.anger", "emotion.calm"]] = 0.0, 1.0  # and here nothing is left
    answers = lay_over(foreign, exam)
    assert answers.values["emotion"][0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert answers.failed == ("a2",)
    assert "0.2000 of the mass on average (at most 1.0000)" in answers.remarks[0]


def test_answers_over_time_are_scored_at_the_labels_times():
    exam = curve_exam()
    record = run(curve_table(exam, rate_hz=8.0, steps=15), exam)
    assert record.scores["vad/ccc"].value == pytest.approx(1.0, abs=1e-9)
    assert record.scores["vad/ccc"].n >= 32
    assert record.controls["clip_time"]["vad/ccc"] == pytest.approx(1.0, abs=1e-9)  # one ramp for all: nothing learnt
    assert record.controls["constant"]["vad/ccc"] == pytest.approx(0.0, abs=1e-9)
    assert record.benchmark.protocol["read_at"] == {"vad": "linear"}
    assert record.slices == {} and record.confusion == {}


def test_record_survives_json(exam, tmp_path):
    record = run(ANSWERS, exam, training_keys=(key_hash("tiny_set", "other"),))
    again = EvalRecord.read(record.write(tmp_path / "r.json"))
    assert again == record


def test_same_input_same_record(exam, tmp_path):
    one = run(ANSWERS, exam)
    two = evaluate(table(ANSWERS).write(tmp_path / "p.csv"), exam.benchmark, n_boot=20, data=tiny_exam())
    assert dataclasses.replace(one, created="") == dataclasses.replace(two, created="")


def test_record_names_no_folder_of_the_machine(exam, tmp_path):
    record = evaluate(table(ANSWERS).write(tmp_path / "p.parquet"), exam.benchmark, n_boot=0, data=exam)
    assert str(tmp_path) not in record.write(tmp_path / "r.json").read_text()
    assert record.scores["emotion/uar"].low is None and record.seeds == (0,)
    assert record.versions["numpy"] and record.model.arch == "speech/none"


def test_a_broken_file_is_named(tmp_path, exam):
    (tmp_path / "p.parquet").write_bytes(b"no")
    with pytest.raises(FileError, match="p.parquet"):
        evaluate(tmp_path / "p.parquet", exam.benchmark, data=exam)


def test_paired_difference(exam):
    better = ANSWERS | {"a3": "anger", "d1": "anger"}
    found = compare(table(better), table(ANSWERS), exam, n=200)["emotion/uar"]
    assert found.difference == pytest.approx(1.0 - 0.75, abs=1e-12)
    assert found.low <= found.difference <= found.high
    same = compare(table(ANSWERS), table(ANSWERS), exam, n=50)["emotion/uar"]
    assert (same.difference, same.low, same.high) == (0.0, 0.0, 0.0)


def test_an_interval_over_few_groups_says_so(exam):
    assert any("over 4 values of speaker only" in r for r in run(ANSWERS, exam).remarks)


def test_support_travels_with_the_values_by_class(exam, capsys):
    record = evaluate(table(ANSWERS), exam.benchmark, data=exam, n_boot=0)
    assert record.scores["emotion/uar"].support == {"anger": 4, "happiness": 0, "neutral": 0, "sadness": 4}
    print_record(record, open_console())
    rows = [line for line in capsys.readouterr().out.splitlines() if "anger" in line]
    assert len(rows) == 1 and rows[0].strip(" │").split()[-1] == "4"
