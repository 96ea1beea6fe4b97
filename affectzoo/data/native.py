"""What adapters of official layouts share: native labels, ratings, and folders that are not what they should be."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import report_row
from affectzoo.errors import AffectZooError, FileError, UnknownNameError, nearest
from affectzoo.labels.ranges import RANGES, to_canonical
from affectzoo.labels.raters import soft, votes_from_counts
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.structures.sample import AffectSample, Target, class_target

RULES = ("leave_out", "mask")


class OutsideWarning(UserWarning):
    """Items, votes or ratings of a data set have no place in its label space or scale."""


class NativeLabels:
    """The labels of one data set in one label space, with a count of what lies outside of it.

    outside: what becomes of an item without a class of the space; 'leave_out' skips it, 'mask' keeps it with
    a masked emotion. A label that the card names in `outside` has no class, unless the space has one of the
    name that the card gives it. scale: the range of the ratings (labels/ranges.py).
    """

    def __init__(self, card: DatasetCard, label_space: str | None, outside: str, scale: str = ""):
        self.card, self.rule, self.scale = card, outside, scale
        self.space: LabelSpace = load_space(label_space or card.label_space)
        self.where = f"data set {card.name!r}"
        self.counts: Counter[str] = Counter()
        if outside not in RULES:
            raise UnknownNameError("rule for items outside the space", outside, RULES, self.where)
        for name in sorted(set(card.label_map.values())):
            self.space.index("emotion", name)  # an unknown one is an error here, not one in every row

    def name(self, label: str) -> str | None:
        """The class of a native label, None for a declared outsider. Raises UnknownNameError with the nearest."""
        if label in self.card.label_map:
            return self.card.label_map[label]
        if label not in self.card.outside:
            known = {*self.card.label_map, *self.card.outside} - {""}
            raise UnknownNameError("native label", label, known, self.where)
        meaning = self.card.outside[label]
        return meaning if meaning in self.space.names("emotion") else None

    def target(self, label: str) -> Target | None:
        """The emotion target of an item, None when it is to be left out."""
        name = self.name(label)
        return self._keep(class_target(self.space, name), f"label {label!r} ({self.card.outside.get(label, '')})")

    def soft_targets(self, counts: np.ndarray, labels: Sequence[str], rule: str = "error") -> list[Target | None]:
        """Targets from votes: counts (N, K) of K native labels; None for an item that is to be left out.

        rule: for votes outside the space, see labels.raters.votes_from_counts.
        """
        names = [self.name(label) or self.card.outside[label] for label in labels]
        votes = votes_from_counts(counts, names, self.space.names("emotion"), rule)
        if votes.n_outside:
            self.counts[f"votes outside the space ({rule})"] += votes.n_outside
        share = soft(votes)
        whole = [
            Target(v.astype(np.float32), np.full(len(v), m)) for v, m in zip(share.values, share.mask, strict=True)
        ]
        return [self._keep(t, "no vote in the space") for t in whole]

    def vad(self, ratings: Mapping[str, float]) -> Target:
        """The (K,) vad target of ratings by axis; NaN is masked, a value outside the scale masked and counted."""
        axes, scale = self.space.names("vad"), RANGES[self.scale]
        raw = np.array([ratings.get(axis, np.nan) for axis in axes], float)
        off = (raw < scale.low) | (raw > scale.high)
        for axis in np.array(axes)[off]:
            self.counts[f"{axis} outside [{scale.low:g}, {scale.high:g}], masked"] += 1
        mask = ~off & ~np.isnan(raw)
        return Target(to_canonical(np.where(mask, raw, scale.low), scale).astype(np.float32) * mask, mask)

    def report(self) -> None:
        """Say in one warning what lay outside, and how much of it."""
        if self.counts:
            text = "; ".join(f"{n} x {what}" for what, n in sorted(self.counts.items()))
            warnings.warn(f"{self.where}, label space {self.space.name!r}: {text}", OutsideWarning, stacklevel=3)

    def _keep(self, target: Target, why: str) -> Target | None:
        if target.mask.any():
            return target
        self.counts[f"{why}: item {'left out' if self.rule == 'leave_out' else 'masked'}"] += 1
        return None if self.rule == "leave_out" else target


def file_samples(paths: Iterable[Path], make: Callable[[Path], AffectSample | None]) -> Iterator[AffectSample]:
    """Samples from files that are one item each; a file that `make` refuses is reported and skipped."""
    for path in paths:
        try:
            sample = make(path)
        except AffectZooError as e:
            report_row(path, None, e)
            continue
        if sample is not None:
            yield sample


def subfolder(root: Path, name: str) -> Path:
    """A folder of the layout. Raises FileError naming the nearest that is there."""
    if not (root / name).is_dir():
        raise FileError(root, f"is not in the official layout: no folder {name!r}{_there(root, name)}")
    return root / name


def first_file(root: Path, names: Sequence[str]) -> Path:
    """The first of several possible files. Raises FileError naming them and the nearest that is there."""
    for name in names:
        if (root / name).is_file():
            return root / name
    wanted = Path(names[0])
    folder = (root / wanted).parent
    raise FileError(folder, f"has no file {wanted.name!r}{_there(folder, wanted.name)}")


def one_of(kind: str, name: str, choices: Sequence[str], card: DatasetCard) -> str:
    """The option's value. Raises UnknownNameError with the nearest."""
    if name not in choices:
        raise UnknownNameError(kind, name, choices, f"data set {card.name!r}")
    return name


def _there(folder: Path, name: str) -> str:
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    found = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    near = nearest(name, found)
    hint = f". Did you mean {', '.join(map(repr, near))}?" if near else ""
    return f"{hint} Found: {', '.join(found[:8]) or 'nothing'}{', ...' if len(found) > 8 else ''}."
