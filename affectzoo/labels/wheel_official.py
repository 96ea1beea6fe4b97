"""The organisers' wheel tables (MER2025, MER2026, OV-MER, AffectGPT), read from the user's own folder.

They are not shipped: their licence is unclear. The lookups follow the organisers' released code exactly, with
its peculiarities: every list is sorted by the alphabet, so the first match is alphabetical, not nearest; a
word that stands in two sectors of a wheel takes its last row; a level-1 word at level 2 counts as its
alphabetically first child. Files of the folder: wheel1.csv .. wheel5.csv (level1,level2,level3), synonyms.csv
(run,word,synonyms), format.csv and format_2025.csv (name,format).
"""

import csv
import os
from collections import defaultdict
from functools import cache
from pathlib import Path

from affectzoo.errors import FileError
from affectzoo.labels.wheel import LEVELS, WHEELS, Wheels

#: mapping_version -> word-form table. They differ in words on -less; 'fear' is the common word that moves.
MAPPING_FILES = {"2025": "format_2025.csv", "2026": "format.csv"}
ENVIRONMENT = "AFFECTZOO_DATA"


def load_official(mapping_version: str, data_dir: str | Path | None = None) -> Wheels:
    """The official tables; see `load_wheels`. Raises FileError naming the missing or broken file."""
    if data_dir is None:
        root = os.environ.get(ENVIRONMENT)
        if not root:
            raise FileError("emotion_wheels", f"give data_dir, or set {ENVIRONMENT} to its parent")
        data_dir = Path(root) / "emotion_wheels"
    return _load(mapping_version, Path(data_dir))


@cache
def _load(mapping_version: str, folder: Path) -> Wheels:
    wheel_rows = {k: _read(folder / f"wheel{k}.csv", ("level1", "level2", "level3")) for k in WHEELS}
    on_wheels = {w for rows in wheel_rows.values() for row in rows for w in row if w}
    forms = _read(folder / MAPPING_FILES[mapping_version], ("name", "format"))
    names = _invert(forms)
    for name, _ in forms:
        names[name].add(name)  # a name stands for itself even where its row does not list it
    words = _invert(_read(folder / "synonyms.csv", ("word", "synonyms")))
    for word in on_wheels:
        words[word].add(word)
    first_name = {form: min(group) for form, group in names.items()}
    first_word = {form: min(words[name]) for form, name in first_name.items() if words.get(name)}
    pool = {form: tuple(sorted({w for n in ns for w in words.get(n, ())})) for form, ns in names.items()}
    tables = {k: _sector_tables(rows) for k, rows in wheel_rows.items()}
    sectors = {(k, level): tables[k][level] for k in WHEELS for level in LEVELS}
    return Wheels("official", mapping_version, first_name, first_word, pool, sectors)


def _invert(rows: list[tuple[str, ...]]) -> dict[str, set[str]]:
    """(name, 'a,b') rows -> {'a': {name}, 'b': {name}}."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, listed in rows:
        for item in listed.split(","):
            if item.strip():
                found[item.strip().lower()].add(name)
    return found


def _sector_tables(rows: list[tuple[str, ...]]) -> dict[int, dict[str, str]]:
    children = defaultdict(set)
    for a, b, _ in rows:
        children[a].add(b)
    one: dict[str, str] = {}
    two: dict[str, str] = {}
    for a, b, c in rows:  # in row order: a later row overwrites
        one |= {w: a for w in (a, b, c) if w}
        two |= {a: min(children[a])} | {w: b for w in (b, c) if w}
    return {1: one, 2: two}


def _read(path: Path, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [c for c in columns if c not in (reader.fieldnames or ())]
            if missing:
                raise FileError(path, f"has no column {', '.join(map(repr, missing))}")
            rows = [tuple((row[c] or "").strip().lower() for c in columns) for row in reader]
    except FileNotFoundError:
        raise FileError(path, "no such file (the official wheel tables are not shipped)") from None
    except (OSError, UnicodeDecodeError) as e:
        raise FileError(path, f"cannot be read ({e})") from None
    if not rows:
        raise FileError(path, "has no rows")
    return rows
