"""Splits: versioned CSVs with a hash, drawn by group, checked for leaks.

A split file has a header and one row a key: `key,fold` (fold k, counted from 0, is the test part of fold k)
or `key,part` (train, val, test). Its sha256 is over the bytes with line ends as LF, so `sha256sum` gives it
too.

A split by rule has one row a value of a group or attribute instead (`session,fold`, `split_set,part`), for
data whose keys cannot be listed without them; a third column `items` may say how many items the complete
set has of that value. `Folds.resolve` makes keys of it.
"""

import csv
import hashlib
import io
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard, card_path
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.structures.sample import AffectSample

PARTS = ("train", "val", "test")
KEY = "key"
HEADERS = {"folds": [KEY, "fold"], "parts": [KEY, "part"]}
#: Optional third column of a split by rule.
ITEMS = "items"


class SplitWarning(UserWarning):
    """The split and the data at hand do not hold the same keys."""


@dataclass(frozen=True)
class Folds:
    """assignment: key -> fold number as text (folds) or part (parts). disjoint: groups kept apart.

    by: 'key', or the group or attribute whose values the assignment is by (a split by rule). items: value ->
    how many items the complete set has of it, where the file says so.
    """

    assignment: Mapping[str, str]
    kind: str = "folds"
    disjoint: tuple[str, ...] = ()
    name: str = ""
    sha256: str = ""
    by: str = KEY
    items: Mapping[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many folds there are; a split into parts counts as one."""
        return len(set(self.assignment.values())) if self.kind == "folds" else 1

    def parts(
        self,
        fold: int | None,
        samples: Sequence[AffectSample],
        val_fraction: float = 0.15,
        val_group: str | None = None,
        seed: int = 0,
    ) -> dict[str, list[str]]:
        """Keys of train, val and test.

        Folds: the test part is fold `fold`; val is drawn from the rest by whole groups of `val_group`
        (without it the first group that the split keeps apart), the same ones for the same seed and fold.
        Parts: `fold` is None or 0; val is drawn only when the file has none. Keys of only one side are left
        out with a warning; none in common is an error. A split by rule is resolved first.
        """
        if self.by != KEY:
            return self.resolve(samples).parts(fold, samples, val_fraction, val_group, seed)
        number = self._fold_number(fold)
        known = [s for s in samples if s.key in self.assignment]
        self._compare(len(known), samples)
        label = (
            (lambda k: "test" if int(self.assignment[k]) == number else "train")
            if self.kind == "folds"
            else (lambda k: self.assignment[k])
        )
        out: dict[str, list[str]] = {p: [] for p in PARTS}
        for s in known:
            out[label(s.key)].append(s.key)
        if not out["val"] and val_fraction > 0:
            rest = [s for s in known if label(s.key) == "train"]
            group = val_group or (self.disjoint[0] if self.disjoint else None)
            out["val"] = draw_groups(rest, group, val_fraction, [seed, number])
            chosen = set(out["val"])
            out["train"] = [k for k in out["train"] if k not in chosen]
        return out

    def resolve(self, samples: Sequence[AffectSample], complete: bool = False) -> "Folds":
        """This split with a row a key; a split that already has that is given back as it is.

        Samples whose value the rule does not name are in no part. The sha256 of the result is that of the
        file that `write_folds` would write of it (keys sorted), so that scores on other items are not taken
        for comparable. Raises UnknownNameError for a sample without the group or attribute, AffectZooError
        for a fold, train or test without items and, when `complete`, for a value with another number of items than
        the file says; without `complete` that is a SplitWarning.
        """
        if self.by == KEY:
            return self
        value = {s.key: _value(s, self.by) for s in samples}
        found = {k: self.assignment[v] for k, v in sorted(value.items()) if v in self.assignment}
        empty = sorted(set(self.assignment.values()) - {*found.values(), "val"})  # val can be drawn
        if empty:
            wanted = ", ".join(v for v, part in self.assignment.items() if part in empty)
            raise AffectZooError(
                f"split {self.name!r}: no item has {self.by} {wanted} ({HEADERS[self.kind][1]} {empty[0]})"
            )
        counts = Counter(value.values())
        off = [f"{counts[v]} items of {self.by} {v}, not {n}" for v, n in self.items.items() if counts[v] != n]
        if off:
            more = f" and {len(off) - 3} more such" if len(off) > 3 else ""
            text = f"split {self.name!r} is of the complete set; the data at hand have {'; '.join(off[:3])}{more}"
            if complete:
                raise AffectZooError(f"{text}: scores would not be comparable")
            warnings.warn(text, SplitWarning, stacklevel=3)
        resolved = replace(self, assignment=found, by=KEY, items={})
        return replace(resolved, sha256=hashlib.sha256(_csv_text(resolved).encode()).hexdigest())

    def _fold_number(self, fold: int | None) -> int:
        if self.kind == "parts" and fold not in (None, 0):
            raise AffectZooError(f"split {self.name!r} has one fold only; fold={fold} is not there")
        if self.kind == "folds" and (fold is None or not 0 <= fold < self.n):
            raise AffectZooError(f"split {self.name!r} has folds 0 to {self.n - 1}; choose one, got fold={fold}")
        return fold or 0

    def _compare(self, n_known: int, samples: Sequence[AffectSample]) -> None:
        if not n_known:
            some = next(iter(self.assignment), "nothing"), samples[0].key if samples else "nothing"
            raise AffectZooError(f"split {self.name!r} and the data share no key: {some[0]!r} and {some[1]!r}")
        extra, lacking = len(samples) - n_known, len(self.assignment) - n_known
        if extra or lacking:
            warnings.warn(
                f"split {self.name!r}: {lacking} of its {len(self.assignment)} keys are not in the data; "
                f"{extra} samples are not in the split and are left out",
                SplitWarning,
                stacklevel=3,
            )


def load_folds(card: DatasetCard, name: str) -> Folds:
    """A split of a data set. Raises UnknownNameError for the name, FileError when its hash does not match."""
    if name not in card.splits:
        raise UnknownNameError("split", name, card.splits, f"data set {card.name!r}")
    entry = card.splits[name]
    file = card_path(card.name).parent / entry.file
    return read_folds(file, entry.kind, entry.disjoint, name, entry.sha256, entry.by)


def read_folds(
    path: str | Path,
    kind: str | None = None,
    disjoint: Iterable[str] = (),
    name: str = "",
    sha256: str | None = None,
    by: str = KEY,
) -> Folds:
    """Read a split file of a kind (None: what its header says), checking its hash when one is given.

    by: what its first column holds. Raises FileError naming the row at fault.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(path, "no such file")
    digest = file_sha256(path)
    if sha256 is not None and digest != sha256:
        raise FileError(path, f"sha256 is {digest}, its card says {sha256}: scores would not be comparable")
    with path.open(encoding="utf-8", newline="") as f:
        header, *rows = list(csv.reader(f)) or [[]]
    kinds = {k: [by, h[1]] for k, h in HEADERS.items() if kind in (None, k)}
    counted = by != KEY and header[2:] == [ITEMS]
    kind = next((k for k, h in kinds.items() if header == (h + [ITEMS] if counted else h)), None)
    if kind is None:
        needed = " or ".join(repr(",".join(h)) for h in kinds.values())
        raise FileError(path, f"is not a split file: its header is {','.join(header)!r}, expected {needed}")
    assignment: dict[str, str] = {}
    items: dict[str, int] = {}
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header) or not row[0] or not _valid(row[1], kind) or not _counts(row[2:]):
            raise FileError(path, f"line {line}: {','.join(row)!r} is not {' and '.join(header)}")
        if row[0] in assignment:
            raise FileError(path, f"line {line}: {by} {row[0]!r} occurs twice")
        assignment[row[0]] = row[1]
        if row[2:] not in ([], [""]):
            items[row[0]] = int(row[2])
    found = sorted({int(v) for v in assignment.values()}) if kind == "folds" else []
    if found != list(range(len(found))):
        raise FileError(path, f"folds are numbered {found}; they must run from 0 without a gap")
    return Folds(assignment, kind, tuple(disjoint), name or path.stem, digest, by, items)


