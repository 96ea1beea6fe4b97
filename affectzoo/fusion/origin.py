"""What the models behind fused tables were trained on, so that evaluate sees a leak of any of them."""

from collections.abc import Sequence
from dataclasses import replace

from affectzoo.errors import AffectZooError
from affectzoo.leaderboard.trained import NOTE, key_hash
from affectzoo.structures.table import PredictionTable


def unite_training_keys(
    tables: Sequence[PredictionTable], unknown: bool = False
) -> tuple[tuple[str, ...], dict[str, dict[str, list[str]]]]:
    """(training keys, {} or the note of keys by fold), as a table's meta data hold them.

    Out-of-fold tables are united fold by fold; the keys of a table without folds count in every one. A table that does
    not tell is an error; with `unknown` the fused table tells nothing either, rather than less than it should. Raises
    AffectZooError for out-of-fold tables of other folds.
    """
    folded = [t.meta.notes.get(NOTE) for t in tables]
    silent = [
        i
        for i, (t, f) in enumerate(zip(tables, folded, strict=True))
        if not (all(f.values()) if f else t.meta.training_keys)
    ]
    if silent and not unknown:
        raise AffectZooError(
            f"table {silent[0] + 1} does not tell what its model was trained on, so that a leak could not be seen; "
            "allow that with unknown_training (--unknown-training)"
        )
    if silent:
        return (), {}
    names = [set(f) for f in folded if f]
    if not names:
        return tuple(sorted({k for t in tables for k in t.meta.training_keys})), {}
    if any(n != names[0] for n in names):
        raise AffectZooError(
            f"the tables have other folds: {sorted(names[0])} and {sorted(next(n for n in names if n != names[0]))}"
        )
    flat = {k for t, f in zip(tables, folded, strict=True) if not f for k in t.meta.training_keys}
    return (), {NOTE: {n: sorted(flat.union(*(f[n] for f in folded if f))) for n in sorted(names[0])}}


def has_items_of(table: PredictionTable, dataset: str) -> bool:
    """Whether the table's model was trained on items of the data set that the table also answers."""
    return bool(_every(table) & {key_hash(dataset, k) for k in table.frame.key})


def same_items(table: PredictionTable, dataset: str, to: str) -> PredictionTable:
    """The table with training keys of `dataset` told as those of `to`, where both have the same items by one key.

    Sets of one recording (a face's action units, its voice) have keys of their own name; without this a fused table
    would not be held against the data set under which it is evaluated. Only keys can be told anew that are among the
    table's rows, which those of an out-of-fold table are. Raises AffectZooError where training keys are left over.
    """
    known = {key_hash(dataset, k): key_hash(to, k) for k in table.frame.key}
    every = _every(table)
    if not every & set(known):
        raise AffectZooError(f"none of the table's training keys is of an item of {dataset!r}")
    left = every - set(known)
    if left:
        raise AffectZooError(
            f"{len(left)} of {len(every)} training keys are not of items of {dataset!r} that the table answers, "
            f"so that they cannot be told as those of {to!r}"
        )
    notes = dict(table.meta.notes)
    if NOTE in notes:
        notes[NOTE] = {n: sorted(known[k] for k in keys) for n, keys in notes[NOTE].items()}
    keys = tuple(sorted(known[k] for k in table.meta.training_keys))
    return replace(table, meta=replace(table.meta, training_keys=keys, notes=notes))


def _every(table: PredictionTable) -> set[str]:
    """All training keys of a table, of any fold."""
    return {k for keys in table.meta.notes.get(NOTE, {}).values() for k in keys} | set(table.meta.training_keys)
