"""Tertiles: golden cuts, the fall-backs, and the file."""

import json

import pytest

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.speech.prosody.levels import LevelCuts, fit_levels

NAN = float("nan")


def table() -> tuple[dict[str, list[float]], list[str], list[str]]:
    """Corpus a: 60 f (101..160), 60 m (1..60) and 3 of unknown gender; corpus b: 10 f (200)."""
    pitch = [float(v) for v in (*range(101, 161), *range(1, 61), 80, 80, 80, *[200] * 10)]
    level = [float(-v) for v in range(133)]
    corpus = ["a"] * 123 + ["b"] * 10
    gender = ["f"] * 60 + ["m"] * 60 + [""] * 3 + ["f"] * 10
    return {"f0_median_hz": pitch, "level_dbfs": level, "other": level}, corpus, gender


@pytest.fixture(scope="module")
def cuts() -> LevelCuts:
    return fit_levels(*table())


def test_golden_cuts(cuts):
    own = cuts.cut("pitch", "a", "m")
    assert (own.low, own.high, own.n) == (pytest.approx(1 + 59 / 3), pytest.approx(1 + 2 * 59 / 3), 60)
    assert {c.attribute for c in cuts.cuts} == {"pitch", "energy"}  # no syllable_rate_hz in the table


def test_a_value_that_equals_a_cut_is_in_the_lower_level():
    cuts = fit_levels({"level_dbfs": [0.0, 1.0, 2.0, 3.0]}, ["a"] * 4)  # cuts at 1 and 2
    assert cuts.levels("energy", [0.5, 1.0, 1.001, 2.0, 2.001, NAN], ["a"] * 6) == [
        "low", "low", "normal", "normal", "high", "",
    ]  # fmt: skip


def test_a_small_group_takes_the_pooled_cuts_of_its_gender(cuts):
    pooled = cuts.cut("pitch", "b", "f")
    assert (pooled.corpus, pooled.gender, pooled.n) == ("", "f", 70)
    assert cuts.cut("pitch", "nowhere", "m") == cuts.cut("pitch", "", "m")
    assert cuts.cut("energy", "b").corpus == "" and cuts.cut("energy", "b").n == 133


def test_unknown_gender_takes_its_corpus_then_all(cuts):
    assert (cuts.cut("pitch", "a", "").corpus, cuts.cut("pitch", "a", "").n) == ("a", 123)
    assert (cuts.cut("pitch", "b", "").corpus, cuts.cut("pitch", "b", "").n) == ("", 133)
    assert cuts.cut("pitch", "", "x").n == 133  # a gender that was never seen
    assert cuts.levels("pitch", [30.0, 30.0], ["a", "a"], ["m", ""]) == ["normal", "low"]


def test_gender_does_not_grade_energy(cuts):
    assert cuts.levels("energy", [-10.0] * 2, ["a"] * 2, ["f", "m"]) == ["high"] * 2
    assert {c.gender for c in cuts.cuts if c.attribute == "energy"} == {""}


def test_names_of_rate():
    cuts = fit_levels({"syllable_rate_hz": [1.0, 2.0, 3.0]}, [""] * 3)
    assert cuts.levels("rate", [1.0, 2.0, 3.0], [""] * 3) == ["slow", "normal", "fast"]


def test_what_has_no_value_does_not_count():
    pitch = {"f0_median_hz": [100.0, NAN, 300.0, 900.0], "pitch_reliable": [1, 0, 1, 0]}
    assert fit_levels(pitch, ["a"] * 4).cut("pitch").n == 2
    with pytest.raises(AffectZooError, match="no values to cut"):
        fit_levels({"f0_median_hz": [NAN]}, ["a"])


def test_a_third_each(cuts):
    got = cuts.levels("pitch", table()[0]["f0_median_hz"][60:120], ["a"] * 60, ["m"] * 60)
    assert [got.count(n) for n in ("low", "normal", "high")] == [20, 20, 20]


def test_file(cuts, tmp_path):
    path = tmp_path / "cuts.json"
    cuts.save(path)
    assert LevelCuts.load(path) == cuts
    path.write_text(json.dumps({"cut": []}))
    with pytest.raises(UnknownNameError, match="Did you mean 'cuts'"):
        LevelCuts.load(path)
    with pytest.raises(FileError, match="no such file"):
        LevelCuts.load(tmp_path / "none.json")


def test_errors(cuts):
    with pytest.raises(UnknownNameError, match="Did you mean 'pitch'"):
        cuts.levels("pich", [1.0], ["a"])
    with pytest.raises(AffectZooError, match="2 values, 1 corpora"):
        cuts.levels("pitch", [1.0, 2.0], ["a"])
    with pytest.raises(AffectZooError, match="none for 'rate'"):
        cuts.levels("rate", [1.0], ["a"])
