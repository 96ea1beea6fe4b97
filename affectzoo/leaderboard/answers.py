"""Answers: a prediction table laid over an exam, row for row, with what is missing counted.

Rules (ours, and part of every record):

- A key that the data set does not have is an error, and so is a key that occurs twice. Rows of items that
  the exam does not test are left aside and counted.
- A key without a row is missing; a row with an `error`, or without a number, has failed. Both are scored as
  wrong, and a record with either is not ranked: whoever fails on the hard items must not gain by it. Wrong
  means: for emotion, all probability is spread evenly over the other classes; for AU presence and states,
  the opposite of the truth; for vad and AU intensity, 0 (the centre of the axis, no activation).
- Labels over time are never altered: the answer is read at their times by `structures.time.read_at`. A
  labelled step that has no answer is wrong in the same way; an item with less than `coverage` of its steps
  answered has failed.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from affectzoo.data.joined import own_keys
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.leaderboard.exam import Exam
from affectzoo.structures.table import PredictionTable
from affectzoo.structures.time import read_at


@dataclass(frozen=True)
class Answers:
    """values: field -> (R, K), aligned to Exam.truth, NaN in rows that are not tested.

    answered: field -> (R,) bool, False where `values` holds the rule's wrong answer.
    missing, failed: keys. remarks: what else a reader has to know.
    """

    values: dict[str, np.ndarray]
    answered: dict[str, np.ndarray]
    missing: tuple[str, ...]
    failed: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def lay_over(table: PredictionTable, exam: Exam) -> Answers:
    """Answers of a table to an exam. Raises UnknownNameError for keys or fields that do not fit it."""
    table, remarks = _in_space(_with_own_keys(table, exam), exam)
    frame = _tested_frame(table, exam)
    left_aside = len(table.frame) - len(frame)
    if left_aside:
        remarks.append(f"{left_aside} rows of items that the benchmark does not test were left aside")
    given = set(frame.key)
    missing = tuple(k for k in exam.test_keys if k not in given)
    failed = set(frame.key[frame.error != ""])
    values, answered = {}, {}
    for field in exam.benchmark.fields:
        read = _read_clips if exam.truth[field].granularity == "clip" else _read_steps
        found = read(table, frame[frame.error == ""], exam, field)
        failed |= _uncovered(exam, field, found) - set(missing)
        remarks += _outside(exam, field, found)
        values[field], answered[field] = _fill_wrong(exam, field, found)
    return Answers(values, answered, missing, tuple(sorted(failed)), tuple(remarks))


def drop_unknown(table: PredictionTable, exam: Exam) -> tuple[PredictionTable, str]:
    """The table without keys that the data set does not have, and a remark that says how many ('' for none).

    For folders that hold more than the data set's items; a misspelt key still counts as missing.
    """
    table = _with_own_keys(table, exam)
    known = table.frame.key.isin(set(exam.index))
    if known.all():
        return table, ""
    n = table.frame.key[~known].nunique()
    frame = table.frame[known].reset_index(drop=True)
    return replace(table, frame=frame), f"{n} keys that are not in {exam.benchmark.dataset!r} were left aside"


def table_sha256(table: PredictionTable) -> str:
    """sha256 over keys, times and values, sorted: the same for Parquet, CSV and JSON lines of one table."""
    frame = table.frame.sort_values(["key", "track", "t_s"], kind="stable")
    digest = hashlib.sha256(table.space.hash.encode())
    for column in ("key", "track", "error"):
        digest.update("\0".join(frame[column]).encode())
    for column in ("t_s", *(c for f in sorted(table.meta.kinds) for c in table.columns(f))):
        digest.update(column.encode() + np.ascontiguousarray(frame[column].to_numpy("<f8")).tobytes())
    return digest.hexdigest()


def _with_own_keys(table: PredictionTable, exam: Exam) -> PredictionTable:
    """The table with the keys that the exam's data set has for its items (joined data sets, data/joined.py)."""
    dataset = exam.benchmark.dataset
    changed = own_keys(table.frame.key.unique(), dataset, exam.index, exam.test_keys)
    if all(old == new for old, new in changed.items()):
        return table
    return replace(table, frame=table.frame.assign(key=table.frame.key.map(changed)))


