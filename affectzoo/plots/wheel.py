"""An emotion wheel: sectors at their angles, level 1 inside and level 2 outside, or petals in bands."""

from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.plots.figure import COLOURS, new_figure, save_figure

RINGS = {1: (0.18, 0.58), 2: (0.58, 1.0)}


def plot_wheel(space: LabelSpace | str, values: np.ndarray | None = None, path: str | Path = "wheel.png") -> Path:
    """Draw a space whose categories have angles (`angle_deg`).

    Two rings where children have angles of their own; petals where there are no children, or where they
    share the parent's angle (Plutchik's intensities: bands of one petal, the first in the space
    outermost). values: (K,) numbers of 0 or more, one a category, such as probabilities or counts: the
    larger, the darker, the largest at full strength. None fills by level. Raises AffectZooError for a
    space without angles, with more than two levels, or values that do not fit.
    """
    space = as_space(space)
    levels = _levels(space)
    values = _check_values(space, values)
    figure = new_figure(1000, 1000)
    axes = figure.add_subplot(projection="polar")
    draw = _draw_rings if _has_rings(space, levels) else _draw_petals
    draw(axes, space, levels, values)
    axes.set(ylim=(0, 1.02))
    axes.set_title(space.name, fontsize=13)
    axes.set_axis_off()
    return save_figure(figure, path)


def _levels(space: LabelSpace) -> dict[int, int]:
    """Category index -> 1 or 2, for those with an angle."""
    known = {i: 2 if c.parents else 1 for i, c in enumerate(space.categories) if c.angle_deg is not None}
    if not known:
        raise AffectZooError(f"{space.name!r} has no angles: it is not a wheel; draw it on the plane")
    for i in known:
        for parent in space.categories[i].parents:
            if space.categories[space.index("emotion", parent)].parents:
                raise AffectZooError(f"{space.name!r} has more than two levels ({space.categories[i].name})")
    return known


def _check_values(space: LabelSpace, values: np.ndarray | None) -> np.ndarray | None:
    if values is None:
        return None
    values = np.asarray(values, float)
    if values.shape != (space.size("emotion"),) or not (values >= 0).all() or np.isinf(values).any():
        raise AffectZooError(
            f"values must be {space.size('emotion')} numbers of 0 or more, one a category of {space.name!r}, "
            f"got shape {values.shape}"
        )
    return values / (values.max() or 1.0)


def _has_rings(space: LabelSpace, levels: dict[int, int]) -> bool:
    """Whether some child stands beside its parent's angle."""
    categories = [space.categories[i] for i in levels]
    angles = {c.name: c.angle_deg for c in categories}
    return any(c.angle_deg != angles.get(p) for c in categories for p in c.parents)


def _draw_rings(axes, space: LabelSpace, levels: dict[int, int], values: np.ndarray | None) -> None:
    roots = [i for i in levels if levels[i] == 1]
    arcs = _arcs(space, roots)
    for i, level in levels.items():
        root = i if level == 1 else space.index("emotion", space.categories[i].parents[0])
        category = space.categories[i]
        siblings = [k for k in levels if level == 2 and space.categories[k].parents == category.parents]
        angle, width = np.deg2rad(category.angle_deg), arcs[root] / max(len(siblings), 1)
        even = 0.75 if level == 1 else 0.4
        colour = _tint(roots.index(root), even if values is None else 0.05 + 0.95 * values[i])
        low, high = RINGS[level]
        axes.bar(angle, high - low, width, low, color=colour, ec="white", lw=1.5)
        _write(axes, category.name, angle, (low + high) / 2, 12 if level == 1 else 9, colour)


def _draw_petals(axes, space: LabelSpace, levels: dict[int, int], values: np.ndarray | None) -> None:
    angles = list(dict.fromkeys(space.categories[i].angle_deg for i in levels))
    first = {space.categories[i].angle_deg: i for i in levels}
    arcs = _arcs(space, list(first.values()))
    for place, degrees in enumerate(angles):
        bands = [i for i in levels if space.categories[i].angle_deg == degrees]
        angle, width = np.deg2rad(degrees), arcs[first[degrees]]
        across = np.linspace(-0.5, 0.5, 61)
        for depth, i in enumerate(bands):
            outer, inner = 1 - depth / len(bands), 1 - (depth + 1) / len(bands)
            even = 0.35 + 0.5 * depth / len(bands)
            colour = _tint(place, even if values is None else 0.05 + 0.95 * values[i])
            edge = outer * np.cos(across * np.pi) ** 0.5
            axes.fill(angle + across * width, edge, color=colour, ec="white", lw=1.5)
            middle = (outer + inner) / 2 if inner else 0.65 * outer  # further in a petal is too narrow
            _write(axes, space.categories[i].name, angle, middle, 10, colour)


def _arcs(space: LabelSpace, here: list[int]) -> dict[int, float]:
    """Category index -> width in radians: twice the way to the boundary with the nearer neighbour."""
    here = sorted(here, key=lambda i: space.categories[i].angle_deg)
    angles = np.deg2rad([space.categories[i].angle_deg for i in here])
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    return dict(zip(here, np.minimum(gaps, np.roll(gaps, 1)), strict=True))


def _tint(place: int, strength: float) -> tuple[float, float, float]:
    """A colour mixed with white, so that edges and text stay opaque."""
    from matplotlib.colors import to_rgb

    return tuple(1 - strength * (1 - c) for c in to_rgb(COLOURS[place % len(COLOURS)]))


def _write(axes, name: str, angle: float, radius: float, size: int, ground: tuple) -> None:
    """The word along the radius, never upside down, dark on light and light on dark."""
    degrees = np.rad2deg(angle) % 360
    turn = degrees - 180 if 90 < degrees <= 270 else degrees
    dark = np.dot(ground, (0.2126, 0.7152, 0.0722)) < 0.5
    axes.text(
        angle, radius, name.rsplit("/", 1)[-1], rotation=turn, ha="center", va="center", fontsize=size,
        color="white" if dark else "black",
    )  # fmt: skip
