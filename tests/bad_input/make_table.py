"""Write docs/bad_input.md from what the cases really say: `python tests/bad_input/make_table.py`."""

import sys
import tempfile
import warnings
from pathlib import Path

from badkit import ROOT, plain, provoke
from cases import CASES

PAGE = ROOT / "docs" / "bad_input.md"
#: Messages that a test run has already provoked, by kind and title.
seen: dict[tuple[str, str], str] = {}
HEAD = """# What affectzoo says to bad input

Written by `python tests/bad_input/make_table.py`: every message below was provoked by a case of `tests/bad_input/`,
where a test also checks that it names the file or field at fault and, where there is one, the nearest valid choice.
FILE(name) and FOLDER stand for paths, HASH for hex digits, HOST for an address; "Known: ..." goes on with the choices.

- **python**: the call raises an `AffectZooError` with this text.
- **command**: the command prints one line on stderr and exits with 2.
- **row**: `predict` goes on; the file's row has this text in its column `error`, and all other files are predicted.
- **answer**: `predict` answers what is odd but sound; how many rows have an answer, how many of these a `warning`, and
  the `error` of the others.
- **prosody**: what `affectzoo prosody` measures of it, its `warning`, or its `error`.
"""


def messages() -> dict[tuple[str, str], str]:
    """The plain message of every case; what `seen` lacks is provoked now."""
    out = {}
    for case in CASES:
        if (case.kind, case.title) not in seen:
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                seen[case.kind, case.title] = plain(provoke(case, Path(folder)), Path(folder))
        out[case.kind, case.title] = seen[case.kind, case.title]
    return out


def page(found: dict[tuple[str, str], str]) -> str:
    """The Markdown of the table, one section a kind."""
    parts = [HEAD]
    for kind in dict.fromkeys(c.kind for c in CASES):
        rows = ["", f"## {kind[0].upper()}{kind[1:]}", "", "| given | via | message |", "|---|---|---|"]
        for c in (c for c in CASES if c.kind == kind):
            text = found[c.kind, c.title].replace("|", "\\|").replace("`", "'")
            rows.append(f"| {c.title} | {c.via} | `{text}` |")
        parts.append("\n".join(rows) + "\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(messages()), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(CASES)} messages")
    sys.exit(0)