def _in_space(table: PredictionTable, exam: Exam) -> tuple[PredictionTable, list[str]]:
    """The table with the exam's names; a projection says what it lost."""
    source, target = table.space, exam.space
    fields = exam.benchmark.fields
    if all(f in table.meta.kinds and set(source.names(f)) == set(target.names(f)) for f in fields):
        return table, []
    table = table.project(target)
    report = table.meta.notes["projection"]
    for field in fields:
        if field not in report["fields"]:
            reason = report["unanswered"].get(field, f"{target.name!r} has no such field")
            raise AffectZooError(f"{exam.where} scores {field}, which the table does not answer: {reason}")
        unreached = report["fields"][field]["unreached"]
        if unreached and field != "emotion":
            raise AffectZooError(f"{exam.where} scores {field} {', '.join(unreached)}: not answered by the table")
    remarks = [_projected(report["fields"][f]) for f in fields]
    return (_renormalised(table) if "emotion" in fields else table), remarks


def _projected(report: dict) -> str:
    """One sentence about one field's projection."""
    text = f"projected {report['kind']} from {report['from']} to {report['to']}"
    if report["lost_max"] > 0:
        text += (
            f"; {report['lost_mean']:.4f} of the mass on average (at most {report['lost_max']:.4f}) has no "
            "counterpart, the rest was divided by its sum"
        )
    return text + (f"; never answered: {', '.join(report['unreached'])}" if report["unreached"] else "")


def _renormalised(table: PredictionTable) -> PredictionTable:
    """Emotion rows divided by their sum, because a projection leaves lost mass out; NaN where all is lost."""
    values = table.values("emotion")
    total = values.sum(1, keepdims=True)
    columns = table.columns("emotion")
    frame = table.frame.copy()
    frame[columns] = np.divide(values, total, out=np.full(values.shape, np.nan), where=total > 1e-9)
    return PredictionTable(frame, table.meta)


def _tested_frame(table: PredictionTable, exam: Exam) -> pd.DataFrame:
    frame = table.frame
    unknown = [k for k in frame.key.unique() if k not in exam.index]
    if unknown:
        where = (
            f"{exam.where}: {len(unknown)} of the table's keys are not in {exam.benchmark.dataset!r} "
            "(evaluate --drop-unknown leaves such rows aside)"
        )
        raise UnknownNameError("key", unknown[0], exam.index, where)
    columns = ["key"] if table.meta.granularity == "clip" else ["key", "t_s"]
    twice = frame.duplicated(columns)
    if twice.any():
        tracks = frame.track[frame.key == frame.key[twice].iloc[0]].unique()
        raise AffectZooError(
            f"{exam.where}: key {frame.key[twice].iloc[0]!r} is answered twice (tracks "
            f"{', '.join(map(repr, tracks))}); keep one answer an item"
        )
    return frame[frame.key.isin(set(exam.test_keys))]


def _granularity(table: PredictionTable, exam: Exam, field: str, needed: str) -> None:
    if table.meta.granularity != needed:
        hint = "pool it first (PredictionTable.pool, or --pool mean)" if needed == "clip" else "predict over time"
        raise AffectZooError(
            f"{exam.where}: {field} is labelled by {needed}, the table answers by {table.meta.granularity}; {hint}"
        )


def _read_clips(table: PredictionTable, frame: pd.DataFrame, exam: Exam, field: str) -> np.ndarray:
    """(R, K) answers to labels of whole clips, NaN where there is none."""
    _granularity(table, exam, field, "clip")
    columns = [f"{field}.{n}" for n in exam.space.names(field)]
    by_item = np.full((len(exam.samples), len(columns)), np.nan)
    by_item[[exam.index[k] for k in frame.key]] = frame[columns].to_numpy(float)
    return _only_tested(exam, field, by_item[exam.truth[field].item])


