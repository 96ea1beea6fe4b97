"""Several data sets as one: 'emodb+ravdess+nemo' in one label space, with the corpus as a group.

An item's key is `<corpus>:<its own key>`, and so is every value of its groups: speakers of two corpora never have one
name. Labels are projected corpus by corpus (data/targets.py); what the label space cannot express is masked, counted
and said. Such a key is also what a training key is made of, whichever way the item was opened, so that a benchmark of
one corpus sees what a joined run was trained on.

Splits of joined data sets:

- `corpus`: a fold is a corpus, by name or by its number in the data set's name; the others train.
- `<corpus>/<split>`, such as `ravdess/emobox6`: that corpus's own split decides what is tested and what validates, just
  as without the others; all items of the other corpora train.
- a split into parts that every corpus has, such as `heldout`: an item is in the part that its corpus's own split says.
"""

import hashlib
import warnings
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from affectzoo.data.card import CORPUS, DatasetCard, corpora, is_joined, load_card
from affectzoo.data.dataset import Dataset, open_dataset
from affectzoo.data.split import KEY, Folds, draw_groups, load_folds
from affectzoo.data.targets import project_samples
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.structures.sample import AffectSample


class LostLabelWarning(UserWarning):
    """Items of joined data sets have labels that the common label space cannot express."""


def open_joined(
    card: DatasetCard,
    root: str | Path | None = None,
    label_space: LabelSpace | str | dict[str, Any] | None = None,
    **options: Mapping[str, Any],
) -> Dataset:
    """Open the data sets of a joined card as one, in `label_space`.

    options: by the data set's name, what its adapter takes. Signals are those that all sets have. Every item is kept,
    also one whose labels are all masked; Dataset.lost counts what was lost, and a LostLabelWarning says it. Raises
    AffectZooError without a label space, UnknownNameError for options of a set that is not there, UndefinedMappingError
    for a set of which nothing can be carried over.
    """
    if label_space is None:
        raise AffectZooError(f"data set {card.name!r}: give the label space that all are projected to (label_space=)")
    for name in options:
        if name not in corpora(card.name):
            raise UnknownNameError("option or data set", name, (*corpora(card.name), "label_space"), card.name)
    space = as_space(label_space)
    samples, broken, lost = [], [], {}
    for corpus in corpora(card.name):
        data = open_dataset(corpus, root, **options.get(corpus, {}))
        projected, missing = project_samples(data.samples, data.space, space)
        samples += [_joined(s, corpus, card.modalities) for s in projected]
        broken += [f"{corpus}: {row}" for row in data.broken]
        lost |= {f"{corpus}:{label}": n for label, n in missing.items()}
    if lost:
        text = ", ".join(f"{n} x {label}" for label, n in lost.items())
        warnings.warn(
            f"data set {card.name!r}: labels that {space.name!r} cannot express are masked: {text}",
            LostLabelWarning,
            stacklevel=2,
        )
    return Dataset(card, samples, space, tuple(broken), lost)


def identity(dataset: str, key: str) -> str:
    """'<corpus>:<key>', by which an item is the same in its own data set and in every joined one."""
    return key if is_joined(dataset) else f"{dataset}:{key}"


def own_keys(given: Iterable[str], dataset: str, known: Container[str], tested: Sequence[str]) -> dict[str, str]:
    """Given key -> the key that `dataset` has for the item; one that fits neither way stays as it is.

    The one place where a corpus's name comes off a key or is put before it: an answer of a joined run ('ravdess:a1') to
    a benchmark of 'ravdess', and a plain answer ('a1') to a joined benchmark whose `tested` keys are all of one corpus.
    """
    names = {key.partition(":")[0] for key in tested} if is_joined(dataset) else set()
    before = f"{names.pop()}:" if len(names) == 1 else ""
    out = {}
    for key in set(given):
        other = before + key if is_joined(dataset) else key.removeprefix(f"{dataset}:")
        out[key] = other if key not in known and other in known else key
    return out


def find_folds(card: DatasetCard, split: str) -> Folds:
    """A split of a data set or of joined ones; that of one corpus among them is by the corpus's own keys.

    Raises UnknownNameError with the nearest split, and what load_folds raises.
    """
    if not is_joined(card.name):
        return load_folds(card, split)
    if split == CORPUS:
        numbers = {corpus: str(i) for i, corpus in enumerate(corpora(card.name))}
        return Folds(numbers, "folds", _apart(card), CORPUS, by=CORPUS)
    cards = [load_card(c) for c in corpora(card.name)]
    corpus, _, own = split.partition("/")
    if corpus in corpora(card.name) and own:
        return load_folds(load_card(corpus), own)
    common = [s for s in cards[0].splits if all(_has_parts(c, s) for c in cards)]
    if split in common:
        return _of_all(card, cards, split)
    choices = [f"{c.name}/{s}" for c in cards for s in c.splits]
    raise UnknownNameError("split", split, (CORPUS, *common, *choices), f"data set {card.name!r}")


