"""Splits whose rows are values of a group or attribute, for data whose keys cannot be listed without them."""

import dataclasses
import hashlib

import pytest
import yaml
from datakit import card, sample

from affectzoo.data import split as module
from affectzoo.data.card import SplitEntry, read_card
from affectzoo.data.leaks import check_parts
from affectzoo.data.split import SplitWarning, leave_one_group_out, load_folds, read_folds, write_folds
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.leaderboard.exam import open_exam
from affectzoo.plugins import resource_files

SAMPLES = [sample(i) for i in range(24)]  # speakers s0 to s5, four items each
ATTRIBUTED = [dataclasses.replace(s, attributes={"set": "Test1" if i % 3 else "Train"}) for i, s in enumerate(SAMPLES)]
TEXT = "speaker,fold,items\ns0,0,4\ns1,0,4\ns2,1,4\ns3,1,\n"


def rule(tmp_path, text=TEXT, by="speaker", **kw):
    path = tmp_path / "rule.csv"
    path.write_text(text)
    return read_folds(path, by=by, disjoint=("speaker",), **kw)


def test_the_rule_becomes_keys(tmp_path):
    folds = rule(tmp_path)
    assert (folds.by, folds.n, folds.kind, folds.items) == ("speaker", 2, "folds", {"s0": 4, "s1": 4, "s2": 4})
    resolved = folds.resolve(SAMPLES, complete=True)
    assert resolved.assignment == {
        s.key: "0" if s.groups["speaker"] in ("s0", "s1") else "1" for s in SAMPLES if s.groups["speaker"] < "s4"
    }
    assert resolved.by == "key" and resolved.resolve(SAMPLES) is resolved
    key_based = leave_one_group_out(SAMPLES, "speaker")
    assert key_based.resolve(SAMPLES, complete=True) is key_based


def test_parts_are_those_of_the_keys(tmp_path):
    folds = rule(tmp_path)
    with pytest.warns(SplitWarning, match="8 samples are not in the split"):
        parts = folds.parts(1, SAMPLES, val_group="speaker")
        assert parts == folds.resolve(SAMPLES).parts(1, SAMPLES, val_group="speaker")
    check_parts(parts, SAMPLES, ["speaker"])
    speakers = {p: {SAMPLES[int(k[1:])].groups["speaker"] for k in keys} for p, keys in parts.items()}
    assert speakers["test"] == {"s2", "s3"} and speakers["train"] | speakers["val"] == {"s0", "s1"}


def test_an_attribute_may_be_the_rule(tmp_path):
    folds = rule(tmp_path, "set,part\nTrain,train\nDev,val\nOne,test\nTwo,test\n", by="set")
    with pytest.raises(AffectZooError, match=r"no item has set One, Two \(part test\)"):  # val can be drawn
        folds.resolve(ATTRIBUTED)
    folds = rule(tmp_path, "set,part\nTrain,train\nTest1,test\nTest2,test\n", by="set")
    parts = folds.parts(None, ATTRIBUTED, val_fraction=0)
    assert {k: len(v) for k, v in parts.items()} == {"train": 8, "val": 0, "test": 16}


def test_the_hash_is_of_the_items_that_are_there(tmp_path):
    folds = rule(tmp_path)
    full, part = folds.resolve(SAMPLES).sha256, rule(tmp_path, TEXT.replace(",4", ",")).resolve(SAMPLES[1:]).sha256
    assert full == write_folds(folds.resolve(SAMPLES), tmp_path / "keys.csv") != part
    assert full == folds.resolve(SAMPLES[::-1]).sha256
    rows = "".join(f"{k},{v}\n" for k, v in sorted(folds.resolve(SAMPLES).assignment.items()))
    assert full == hashlib.sha256(f"key,fold\n{rows}".encode()).hexdigest()


