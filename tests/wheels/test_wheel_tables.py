"""The wheel tables: our clean ones, and the official ones where the reader has them."""

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.labels.wheel import GROUPINGS, WHEELS, load_wheels, split_words

CLEAN = load_wheels()
SIZES = {1: (6, 36), 2: (7, 41), 3: (6, 36), 4: (6, 48), 5: (6, 36)}


@pytest.mark.parametrize("wheel", WHEELS)
def test_wheel_spaces_have_the_published_sizes(wheel):
    space = load_space(f"wheel{wheel}")
    roots = [c for c in space.categories if not c.parents]
    assert (len(roots), space.size("emotion") - len(roots)) == SIZES[wheel]
    assert all(c.name == f"{c.parents[0]}/{c.aliases[0]}" for c in space.categories if c.parents)
    angles = [c.angle_deg for c in space.categories if c.parents]
    assert angles == sorted(angles) and angles[0] > 0 and angles[-1] < 360


@pytest.mark.parametrize("wheel", WHEELS)
def test_clean_wheel_word_maps_to_its_own_sector(wheel):
    for c in load_space(f"wheel{wheel}").categories:
        word = c.name.rsplit("/", 1)[-1]
        if c.parents:
            assert (CLEAN.m3(word, wheel, 1), CLEAN.m3(word, wheel, 2)) == (c.parents[0], word)
        else:
            below = CLEAN.m3(word, wheel, 2)
            assert CLEAN.m3(word, wheel, 1) == word
            assert CLEAN.m3(below, wheel, 1) == word, f"level 2 of {word!r} lies in another sector"


def test_clean_levels_agree_for_every_form():
    for word in CLEAN.pool:
        for wheel in WHEELS:
            one, two = CLEAN.m3(word, wheel, 1), CLEAN.m3(word, wheel, 2)
            assert (one is None) == (two is None), (word, wheel)
            assert one is None or CLEAN.m3(two, wheel, 1) == one, (word, wheel)


def test_clean_vocabulary():
    assert len(CLEAN.pool) >= 250
    assert CLEAN.mapping_version is None
    for word in ("happy", "joy", "worried", "anxious", "frustrated", "excited", "calm", "fear", "surprise"):
        assert CLEAN.m1(word) and CLEAN.m2(word)


GOLDEN_CLEAN = {  # word: M1, M2, level 1 of W1..W5, read off the wheels by hand
    "happiness": ("happy", "happy", "happy happy joyful joy joyful"),
    "Fear ": ("fearful", "fearful", "scared fearful scared fear scared"),
    "irritation": ("irritated", "irritated", "mad angry mad anger mad"),
    "worried": ("worried", "worried", "scared fearful scared fear scared"),
    "calm": ("calm", "calm", "happy happy peaceful joy peaceful"),
    "surprise": ("surprised", "surprised", "surprised surprised - fear -"),
    "hatred": ("hateful", "hateful", "mad angry mad anger mad"),
    "furious": ("furious", "rage", "mad angry mad anger mad"),
}


@pytest.mark.parametrize("word", GOLDEN_CLEAN)
def test_clean_goldens(word):
    m1, m2, sectors = GOLDEN_CLEAN[word]
    assert (CLEAN.m1(word), CLEAN.m2(word)) == (m1, m2)
    assert [CLEAN.m3(word, k, 1) or "-" for k in WHEELS] == sectors.split()


def test_word_without_affect_has_no_group():
    assert all(CLEAN.group("neutral", g) is None for g in GROUPINGS)
    assert "neutral" not in CLEAN and " HAPPY" in CLEAN


@given(st.text(max_size=12), st.sampled_from(GROUPINGS))
def test_any_text_is_answered(word, grouping):
    assert CLEAN.group(word, grouping) is None or word.strip().lower() in CLEAN.pool


def test_bad_input():
    with pytest.raises(UnknownNameError, match="clean"):
        load_wheels("cleen")
    with pytest.raises(UnknownNameError, match="mapping_version"):
        load_wheels("official", "2024")
    with pytest.raises(UnknownNameError, match="W1L1"):
        CLEAN.m3("happy", 6, 1)
    with pytest.raises(UnknownNameError, match="M3"):
        CLEAN.group("happy", "M3")
    with pytest.raises(AffectZooError, match="must be text"):
        CLEAN.m1(3)
    with pytest.raises(AffectZooError, match="got None"):
        split_words(None)
    assert split_words(" Happy, ,sad,") == ["happy", "sad"]


