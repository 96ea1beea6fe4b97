"""Writes docs/results.md from the records of the package: `python docs/make_results.py`. No number is typed."""

from pathlib import Path

from affectzoo.leaderboard.board import board_markdown, load_records
from affectzoo.leaderboard.details import details_markdown

PAGE = Path(__file__).parent / "results.md"
HEAD = """# Results

Made by `python docs/make_results.py` from the records in `affectzoo/leaderboard/records/`. A record carries split and
label-space hashes, conventions, seeds, versions and the command that made it. Rows of generated data say that a model
learns and that the plumbing holds; they say nothing about people. Rows named `control` see no signal.

"""
DETAILS = """## Behind the scores

Parameters, calibration (15 bins; after temperature scaling where the record has it), and the main score by class and by
fold.

"""


def page() -> str:
    """The text of the page."""
    records = load_records()
    return HEAD + board_markdown(records) + "\n" + DETAILS + details_markdown(records)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
