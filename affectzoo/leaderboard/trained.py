"""Was the model trained on what it is asked? Decided from hashes of keys, so that no key has to be published.

A training key is the first 16 hex digits of sha256('<data set>:<key>'), listed in the table's meta data.
One model for all folds has one list. A table that joins one model a fold has a list a fold (`join_folds`),
and an item is only held against the model that answered it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from affectzoo.data.joined import identity
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.leaderboard.exam import Exam
from affectzoo.structures.table import PredictionTable

#: Where `join_folds` keeps its lists in TableMeta.notes.
NOTE = "training_keys_by_fold"


@dataclass(frozen=True)
class Trained:
    """items: tested items that were trained on, None when the table does not tell what it was trained on.

    sharing: further tested items whose group (the benchmark's: speaker, subject) is in the training part.
    sha256: one digest a fold, or one for all, over the sorted training keys.
    """

    items: int | None
    sharing: int
    sha256: tuple[str, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why such an answer is not ranked; empty when it may be."""
        found = []
        if self.items:
            found.append(f"the model was trained on {self.items} of the tested items")
        if self.sharing:
            found.append(f"the model was trained on other items of the same group as {self.sharing} tested items")
        return tuple(found)


def key_hash(dataset: str, key: str) -> str:
    """16 hex digits of sha256 over '<dataset>:<key>', which the keys of joined data sets already are."""
    return hashlib.sha256(identity(dataset, key).encode()).hexdigest()[:16]


def join_folds(tables: Mapping[str, PredictionTable]) -> PredictionTable:
    """One table from one a fold (fold name -> table); each fold keeps its own training keys.

    Raises AffectZooError when a row is in two tables or the tables differ in space, kinds or granularity.
    """
    lists = {str(name): sorted(t.meta.training_keys) for name, t in tables.items()}
    joined = PredictionTable.concat(list(tables.values()))
    notes = {**joined.meta.notes, NOTE: lists}
    return PredictionTable(joined.frame, replace(joined.meta, training_keys=(), notes=notes))


def trained_on(table: PredictionTable, exam: Exam) -> Trained:
    """Compare the table's training keys with the tested items, fold by fold."""
    by_fold = table.meta.notes.get(NOTE)
    if by_fold is None:
        keys = set(table.meta.training_keys)
        return _compare(exam, [keys] * len(exam.folds), [keys]) if keys else Trained(None, 0, ())
    for fold in exam.folds:
        if fold.name not in by_fold:
            raise UnknownNameError("fold among the joined tables", fold.name, by_fold, exam.where)
    lists = [set(by_fold[f.name]) for f in exam.folds]
    if not all(lists):
        return Trained(None, 0, ())
    return _compare(exam, lists, lists)


def _compare(exam: Exam, lists: Sequence[set[str]], digests: Sequence[set[str]]) -> Trained:
    hashes = [key_hash(exam.benchmark.dataset, s.key) for s in exam.samples]
    groups = exam.groups(exam.benchmark.group)
    items = sharing = 0
    for fold, keys in zip(exam.folds, lists, strict=True):
        seen = {g for h, g in zip(hashes, groups, strict=True) if h in keys}
        for i in (exam.index[k] for k in fold.test):
            items += hashes[i] in keys
            sharing += hashes[i] not in keys and groups[i] in seen
    return Trained(items, sharing, tuple(_digest(k) for k in digests))


def _digest(keys: set[str]) -> str:
    if any(len(k) != 16 for k in keys):
        raise AffectZooError("training keys must be 16 hex digits of sha256('<data set>:<key>')")
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
