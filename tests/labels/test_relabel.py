"""Points into distributions over emotion words and back: golden posteriors, round trips, files, bad rows."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelkit import prediction
from test_vad import GOLDEN, POINTS

from affectzoo.commands import labels
from affectzoo.data.targets import DERIVED_EMOTION, project_samples, project_targets
from affectzoo.errors import AffectZooError, FileError, UndefinedMappingError, UnknownNameError
from affectzoo.labels.ranges import from_canonical
from affectzoo.labels.relabel import emotion_to_points, find_columns, parse_range, points_to_emotion, relabel_frame
from affectzoo.labels.space import load_space
from affectzoo.labels.vad import fill_dominance, space_gaussians
from affectzoo.structures.relabel import relabel_table
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.table import PredictionTable

QUADRANTS = st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=1, max_size=6).map(np.array)


def run(*words):
    parser = argparse.ArgumentParser()
    labels.add_arguments(parser)
    return labels.run(parser.parse_args(["relabel", *map(str, words)]))


def test_golden_posteriors_and_what_was_assumed():
    done = points_to_emotion(POINTS, "rm8")
    np.testing.assert_allclose(done.values, [q for _, q in GOLDEN], atol=6e-7)
    assert done.columns[0] == "emotion.happiness" and set(done.reasons) == {""}
    assert done.report["space_hash"] == load_space("rm8").hash and done.report["unusable"] == 0
    assumed = done.report["assumed"]
    assert assumed == {"prior": "uniform", "covariance": "diagonal", "dominance": "given", "range": "signed [-1, 1]"}


@pytest.mark.parametrize("name", ["sam9", "unit", "0:10"])
def test_another_range_gives_the_same_golden_posteriors(name):
    given_in = from_canonical(POINTS, parse_range(name))
    np.testing.assert_allclose(points_to_emotion(given_in, "rm8", name).values, [q for _, q in GOLDEN], atol=6e-7)


def test_dominance_is_filled_by_the_declared_rule_and_said():
    two, d = POINTS[:, :2], fill_dominance("rm8", POINTS[:, :2])
    done = points_to_emotion(two, "rm8")
    np.testing.assert_allclose(done.values, points_to_emotion(np.c_[two, d], "rm8").values, atol=1e-12)
    assert (
        done.report["assumed"]["dominance"].startswith("filled")
        and f"{d.min():.3f}" in done.report["assumed"]["dominance"]
    )
    assert not np.allclose(done.values, points_to_emotion(POINTS, "rm8").values, atol=1e-3)


def test_the_fourteen_are_named_as_ours():
    done = points_to_emotion(POINTS, "fused14_ours")
    assert done.values.shape == (8, 14) and done.report["space"] == "fused14_ours"
    np.testing.assert_allclose(done.values.sum(1), 1, atol=1e-12)
    assert done.columns[done.values[1].argmax()] in {"emotion.happiness", "emotion.elated", "emotion.loved"}


@settings(max_examples=40, deadline=None)
@given(QUADRANTS)
def test_back_and_forth(points):
    """The way back is the mean of the classes by their posterior: inside their hull, and never outside [-1, 1]."""
    there = points_to_emotion(points, "rm8")
    back = emotion_to_points(there.values, "rm8")
    mean = space_gaussians("rm8")[0]
    np.testing.assert_allclose(there.values.sum(1), 1, atol=1e-9)
    np.testing.assert_allclose(back.values, there.values @ mean, atol=1e-9)
    assert (back.values >= mean.min(0) - 1e-9).all() and (back.values <= mean.max(0) + 1e-9).all()


def test_a_class_mean_comes_back_near_itself():
    """At the mean of a class the way there and back moves by less than to the mean of any other class."""
    mean = space_gaussians("rm8")[0]
    back = emotion_to_points(points_to_emotion(mean, "rm8").values, "rm8").values
    moved = np.linalg.norm(back - mean, axis=1)
    apart = np.linalg.norm(mean[:, None] - mean[None], axis=2) + 9 * np.eye(8)
    assert (moved < apart.min(1)).all()


def test_one_hot_rows_give_the_classes_own_means_on_the_axes_asked_for():
    mean = space_gaussians("rm8")[0]
    np.testing.assert_allclose(emotion_to_points(np.eye(8), "rm8", "va").values, mean[:, :2], atol=1e-12)


def test_rows_that_cannot_be_used_keep_their_place_and_say_why():
    points = np.array([[0, 0, 0], [np.nan, 0, 0], [0, 1.2, 0], [np.nan, 9, 0], [0, 0, np.inf]])
    done = points_to_emotion(points, "rm8")
    assert done.reasons == (
        "",
        "valence: no number",
        "arousal: outside the range",
        "valence: no number",
        "dominance: no number",
    )
    assert np.isnan(done.values[1:]).all() and np.isfinite(done.values[0]).all()
    assert done.derived == ("relabelled from vad", "", "", "", "")
    assert done.report["unusable"] == 4 and done.report["reasons"]["valence: no number"] == 2


def test_shares_that_are_none_are_refused_row_by_row():
    p = np.array([[1, 0, 0, 0, 0, 0, 0, 0]] * 6, float)
    p[1, 0], p[2, 0], p[3, 1], p[4, 0] = np.nan, 0, -0.5, 0.9
    p[5] = 0.125
    reasons = emotion_to_points(p, "rm8").reasons
    assert [bool(r) for r in reasons] == [False, True, True, True, True, False]
    assert ("missing" in reasons[1]) and ("0" in reasons[2]) and ("negative" in reasons[3]) and ("sum" in reasons[4])
    votes = emotion_to_points(p * 10, "rm8", normalise=True)
    assert [bool(r) for r in votes.reasons] == [False, True, True, True, False, False]
    np.testing.assert_allclose(votes.values[4], space_gaussians("rm8")[0][0])


def test_mass_without_measured_values_is_reported_and_too_much_of_it_refused():
    space = load_space("goemotions28")
    without = [i for i, c in enumerate(space.categories) if c.term is None]
    assert without, "this test needs a space with a class without a term"
    k, mean = space.size("emotion"), space_gaussians(space)[0]
    known = next(i for i in range(k) if i not in without)
    p = np.zeros((2, k))
    p[0, [known, without[0]]], p[1, [known, without[0]]] = (0.6, 0.4), (0.4, 0.6)
    done = emotion_to_points(p, space)
    assert done.reasons[0] == "" and "without measured" in done.reasons[1]
    np.testing.assert_allclose(done.values[0], mean[known])
    assert done.report["assumed"]["their share, mean over rows"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: points_to_emotion(np.zeros((2, 4)), "rm8"), AffectZooError, "shape"),
        (lambda: points_to_emotion(POINTS, "vad"), UndefinedMappingError, "no emotion"),
        (lambda: points_to_emotion(POINTS, "rm88"), UnknownNameError, "rm8"),
        (lambda: emotion_to_points(np.eye(7), "rm8"), AffectZooError, "8 categories"),
        (lambda: emotion_to_points(np.eye(8), "rm8", "ekman7"), UndefinedMappingError, "axes"),
        (lambda: parse_range("samm9"), UnknownNameError, "sam9"),
        (lambda: parse_range("9:1"), AffectZooError, "exceed"),
        (lambda: parse_range("a:1"), AffectZooError, "two numbers"),
        (lambda: find_columns(["Valence", "vad.valence"], ["valence"]), AffectZooError, "all fit"),
        (lambda: find_columns(["valance"], ["valence"]), AffectZooError, "--columns"),
        (lambda: find_columns(["v"], ["valence"], own={"valens": "v"}), UnknownNameError, "valence"),
        (lambda: find_columns(["v"], ["valence"], own={"valence": "w"}), UnknownNameError, "column"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_csv_of_ones_own(tmp_path, capsys):
    rows = pd.DataFrame({"id": ["NA", "02", "3"], "V": [9, 5, ""], "A": [7, 5, 5], "note": ["x", "", "ä"]})
    rows.to_csv(tmp_path / "in.csv", index=False)
    out = tmp_path / "sub" / "out.csv"
    run(tmp_path / "in.csv", "--to", "rm8", "--out", out, "--range", "sam9", "--columns", "valence=V", "arousal=A")
    text = capsys.readouterr().out
    assert "2 of 3 rows" in text and "1 without new values: valence: no number" in text
    found = pd.read_csv(out, keep_default_na=False, dtype=str)
    assert list(found.id) == ["NA", "02", "3"] and list(found.note) == ["x", "", "ä"]
    want = points_to_emotion([[1, 0.5], [0, 0]], "rm8").values
    got = found[[c for c in found if c.startswith("emotion.")]]
    np.testing.assert_allclose(got.iloc[:2].astype(float), want, atol=1e-12)
    assert set(got.iloc[2]) == {""} and found.relabel_error[2] == "valence: no number" and found.derived[2] == ""
    report = json.loads((tmp_path / "sub" / "out.csv.relabel.json").read_text())
    assert report["columns"] == {"valence": "V", "arousal": "A"} and report["assumed"]["range"] == "sam9 [1, 9]"
    assert report["rows"] == 3 and report["unusable"] == 1 and report["space_hash"] == load_space("rm8").hash
    back = tmp_path / "back.csv"
    found.drop(columns=["derived", "relabel_error"]).to_csv(tmp_path / "p.csv", index=False)
    run(tmp_path / "p.csv", "--to", "vad", "--from", "rm8", "--out", back)
    again = pd.read_csv(back)
    np.testing.assert_allclose(again["vad.valence"][:2], (want @ space_gaussians("rm8")[0])[:, 0], atol=1e-9)
    assert np.isnan(again["vad.valence"][2])


def test_what_a_csv_cannot_do(tmp_path):
    path = tmp_path / "in.csv"
    pd.DataFrame({"valence": ["0.1", "low"], "arousal": [0, 0]}).to_csv(path, index=False)
    with pytest.raises(AffectZooError, match=r"'valence', row 2: 'low'"):
        run(path, "--to", "rm8", "--out", tmp_path / "o.csv")
    assert not (tmp_path / "o.csv").exists()
    pd.DataFrame({"valence": [0.1], "arousal": [0], "derived": ["mine"]}).to_csv(path, index=False)
    with pytest.raises(AffectZooError, match="'derived' is already there"):
        run(path, "--to", "rm8", "--out", tmp_path / "o.csv")
    with pytest.raises(AffectZooError, match="the table that is read"):
        run(path, "--to", "rm8", "--out", path)
    with pytest.raises(AffectZooError, match="--from"):
        run(path, "--to", "vad", "--out", tmp_path / "o.csv")
    with pytest.raises(AffectZooError, match="NAME=COLUMN"):
        run(path, "--to", "rm8", "--out", tmp_path / "o.csv", "--columns", "V")
    with pytest.raises(FileError, match="no such file"):
        run(tmp_path / "none.csv", "--to", "rm8", "--out", tmp_path / "o.csv")


def test_a_prediction_table_keeps_what_it_has_and_gets_one_field_more(tmp_path):
    frame = pd.DataFrame(
        {"key": ["a", "b"], "vad.valence": [0.8, 3.0], "vad.arousal": [0.5, 0], "vad.dominance": [0.4, 0]}
    )
    meta = {"space": load_space("vad").to_dict(), "kinds": {"vad": "value"}}
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "t.csv.meta.json").write_text(json.dumps(meta))
    run(tmp_path / "t.csv", "--to", "rm8", "--out", tmp_path / "t.parquet")
    table = PredictionTable.read(tmp_path / "t.parquet")
    assert table.space.name == "vad+rm8" and table.meta.kinds == {"vad": "value", "emotion": "probabilities"}
    np.testing.assert_allclose(table.values("emotion")[0], GOLDEN[1][1], atol=6e-7)
    assert np.isnan(table.values("emotion")[1]).all() and table.values("vad")[1, 0] == 3.0
    assert table.meta.notes["relabel"]["unusable"] == 1 and list(table.frame.derived) == ["relabelled from vad", ""]
    with pytest.raises(AffectZooError, match="already has emotion"):
        relabel_table(table, "fused14_ours")
    with pytest.raises(AffectZooError, match="--range"):
        run(tmp_path / "t.csv", "--to", "rm8", "--out", tmp_path / "o.csv", "--range", "sam9")


def test_a_table_of_emotions_gets_vad():
    table = PredictionTable.from_prediction(prediction("rm8"))
    done = relabel_table(table, "va")
    np.testing.assert_allclose(
        done.values("vad"), table.values("emotion") @ space_gaussians("rm8")[0][:, :2], atol=1e-6
    )


def test_targets_of_samples_only_when_asked_for():
    values = np.array([0.8, 0.5, 0.4], np.float32)
    target = Target(values, np.ones(3, bool))
    vad, space = load_space("vad"), load_space("rm8")
    assert project_targets({"vad": target}, vad, space) == {}
    got = project_targets({"vad": target}, vad, space, emotion_from_vad=True)["emotion"]
    np.testing.assert_allclose(got.values, GOLDEN[1][1], atol=1e-6)
    assert got.derived == DERIVED_EMOTION and got.mask.all()
    unrated = Target(values, np.array([True, True, False]))
    assert not project_targets({"vad": unrated}, vad, space, True)["emotion"].mask.any()
    beyond = Target(np.array([0.8, 1.5, 0], np.float32), np.ones(3, bool))
    assert not project_targets({"vad": beyond}, vad, space, True)["emotion"].mask.any()
    trace = Target(np.stack([values, -values]), np.ones((2, 3), bool), 5.0, 1.0)
    got = project_targets({"vad": trace}, vad, space, True)["emotion"]
    assert got.values.shape == (2, 8) and got.rate_hz == 5.0 and got.t0_s == 1.0
    samples, lost = project_samples([AffectSample("a", {}, {"vad": target})], vad, space, True)
    assert samples[0].targets["emotion"].derived and not {k for k in lost if k.startswith("emotion")}


def test_rated_emotions_are_never_replaced():
    source, target = load_space("ravdess8+vad"), load_space("ekman7")
    rated = Target(np.eye(8, dtype=np.float32)[source.index("emotion", "anger")], np.ones(8, bool))
    vad = Target(np.array([0.8, 0.5, 0.4], np.float32), np.ones(3, bool))
    got = project_targets({"emotion": rated, "vad": vad}, source, target, emotion_from_vad=True)["emotion"]
    assert got.derived is None and got.values[target.index("emotion", "anger")] == 1


def test_relabel_frame_leaves_its_input_alone():
    frame = pd.DataFrame({"Valence": [0.1], "AROUSAL": [0.2]})
    out, report = relabel_frame(frame, "rm8")
    assert list(frame.columns) == ["Valence", "AROUSAL"] and report["columns"] == {
        "valence": "Valence",
        "arousal": "AROUSAL",
    }
    assert len(out.columns) == 2 + 8 + 2
