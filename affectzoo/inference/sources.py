"""From what a user names (files, folders, globs, a list on stdin) to a list of files."""

import glob
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from affectzoo.errors import AffectZooError, FileError
from affectzoo.plugins import plugins


def find_files(inputs: Iterable[str | Path], modalities: Iterable[str]) -> list[Path]:
    """Files to read, each once, in the order of the inputs.

    Inside a folder or glob they come in natural order (2 before 10).
    A folder (recursive, hidden files left out) gives the files whose extension some plug-in reads for all
    `modalities`; so does a glob. A file that is named itself, or on stdin ('-', one path a line), is kept
    whatever it is, so that its row can say what is wrong with it. Raises AffectZooError for a folder or glob
    without any such file, and when nothing is named.
    """
    wanted = readable_extensions(modalities)
    found: dict[Path, None] = {}
    named = list(inputs)
    if not named:
        raise AffectZooError("no files are named: give files, folders, globs, or '-' for a list on stdin")
    for item in named:
        for path in _expand(item, wanted):
            found.setdefault(path)
    return list(found)


def other_types(inputs: Iterable[str | Path], modalities: Iterable[str]) -> dict[str, int]:
    """Extensions of the files in named folders that `find_files` leaves out, and how many there are of each."""
    wanted, counts = readable_extensions(modalities), Counter()
    for folder in (Path(item).expanduser() for item in inputs if Path(item).expanduser().is_dir()):
        files = (p for p in folder.rglob("*") if p.is_file() and not _hidden(p.relative_to(folder)))
        counts.update(p.suffix.lower() or "(none)" for p in files if p.suffix.lower() not in wanted)
    return dict(counts.most_common())


def readable_extensions(modalities: Iterable[str]) -> tuple[str, ...]:
    """Extensions ('.wav') from which some plug-in reads all `modalities`, in order of preference."""
    need = set(modalities)
    readers = [r for p in plugins() for r in p.manifest.readers if need <= set(r.modalities)]
    return tuple(dict.fromkeys(e for r in readers for e in r.extensions))


def natural_key(path: str | Path) -> list:
    """Sort key under which 'clip2' comes before 'clip10'."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", str(path))]


def file_keys(paths: list[Path], root: str | Path | None = None) -> list[str]:
    """One key a file: its path below `root` (None: the common folder); the suffix stays only where two would collide.

    Raises FileError for a file outside `root`.
    """
    if not paths:
        return []
    whole = [Path(os.path.abspath(p)) for p in paths]
    base = os.path.abspath(root) if root is not None else os.path.commonpath([p.parent for p in whole])
    for path in whole:
        if not path.is_relative_to(base):
            raise FileError(path, f"is not below the root {root}, so it has no key there")
    rest = [p.relative_to(base) for p in whole]
    short = [p.with_suffix("").as_posix() for p in rest]
    counts: dict[str, int] = {}
    for s in short:
        counts[s] = counts.get(s, 0) + 1
    keys = [s if counts[s] == 1 else r.as_posix() for s, r in zip(short, rest, strict=True)]
    return keys if len(set(keys)) == len(keys) else [r.as_posix() for r in rest]


def _expand(item: str | Path, wanted: tuple[str, ...]) -> list[Path]:
    if str(item) == "-":
        return [Path(line.strip()) for line in sys.stdin if line.strip()]
    path = Path(item).expanduser()
    if path.is_dir():
        files = _readable(path.rglob("*"), path, wanted)
        return _some(files, f"{path}: the folder holds no file with {', '.join(wanted) or 'a readable extension'}")
    if glob.has_magic(str(item)) and not path.exists():
        hits = (Path(p) for p in glob.iglob(str(path), recursive=True))
        return _some(_readable(hits, None, wanted), f"{item}: the pattern matches no file with {', '.join(wanted)}")
    return [path]


def _readable(paths: Iterable[Path], base: Path | None, wanted: tuple[str, ...]) -> list[Path]:
    def shown(p: Path) -> bool:
        return not _hidden(p.relative_to(base) if base else Path(p.name))

    files = (p for p in paths if p.suffix.lower() in wanted and shown(p) and p.is_file())
    return sorted(files, key=natural_key)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _some(files: list[Path], otherwise: str) -> list[Path]:
    if not files:
        raise AffectZooError(otherwise)
    return files


def batches_of_like_size(paths: list[Path], count: int, total_bytes: int) -> Iterator[list[Path]]:
    """Files of one type and similar size together: size stands for length, and needs no decoding.

    A batch has at most `count` files and, where it has several, at most `total_bytes`.
    """
    size = {p: p.stat().st_size if p.is_file() else 0 for p in paths}
    batch: list[Path] = []
    for path in sorted(paths, key=lambda p: (p.suffix, size[p])):
        full = len(batch) == count or sum(size[p] for p in batch) + size[path] > total_bytes
        if batch and (full or path.suffix != batch[0].suffix):
            yield batch
            batch = []
        batch.append(path)
    if batch:
        yield batch
