"""Which category of one space stands for one of another: by its own name, as a blend, or by a wider word.

Order: the same name, or the last word of the same path, or an alias; then, towards Plutchik's space, a dyad
that splits into its two parts; then the wider words of `hierarchy` and of `data/maps.yaml`, nearest first. A
word that none of these reaches has no counterpart.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from affectzoo.labels.hierarchy import dyads, wider_table
from affectzoo.labels.space import Category, LabelSpace
from affectzoo.schema import read_yaml

DATA = Path(__file__).parent / "data"
DYAD_SPACE = "plutchik"

Index = dict[str, tuple[int, ...]]  # word -> positions in a space


@dataclass(frozen=True)
class Candidate:
    """Where a category may go: positions in the other space (equal shares), by which rule, by which word."""

    targets: tuple[int, ...] = ()
    rule: str = "none"  # name, alias, dyad, wider, none
    word: str = ""


@cache
def candidates(source: LabelSpace, target: LabelSpace) -> tuple[Candidate, ...]:
    """One candidate for each category of `source`, in its order."""
    names, aliases = _words(target)
    blends = dyads() if DYAD_SPACE in parts(target) else {}
    return tuple(
        _by_own_word(c, names, aliases)
        or _by_dyad(c, names, blends)
        or _by_wider_word(wider, names, aliases)
        or Candidate()
        for c, wider in zip(source.categories, _wider_words(source), strict=True)
    )


def _by_own_word(category: Category, names: Index, aliases: Index) -> Candidate | None:
    own = _own_words(category)
    for rule, index, words in (
        ("name", names, own),
        ("alias", aliases, own),
        ("alias", names, category.aliases),
    ):
        for word in words:
            if word in index:
                return Candidate(index[word], rule, word)
    return None


def _by_dyad(category: Category, names: Index, blends: dict[str, tuple[str, str]]) -> Candidate | None:
    for word in _own_words(category):
        if word in blends:
            return Candidate(tuple(names[part][0] for part in blends[word]), "dyad", word)
    return None


def _by_wider_word(wider: list[str], names: Index, aliases: Index) -> Candidate | None:
    for word in wider:
        found = names.get(word) or aliases.get(word)
        if found:
            return Candidate(found, "wider", word)
    return None


def _own_words(category: Category) -> tuple[str, ...]:
    return tuple(dict.fromkeys((category.name, category.name.rpartition("/")[2])))


def _words(space: LabelSpace) -> tuple[Index, Index]:
    """Word -> positions, for names (a full name wins over the last word of a path) and for aliases."""
    full = {c.name: (i,) for i, c in enumerate(space.categories)}
    last: Index = {}
    aliases: Index = {}
    for i, c in enumerate(space.categories):
        for word in _own_words(c)[1:]:
            last[word] = (*last.get(word, ()), i)
        for word in c.aliases:
            aliases[word] = (*aliases.get(word, ()), i)
    return {**last, **full}, aliases


def _wider_words(space: LabelSpace) -> list[list[str]]:
    """For each category all wider words, nearest first: of its tree or path, then declared ones."""
    table = wider_table(space)
    declared = [_declared(name) for name in (*parts(space), "everywhere")]

    def step(word: str) -> list[str]:
        above = list(table.get(word, ()))
        above += [w.rpartition("/")[2] for w in above if "/" in w]
        return above + [w for d in declared for w in d.get(word, ())]

    return [_climb(_own_words(c), step) for c in space.categories]


def _climb(level: Iterable[str], step: Callable[[str], list[str]]) -> list[str]:
    seen: list[str] = []
    while level:
        level = list(dict.fromkeys(w for word in level for w in step(word) if w not in seen))
        seen += level
    return seen


@cache
def _declared(name: str) -> dict[str, tuple[str, ...]]:
    """Narrower word -> wider words, of one space or of all ('everywhere')."""
    maps = _maps()
    table = maps["everywhere"] if name == "everywhere" else maps["spaces"].get(name, {"wider": {}})
    out: dict[str, tuple[str, ...]] = {}
    for word, narrower in table["wider"].items():
        for n in narrower:
            out[n] = (*out.get(n, ()), word)
    return out


@cache
def _maps() -> dict:
    return read_yaml(DATA / "maps.yaml")


def caveat(space: LabelSpace, name: str) -> str:
    """Why a category does not mean quite what its word says; '' for most."""
    table = _maps()["caveats"]
    return next((table[p][name] for p in parts(space) if name in table.get(p, {})), "")


def parts(space: LabelSpace) -> list[str]:
    """Names of the spaces that a space is composed of ('ravdess8+vad')."""
    return space.name.split("+")
