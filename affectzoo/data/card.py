"""DatasetCard: data about data, read strictly from `<plug-in root>/datasets/<name>/card.yaml`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.plugins import resource_files
from affectzoo.schema import from_dict, read_yaml

KINDS = ("folds", "parts")
#: The group that joined data sets add: which of them an item is from.
CORPUS = "corpus"

#: End of the name of a split that keeps no group of its data set apart; its records are never ranked.
LEAKY = "-leaky"


@dataclass(frozen=True)
class DataLicence:
    """`data`: the licence's name; `note`: what was read, by whom, and what it asks for."""

    data: str
    note: str = ""


@dataclass(frozen=True)
class SplitEntry:
    """One split file beside the card.

    file: path relative to the card's folder. sha256: of its content (data/split.py). disjoint: the groups
    that no two parts may share; a split that keeps no group of its data set apart must be called `...-leaky`.
    kind: folds (`key,fold`; fold k is the test part of fold k) or parts (`key,part`).
    by: 'key', or the group or attribute that stands in its place (a split by rule; data/split.py).
    """

    file: str
    sha256: str
    disjoint: tuple[str, ...] = ()
    kind: str = "folds"
    note: str = ""
    by: str = "key"


@dataclass(frozen=True)
class DatasetCard:
    """What `card.yaml` may hold; every key is a field here and every other key is an error.

    adapter: dotted target of `iter_samples(root, card, **options) -> Iterator[AffectSample]`.
    folder: the data's folder under AFFECTZOO_DATA; null for data that are generated or named by an option.
    label_space: the space of the samples' targets ('a+b' composes two); null when an option gives it.
    label_map: native label -> name in the label space. outside: native label that no class of the space holds ->
    what it means; an adapter leaves such items out or masks their label, as its options say, and counts them.
    groups, attributes: names that every sample carries.
    rate_hz: modality -> native rate. items, hours: size of the complete set. free_for_any_use: whether
    a model trained on it may be used by anyone for anything.
    """

    name: str
    title: str
    revision: str
    modalities: tuple[str, ...]
    adapter: str
    label_space: str | None
    source: str
    how_to_obtain: str
    licence: DataLicence
    free_for_any_use: bool
    folder: str | None = None
    citation: str = ""
    label_map: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    rate_hz: dict[str, float] = field(default_factory=dict)
    items: int | None = None
    hours: float | None = None
    splits: dict[str, SplitEntry] = field(default_factory=dict)
    traps: tuple[str, ...] = ()

    @property
    def space(self) -> LabelSpace:
        """The label space of the targets. Raises AffectZooError when the card leaves it to an option."""
        if self.label_space is None:
            raise AffectZooError(f"data set {self.name!r}: give its label space by the option 'label_space'")
        return load_space(self.label_space)

    def native_label(self, label: str) -> str:
        """The name in the label space of a native label. Raises UnknownNameError with the nearest."""
        if label not in self.label_map:
            raise UnknownNameError("native label", label, self.label_map, f"data set {self.name!r}")
        return self.label_map[label]


def list_datasets() -> list[str]:
    """Names of the data sets of all plug-ins. Imports no adapter and reads no card."""
    return sorted(_card_files())


def card_path(name: str) -> Path:
    """The card's file. Raises UnknownNameError with the nearest names."""
    files = _card_files()
    if name not in files:
        raise UnknownNameError("data set", name, files)
    return files[name]


def load_card(name: str) -> DatasetCard:
    """Read and check one card, or the joined one of several ('emodb+ravdess', see join_cards).

    Raises UnknownNameError (name, key, group, label) or AffectZooError.
    """
    first, *rest = (read_card(card_path(n)) for n in corpora(name))
    return join_cards([first, *rest]) if rest else first


def corpora(dataset: str) -> tuple[str, ...]:
    """The data sets that a name joins: ('emodb', 'ravdess') of 'emodb+ravdess'."""
    return tuple(dataset.split("+"))


def is_joined(dataset: str) -> bool:
    """Whether a name joins several data sets."""
    return len(corpora(dataset)) > 1


