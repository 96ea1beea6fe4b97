"""Tiers, distances, dyads."""

import pytest

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.hierarchy import back_off, compose_dyad, dyads, tree_distance
from affectzoo.labels.space import Category, LabelSpace, load_space


def test_back_off_of_paths_and_parents():
    assert back_off("parrott135", "joy/cheerfulness/bliss") == ("joy/cheerfulness", "joy")
    assert back_off("parrott135", "bliss") == ("joy/cheerfulness", "joy")  # an alias
    assert back_off("plutchik", "terror") == ("fear",)
    assert back_off("ekman6", "fear") == ()


def test_graph_with_two_parents_and_a_cycle():
    space = LabelSpace(
        "g",
        "1",
        categories=(
            Category("a"),
            Category("b"),
            Category("c", parents=("a", "b")),
            Category("d", parents=("c", "e")),
            Category("e", parents=("d",)),
        ),
    )
    assert back_off(space, "d") == ("c", "e", "a", "b")
    assert tree_distance(space, "c", "a") == 1
    assert tree_distance(space, "d", "b") == 2
    assert tree_distance(space, "a", "b") == 2


@pytest.mark.parametrize(
    ("a", "b", "steps"),
    [
        ("joy/cheerfulness/bliss", "joy/cheerfulness/bliss", 0),
        ("joy/cheerfulness/bliss", "joy/cheerfulness/joy", 2),
        ("joy/cheerfulness/bliss", "joy/zest/thrill", 4),
        ("joy/cheerfulness/bliss", "fear/horror/panic", 6),
    ],
)
def test_parrott_distance(a, b, steps):
    assert tree_distance("parrott135", a, b) == tree_distance("parrott135", b, a) == steps


def test_distance_is_a_metric_on_plutchik():
    names = load_space("plutchik").names("emotion")
    d = {(a, b): tree_distance("plutchik", a, b) for a in names for b in names}
    assert d["fear", "terror"] == 1 and d["apprehension", "terror"] == 2 and d["fear", "joy"] == 2
    assert all((d[a, b] == 0) == (a == b) and d[a, b] == d[b, a] for a in names for b in names)
    assert all(d[a, c] <= d[a, b] + d[b, c] for a in names for b in names for c in names)


def test_dyads():
    assert len(dyads()) == 24 and len({frozenset(p) for p in dyads().values()}) == 24
    assert [len(dyads(o)) for o in ("primary", "secondary", "tertiary", "opposite")] == [8, 8, 8, 4]
    assert compose_dyad("joy", "trust") == compose_dyad("trust", "joy") == "love"
    assert compose_dyad("disgust", "anger") == "contempt" and compose_dyad("surprise", "fear") == "awe"
    assert compose_dyad("trust", "disgust") == "ambivalence"
    names = set(load_space("plutchik").names("emotion"))
    assert all(set(pair) <= names for pair in dyads().values())


def test_dyad_orders_are_steps_around_the_wheel():
    """Neighbours are primary dyads, two steps secondary, three tertiary, four opposite: from the drawing."""
    wheel = ["joy", "trust", "fear", "surprise", "sadness", "disgust", "anger", "anticipation"]
    for steps, order in enumerate(("primary", "secondary", "tertiary", "opposite"), 1):
        for a, b in dyads(order).values():
            apart = abs(wheel.index(a) - wheel.index(b))
            assert min(apart, 8 - apart) == steps, (a, b)


def test_bad_input():
    with pytest.raises(UnknownNameError, match="primary emotion"):
        compose_dyad("joy", "terror")
    with pytest.raises(AffectZooError, match="two different"):
        compose_dyad("joy", "joy")
    with pytest.raises(UnknownNameError, match="order of dyads"):
        dyads("fourth")
    with pytest.raises(UnknownNameError, match="bliss"):
        back_off("parrott135", "blis")