def write_folds(folds: Folds, path: str | Path) -> str:
    """Write a split file; returns its sha256 for the card."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_csv_text(folds), encoding="utf-8", newline="")
    return file_sha256(path)


def _csv_text(folds: Folds) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([folds.by, HEADERS[folds.kind][1], *([ITEMS] if folds.items else [])])
    for value, part in folds.assignment.items():
        writer.writerow([value, part, *([folds.items.get(value, "")] if folds.items else [])])
    return text.getvalue()


def file_sha256(path: str | Path) -> str:
    """sha256 of a split file's content, line ends as LF."""
    return hashlib.sha256(Path(path).read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def make_folds(
    samples: Sequence[AffectSample],
    group: str | None,
    k: int = 5,
    seed: int = 0,
    stratify: Mapping[str, str] | None = None,
) -> Folds:
    """k folds of whole groups, of like size and, with `stratify` (key -> class), of like class counts.

    group: name of the group; None makes every item its own. Groups go, largest first (ties by seed), each
    to the fold where it adds least to the squared class counts, relative to the class's size (greedy;
    ours). Raises AffectZooError when there are fewer groups than folds, or an item lacks the group.
    """
    members = _by_group(samples, group)
    if not 2 <= k <= len(members):
        raise AffectZooError(f"cannot make {k} folds of {len(members)} values of {group or 'key'!r}")
    classes = sorted({stratify[s.key] for s in samples}) if stratify else [""]
    column = {c: i for i, c in enumerate(classes)}
    names = sorted(members)
    counts = np.zeros((len(names), len(classes)))
    for i, name in enumerate(names):
        for key in members[name]:
            counts[i, column[stratify[key]] if stratify else 0] += 1
    weight = 1 / counts.sum(0) ** 2
    tie = np.random.default_rng(seed).permutation(len(names))
    load, fold_of = np.zeros((k, len(classes))), {}
    for i in np.lexsort((tie, -counts.sum(1))):
        cost = ((2 * load * counts[i] + counts[i] ** 2) * weight).sum(1)
        best = int(np.lexsort((load.sum(1), cost.round(12)))[0])
        load[best] += counts[i]
        fold_of[names[i]] = best
    return _folds(samples, {key: fold_of[name] for name in names for key in members[name]}, group)


def leave_one_group_out(samples: Sequence[AffectSample], group: str) -> Folds:
    """One fold a value of the group, numbered in sorted order."""
    members = _by_group(samples, group)
    return _folds(samples, {key: i for i, name in enumerate(sorted(members)) for key in members[name]}, group)


def draw_groups(samples: Sequence[AffectSample], group: str | None, fraction: float, seed: Sequence[int]) -> list[str]:
    """Keys of whole groups that together come closest to `fraction` of the samples, at least one group.

    Groups are taken in a random order that depends on `seed` alone. Raises AffectZooError when nothing
    would be left over.
    """
    members = _by_group(samples, group)
    names = sorted(members)
    if len(names) < 2:
        raise AffectZooError(
            f"cannot draw a validation part: {len(names)} value(s) of {group or 'key'!r} to draw "
            "from; choose another val_group, or val_fraction=0"
        )
    order = np.random.default_rng(list(seed)).permutation(len(names))[: len(names) - 1]
    sizes = np.cumsum([len(members[names[i]]) for i in order])
    take = 1 + int(np.abs(sizes - fraction * len(samples)).argmin())
    chosen = {key for i in order[:take] for key in members[names[i]]}
    return [s.key for s in samples if s.key in chosen]


def _by_group(samples: Sequence[AffectSample], group: str | None) -> dict[str, list[str]]:
    members: dict[str, list[str]] = defaultdict(list)
    for s in samples:
        if group is not None and not s.groups.get(group):
            raise UnknownNameError("group", group, s.groups, f"{s.key}")
        members[s.key if group is None else s.groups[group]].append(s.key)
    return members


def _folds(samples: Sequence[AffectSample], fold_of: Mapping[str, int], group: str | None) -> Folds:
    assignment = {s.key: str(fold_of[s.key]) for s in samples}
    if len(assignment) != len(samples):
        twice = [k for k, n in Counter(s.key for s in samples).items() if n > 1]
        raise AffectZooError(f"keys occur twice: {', '.join(twice[:3])}")
    return Folds(assignment, "folds", (group,) if group else ())


def _value(sample: AffectSample, by: str) -> str:
    both = {**sample.attributes, **sample.groups}
    if by not in both:
        raise UnknownNameError("group or attribute", by, both, sample.key)
    return str(both[by])


def _counts(cells: Sequence[str]) -> bool:
    return all(not c or (c.isascii() and c.isdigit()) for c in cells)


def _valid(value: str, kind: str) -> bool:
    return (value.isascii() and value.isdigit()) if kind == "folds" else value in PARTS
