"""docs/plugins.md quotes the files of this folder: `python tests/stranger/quotes.py` copies them into it again.

A quoted block begins with ```<language> title=<file>, the file relative to this folder.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs" / "plugins.md"
_BLOCK = re.compile(r"^```(?P<kind>\w+)(?: title=(?P<file>\S+))?\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks() -> list[tuple[str, str | None, str]]:
    """(language, file or None, text) of every code block of the guide."""
    return [(m["kind"], m["file"], m["text"]) for m in _BLOCK.finditer(GUIDE.read_text(encoding="utf-8"))]


def quoted(file: str) -> str:
    """What a block with this title must hold."""
    return (HERE / file).read_text(encoding="utf-8")


def _fresh(match: re.Match) -> str:
    if not match["file"]:
        return match[0]
    return f"```{match['kind']} title={match['file']}\n{quoted(match['file'])}```"


if __name__ == "__main__":
    GUIDE.write_text(_BLOCK.sub(_fresh, GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{sum(bool(file) for _, file, _ in blocks())} files quoted in {GUIDE.name}")
