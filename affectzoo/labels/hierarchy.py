"""Trees and graphs of categories: wider words, tiers, distances, and Plutchik's dyads.

A category's wider words are its `parents` and the beginnings of its path ('joy/cheerfulness/bliss' ->
'joy/cheerfulness' -> 'joy'). A category with neither stands directly under the root.
"""

from functools import cache
from pathlib import Path

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.schema import read_yaml

DATA = Path(__file__).parent / "data"
ROOT = ""
ORDERS = ("primary", "secondary", "tertiary")


@cache
def wider_table(space: LabelSpace) -> dict[str, tuple[str, ...]]:
    """Every category and every beginning of a path -> the words one step wider; () under the root."""
    table: dict[str, tuple[str, ...]] = {}
    for category in space.categories:
        above = category.name.rpartition("/")[0]
        extra = (above,) if above and above not in category.parents else ()
        table[category.name] = (*category.parents, *extra)
        while above:
            table.setdefault(above, tuple(filter(None, (above.rpartition("/")[0],))))
            above = above.rpartition("/")[0]
    return table


def back_off(space: LabelSpace | str, name: str) -> tuple[str, ...]:
    """All wider words of a category, nearest first. Raises UnknownNameError for a name it lacks."""
    space = as_space(space)
    start = space.names("emotion")[space.index("emotion", name)]
    table, seen, level = wider_table(space), [], [start]
    while level:
        level = [w for word in level for w in table[word] if w not in seen and w != start]
        seen += dict.fromkeys(level)
    return tuple(seen)


def tree_distance(space: LabelSpace | str, a: str, b: str) -> int:
    """Edges on the shortest path between two categories, over their wider words and a common root.

    Parrott: joy/cheerfulness/bliss and joy/zest/thrill are 4 apart, love and fear 2, a class and itself 0.
    """
    up_a, up_b = _heights(space, a), _heights(space, b)
    return min(up_a[w] + up_b[w] for w in up_a.keys() & up_b.keys())


def _heights(space: LabelSpace | str, name: str) -> dict[str, int]:
    """Steps from a category up to each of its wider words and to the root."""
    space = as_space(space)
    level = {space.names("emotion")[space.index("emotion", name)]}
    table, heights, step = wider_table(space), {}, 0
    while level:
        heights.update((w, step) for w in level if w not in heights)
        step += 1
        level = {u for w in level if w != ROOT for u in table[w] or (ROOT,)} - heights.keys()
    return heights


@cache
def dyads(order: str | None = None) -> dict[str, tuple[str, str]]:
    """Plutchik's blends by name: 'love' -> ('joy', 'trust').

    order: primary, secondary, tertiary (None: these 24), or opposite: four blends that one source only names.
    """
    if order not in (None, *ORDERS, "opposite"):
        raise UnknownNameError("order of dyads", order, (*ORDERS, "opposite"))
    data = read_yaml(DATA / "plutchik.yaml")
    return {n: tuple(pair) for o in (ORDERS if order is None else (order,)) for n, pair in data[o].items()}


def compose_dyad(a: str, b: str) -> str:
    """The name of the blend of two primary emotions, in either order: compose_dyad('trust', 'joy') == 'love'.

    Raises UnknownNameError for a word that is not primary, AffectZooError for a word with itself.
    """
    blends = {**dyads(), **dyads("opposite")}
    primary = sorted({w for pair in blends.values() for w in pair})
    for word in (a, b):
        if word not in primary:
            raise UnknownNameError("primary emotion", word, primary)
    if a == b:
        raise AffectZooError(f"a dyad needs two different primary emotions, got {a!r} twice")
    return next(n for n, pair in blends.items() if set(pair) == {a, b})
