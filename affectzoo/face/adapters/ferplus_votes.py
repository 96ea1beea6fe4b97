"""What the readers of FER+ share: the ten votes of a picture become a distribution over its eight classes.

Barsoum et al. 2016 (ICMI): ten taggers a picture; besides the eight classes they could vote 'unknown' and 'NF' (not
a face). Votes for these two name no class and are left out; what a tie or a lost majority means is an option.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.errors import FileError, UnknownNameError
from affectzoo.labels.raters import majority, soft, votes_from_counts
from affectzoo.structures.sample import Target

TARGETS = ("votes", "majority")


@dataclass(frozen=True)
class VoteLabels:
    """targets: N emotion targets over the card's space, None where no vote names a class (or, of a majority, several
    tie); agreement: (N,) share of all votes, unknown and NF among them, that the largest class has."""

    targets: list[Target | None]
    agreement: np.ndarray


def vote_labels(card: DatasetCard, path: Path, frame, columns: Sequence[str], targets: str) -> VoteLabels:
    """Labels from the vote columns of a table (rows of text).

    columns: those of the classes (by the card's label_map) and of the votes outside (by its `outside`). targets:
    'votes' is each class's share of the votes that name one; 'majority' the class with most of them, one-hot. Raises
    FileError naming the line where votes are no counts or there are none, UnknownNameError for a column.
    """
    if targets not in TARGETS:
        raise UnknownNameError("kind of target", targets, TARGETS, f"data set {card.name!r}")
    counts = vote_counts(path, frame, columns)
    names = [card.label_map.get(c) or card.outside[c] for c in columns]
    votes = votes_from_counts(counts, names, card.space.names("emotion"), "drop_vote")
    found = soft(votes) if targets == "votes" else majority(votes, "drop")
    made = [
        Target(v.astype(np.float32), np.ones(len(v), bool)) if m else None
        for v, m in zip(found.values, found.mask, strict=True)
    ]
    return VoteLabels(made, votes.counts.max(1) / counts.sum(1))


def vote_counts(path: Path, frame, columns: Sequence[str]) -> np.ndarray:
    """(N, K) votes of a table of text. Raises FileError naming the line, UnknownNameError for a missing column."""
    import pandas as pd

    for column in columns:
        if column not in frame:
            raise UnknownNameError("column", column, frame.columns, str(path))
    counts = frame[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    # comparisons with NaN are False
    wrong = ~((counts >= 0).all(1) & (counts % 1 == 0).all(1))
    for what, bad in (("votes are no counts", wrong), ("has no vote at all", counts.sum(1) == 0)):
        if bad.any():
            row = int(bad.argmax())
            cells = ", ".join(f"{c} {frame[c].iloc[row]!r}" for c in columns)
            raise FileError(path, f"line {row + 2}: {what} ({cells})")
    return counts


def native_columns(card: DatasetCard) -> tuple[str, ...]:
    """The vote columns that a card names: classes first, then those outside."""
    return (*card.label_map, *card.outside)


def needed(row: Mapping[str, str], choices: Sequence[str], column: str) -> str:
    """A cell that must be one of several values. Raises UnknownNameError with the nearest."""
    if row[column] not in choices:
        raise UnknownNameError(column, row[column], choices)
    return row[column]