def test_official_needs_a_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("AFFECTZOO_DATA", raising=False)
    with pytest.raises(FileError, match="AFFECTZOO_DATA"):
        load_wheels("official")
    with pytest.raises(FileError, match=r"wheel1\.csv: no such file"):
        load_wheels("official", data_dir=tmp_path)


def toy_folder(folder: Path, **tables: str) -> Path:
    files = {f"wheel{k}": "level1,level2,level3\nbad,down,grey\njoy,warm,glow\n" for k in WHEELS}
    files |= {"synonyms": 'run,word,synonyms\n1,down,"low, flat"\n2,glow,low\n'}
    files |= {"format": 'name,format\nlow,"low,lower"\nflat,"lower,flat"\ngrey,greyish\n'}
    for name, text in (files | tables).items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_official_rules_on_a_toy_folder(tmp_path):
    w = load_wheels("official", data_dir=toy_folder(tmp_path))
    assert w.m1("lower") == "flat"  # the alphabetically first of low and flat
    assert w.m2("lower") == "down"
    assert w.m2("low") == "down" and w.pool["low"] == ("down", "glow")
    assert w.m3("low", 1, 2) == "down"
    assert w.m1("grey") == "grey", "a name stands for itself though its row lists only greyish"


def test_official_last_row_wins_and_level_one_takes_first_child(tmp_path):
    rows = "level1,level2,level3\njoy,warm,glow\njoy,able,tall\nbad,warm,tall\n"
    folder = toy_folder(tmp_path, wheel1=rows, format="name,format\nwarm,warm\ntall,tall\njoy,joy\n")
    w = load_wheels("official", data_dir=folder)
    assert w.m3("warm", 1, 1) == "bad" and w.m3("tall", 1, 2) == "warm"
    assert w.m3("joy", 1, 2) == "able"


def test_official_broken_files_are_named(tmp_path):
    toy_folder(tmp_path, wheel2="level1,level2\na,b\n")
    with pytest.raises(FileError, match=r"wheel2\.csv: has no column 'level3'"):
        load_wheels("official", data_dir=tmp_path)
    (tmp_path / "wheel2.csv").write_text("level1,level2,level3\n")
    with pytest.raises(FileError, match="has no rows"):
        load_wheels("official", data_dir=tmp_path)


GOLDEN_OFFICIAL = {  # level 1 of W1..W5; '-' is dropped
    "happy": "happy happy joyful joy powerful",
    "angry": "mad angry mad anger mad",
    "worried": "scared fearful scared fear scared",
    "surprise": "surprised surprised powerful fear -",
    "disgusted": "disgusted disgusted - disgust -",
    "contempt": "- angry - - -",
    "excited": "surprised happy joyful genius joyful",
    "frustrated": "sad sad mad sad mad",
    "calm": "happy happy peaceful joy peaceful",
    "bored": "- bad sad sad sad",
    "confused": "surprised surprised scared sad scared",
    "proud": "happy happy powerful genius powerful",
    "relieved": "happy - - joy -",
    "hesitant": "disgusted disgusted - anger -",
    "neutral": "- - - - -",
    "ambivalent": "- - - - -",
}
FEAR = {"2025": "scared happy joyful genius joyful", "2026": "scared fearful scared fear scared"}


@pytest.mark.data
@pytest.mark.parametrize("version", FEAR)
def test_official_goldens(version):
    w = load_wheels("official", version)
    for word, sectors in {**GOLDEN_OFFICIAL, "fear": FEAR[version]}.items():
        assert [w.m3(word, k, 1) or "-" for k in WHEELS] == sectors.split(), word
    groups = {"happy": ("happiness", "joy"), "sad": ("sad", "depressed"), "anxious": ("anxiety", "fear")}
    assert {x: (w.m1(x), w.m2(x)) for x in groups} == groups
    assert len(w.pool) == {"2025": 7386, "2026": 7356}[version]


@pytest.mark.data
def test_official_level_one_and_two_labels_are_ours():
    """Structure only: the labels are facts; words and synonyms are not compared."""
    folder = Path(os.environ["AFFECTZOO_DATA"]) / "emotion_wheels"
    for wheel in WHEELS:
        with (folder / f"wheel{wheel}.csv").open(encoding="utf-8") as file:
            pairs = {f"{r['level1']}/{r['level2']}" for r in csv.DictReader(file)}
        assert pairs == {c.name for c in load_space(f"wheel{wheel}").categories if c.parents}
