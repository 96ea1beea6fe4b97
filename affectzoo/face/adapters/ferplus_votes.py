"""What the readers of FER+ share: ten votes a picture become a distribution over the eight classes, or a majority.

Barsoum et al. 2016 (ICMI): ten taggers a picture; besides the eight classes they could vote 'unknown' and 'NF' (not
a face). The rule of the majority is that of github microsoft/FERPlus, src/ferplus.py, training mode 'majority'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.native import NativeLabels, one_of
from affectzoo.errors import FileError, UnknownNameError
from affectzoo.structures.sample import Target

TARGETS = ("votes", "majority")


@dataclass(frozen=True)
class VoteLabels:
    """targets: N emotion targets in the card's space, None where the item is left out; agreement: (N,) largest share
    of a class among all votes, those for unknown and NF included."""

    targets: list[Target | None]
    agreement: np.ndarray


def vote_labels(card: DatasetCard, path: Path, frame, targets: str, first: int = 2) -> VoteLabels:
    """Labels from the vote columns of a table of text: those that the card names in label_map and outside.

    targets: 'votes' is each class's share of the votes that name one (ours: FER+ also drops single votes there);
    'majority' the class of `majority_of`, one-hot. What is left out is said in one warning. Raises FileError naming
    the line (of the first row: `first`) where votes are no counts or there are none, UnknownNameError for a column or
    kind of target.
    """
    one_of("kind of target", targets, TARGETS, card)
    columns = (*card.label_map, *card.outside)
    counts = vote_counts(path, frame, columns, first)
    native = NativeLabels(card, None, "leave_out")
    if targets == "votes":
        made = native.soft_targets(counts, columns, "drop_vote")
    else:
        top = majority_of(counts)
        made = [native.target(columns[i]) if i >= 0 else None for i in top]
        native.counts["no majority: item left out"] += int((top < 0).sum())
    native.counts = +native.counts  # without zeros
    native.report()
    return VoteLabels(made, counts[:, : len(card.label_map)].max(1) / counts.sum(1))


def majority_of(counts: np.ndarray) -> np.ndarray:
    """(N,) column with more than half of the votes of (N, K) counts, -1 where none has.

    Single votes do not count, nor does their number (FER+ takes them for slips).
    """
    kept = np.where(counts > 1, counts, 0)
    return np.where(kept.max(1) > 0.5 * kept.sum(1), kept.argmax(1), -1)


def vote_counts(path: Path, frame, columns: Sequence[str], first: int = 2) -> np.ndarray:
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
            raise FileError(path, f"line {row + first}: {what} ({cells})")
    return counts
