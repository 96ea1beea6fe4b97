"""The valence-arousal plane: the classes of a space as ellipses, and predicted points."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.plots.figure import COLOURS, MARKERS, new_figure, save_figure
from affectzoo.structures.table import PredictionTable


def plot_space(
    space: LabelSpace | str,
    points: np.ndarray | None = None,
    labels: Sequence[str] | None = None,
    path: str | Path = "plane.png",
) -> Path:
    """Draw the classes of a space that have a measured term, and points.

    An ellipse holds one standard deviation in valence and arousal (labels.vad.space_gaussians). Classes without a
    measured term are not drawn, and the picture says how many; a space without categories gives the bare plane.
    points: (N, 2) or (N, 3) VAD in [-1, 1]; NaN rows are left out. labels: (N,) names by which points are coloured;
    the seven most frequent get a colour, the rest is grey.
    """
    space = as_space(space)
    points, labels = _check_points(points, labels)
    figure = new_figure(1000, 1000)
    axes = figure.add_subplot()
    _draw_plane(axes, f"{space.name}: valence and arousal")
    _draw_classes(axes, space, beside_points=points is not None)
    if points is not None:
        _draw_points(axes, points, labels)
    return save_figure(figure, path)


def table_points(table: PredictionTable) -> tuple[np.ndarray, list[str] | None]:
    """Valence and arousal (N, 2) of a table's rows and the class that each row predicts, for `plot_space`.

    A table without these axes is projected from its classes (labels.mapping). Rows without an answer are NaN. The
    classes are None where the table has none. Raises UndefinedMappingError when it answers neither.
    """
    points = table.project("va").values("vad")
    if "emotion" not in table.meta.kinds:
        return points, None
    best = np.nan_to_num(table.values("emotion"), nan=-1.0).argmax(1)
    return points, [table.space.names("emotion")[i] for i in best]


def _check_points(points, labels):
    if points is None:
        return None, None
    points = np.asarray(points, float)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise AffectZooError(f"points must be (N, 2) or (N, 3), got shape {points.shape}")
    if labels is not None and len(labels) != len(points):
        raise AffectZooError(f"{len(labels)} labels for {len(points)} points")
    keep = ~np.isnan(points[:, :2]).any(1)
    names = np.array(["points"] * len(points) if labels is None else labels, dtype=object).astype(str)
    return points[keep], names[keep]


def _draw_plane(axes, title: str) -> None:
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="valence", ylabel="arousal", aspect=1)
    axes.set_title(title)
    axes.axhline(0, color="0.6", lw=0.8, zorder=0)
    axes.axvline(0, color="0.6", lw=0.8, zorder=0)
    axes.grid(color="0.92", lw=0.8, zorder=0)
    axes.set_axisbelow(True)


def _draw_classes(axes, space: LabelSpace, beside_points: bool) -> None:
    from matplotlib.patches import Ellipse

    from affectzoo.errors import UndefinedMappingError
    from affectzoo.labels.vad import space_gaussians

    try:
        mean, sd, defined = space_gaussians(space)
    except UndefinedMappingError:
        mean, sd, defined = np.empty((0, 3)), np.empty((0, 3)), np.zeros(space.size("emotion"), bool)
    if not defined.all():
        note = f"{(~defined).sum()} of {len(defined)} classes have no measured term and are not drawn"
        axes.text(0.99, 0.01, note, transform=axes.transAxes, ha="right", va="bottom", fontsize=9)
    if not defined.any():
        return
    known = _one_of_each(space, np.flatnonzero(defined), mean)
    anchors = _spread(mean[known, :2])
    strength = 0.35 if len(known) > 12 else 0.8
    for place, k in enumerate(known):
        # Beside coloured points the classes are grey: two meanings of one colour would mislead.
        colour = "0.45" if beside_points else COLOURS[place % len(COLOURS)]
        centre, size = mean[k, :2], 2 * sd[k, :2]
        axes.add_patch(Ellipse(centre, *size, color=colour, alpha=strength * 0.15, lw=0))
        axes.add_patch(Ellipse(centre, *size, fill=False, ec=colour, alpha=strength, lw=1))
        axes.plot(*centre, "+", color=colour, ms=8, mew=2)
        _write(axes, space.categories[k].name.rsplit("/", 1)[-1], centre, anchors[place], colour)


def _one_of_each(space: LabelSpace, known: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Classes with distinct terms: `sad` and `sad/sad` would lie on each other."""
    first: dict[str, int] = {}
    for k in known:
        first.setdefault(space.categories[k].term, k)
    return np.array(list(first.values()), int)


def _spread(means: np.ndarray, width: float = 0.24, height: float = 0.075) -> np.ndarray:
    """Places for the names (K, 2): just above each mean, pushed apart upward where two would overlap."""
    places = means + (0.0, 0.045)
    for i in np.argsort(places[:, 1], kind="stable"):
        lower = np.argsort(places[:, 1], kind="stable")
        for j in lower[places[lower, 1] <= places[i, 1]]:
            near = abs(places[i] - places[j]) < (width, height)
            if i != j and near.all():
                places[i, 1] = places[j, 1] + height
    return np.clip(places, -1.0, 1.0)


def _write(axes, text: str, mean, place, colour: str) -> None:
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3, foreground="white")]
    moved = place[1] - mean[1] > 0.06
    arrow = {"arrowstyle": "-", "color": colour, "lw": 0.7} if moved else None
    axes.annotate(
        text, mean, place, ha="center", va="center", fontsize=10, path_effects=halo, arrowprops=arrow,
        zorder=4,
    )  # fmt: skip


def _draw_points(axes, points: np.ndarray, labels: np.ndarray) -> None:
    names, counts = np.unique(labels, return_counts=True)
    shown = names[np.argsort(-counts, kind="stable")][: len(COLOURS) - 1]
    size = 26 if len(points) < 400 else 8
    style = {"s": size, "alpha": 0.75, "lw": 0.4, "ec": "white", "zorder": 3}
    for i, name in enumerate(shown):
        here = labels == name
        axes.scatter(*points[here, :2].T, color=COLOURS[i], marker=MARKERS[i], label=f"{name} ({here.sum()})", **style)
    rest = ~np.isin(labels, shown)
    if rest.any():
        axes.scatter(*points[rest, :2].T, color="0.5", marker=".", label=f"others ({rest.sum()})", **style)
    if len(points):
        axes.legend(loc="upper left", fontsize=9, framealpha=0.9)
