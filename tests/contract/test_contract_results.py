"""The committed results are made from the committed records, and every shipped checkpoint has one."""

import runpy
from pathlib import Path

from affectzoo.leaderboard.board import load_records
from affectzoo.zoo.catalogue import checkpoint_config, checkpoints

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_the_generated_one():
    assert (DOCS / "results.md").read_text(encoding="utf-8") == runpy.run_path(str(DOCS / "make_results.py"))["page"]()


def test_every_checkpoint_has_a_record_of_its_own_weights():
    known = {r.model.sha256 for r in load_records()}
    assert checkpoints() and not [n for n in checkpoints() if checkpoint_config(n).weights_sha256 not in known]
