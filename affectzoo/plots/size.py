"""Score against size: what the parameters of a model bring."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.plots.figure import COLOURS, new_figure, save_figure


def plot_sizes(
    names: Sequence[str],
    parameters: Sequence[int],
    scores: Sequence[float],
    intervals: Sequence[tuple[float, float] | None],
    path: str | Path = "sizes.png",
    label: str = "score",
) -> Path:
    """Draw scores with their intervals over the number of parameters (log axis), each point named by number.

    names, parameters, scores, intervals: one entry a model; an interval may be None. Raises AffectZooError for lists of
    different lengths, no model, or a model without parameters.
    """
    if not names or len({len(names), len(parameters), len(scores), len(intervals)}) != 1:
        raise AffectZooError("a plot of sizes needs a name, a size, a score and an interval (or None) of every model")
    if min(parameters) < 1:
        raise AffectZooError(
            f"{names[int(np.argmin(parameters))]}: a model of {min(parameters)} parameters has no place"
        )
    figure = new_figure(1400, 900)
    axes = figure.subplots()
    for i, (name, size, score, interval) in enumerate(zip(names, parameters, scores, intervals, strict=True)):
        colour = COLOURS[i % len(COLOURS)]
        if interval is not None:
            axes.plot([size, size], interval, color=colour, alpha=0.5)
        axes.plot(size, score, "o", color=colour, label=f"{i + 1}  {name}")
        axes.annotate(str(i + 1), (size, score), xytext=(5, 5), textcoords="offset points")
    axes.set(xscale="log", xlabel="parameters", ylabel=label)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    return save_figure(figure, path)
