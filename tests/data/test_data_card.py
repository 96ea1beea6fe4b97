import re
import subprocess
import sys

import pytest
import yaml

from affectzoo.data.card import list_datasets, load_card, read_card
from affectzoo.errors import AffectZooError, FileError, UnknownNameError

GOOD = {
    "name": "mine", "title": "Mine", "revision": "1", "modalities": ["audio"], "adapter": "affectzoo.x.y",
    "label_space": "emodb4", "source": "here", "how_to_obtain": "ask", "licence": {"data": "CC0-1.0"},
    "free_for_any_use": True, "groups": ["speaker"], "label_map": {"wut": "anger"},
    "splits": {"loso": {"file": "splits/loso.csv", "sha256": "0" * 64, "disjoint": ["speaker"]}},
}  # fmt: skip


def write(tmp_path, folder="mine", **changes):
    path = tmp_path / folder / "card.yaml"
    path.parent.mkdir(exist_ok=True)
    data = {k: v for k, v in {**GOOD, **changes}.items() if v is not ...}
    path.write_text(yaml.safe_dump(data))
    return path


def test_a_good_card_is_read(tmp_path):
    card = read_card(write(tmp_path))
    assert card.space.name == "emodb4" and card.native_label("wut") == "anger"
    assert card.splits["loso"].kind == "folds" and card.folder is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"licens": {}}, "unknown key 'licens'.*Did you mean 'licence'"),
        ({"licence": {"data": "x", "nota": "y"}}, "licence: unknown key 'nota'.*'note'"),
        ({"how_to_obtain": ...}, "missing key.*'how_to_obtain'"),
        ({"free_for_any_use": "yes"}, "free_for_any_use: expected bool"),
        ({"label_map": {"wut": "angre"}}, "label_map.wut: unknown label 'angre'.*'anger'"),
        ({"splits": {"a": {"file": "f", "sha256": "0", "disjoint": ["speakr"]}}}, "'speakr'.*'speaker'"),
        ({"splits": {"a": {"file": "f", "sha256": "0", "disjoint": ["speaker"], "kind": "fold"}}}, "'folds'"),
        ({"splits": {"a": {"file": "f", "sha256": "0"}}}, "call it 'a-leaky'"),
        ({"label_space": "emodb5"}, "unknown label space 'emodb5'.*'emodb4'"),
    ],
)
def test_a_bad_card_names_the_field_and_the_nearest_choice(tmp_path, changes, message):
    with pytest.raises(AffectZooError, match=message):
        read_card(write(tmp_path, **changes))


def test_a_leaky_split_may_be_called_so(tmp_path):
    entry = {"file": "f", "sha256": "0"}
    assert "random-leaky" in read_card(write(tmp_path, splits={"random-leaky": entry})).splits
    assert "official" in read_card(write(tmp_path, groups=[], splits={"official": entry})).splits


def test_the_folder_bears_the_name(tmp_path):
    with pytest.raises(FileError, match="name is 'mine', its folder is 'yours'"):
        read_card(write(tmp_path, folder="yours"))


def test_unknown_data_set():
    with pytest.raises(UnknownNameError, match="'ravdes'.*'ravdess'"):
        load_card("ravdes")


def test_a_space_left_to_an_option():
    assert load_card("table").label_space is None
    with pytest.raises(AffectZooError, match="option 'label_space'"):
        _ = load_card("table").space


def test_every_card_of_the_repository_reads():
    cards = [load_card(name) for name in list_datasets()]
    assert {"emodb", "ravdess", "nemo", "table"} <= {c.name for c in cards}
    for c in cards:
        assert c.traps and c.licence.data and c.how_to_obtain, c.name
        for name, entry in c.splits.items():
            assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256), (c.name, name)


def test_listing_imports_no_adapter_and_no_torch():
    code = """if True:
        import sys
        from affectzoo.data.card import list_datasets, load_card
        [load_card(n) for n in list_datasets()]
        families = [f"affectzoo.{f}" for f in ("speech", "face", "eeg", "video")]
        assert not {"torch", *families} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", code], check=True)
