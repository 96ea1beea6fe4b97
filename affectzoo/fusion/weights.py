"""Weights of a fusion, fitted where the rows that they are applied to have no part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from affectzoo.errors import AffectZooError
from affectzoo.fusion.fuse import FLOOR, Aligned, align, fuse
from affectzoo.structures.table import PredictionTable

#: Pull of a weight's logarithm towards that of equal weights (ours), as if of so many labelled rows.
PRIOR_ROWS = 5.0


@dataclass(frozen=True)
class FittedWeights:
    """by_fold: fold -> (M,) weights that were fitted on all other folds. of_all: (M,), for a model that is used.

    rows: (M, N) the weights of the rows that were aligned.
    """

    by_fold: dict[str, tuple[float, ...]]
    of_all: tuple[float, ...]
    rows: np.ndarray


def fit_weights(
    tables: Sequence[PredictionTable],
    truth: Mapping[str, np.ndarray],
    folds: Mapping[str, int | str],
    missing: str = "error",
) -> FittedWeights:
    """Weights of the rule 'log' by least negative log-likelihood of emotion, cross-fitted: for the rows of a fold,
    only rows of the other folds are used.

    truth: key -> distribution (K,). folds: key -> fold, of every row's key. Weights are at least 0 and their sum is
    free, so that the sharpness is fitted too; a weak prior holds them near 1 / M.

    The tables are out of fold themselves, and this is the usual protocol of stacking (Wolpert 1992): the models that
    answered the rows of the other folds have trained on this fold's items, so that the folds of this second level share
    training data of the first. Its own answers and labels have no part in its weights; what can leak is how the other
    folds' answers were shaped by its labels, which M numbers can hardly carry. Raises AffectZooError for keys without
    truth or fold and for fewer than two folds.
    """
    aligned = align(tables, missing)
    if "emotion" not in aligned.values:
        raise AffectZooError("weights are fitted on emotion, which the tables do not have in common")
    keys = list(aligned.rows.key)
    lacking = [k for k in keys if k not in truth or k not in folds]
    if lacking:
        raise AffectZooError(f"{len(lacking)} rows have no true emotion or no fold, such as {lacking[0]!r}")
    fold = np.array([str(folds[k]) for k in keys])
    names = sorted(set(fold.tolist()))
    if len(names) < 2:
        raise AffectZooError("weights are fitted out of fold, which needs at least two folds")
    target = np.stack([truth[k] for k in keys])
    by_fold = {n: _fit(aligned, target, fold != n) for n in names}
    rows = np.stack([by_fold[n] for n in fold], 1)
    return FittedWeights(
        {n: tuple(w.tolist()) for n, w in by_fold.items()}, tuple(_fit(aligned, target, fold == fold).tolist()), rows
    )


def fuse_out_of_fold(
    tables: Sequence[PredictionTable],
    truth: Mapping[str, np.ndarray],
    folds: Mapping[str, int | str],
    missing: str = "error",
    tag: str = "",
    unknown_training: bool = False,
) -> PredictionTable:
    """`fuse` by the rule 'log' with the weights of `fit_weights`, which stand in meta.notes['fusion']['fitted']."""
    found = fit_weights(tables, truth, folds, missing)
    fused = fuse(tables, found.rows, "log", missing, tag, unknown_training)
    fitted = {
        "by fold": {n: [round(x, 4) for x in w] for n, w in found.by_fold.items()},
        "of all folds": [round(x, 4) for x in found.of_all],
        "fitted on": "the out-of-fold answers of the other folds, by negative log-likelihood (stacking)",
    }
    fused.meta.notes["fusion"]["fitted"] = fitted
    return fused


def _fit(aligned: Aligned, target: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(M,) weights of least mean cross-entropy over the rows (N,) bool."""
    m, n = len(aligned.answered), int(rows.sum())
    p = np.where(aligned.answered[:, rows, None], aligned.values["emotion"][:, rows], 1.0)
    logs, t = np.log(np.maximum(p, FLOOR)), target[rows]
    start = np.full(m, -np.log(m))

    def loss(log_w: np.ndarray) -> tuple[float, np.ndarray]:
        w = np.exp(log_w)
        log_q = log_softmax(np.tensordot(w, logs, 1), axis=1)
        away = log_w - start
        value = -(t * log_q).sum() / n + PRIOR_ROWS / n * (away @ away)
        slope = ((np.exp(log_q) * t.sum(1, keepdims=True) - t)[None] * logs).sum((1, 2)) / n
        return value, w * slope + 2 * PRIOR_ROWS / n * away

    return np.exp(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-7.0, 3.0)] * m).x)
