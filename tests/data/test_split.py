from collections import Counter

import numpy as np
import pytest
from datakit import card, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.data import split as module
from affectzoo.data.card import SplitEntry
from affectzoo.data.split import (
    Folds,
    SplitWarning,
    draw_groups,
    file_sha256,
    leave_one_group_out,
    load_folds,
    make_folds,
    read_folds,
    write_folds,
)
from affectzoo.errors import AffectZooError, FileError, UnknownNameError

SAMPLES = [sample(i) for i in range(48)]  # speakers s0 to s5, eight items each


def speakers(keys):
    return {s.groups["speaker"] for s in SAMPLES if s.key in set(keys)}


def test_write_and_read_back(tmp_path):
    folds = leave_one_group_out(SAMPLES, "speaker")
    digest = write_folds(folds, tmp_path / "a.csv")
    back = read_folds(tmp_path / "a.csv", "folds", ("speaker",), "a", digest)
    assert back.assignment == folds.assignment and back.n == 6 and back.sha256 == digest
    assert read_folds(tmp_path / "a.csv").kind == "folds"


def test_the_hash_is_that_of_sha256sum_and_does_not_mind_line_ends(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"key,fold\na,0\nb,1\n")
    (tmp_path / "b.csv").write_bytes(b"key,fold\r\na,0\r\nb,1\r\n")
    # printf 'key,fold\na,0\nb,1\n' | sha256sum
    golden = "596f9dc1c6eb819330d8432b25f2aec713731fa9aa0e0e177b17dd2a6ece0fa5"
    assert file_sha256(tmp_path / "a.csv") == file_sha256(tmp_path / "b.csv") == golden


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    digest = write_folds(leave_one_group_out(SAMPLES, "speaker"), tmp_path / "splits" / "loso.csv")
    monkeypatch.setattr(module, "card_path", lambda name: tmp_path / "card.yaml")
    mine = card(splits={"loso": SplitEntry("splits/loso.csv", digest, ("speaker",))})
    assert load_folds(mine, "loso").disjoint == ("speaker",)
    text = (tmp_path / "splits" / "loso.csv").read_text()
    (tmp_path / "splits" / "loso.csv").write_text(text.replace("k000,0", "k000,1"))
    with pytest.raises(FileError, match=f"sha256 is .*its card says {digest}"):
        load_folds(mine, "loso")
    with pytest.raises(UnknownNameError, match="unknown split 'lose'.*'loso'"):
        load_folds(mine, "lose")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header is ''"),
        ("key,split\na,0\n", "header is 'key,split', expected 'key,fold' or 'key,part'"),
        ("key,fold\na,0\na,1\n", "line 3: key 'a' occurs twice"),
        ("key,fold\na,0\nb,two\n", "line 3: 'b,two' is not key and fold"),
        ("key,fold\na,0\nb,-1\n", "line 3"),
        ("key,fold\na,0\nb\n", "line 3"),
        ("key,part\na,dev\n", "line 2: 'a,dev' is not key and part"),
        ("key,fold\na,0\nb,2\n", r"numbered \[0, 2\].*without a gap"),
    ],
)
def test_a_bad_file_names_the_line(tmp_path, text, message):
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=message):
        read_folds(path)


def test_parts_of_a_fold_are_whole_speakers():
    folds = leave_one_group_out(SAMPLES, "speaker")
    parts = folds.parts(2, SAMPLES, val_fraction=0.3)
    assert speakers(parts["test"]) == {"s2"}
    assert not speakers(parts["val"]) & speakers(parts["train"])
    assert len(parts["val"]) in (8, 16) and sum(map(len, parts.values())) == 48
    assert parts == folds.parts(2, SAMPLES, val_fraction=0.3)
    assert folds.parts(2, SAMPLES, val_fraction=0)["val"] == []
    drawn = {tuple(sorted(speakers(folds.parts(2, SAMPLES, 0.2, seed=s)["val"]))) for s in range(20)}
    assert len(drawn) == 5  # each of the other speakers is drawn for some seed


