"""compare: two tables on the same items, with an interval of their difference."""

import numpy as np

from affectzoo.leaderboard.answers import lay_over
from affectzoo.leaderboard.exam import Exam
from affectzoo.leaderboard.scoring import LEVEL, targets
from affectzoo.metrics.bootstrap import PairedDifference, paired_difference
from affectzoo.structures.table import PredictionTable


def compare(
    first: PredictionTable, second: PredictionTable, exam: Exam, n: int = 1000, seed: int = 0
) -> dict[str, PairedDifference]:
    """'<field>/<metric>' -> first minus second of the pooled score, with its 95 % interval.

    A paired bootstrap: both answers of a drawn group (the benchmark's) are drawn together, n times. Missing
    and failed items count as wrong in either table (answers.py). Where less is better (rmse, ece), a
    negative difference favours the first. Raises AffectZooError for fewer than two groups.
    """
    one, two = lay_over(first, exam), lay_over(second, exam)
    groups = exam.groups(exam.benchmark.group)
    out: dict[str, PairedDifference] = {}
    for field, metrics in exam.benchmark.metrics.items():
        rows = exam.test_rows(field)
        item = exam.truth[field].item[rows]
        out |= paired_difference(
            exam.space,
            field,
            one.values[field][rows],
            two.values[field][rows],
            *targets(exam, field, rows),
            groups[item],
            list(metrics),
            n=n,
            seed=seed,
            level=LEVEL,
            sequences=np.asarray(item),
        )
    return out
