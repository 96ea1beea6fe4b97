from dataclasses import dataclass, field

import pytest

from affectzoo import plugins
from affectzoo.errors import AffectZooError, FileError, UnknownNameError, nearest
from affectzoo.schema import from_dict, read_json, read_yaml, to_dict


@dataclass(frozen=True)
class Inner:
    """A part."""

    size: int
    share: float = 0.5


@dataclass(frozen=True)
class Outer:
    """A whole."""

    name: str
    parts: tuple[Inner, ...] = ()
    table: dict[str, Inner] = field(default_factory=dict)
    note: str | None = None


def test_nested_round_trip():
    whole = Outer("a", (Inner(1), Inner(2, 0.25)), {"x": Inner(3)})
    assert from_dict(Outer, to_dict(whole)) == whole
    assert from_dict(Outer, {"name": "a", "parts": [{"size": 1, "share": 1}]}).parts[0].share == 1.0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"nmae": "a"}, r"card: unknown key 'nmae'. Did you mean 'name'"),
        ({}, r"card: missing key\(s\) 'name'"),
        ({"name": 3}, r"card\.name: expected str, got 3"),
        ({"name": "a", "parts": [{"size": 1}, {"size": "2"}]}, r"card\.parts\[1\]\.size: expected int, got '2'"),
        ({"name": "a", "parts": [{"size": True}]}, r"card\.parts\[0\]\.size: expected int, got True"),
        ({"name": "a", "table": {"x": {"sise": 1}}}, r"card\.table\.x: unknown key 'sise'.*'size'"),
        ({"name": "a", "parts": {"size": 1}}, r"card\.parts: expected a list"),
        ([1], r"card: expected a mapping"),
    ],
)
def test_strictness_names_the_place(data, message):
    with pytest.raises(AffectZooError, match=message):
        from_dict(Outer, data, "card")


def test_broken_files_are_named(tmp_path):
    (tmp_path / "a.yaml").write_text("a: [1")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(FileError, match=r"a\.yaml: is not valid YAML"):
        read_yaml(tmp_path / "a.yaml")
    with pytest.raises(FileError, match=r"a\.json: is not valid JSON"):
        read_json(tmp_path / "a.json")
    with pytest.raises(FileError, match="no such file"):
        read_json(tmp_path / "b.json")
    (tmp_path / "evil.yaml").write_text("!!python/object/apply:os.system ['true']")
    with pytest.raises(FileError, match="not valid YAML"):
        read_yaml(tmp_path / "evil.yaml")


def test_near_matches_come_first_and_contain_the_word():
    assert nearest("ravdes", ["vad", "ravdess8", "emodb7"])[0] == "ravdess8"
    assert nearest("Happiness", ["happiness", "sadness"])[0] == "happiness"
    error = UnknownNameError("class", "angr", ["anger", "fear"], "file.csv row 3")
    assert str(error).startswith(
        "file.csv row 3: unknown class 'angr'. Did you mean 'anger'"
    ) and "Known: anger, fear" in str(error)


def test_the_built_in_families_come_through_the_same_door():
    first = plugins.plugins()[0]
    assert first.package == "affectzoo" and (first.root / "configs").is_dir() and (first.root / "datasets").is_dir()
    assert plugins.find_reader(["audio"], ".WAV").target == "affectzoo.speech.reader.read_audio"
    # the same extension, another modality: the model's modality decides
    assert plugins.find_reader(["eeg"], ".npz").target != plugins.find_reader(["face", "audio"], ".npz").target


def test_targets_outside_plugins_are_not_imported():
    with pytest.raises(UnknownNameError, match="target package 'os.system'"):
        plugins.import_target("os.system")
    with pytest.raises(AffectZooError, match="cannot be imported"):
        plugins.import_target("affectzoo.labels.space.no_such_name")


def test_two_plugins_must_not_offer_one_name():
    found = {}
    plugins._add(found, "speech/net", "a.yaml")
    with pytest.raises(AffectZooError, match="two plug-ins offer 'speech/net'"):
        plugins._add(found, "speech/net", "b.yaml")
