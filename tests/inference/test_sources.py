import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toykit import write_pulse

from affectzoo.errors import AffectZooError
from affectzoo.inference.sources import file_keys, find_files, natural_key, other_types, readable_extensions


@pytest.fixture
def tree(tmp_path):
    for name in (
        "clip10.pulse",
        "clip2.pulse",
        "b/clip1.PULSE",
        ".hidden.pulse",
        "b/.x/clip.pulse",
        "notes.txt",
    ):
        write_pulse(tmp_path / "t" / name, [1, 2])
    (tmp_path / "t" / "folder.pulse").mkdir()
    return tmp_path / "t"


def names(paths, tree):
    return [p.relative_to(tree).as_posix() for p in paths]


def test_extensions_come_from_the_readers_that_give_all_modalities(toy):
    assert readable_extensions(["pulse"]) == (".pulse",)
    assert ".wav" in readable_extensions(["audio"]) and ".wav" not in readable_extensions(["face", "audio"])
    assert readable_extensions(["pulse", "audio"]) == ()


def test_a_folder_gives_readable_files_in_natural_order(toy, tree):
    assert names(find_files([tree], ["pulse"]), tree) == ["b/clip1.PULSE", "clip2.pulse", "clip10.pulse"]


def test_what_a_folder_holds_beside_is_counted_by_type(toy, tree):
    (tree / "b" / "more.TXT").write_text("")
    (tree / "LICENSE").write_text("")
    assert other_types([tree, tree / "notes.txt"], ["pulse"]) == {".txt": 2, "(none)": 1}
    assert other_types([tree / "*", "-"], ["pulse"]) == {}


def test_a_glob_gives_the_same(toy, tree):
    assert names(find_files([f"{tree}/*"], ["pulse"]), tree) == ["clip2.pulse", "clip10.pulse"]
    assert names(find_files([f"{tree}/**/*"], ["pulse"]), tree) == [
        "b/clip1.PULSE",
        "clip2.pulse",
        "clip10.pulse",
    ]


def test_named_files_are_kept_whatever_they_are_and_each_once(toy, tree):
    inputs = [tree / "notes.txt", tree / "nowhere.pulse", tree, tree / "clip2.pulse"]
    assert names(find_files(inputs, ["pulse"]), tree) == [
        "notes.txt",
        "nowhere.pulse",
        "b/clip1.PULSE",
        "clip2.pulse",
        "clip10.pulse",
    ]


def test_a_name_with_brackets_that_exists_is_a_file_not_a_pattern(toy, tree):
    path = write_pulse(tree / "a[1].pulse", [1])
    assert find_files([path], ["pulse"]) == [path]


def test_a_list_on_stdin(toy, tree, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("x.pulse\n\n y.wav \n"))
    assert find_files(["-"], ["pulse"]) == [Path("x.pulse"), Path("y.wav")]


@pytest.mark.parametrize(
    ("item", "message"),
    [("t/*.wav", "matches no file"), ("none*", "matches no file"), ("e", "holds no file")],
)
def test_what_gives_nothing_is_an_error(toy, tree, item, message):
    (tree.parent / "e").mkdir()
    with pytest.raises(AffectZooError, match=message):
        find_files([tree.parent / item], ["pulse"])
    with pytest.raises(AffectZooError, match="no files are named"):
        find_files([], ["pulse"])


def test_keys_are_paths_below_the_common_folder_and_keep_the_suffix_only_where_two_collide():
    paths = [
        Path("/d/s1/a.wav"),
        Path("/d/s2/a.wav"),
        Path("/d/s2/b.flac"),
        Path("/d/s2/b.wav"),
        Path("/d/c.v1.wav"),
    ]
    assert file_keys(paths) == ["s1/a", "s2/a", "s2/b.flac", "s2/b.wav", "c.v1"]
    assert file_keys([Path("/d/a.1.1"), Path("/d/a.1"), Path("/d/a.b")]) == ["a.1.1", "a.1", "a.b"]
    assert file_keys([Path("/d/s1/a.wav")]) == ["a"] and file_keys([]) == []


segment = st.text("ab1.", min_size=1, max_size=3).filter(lambda s: s.strip("."))


@given(st.lists(st.lists(segment, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8, unique=True))
def test_keys_are_unique(parts):
    paths = list(dict.fromkeys(Path("/root") / p for p in parts))
    keys = file_keys(paths)
    assert len(set(keys)) == len(paths)


@given(st.lists(st.tuples(st.text("abc_", max_size=3), st.integers(0, 10**12)), max_size=6))
def test_natural_order_is_by_number(items):
    texts = [f"{a}{n}" for a, n in items]
    assert sorted(texts, key=natural_key) == [
        f"{a}{n}" for a, n in sorted(items, key=lambda x: natural_key(f"{x[0]}{x[1]}"))
    ]
    assert natural_key("x9") < natural_key("x10") < natural_key("x10b")