def _has_parts(card: DatasetCard, split: str) -> bool:
    return split in card.splits and card.splits[split].kind == "parts" and card.splits[split].by == KEY


def _of_all(card: DatasetCard, cards: Sequence[DatasetCard], split: str) -> Folds:
    """One split of the corpora's own ones of that name; its sha256 is that of theirs, one after the other."""
    folds = {c.name: load_folds(c, split) for c in cards}
    parts = {f"{name}:{key}": part for name, own in folds.items() for key, part in own.assignment.items()}
    sha256 = hashlib.sha256("".join(own.sha256 for own in folds.values()).encode()).hexdigest()
    return Folds(parts, "parts", _apart(card), split, sha256)


def joined_parts(
    card: DatasetCard,
    split: str,
    fold: int | str | None,
    samples: Sequence[AffectSample],
    val_fraction: float = 0.15,
    val_group: str | None = None,
    seed: int = 0,
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Keys of train, val and test of joined data sets, and the groups that are kept apart; see the module.

    split `corpus`: val is drawn from each training corpus for itself, by whole groups of `val_group` (without it the
    first that all corpora have), so that none is left out of it. Raises UnknownNameError for a fold or split, and
    AffectZooError where a corpus lacks the group that has to be kept apart.
    """
    folds = find_folds(card, split)
    if split != CORPUS and "/" not in split:
        return folds.parts(fold, samples, val_fraction, val_group, seed), folds.disjoint
    if split != CORPUS:
        return _of_one(card, split, folds, fold, samples, val_fraction, val_group, seed), folds.disjoint
    tested = _corpus(card, fold)
    parts = {p: [s.key for s in samples if (s.groups[CORPUS] == tested) == (p == "test")] for p in ("train", "test")}
    parts["val"] = []
    group = val_group or next(iter(folds.disjoint), None)
    for number, corpus in enumerate(corpora(card.name)) if val_fraction > 0 else ():
        if group is None:
            raise AffectZooError(f"data set {card.name!r}: no group to draw val by; give val_group, or val_fraction=0")
        if corpus != tested:
            members = [s for s in samples if s.groups[CORPUS] == corpus]
            parts["val"] += draw_groups(members, group, val_fraction, [seed, number])
    chosen = set(parts["val"])
    parts["train"] = [k for k in parts["train"] if k not in chosen]
    return parts, folds.disjoint


def _of_one(
    card: DatasetCard, split: str, folds: Folds, fold: Any, samples: Sequence[AffectSample], *how: Any
) -> dict[str, list[str]]:
    """Parts by one corpus's own split; everything else trains. how: val_fraction, val_group, seed."""
    corpus = split.partition("/")[0]
    lacking = [g for g in folds.disjoint if g not in card.groups]
    if lacking:
        raise AffectZooError(
            f"data set {card.name!r}: split {split!r} keeps {lacking[0]} apart, a group that not all of the sets have"
        )
    own = [_original(s, corpus) for s in samples if s.groups[CORPUS] == corpus]
    parts = {p: [f"{corpus}:{k}" for k in keys] for p, keys in folds.parts(fold, own, *how).items()}
    parts["train"] += [s.key for s in samples if s.groups[CORPUS] != corpus]
    return parts


def _corpus(card: DatasetCard, fold: int | str | None) -> str:
    names = corpora(card.name)
    if fold in names:
        return str(fold)
    if isinstance(fold, int) and 0 <= fold < len(names):
        return names[fold]
    raise UnknownNameError("fold", str(fold), (*names, *map(str, range(len(names)))), f"data set {card.name!r}")


def _apart(card: DatasetCard) -> tuple[str, ...]:
    """The first group that all corpora have: who speaks, where the cards name it first."""
    return tuple(g for g in card.groups if g != CORPUS)[:1]


def _joined(sample: AffectSample, corpus: str, modalities: Sequence[str]) -> AffectSample:
    groups = {g: v and f"{corpus}:{v}" for g, v in sample.groups.items()}  # '' stays: it says that none is known
    signals = {m: s for m, s in sample.signals.items() if m in modalities}
    return replace(sample, key=f"{corpus}:{sample.key}", signals=signals, groups={**groups, CORPUS: corpus})


def _original(sample: AffectSample, corpus: str) -> AffectSample:
    """The sample as its own data set has it, but for its targets."""
    groups = {g: v.removeprefix(f"{corpus}:") for g, v in sample.groups.items() if g != CORPUS}
    return replace(sample, key=sample.key.removeprefix(f"{corpus}:"), groups=groups)
