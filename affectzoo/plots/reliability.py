"""A reliability diagram: how often a model is right against how sure it says it is."""

from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.plots.figure import COLOURS, new_figure, save_figure


def plot_reliability(
    confidence: np.ndarray, correct: np.ndarray, path: str | Path = "reliability.png", n_bins: int = 15
) -> Path:
    """Draw accuracy by confidence in `n_bins` equal-width bins, with the expected calibration error.

    confidence: (N,) in [0, 1], the probability of the predicted class; correct: (N,) bool. Bins are (low,
    high], the first takes 0 too; ECE = sum_b n_b / N |accuracy_b - confidence_b| (Naeini et al. 2015; Guo
    et al. 2017). Raises AffectZooError for different lengths, no items, or a confidence outside [0, 1].
    """
    confidence, correct = np.asarray(confidence, float).ravel(), np.asarray(correct).ravel()
    if len(confidence) != len(correct) or not len(confidence):
        raise AffectZooError(f"reliability: {len(confidence)} confidences for {len(correct)} outcomes")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise AffectZooError("reliability: a confidence lies outside [0, 1]; logits need a softmax first")
    if n_bins < 1:
        raise AffectZooError(f"reliability: n_bins must be 1 or more, got {n_bins}")
    n, accuracy, mean = reliability_bins(confidence, correct.astype(bool), n_bins)
    ece = float(np.nansum(n * np.abs(accuracy - mean)) / n.sum())
    figure = new_figure(1000, 1000)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    edges = np.linspace(0, 1, n_bins + 1)
    width = 1 / n_bins
    top.plot([0, 1], [0, 1], "--", color="0.4", lw=1.2, label="perfect calibration")
    style = {"align": "edge", "ec": "white"}
    top.bar(edges[:-1], accuracy, width, color=COLOURS[5], label="accuracy of the bin", **style)
    top.plot(mean, accuracy, "o", color=COLOURS[1], ms=7, clip_on=False, label="mean confidence of the bin")
    top.set(ylim=(0, 1), ylabel="accuracy")
    top.set_title(f"ECE {ece:.3f} ({n_bins} bins), {int(n.sum())} items")
    top.legend(loc="upper left")
    bottom.bar(edges[:-1], n, width, color="0.6", **style)
    bottom.set(xlim=(0, 1), xlabel="confidence", ylabel="items")
    return save_figure(figure, path)


def reliability_bins(
    confidence: np.ndarray, correct: np.ndarray, n_bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items, accuracy and mean confidence of each bin, (n_bins,) each; NaN in an empty bin."""
    place = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    n = np.bincount(place, minlength=n_bins).astype(float)
    sums = (np.bincount(place, weights=w, minlength=n_bins) for w in (correct.astype(float), confidence))
    with np.errstate(invalid="ignore"):
        accuracy, mean = (s / n for s in sums)
    return n, accuracy, mean