def _read_steps(table: PredictionTable, frame: pd.DataFrame, exam: Exam, field: str) -> np.ndarray:
    """(R, K) answers at the times of the labels, NaN where there is none."""
    _granularity(table, exam, field, "step")
    truth = exam.truth[field]
    columns = [f"{field}.{n}" for n in exam.space.names(field)]
    out = np.full(truth.values.shape, np.nan)
    starts = np.searchsorted(truth.item, np.arange(len(exam.samples) + 1))
    for key, rows in frame.groupby("key", sort=False):
        at = slice(starts[exam.index[key]], starts[exam.index[key] + 1])
        grid, t0 = _on_grid(
            rows.t_s.to_numpy(), rows[columns].to_numpy(float), table.meta.rate_hz, f"{exam.where}: {key}"
        )
        values, ok = read_at(
            np.nan_to_num(grid), ~np.isnan(grid), table.meta.rate_hz, t0, truth.t_s[at], exam.method(field)
        )
        out[at] = np.where(ok, values, np.nan)
    return _only_tested(exam, field, out)


def _on_grid(t_s: np.ndarray, values: np.ndarray, rate_hz: float | None, where: str) -> tuple[np.ndarray, float]:
    """Rows in any order, some left out, on their regular axis: (T, K) with NaN gaps, and the first time."""
    if not rate_hz or np.isnan(t_s).any():
        raise AffectZooError(f"{where}: an answer over time needs t_s in every row and rate_hz in the meta data")
    steps = (t_s - t_s.min()) * rate_hz
    number = np.rint(steps).astype(int)
    if np.abs(steps - number).max() > 0.1 or len(set(number)) < len(number):
        raise AffectZooError(f"{where}: t_s does not run at the declared {rate_hz} Hz")
    grid = np.full((number.max() + 1, values.shape[1]), np.nan)
    grid[number] = values
    return grid, float(t_s.min())


def _only_tested(exam: Exam, field: str, values: np.ndarray) -> np.ndarray:
    return np.where(exam.test_rows(field)[:, None], values, np.nan)


def _uncovered(exam: Exam, field: str, found: np.ndarray) -> set[str]:
    """Keys of tested items with less than `coverage` of their labelled rows answered."""
    rows = exam.test_rows(field)
    item = exam.truth[field].item[rows]
    ok = ~np.isnan(found[rows]).any(1)
    n = np.bincount(item, minlength=len(exam.samples))
    share = np.bincount(item, ok, minlength=len(exam.samples)) / np.maximum(n, 1)
    return {exam.samples[i].key for i in np.flatnonzero((n > 0) & (share < exam.benchmark.coverage))}


def _outside(exam: Exam, field: str, found: np.ndarray) -> list[str]:
    """A remark when answers leave their range; they are scored as they are, never clipped."""
    low, high = {"vad": (-1.0, 1.0), "au": (0.0, 5.0 if exam.space.au_kind == "intensity" else 1.0)}.get(
        field, (0.0, 1.0)
    )
    n = int(((found < low - 1e-6) | (found > high + 1e-6)).any(1).sum())
    return [f"{n} {field} answers lie outside [{low:g}, {high:g}] and were scored as they are"] if n else []


def _fill_wrong(exam: Exam, field: str, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Answers with every gap filled by the wrong answer of the rule above, and which rows had no gap."""
    truth = exam.truth[field].values
    answered = ~np.isnan(found).any(1)
    if field == "emotion":
        wrong = np.full(truth.shape, 1.0 / max(truth.shape[1] - 1, 1))
        wrong[np.arange(len(truth)), truth.argmax(1)] = 0.0
    elif field == "state" or (field == "au" and exam.space.au_kind == "presence"):
        wrong = 1.0 - truth
    else:
        wrong = np.zeros(truth.shape)
    filled = np.where(answered[:, None], found, wrong)
    return _only_tested(exam, field, filled), answered
