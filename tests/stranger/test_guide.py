"""docs/plugins.md is what the stranger really wrote: every quoted file is the file, and every file is quoted."""

import shlex

import pytest
from quotes import HERE, blocks, quoted

from affectzoo.cli import VERBS

#: Too long to read, and described in words.
NOT_QUOTED = {"affectzoo_heartrate/datasets/heart_demo/splits/subjects.csv"}
QUOTED = [(file, text) for _, file, text in blocks() if file]


@pytest.mark.parametrize(("file", "text"), QUOTED, ids=[f for f, _ in QUOTED])
def test_a_quoted_file_is_the_file(file, text):
    assert text == quoted(file), "python tests/stranger/quotes.py copies it again"


def test_every_file_of_the_stranger_is_quoted():
    written = {p.relative_to(HERE).as_posix() for p in (HERE / "affectzoo_heartrate").rglob("*") if p.is_file()}
    written = {p for p in written if "__pycache__" not in p} | {"pyproject.toml", "check_heartrate.py"}
    assert {f for f, _ in QUOTED} == written - NOT_QUOTED


def test_other_blocks_are_commands_that_exist():
    lines = [line for kind, file, text in blocks() if not file for line in text.splitlines()]
    assert {kind for kind, file, _ in blocks() if not file} == {"bash"}
    words = [shlex.split(line, comments=True) for line in lines]
    verbs = {w[1] for w in words if w and w[0] == "affectzoo"}
    assert verbs and verbs <= {*VERBS, "pulse"}
