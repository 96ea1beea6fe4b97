"""What docs/architecture.md lists is what there is."""

import re
import tomllib

from scan import PACKAGE

from affectzoo.metrics.registry import REFUSED, list_metrics

ROOT = PACKAGE.parent
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_layers_are_those_that_are_kept():
    (contract,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    block = TEXT.split("```text\n")[1].split("```")[0].splitlines()
    assert block == contract["layers"]


def test_every_metric_is_explained_and_every_explained_one_exists():
    table = TEXT.split("| metric | definition")[1].split("\n\n")[0]
    named = {n for row in table.splitlines()[2:] for n in re.findall(r"`(\w+)`", row)}
    registered = {m.split("/")[1] for m in list_metrics()}
    assert named - {"pooled", "state"} - set(REFUSED) == registered


def test_links_lead_somewhere():
    for page in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
