"""A confusion matrix: rows are the truth, cells show the share of the row and the count."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.plots.figure import new_figure, save_figure


def plot_confusion(labels: Sequence[str], counts: np.ndarray, path: str | Path = "confusion.png") -> Path:
    """Draw counts (K, K), truth in rows and prediction in columns, coloured by the share of the row.

    labels: K names. A row without items is grey. The diagonal's mean over the rows with items (UAR)
    and the number of items stand in the title. Raises AffectZooError for counts that do not fit the
    labels.
    """
    from matplotlib import colormaps

    counts, k = np.asarray(counts, float), len(labels)
    if k == 0 or counts.shape != (k, k) or not (counts >= 0).all() or np.isinf(counts).any():
        raise AffectZooError(f"counts must be {k} x {k} numbers of 0 or more, got shape {counts.shape}")
    total = counts.sum(1, keepdims=True)
    share = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    side = 1000 if k <= 12 else 1000 + 45 * (k - 12)
    figure = new_figure(side, int(0.92 * side))
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap=colormaps["Blues"].with_extremes(bad="0.88"), vmin=0, vmax=1)
    _write_cells(axes, counts, share, k)
    names = [f"{name}\n(n={int(n)})" for name, n in zip(labels, total[:, 0], strict=True)]
    axes.set_xticks(range(k), labels, rotation=45, ha="right")
    axes.set_yticks(range(k), names)
    axes.set(xlabel="predicted", ylabel="true")
    diagonal = np.diag(share)[total[:, 0] > 0]
    uar = f"UAR {diagonal.mean():.3f}" if len(diagonal) else "no items"
    axes.set_title(f"{uar}, {int(counts.sum())} items")
    figure.colorbar(image, ax=axes, shrink=0.7, label="share of the true class (grey: no items)")
    return save_figure(figure, path)


def _write_cells(axes, counts: np.ndarray, share: np.ndarray, k: int) -> None:
    """Share and count, white on dark cells; very large matrices show counts only."""
    size = max(7, 12 - 0.4 * k)
    for i, j in zip(*np.nonzero(counts), strict=True):
        text = f"{counts[i, j]:g}" if k > 20 else f"{share[i, j]:.0%}\n{counts[i, j]:g}"
        colour = "white" if share[i, j] > 0.55 else "black"
        axes.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)