def join_cards(cards: Sequence[DatasetCard]) -> DatasetCard:
    """The card of several data sets as one (data/joined.py): what all of them have, and every licence.

    groups: the common ones, then 'corpus'. It has no folder, no labels and no split of its own. Raises AffectZooError
    for a set named twice, one that has a group 'corpus' already, or sets without a modality in common.
    """
    names = [c.name for c in cards]
    where = f"data sets {' + '.join(names)}"
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise AffectZooError(f"{where}: {', '.join(twice)} is named twice")
    taken = [c.name for c in cards if CORPUS in c.groups]
    if taken:
        raise AffectZooError(f"{where}: {taken[0]} has a group {CORPUS!r} of its own and cannot be joined")
    modalities = _common(c.modalities for c in cards)
    if not modalities:
        raise AffectZooError(f"{where}: have no modality in common")

    def each(text: Callable[[DatasetCard], object], between: str = "; ") -> str:
        return between.join(f"{c.name}: {text(c)}" for c in cards)

    return DatasetCard(
        name="+".join(names),
        title=" + ".join(c.title for c in cards),
        revision=", ".join(f"{c.name} {c.revision}" for c in cards),
        modalities=modalities,
        adapter="affectzoo.data.joined.open_joined",
        label_space=None,
        source=each(lambda c: c.source),
        how_to_obtain=each(lambda c: c.how_to_obtain),
        licence=DataLicence(", ".join(f"{c.licence.data} ({c.name})" for c in cards), each(lambda c: c.licence.note)),
        free_for_any_use=all(c.free_for_any_use for c in cards),
        citation=each(lambda c: c.citation, " "),
        groups=(*_common(c.groups for c in cards), CORPUS),
        attributes=_common(c.attributes for c in cards),
        items=_total(c.items for c in cards),
        hours=_total(c.hours for c in cards),
        traps=tuple(f"{c.name}: {trap}" for c in cards for trap in c.traps),
    )


def _common(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    first, *rest = lists
    return tuple(n for n in first if all(n in other for other in rest))


def _total(numbers: Iterable[float | None]) -> Any:
    numbers = list(numbers)
    return None if None in numbers else sum(numbers)


def read_card(path: str | Path) -> DatasetCard:
    """Read and check the card in a file; the file's folder must bear the card's name."""
    path = Path(path)
    card = from_dict(DatasetCard, read_yaml(path), str(path))
    if card.name != path.parent.name:
        raise FileError(path, f"name is {card.name!r}, its folder is {path.parent.name!r}")
    for name, entry in card.splits.items():
        _check_split(card, name, entry, path)
    if card.label_space is not None and card.label_map:
        known = {n for f in card.space.fields for n in card.space.names(f)}
        for native, label in card.label_map.items():
            if label not in known:
                raise UnknownNameError("label", label, known, f"{path}: label_map.{native}")
    both = sorted(set(card.outside) & set(card.label_map))
    if both:
        raise FileError(path, f"label_map and outside both name {', '.join(both)}")
    return card


def _check_split(card: DatasetCard, name: str, entry: SplitEntry, path: Path) -> None:
    where = f"{path}: splits.{name}"
    if entry.kind not in KINDS:
        raise UnknownNameError("split kind", entry.kind, KINDS, where)
    for group in entry.disjoint:
        if group not in card.groups:
            raise UnknownNameError("group", group, card.groups, f"{where}.disjoint")
    if entry.by not in ("key", *card.groups, *card.attributes):
        raise UnknownNameError("group or attribute", entry.by, (*card.groups, *card.attributes), f"{where}.by")
    if card.groups and not entry.disjoint and not name.endswith(LEAKY):
        raise AffectZooError(
            f"{where}: keeps none of {', '.join(card.groups)} apart; declare `disjoint`, or call it '{name}{LEAKY}'"
        )


def _card_files() -> dict[str, Path]:
    return {n.removesuffix("/card"): p for n, p in resource_files("datasets", pattern="card.yaml").items()}
