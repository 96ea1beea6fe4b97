"""Every bad input ends in a message that names the file or field and the nearest valid choice."""

import re

import make_table
import pytest
from badkit import plain, provoke
from cases import CASES

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.kind}: {c.title}".replace(" ", "_"))
def test_the_message_helps(case, tmp_path):
    message = provoke(case, tmp_path)
    assert re.search(case.message, message), message
    assert "Traceback" not in message and len(message) < 900
    make_table.seen[case.kind, case.title] = plain(message, tmp_path)


def test_titles_are_unique_and_all_kinds_are_there():
    assert len({(c.kind, c.title) for c in CASES}) == len(CASES) >= 32
    kinds = "recording, data card, split, user table, training, prediction file, checkpoint, label set, benchmark"
    assert {c.kind for c in CASES} >= {*kinds.split(", "), "download"}


def test_the_committed_table_is_the_generated_one():
    messages = make_table.messages()
    assert make_table.PAGE.read_text(encoding="utf-8") == make_table.page(messages), (
        "docs/bad_input.md is not up to date: python tests/bad_input/make_table.py"
    )
