"""Writes docs/results.md from the records of the package: `python docs/make_results.py`. No number is typed."""

from pathlib import Path

from affectzoo.leaderboard.board import board_markdown, load_records

PAGE = Path(__file__).parent / "results.md"
HEAD = """# Results

Made by `python docs/make_results.py` from the records in `affectzoo/leaderboard/records/`. A record carries split and
label-space hashes, conventions, seeds, versions and the command that made it. Rows of generated data say that a model
learns and that the plumbing holds; they say nothing about people. Rows named `control` see no signal.

"""


def page() -> str:
    """The text of the page."""
    return HEAD + board_markdown(load_records())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