def test_a_split_into_parts_keeps_its_own_validation():
    part = {"s0": "test", "s1": "val"}
    folds = Folds({s.key: part.get(s.groups["speaker"], "train") for s in SAMPLES}, "parts", ("speaker",))
    parts = folds.parts(None, SAMPLES)
    assert folds.n == 1 and {p: len(k) for p, k in parts.items()} == {"train": 32, "val": 8, "test": 8}
    with pytest.raises(AffectZooError, match="one fold only; fold=3"):
        folds.parts(3, SAMPLES)


@pytest.mark.parametrize("fold", [None, -1, 6])
def test_a_fold_that_is_not_there(fold):
    with pytest.raises(AffectZooError, match="folds 0 to 5"):
        leave_one_group_out(SAMPLES, "speaker").parts(fold, SAMPLES)


def test_keys_of_one_side_only_are_reported():
    folds = leave_one_group_out(SAMPLES, "speaker")
    with pytest.warns(SplitWarning, match="8 of its 48 keys are not in the data; 1 samples are not in the split"):
        parts = folds.parts(0, [*SAMPLES[:40], sample(99)])
    assert sum(map(len, parts.values())) == 40
    with pytest.raises(AffectZooError, match="share no key: 'k000' and 'k099'"):
        folds.parts(0, [sample(99)])


def test_val_needs_a_second_group():
    same = [sample(i, speaker="a" if i < 4 else "b") for i in range(8)]
    with pytest.raises(AffectZooError, match="1 value.s. of 'speaker'.*val_fraction=0"):
        leave_one_group_out(same, "speaker").parts(0, same)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=12, max_size=60), st.integers(2, 4), st.integers(0, 3))
def test_folds_never_cut_a_group(groups, k, seed):
    samples = [sample(i, speaker=f"g{g}", length=3) for i, g in enumerate(groups)]
    if len(set(groups)) < k:
        with pytest.raises(AffectZooError, match=f"cannot make {k} folds of"):
            make_folds(samples, "speaker", k, seed)
        return
    folds = make_folds(samples, "speaker", k, seed)
    of_group = {}
    for s in samples:
        of_group.setdefault(s.groups["speaker"], set()).add(folds.assignment[s.key])
    assert all(len(f) == 1 for f in of_group.values()) and folds.n == k
    assert folds == make_folds(samples, "speaker", k, seed)
    sizes, biggest = Counter(folds.assignment.values()), max(Counter(groups).values())
    assert max(sizes.values()) - min(sizes.values()) <= biggest


def test_stratified_folds_have_like_class_counts():
    rng = np.random.default_rng(0)
    samples = [sample(i, speaker=f"g{i // 6}", length=3) for i in range(240)]
    rare = {s.key: "rare" if int(s.groups["speaker"][1:]) % 4 == 0 and rng.random() < 0.5 else "often" for s in samples}

    def spread(folds):
        counts = Counter(folds.assignment[k] for k, c in rare.items() if c == "rare")
        return max(counts.values()) - min(counts.values())

    assert spread(make_folds(samples, "speaker", 5, 0, rare)) <= 2
    assert max(spread(make_folds(samples, "speaker", 5, s)) for s in range(5)) > 4  # chance does worse


def test_without_a_group_items_are_their_own():
    assert len(set(Counter(make_folds(SAMPLES, None, 4).assignment.values()).values())) == 1


def test_a_group_that_an_item_lacks():
    with pytest.raises(UnknownNameError, match="k000: unknown group 'speakr'.*'speaker'"):
        make_folds(SAMPLES, "speakr", 3)


def test_draw_groups_comes_close_to_the_fraction():
    for fraction in (0.2, 0.5, 0.99):
        n = len(draw_groups(SAMPLES, "speaker", fraction, [0]))
        assert n == {0.2: 8, 0.5: 24, 0.99: 40}[fraction]
