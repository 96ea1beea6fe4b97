import dataclasses

import numpy as np
import pandas as pd
import pytest

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.leaderboard.answers import drop_unknown, lay_over, table_sha256
from affectzoo.structures.table import PredictionTable

from .tiny import ANSWERS, curve_exam, curve_table, table, tiny_exam


def test_rows_lie_on_the_truth_whatever_their_order(exam):
    shuffled = table(dict(reversed(ANSWERS.items())))
    answers = lay_over(shuffled, exam)
    assert answers.missing == answers.failed == answers.remarks == ()
    right = (answers.values["emotion"] == exam.truth["emotion"].values).all(1)
    assert [s.key for s, ok in zip(exam.samples, right, strict=True) if not ok] == ["a3", "d1"]


def test_columns_are_addressed_by_name(exam):
    frame = table(ANSWERS)
    turned = PredictionTable(frame.frame[frame.frame.columns[::-1]], frame.meta)
    assert np.array_equal(lay_over(turned, exam).values["emotion"], lay_over(frame, exam).values["emotion"])


def test_missing_and_failed_are_counted_and_wrong(exam):
    answers = lay_over(table({k: v for k, v in ANSWERS.items() if k != "c1"} | {"d2": ""}), exam)
    assert answers.missing == ("c1",)
    assert answers.failed == ("d2",)
    for key in ("c1", "d2"):
        row = answers.values["emotion"][exam.index[key]]
        truth = exam.truth["emotion"].values[exam.index[key]]
        assert (
            row[truth.argmax()] == 0 and np.isclose(row.sum(), 1) and not answers.answered["emotion"][exam.index[key]]
        )


def test_an_answer_without_a_number_has_failed(exam):
    broken = table(ANSWERS)
    broken.frame.loc[broken.frame.key == "a1", "emotion.anger"] = np.nan
    assert lay_over(broken, exam).failed == ("a1",)


def test_unknown_key_offers_the_nearest(exam):
    with pytest.raises(UnknownNameError, match=r"unknown key 'b11'.*Did you mean 'b1'"):
        lay_over(table(ANSWERS | {"b11": "anger"}), exam)


def test_unknown_keys_are_left_aside_when_asked_and_counted(exam):
    left, remark = drop_unknown(table(ANSWERS | {"b11": "anger"}), exam)
    assert remark.startswith("1 keys") and lay_over(left, exam).missing == ()
    assert drop_unknown(table(ANSWERS), exam)[1] == ""
    misspelt = {("b11" if k == "b1" else k): v for k, v in ANSWERS.items()}
    assert lay_over(drop_unknown(table(misspelt), exam)[0], exam).missing == ("b1",)


def test_a_key_answered_twice_is_an_error(exam):
    good = table(ANSWERS)
    second = good.frame[good.frame.key == "a1"].assign(track="left")
    with pytest.raises(AffectZooError, match="'a1' is answered twice.*left"):
        lay_over(PredictionTable(pd.concat([good.frame, second]), good.meta), exam)


def test_items_outside_the_test_part_are_left_aside():
    exam = tiny_exam()
    exam = dataclasses.replace(exam, folds=exam.folds[:1])
    answers = lay_over(table(ANSWERS), exam)
    assert answers.missing == () and "4 rows" in answers.remarks[0]
    assert np.isnan(answers.values["emotion"][4:]).all()


def test_granularity_must_fit(exam):
    steps = curve_exam()
    clips = table(ANSWERS)
    rows = clips.frame.assign(t_s=0.0)
    with pytest.raises(AffectZooError, match="labelled by clip, the table answers by step; pool it"):
        lay_over(PredictionTable(rows, dataclasses.replace(clips.meta, granularity="step", rate_hz=1.0)), exam)
    pooled = curve_table(steps).pool("mean")
    with pytest.raises(AffectZooError, match="labelled by step, the table answers by clip"):
        lay_over(pooled, steps)


@pytest.mark.parametrize("rate_hz, steps", [(4.0, 8), (8.0, 15), (2.0, 5)])
def test_answers_are_read_at_the_labels_times(rate_hz, steps):
    """A ramp is exact under linear interpolation, so that any rate gives back the truth."""
    exam = curve_exam()
    answers = lay_over(curve_table(exam, rate_hz, steps=steps), exam)
    np.testing.assert_allclose(answers.values["vad"], exam.truth["vad"].values, atol=1e-7)
    assert answers.answered["vad"].all() and not answers.failed


def test_rows_in_any_order_and_gaps_stay_at_their_times():
    exam = curve_exam()
    full = curve_table(exam)
    gap = full.frame[(full.frame.key != "k0") | (full.frame.t_s != 0.5)].sample(frac=1, random_state=0)
    answers = lay_over(PredictionTable(gap, full.meta), exam)
    assert list(np.flatnonzero(~answers.answered["vad"])) == [2]
    assert answers.values["vad"][2].tolist() == [0.0, 0.0]  # the centre, never a guess from the neighbours
    np.testing.assert_allclose(answers.values["vad"][3:], exam.truth["vad"].values[3:], atol=1e-7)
    assert answers.failed == ("k0",)  # 7 of 8 steps are less than the 90 % that the benchmark asks for
    lenient = dataclasses.replace(exam, benchmark=dataclasses.replace(exam.benchmark, coverage=0.8))
    assert lay_over(PredictionTable(gap, full.meta), lenient).failed == ()


def test_times_off_the_declared_rate_are_an_error():
    exam = curve_exam()
    bent = curve_table(exam)
    bent.frame.loc[1, "t_s"] = 0.4
    with pytest.raises(AffectZooError, match="t_s does not run at the declared 4.0 Hz"):
        lay_over(bent, exam)


def test_out_of_range_is_said_and_not_clipped():
    exam = curve_exam()
    loud = curve_table(exam)
    loud.frame.loc[0, "vad.valence"] = -1.7
    answers = lay_over(loud, exam)
    assert answers.values["vad"][0, 0] == -1.7
    assert answers.remarks == ("1 vad answers lie outside [-1, 1] and were scored as they are",)


def test_hash_is_of_the_contents_not_of_the_file(tmp_path):
    one = table(ANSWERS)
    read = [PredictionTable.read(one.write(tmp_path / f"p{s}")) for s in (".parquet", ".csv", ".jsonl")]
    other = table(ANSWERS | {"a1": "neutral"})
    assert {table_sha256(t) for t in read} == {table_sha256(one)}
    assert table_sha256(other) != table_sha256(one)
