"""compare: two tables on the same items, with an interval of their difference."""

from dataclasses import dataclass
from typing import Any

from affectzoo.leaderboard.answers import lay_over
from affectzoo.leaderboard.exam import Exam
from affectzoo.metrics.bootstrap import paired_difference
from affectzoo.structures.table import PredictionTable


@dataclass(frozen=True)
class Difference:
    """First minus second of one pooled score; low and high: 95 % interval. None: undefined."""

    value: float | None
    low: float | None
    high: float | None


def compare(
    first: PredictionTable, second: PredictionTable, exam: Exam, n: int = 1000, seed: int = 0
) -> dict[str, Difference]:
    """'<field>/<metric>' -> Difference, from a paired bootstrap: both answers of a drawn group are drawn
    together.

    n: draws of the benchmark's group. Missing and failed items count as wrong in either table (answers.py).
    """
    one, two = lay_over(first, exam), lay_over(second, exam)
    out: dict[str, Difference] = {}
    for field, metrics in exam.benchmark.metrics.items():
        ...
    return out
