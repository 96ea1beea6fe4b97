"""Which category of one space stands for one of another: by its own name, as a blend, or by a wider word.

Order: the same name, or the last word of the same path, or an alias; then, towards Plutchik's space, a dyad
that splits into its two parts; then the wider words of `hierarchy` and of `data/maps.yaml`, nearest first. A
word that none of these reaches has no counterpart.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from affectzoo.labels.hierarchy import dyads, wider
from affectzoo.labels.space import Category, LabelSpace
from affectzoo.schema import read_yaml

DATA = Path(__file__).parent / "data"
DYAD_SPACE = "plutchik"


@dataclass(frozen=True)
class Candidate:
    """Where a category may go: positions in the other space (equal shares), by which rule, by which word."""

    targets: tuple[int, ...] = ()
    rule: str = "none"  # name, alias, dyad, wider, none
    word: str = ""


@cache
def candidates(source: LabelSpace, target: LabelSpace) -> tuple[Candidate, ...]:
    """One candidate for each category of `source`, in its order."""
    return tuple(_candidate(c, source, target) for c in source.categories)


def _candidate(category: Category, source: LabelSpace, target: LabelSpace) -> Candidate:
    names, aliases = _words(target)
    own = _own_words(category)
    for word in own:
        if word in names:
            return Candidate(names[word], "name", word)
    for word in own:
        if word in aliases:
            return Candidate(aliases[word], "alias", word)
    for word in category.aliases:
        if word in names:
            return Candidate(names[word], "alias", word)
    if DYAD_SPACE in parts(target):
        for word in (w for w in own if w in dyads()):
            return Candidate(tuple(names[p][0] for p in dyads()[word]), "dyad", word)
    for word in _wider_words(category, source):
        found = names.get(word) or aliases.get(word)
        if found:
            return Candidate(found, "wider", word)
    return Candidate()


def _own_words(category: Category) -> tuple[str, ...]:
    return tuple(dict.fromkeys((category.name, category.name.rpartition("/")[2])))


@cache
def _words(space: LabelSpace) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Word -> positions, for names (a full name wins over the last word of a path) and for aliases."""
    full = {c.name: (i,) for i, c in enumerate(space.categories)}
    last: dict[str, tuple[int, ...]] = {}
    aliases: dict[str, tuple[int, ...]] = {}
    for i, c in enumerate(space.categories):
        for word in _own_words(c)[1:]:
            last[word] = (*last.get(word, ()), i)
        for word in c.aliases:
            aliases[word] = (*aliases.get(word, ()), i)
    return {**last, **full}, aliases


def _wider_words(category: Category, space: LabelSpace) -> list[str]:
    """All wider words, nearest first; of a path also its last word."""
    seen: list[str] = []
    level = list(_own_words(category))
    while level:
        level = list(dict.fromkeys(w for word in level for w in _one_wider(word, space) if w not in seen))
        seen += level
    return seen


def _one_wider(word: str, space: LabelSpace) -> list[str]:
    above = [*wider(space, word)]
    above += [w.rpartition("/")[2] for w in above if "/" in w]
    for name in parts(space):
        above += _declared(name).get(word, ())
    return above + list(_declared("everywhere").get(word, ()))


@cache
def _declared(name: str) -> dict[str, tuple[str, ...]]:
    """Narrower word -> wider words, of one space or of all ('everywhere')."""
    maps = read_yaml(DATA / "maps.yaml")
    table = maps["everywhere"] if name == "everywhere" else maps["spaces"].get(name, {"wider": {}})
    out: dict[str, tuple[str, ...]] = {}
    for word, narrower in table["wider"].items():
        for n in narrower:
            out[n] = (*out.get(n, ()), word)
    return out


@cache
def caveat(space: LabelSpace, name: str) -> str:
    """Why a category does not mean quite what its word says; '' for most."""
    table = read_yaml(DATA / "maps.yaml")["caveats"]
    return next((table[p][name] for p in parts(space) if name in table.get(p, {})), "")


def parts(space: LabelSpace) -> list[str]:
    """Names of the spaces that a space is composed of ('ravdess8+vad')."""
    return space.name.split("+")
