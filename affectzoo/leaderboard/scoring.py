"""Scores of aligned answers: pooled, per fold, with intervals. The one place that calls the metrics."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from affectzoo.leaderboard.exam import Exam
from affectzoo.metrics.bootstrap import bootstrap_interval
from affectzoo.metrics.registry import build_metric
from affectzoo.metrics.score import MetricResult, score_arrays
from affectzoo.structures.record import Score

#: Of every interval.
LEVEL = 0.95


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
            support=dict(result.support),
            undefined=result.undefined,
            conventions=dict(result.conventions),
        )
    return out


def with_intervals(
    exam: Exam, field: str, answer: np.ndarray, scores: dict[str, Score], n_boot: int, seed: int
) -> dict[str, Score]:
    """The scores with the 95 % interval of their pooled value, drawing whole groups of the benchmark.

    An interval over few groups is wide and says little; how many were drawn from stands in the conventions.
    n_boot 0, or fewer than two groups, gives the scores as they are.
    """
    rows = exam.test_rows(field)
    item = exam.truth[field].item[rows]
    groups = exam.groups(exam.benchmark.group)[item]
    drawn = {"draws": n_boot, "group": exam.benchmark.group, "groups": len(set(groups)), "level": LEVEL}
    if n_boot == 0 or drawn["groups"] < 2:
        return scores
    rest = {"metrics": list(scores), "n": n_boot, "seed": seed, "level": LEVEL, "sequences": item}
    found = bootstrap_interval(exam.space, field, answer[rows], *targets(exam, field, rows), groups, **rest)
    return {
        name: replace(
            score,
            low=found[name][0],
            high=found[name][1],
            conventions={**score.conventions, "interval": drawn},
        )
        for name, score in scores.items()
    }


def targets(exam: Exam, field: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True values and mask (N, K) of the rows."""
    return exam.truth[field].values[rows], exam.truth[field].mask[rows]


def soft_metrics(exam: Exam, field: str, metrics: Sequence[str]) -> tuple[str, ...]:
    """Those metrics that read probabilities; the others first make a decision (their conventions name it)."""
    return tuple(m for m in metrics if "decision" not in _conventions(exam, field, m))


def _conventions(exam: Exam, field: str, metric: str) -> dict:
    return getattr(build_metric(exam.space, field, metric), "conventions", {})


def main_value(score: Score, pooling: str) -> float | None:
    """The value that ranks: pooled or fold_mean, as the benchmark says."""
    return score.value if pooling == "pooled" else score.fold_mean


def _scores(
    exam: Exam, field: str, answer: np.ndarray, metrics: Sequence[str], rows: np.ndarray
) -> dict[str, MetricResult]:
    truth = targets(exam, field, rows)
    return score_arrays(exam.space, field, answer[rows], *truth, list(metrics), exam.truth[field].item[rows])
