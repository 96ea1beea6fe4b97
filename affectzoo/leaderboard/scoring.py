"""Scores of aligned answers: pooled, per fold, with intervals. The one place that calls the metrics."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from affectzoo.leaderboard.exam import Exam
from affectzoo.metrics.bootstrap import bootstrap_interval
from affectzoo.metrics.score import MetricResult, score_arrays
from affectzoo.structures.record import Score


def score_rows(
    exam: Exam, field: str, answer: np.ndarray, metrics: Sequence[str], rows: np.ndarray | None = None
) -> dict[str, Score]:
    """'<field>/<metric>' -> Score of answers (R, K) over `rows` (R,) bool, or over all tested rows.

    value is pooled over the rows; per_fold has one value a fold (None: undefined or no rows); fold_mean is
    the mean of the defined ones, None when there is none. No interval: see `with_intervals`.
    """
    rows = exam.test_rows(field) if rows is None else rows & exam.test_rows(field)
    pooled = _scores(exam, field, answer, metrics, rows)
    in_fold = [rows & exam.test_rows(field, i) for i in range(len(exam.folds))]
    folds = [_scores(exam, field, answer, metrics, r) if r.any() else {} for r in in_fold]
    out = {}
    for name, result in pooled.items():
        per_fold = tuple(f[name].value if name in f else None for f in folds)
        defined = [v for v in per_fold if v is not None]
        out[name] = Score(
            result.value,
            fold_mean=float(np.mean(defined)) if defined else None,
            per_fold=per_fold,
            per_class=dict(result.per_class),
            n=result.n,
            undefined=result.undefined,
            conventions=dict(result.conventions),
        )
    return out


def with_intervals(
    exam: Exam, field: str, answer: np.ndarray, scores: dict[str, Score], n_boot: int, seed: int
) -> dict[str, Score]:
    """The scores with the 95 % interval of their pooled value, drawing whole groups of the benchmark.

    An interval over few groups is wide and says little; how many were drawn from stands in the conventions.
    n_boot 0 gives the scores as they are.
    """
    if n_boot == 0:
        return scores
    rows = exam.test_rows(field)
    truth = exam.truth[field]
    groups = exam.groups(exam.benchmark.group)[truth.item[rows]]
    found = bootstrap_interval(
        exam.space,
        field,
        answer[rows],
        truth.values[rows],
        truth.mask[rows],
        groups,
        [n.split("/")[1] for n in scores],
        n=n_boot,
        seed=seed,
    )
    drawn = {"draws": n_boot, "group": exam.benchmark.group, "groups": len(set(groups)), "level": 0.95}
    out = {}
    for name, score in scores.items():
        low, high = (_number(x) for x in found[name])
        out[name] = replace(score, low=low, high=high, conventions={**score.conventions, "interval": drawn})
    return out


def main_value(score: Score, pooling: str) -> float | None:
    """The value that ranks: pooled or fold_mean, as the benchmark says."""
    return score.value if pooling == "pooled" else score.fold_mean


def _scores(
    exam: Exam, field: str, answer: np.ndarray, metrics: Sequence[str], rows: np.ndarray
) -> dict[str, MetricResult]:
    truth = exam.truth[field]
    return score_arrays(
        exam.space,
        field,
        answer[rows],
        truth.values[rows],
        truth.mask[rows],
        metrics=list(metrics),
        groups=truth.item[rows],
    )


def _number(x: float | None) -> float | None:
    return None if x is None or np.isnan(x) else float(x)


#: stand-in until the registry is there
def hard_metrics(field, metrics):
    return tuple(m for m in metrics if m in ("uar", "accuracy", "f1_macro", "au_f1"))
