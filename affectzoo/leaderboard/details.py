"""What stands behind a ranking's scores: size, calibration, and the main score by class and by fold."""

from collections.abc import Sequence

from affectzoo.errors import AffectZooError
from affectzoo.leaderboard.board import Ranking, markdown_line, model_name, rankings
from affectzoo.structures.record import EvalRecord, Score

#: Scores that a record holds beside its main one, and their names as columns.
CALIBRATION = {"emotion/ece": "ECE", "emotion/ece_calibrated": "ECE, temperature"}


def details_rows(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Column names, and cells of every ranked and unranked record.

    A class's value is that of the main score (recall, where it is UAR); a temperature is fitted where the scored items
    have no part (engine/calibration.py). Cells stay empty where a record does not say.
    """
    records = (*ranking.ranked, *ranking.unranked)
    classes = sorted({name for r in records for name in _main(r, ranking).per_class})
    extra = {key: name for key, name in CALIBRATION.items() if any(key in r.scores for r in records)}
    folds = any(_main(r, ranking).per_fold for r in records)
    head = ["model", "parameters", *extra.values(), *classes, *(["by fold"] if folds else [])]
    rows = []
    for record in records:
        main = _main(record, ranking)
        size = record.model.parameters
        rows.append(
            [
                model_name(record),
                f"{size:,}" if size else "",
                *(_cell(record.scores[key].value) if key in record.scores else "" for key in extra),
                *(_cell(main.per_class.get(name)) for name in classes),
                *([" ".join(_cell(v) for v in main.per_fold)] if folds else []),
            ]
        )
    return head, rows


def details_markdown(records: Sequence[EvalRecord], benchmark: str | None = None) -> str:
    """A table a ranking, in Markdown."""
    lines: list[str] = []
    for ranking in rankings(records, benchmark):
        head, rows = details_rows(ranking)
        cells = [head, ["---"] * len(head), *rows]
        lines += [f"### {ranking.title}: details", "", *map(markdown_line, cells), ""]
    return "\n".join(lines)


def sizes(records: Sequence[EvalRecord], benchmark: str) -> list[EvalRecord]:
    """The ranked records of a benchmark that say how many parameters their model has, best first.

    Raises AffectZooError where there is none, or where they are of several rankings that cannot be compared.
    """
    found = [r for r in rankings(records, benchmark) if any(x.model.parameters for x in r.ranked)]
    if len(found) != 1:
        what = "no ranked record that says its model's size" if not found else "rankings that cannot be compared"
        raise AffectZooError(f"benchmark {benchmark!r} has {what}")
    return [r for r in found[0].ranked if r.model.parameters]


def _main(record: EvalRecord, ranking: Ranking) -> Score:
    return record.scores.get(ranking.main) or Score(None)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
