"""Every label space loads, documents itself, and keeps its meaning under its version."""

import csv
import json
import os
from pathlib import Path

import pytest
import yaml

import affectzoo.labels
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.facs import TITLES
from affectzoo.labels.space import LabelSpace, list_spaces, load_space
from affectzoo.labels.vad import DATA, terms

HASHES = yaml.safe_load((Path(__file__).parent / "space_hashes.yaml").read_text())
FOLDER = Path(affectzoo.labels.__file__).parent / "spaces"


@pytest.mark.parametrize("name", list_spaces())
def test_space_documents_itself_and_round_trips(name):
    space = load_space(name)
    assert space.title and space.source and space.licence and space.version
    again = LabelSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    assert again == space and again.hash == space.hash


def test_no_space_changed_under_its_version():
    """A change of names, order, terms or angles needs a new version and a new line in space_hashes.yaml."""
    built_in = {p.stem: load_space(p.stem) for p in FOLDER.glob("*.yaml")}
    assert {n: f"{s.version} {s.hash}" for n, s in built_in.items()} == HASHES


def test_hash_sees_order_terms_and_angles_but_not_prose():
    data = load_space("rm8").to_dict()
    del data["hash"]
    base = LabelSpace.from_dict(data).hash
    swapped = {**data, "categories": data["categories"][::-1]}
    other_term = {
        **data,
        "categories": [{**data["categories"][0], "term": "joyful"}, *data["categories"][1:]],
    }
    assert LabelSpace.from_dict(swapped).hash != base
    assert LabelSpace.from_dict(other_term).hash != base
    assert LabelSpace.from_dict({**data, "title": "else", "notes": "else"}).hash == base


def test_every_term_has_numbers_and_only_named_terms_are_shipped():
    used = {c.term for n in list_spaces() for c in load_space(n).categories if c.term}
    assert used <= terms().keys()
    measured = yaml.safe_load((DATA / "rm77.yaml").read_text())["terms"]
    assert set(measured) <= used


ORDERS = {
    "affectnet8": "neutral happiness sadness surprise fear disgust anger contempt",
    "ferplus8": "neutral happiness surprise sadness anger disgust fear contempt",
    "abaw8": "neutral anger disgust fear happiness sadness surprise other",
    "iemocap4": "anger happiness sadness neutral",
    "ravdess8": "neutral calm happiness sadness anger fear disgust surprise",
    "seed3": "negative neutral positive",
    "seed4": "neutral sadness fear happiness",
    "rm8": "happiness contempt surprise anger disgust fear sadness neutral",
    "emodb4": "anger happiness neutral sadness",
}


@pytest.mark.parametrize("name", ORDERS)
def test_published_class_order(name):
    assert load_space(name).names("emotion") == tuple(ORDERS[name].split())


AU_SETS = {
    "disfa8": "1 2 4 6 9 12 25 26",
    "disfa8_intensity": "1 2 4 6 9 12 25 26",
    "bp4d12": "1 2 4 6 7 10 12 14 15 17 23 24",
    "abaw12": "1 2 4 6 7 10 12 15 23 24 25 26",
    "openface17": "1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 45",
    "openface18": "1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 28 45",
    "rafau24": "1 2 4 5 6 7 9 10 12 14 15 16 17 18 19 20 22 23 24 25 26 27 32 39",
    "facialr1_30": "1 2 4 5 6 7 9 10 11 12 13 14 15 16 17 18 19 20 22 23 24 25 26 27 28 29 30 31 32 43",
}


@pytest.mark.parametrize("name", AU_SETS)
def test_action_unit_sets(name):
    units = load_space(name).action_units
    assert [u.number for u in units] == [int(n) for n in AU_SETS[name].split()]
    assert all(u.title == TITLES[u.number] for u in units)
    assert load_space(name).au_kind == ("intensity" if name in ("openface17", "disfa8_intensity") else "presence")


def test_sizes_of_trees():
    sizes = {n: load_space(n).size("emotion") for n in ("parrott6", "parrott25", "parrott135", "plutchik", "geneva20")}
    assert sizes == {"parrott6": 6, "parrott25": 25, "parrott135": 135, "plutchik": 24, "geneva20": 20}
    fine = load_space("parrott135")
    tiers = {n.rpartition("/")[0] for n in fine.names("emotion")}
    assert tiers == set(load_space("parrott25").names("emotion"))
    assert fine.index("emotion", "bliss") == fine.index("emotion", "joy/cheerfulness/bliss")
    assert list(load_space("plutchik").names("emotion")[:6]) == [
        "serenity",
        "joy",
        "ecstasy",
        "acceptance",
        "trust",
        "admiration",
    ]


def test_aliases_of_common_spellings():
    space = load_space("ravdess8")
    assert [space.index("emotion", w) for w in ("happy", "angry", "fearful", "surprised", "calm")] == [
        2,
        4,
        5,
        7,
        1,
    ]
    assert load_space("iemocap4").index("emotion", "exc") == load_space("iemocap4").index("emotion", "hap") == 1
    with pytest.raises(UnknownNameError, match="happiness"):
        space.index("emotion", "hapiness")


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "name"), [("ravdess_speech", "ravdess8"), ("emodb", "emodb7"), ("nemo_subset", "nemo6")]
)
def test_native_labels_of_real_data_are_accepted(folder, name):
    root = os.environ.get("AFFECTZOO_DATA")
    if not root:
        pytest.skip("set AFFECTZOO_DATA to the folder of data sets")
    with open(Path(root) / folder / "metadata.csv", newline="", encoding="utf-8") as f:
        found = {row["emotion"] for row in csv.DictReader(f)}
    space = load_space(name)
    assert {space.index("emotion", w) for w in found} == set(range(space.size("emotion")))


def test_composing_and_bad_names():
    both = load_space("ravdess8+vad")
    assert both.fields == ("vad", "emotion")
    with pytest.raises(AffectZooError, match="both define emotion"):
        load_space("ravdess8+ekman6")
    with pytest.raises(UnknownNameError, match="ravdess8"):
        load_space("ravdes8")