def test_a_part_of_the_set_is_said(tmp_path):
    folds = rule(tmp_path, name="mine")
    with pytest.warns(SplitWarning, match="split 'mine'.*3 items of speaker s0, not 4"):
        folds.resolve(SAMPLES[1:])
    with pytest.raises(AffectZooError, match="3 items of speaker s0, not 4: scores would not be comparable"):
        folds.resolve(SAMPLES[1:], complete=True)
    with pytest.raises(UnknownNameError, match="k000: unknown group or attribute 'speakr'.*'speaker'"):
        rule(tmp_path, "speakr,fold\ns0,0\n", by="speakr").resolve(SAMPLES)


def test_write_and_read_back(tmp_path):
    folds = rule(tmp_path)
    assert write_folds(folds, tmp_path / "again.csv") == folds.sha256
    assert (tmp_path / "again.csv").read_text() == TEXT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key,fold\na,0\n", "header is 'key,fold', expected 'speaker,fold' or 'speaker,part'"),
        ("speaker,fold,n\na,0,1\n", "header is 'speaker,fold,n'"),
        ("speaker,fold,items\na,0,some\n", "line 2: 'a,0,some' is not speaker and fold and items"),
        ("speaker,fold,items\na,0\n", "line 2"),
        ("speaker,fold\na,0\na,1\n", "line 3: speaker 'a' occurs twice"),
    ],
)
def test_a_bad_file_names_the_line(tmp_path, text, message):
    with pytest.raises(FileError, match=message):
        rule(tmp_path, text)
    with pytest.raises(FileError, match="header is 'key,fold,items'"):
        rule(tmp_path, "key,fold,items\na,0,1\n", by="key")


def test_the_card_declares_the_rule(tmp_path, monkeypatch):
    path = tmp_path / "splits" / "rule.csv"
    path.parent.mkdir()
    path.write_text(TEXT)
    entry = SplitEntry("splits/rule.csv", hashlib.sha256(TEXT.encode()).hexdigest(), ("speaker",), by="speaker")
    monkeypatch.setattr(module, "card_path", lambda name: tmp_path / "card.yaml")
    assert load_folds(card(splits={"rule": entry}), "rule").by == "speaker"
    with pytest.raises(FileError, match="expected 'key,fold'"):
        load_folds(card(splits={"rule": dataclasses.replace(entry, by="key")}), "rule")


def nemo(tmp_path, **changes):
    data = yaml.safe_load(resource_files("datasets", pattern="card.yaml")["nemo/card"].read_text())
    (tmp_path / "nemo").mkdir(exist_ok=True)
    (tmp_path / "nemo" / "card.yaml").write_text(yaml.safe_dump(data | changes))
    return read_card(tmp_path / "nemo" / "card.yaml")


def test_a_wrong_rule_or_label_offers_the_nearest(tmp_path):
    split = {"file": "splits/loso.csv", "sha256": "0", "disjoint": ["speaker"]}
    assert nemo(tmp_path, splits={"loso": split | {"by": "gender"}}).splits["loso"].by == "gender"
    with pytest.raises(UnknownNameError, match="splits.loso.by: unknown group or attribute 'speakr'.*'speaker'"):
        nemo(tmp_path, splits={"loso": split | {"by": "speakr"}})
    assert nemo(tmp_path, outside={"xxx": "no agreement"}).outside == {"xxx": "no agreement"}
    with pytest.raises(FileError, match="label_map and outside both name anger"):
        nemo(tmp_path, outside={"anger": "anger"})


def test_an_exam_needs_the_complete_set(tmp_path):
    from datakit import SPACE

    from affectzoo.data.dataset import Dataset
    from affectzoo.leaderboard.benchmark import Benchmark

    benchmark = Benchmark(
        name="kit", title="Kit", dataset="kit", split="rule", label_space="emodb4", metrics={"emotion": ("uar",)},
        main="emotion/uar", group="speaker",
    )  # fmt: skip
    folds = rule(tmp_path)
    exam = open_exam(benchmark, data=Dataset(card(), SAMPLES, SPACE), folds=folds)
    assert exam.split_sha256 == folds.resolve(SAMPLES).sha256 and len(exam.test_keys) == 16
    with pytest.raises(AffectZooError, match="3 items of speaker s0, not 4"):
        open_exam(benchmark, data=Dataset(card(), SAMPLES[1:], SPACE), folds=folds)
