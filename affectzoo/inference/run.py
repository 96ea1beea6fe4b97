"""Many files to one table: read ahead in threads, batched by length, resumable; no bad file stops the run."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial as partial_of
from pathlib import Path

import numpy as np
from rich.progress import Progress

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.inference.partial import Partial, Rows, file_id, joined, rows_of, split_rows
from affectzoo.inference.predictor import Predictor
from affectzoo.inference.sources import batches_of_like_size, file_keys
from affectzoo.inference.stream import predict_recording, reason
from affectzoo.inference.tracks import TrackPredictor
from affectzoo.inference.windows import WindowPlan
from affectzoo.labels.space import LabelSpace
from affectzoo.plugins import find_stream
from affectzoo.schema import to_dict
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.table import FORMATS, PredictionTable

#: A batch closes at this many bytes of files, so that long recordings do not meet in one batch (ours).
_BATCH_BYTES = 256 << 20


@dataclass(frozen=True)
class _Read:
    """A file's prepared sample, or what is wrong with it."""

    path: Path
    sample: AffectSample | None
    error: str = ""


def predict_files(
    predictor: Predictor,
    paths: list[Path],
    out: str | Path,
    batch_size: int = 16,
    resume: bool = True,
    strict: bool = False,
    progress: bool = True,
    root: str | Path | None = None,
    windows: WindowPlan | None = None,
    whole: bool = False,
    seconds: float | None = None,
) -> PredictionTable:
    """Predict files and write the table to `out` (.parquet, .csv, .jsonl); rows come in the order of `paths`.

    A key is the path without suffix below `root` (None: the files' common folder); with a data set's folder as root
    the keys are the data set's, and `evaluate` knows them. A file that cannot be used (missing, broken,
    empty, silent, too short, foreign) gets one row with its `error`; strict=True raises FileError for it
    instead.
    windows: answers over time to recordings of any length, one file after the other (see stream.predict_recording);
    a file that breaks on the way keeps its rows and gets one with the error besides.
    A model that says how subjects are found (`find`) answers to each of them in each step (see tracks.TrackPredictor);
    whole=True takes every recording as the subject instead, as for a model without `find`. seconds: what of each
    recording is taken, where subjects are found in it.
    resume: `<out>.partial.jsonl` keeps what is done, by path, size, time of change and model; the next call
    goes on from there (files with an error are tried again), and removes it when all is written.
    Raises AffectZooError when no files are given, the model knows no windows, or finds no subjects where windows or
    seconds want it otherwise, UnknownNameError for an unknown format of `out`.
    """
    out, paths = Path(out), list({os.path.abspath(p): Path(p) for p in paths}.values())
    if out.suffix not in FORMATS:
        raise UnknownNameError("table format", out.suffix, FORMATS, str(out))
    if not paths or batch_size < 1:
        raise AffectZooError("predict_files needs at least one file and batch_size >= 1")
    _check_place(out)
    tracks = _tracks(predictor, batch_size, windows, whole, seconds)
    if windows is not None:
        find_stream(predictor.modalities)  # a model that knows no windows is an error now
    salt = f"{predictor.info.arch}:{predictor.info.sha256}" + (f":{windows}" if windows else "")
    salt += f":{predictor.model.find}:{seconds}" if tracks else ""
    ids = {p: file_id(p, salt) for p in paths}
    keys = file_keys(paths, root)  # a file outside the root is an error now, not after hours
    with Partial(Path(f"{out}.partial.jsonl"), resume) as partial, Progress(disable=not progress) as bar:
        todo = [p for p in paths if ids[p] not in partial.done]
        job = bar.add_task("predicting", total=len(paths), completed=len(paths) - len(todo))
        if tracks is not None:
            answers = _predict_each(todo, tracks, strict, bar)
        elif windows is None:
            reads = _read_ahead(predictor, batches_of_like_size(todo, batch_size, _BATCH_BYTES))
            answers = (a for batch in reads for a in _predict(predictor, batch, strict))
        else:
            answer = partial_of(predict_recording, predictor, plan=windows, batch_size=batch_size)
            answers = _predict_each(todo, answer, strict, bar)
        for path, rows, meta in answers:
            partial.add(ids[path], rows, meta)
            bar.advance(job)
        table = _assemble(predictor, partial, paths, keys, ids)
        table.write(out)
        partial.remove()
    return table


def _check_place(out: Path) -> None:
    """Raise FileError now, not after hours, when the table cannot be written there; its folder is made."""
    if out.is_dir():
        raise FileError(out, "is a folder; name a file for the table")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise FileError(out.parent, f"cannot be made ({e.strerror})") from None
    if not os.access(out.parent, os.W_OK):
        raise FileError(out.parent, "cannot be written to")


def _read_ahead(predictor: Predictor, batches: Iterator[list[Path]]) -> Iterator[list[_Read]]:
    """Prepared batches in order; while one is predicted, the next is decoded in threads."""
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        ahead: list[Future] | None = None
        for batch in batches:
            current, ahead = ahead, [pool.submit(_read, predictor, p) for p in batch]
            if current is not None:
                yield [f.result() for f in current]
        if ahead is not None:
            yield [f.result() for f in ahead]
    finally:
        pool.shutdown(cancel_futures=True)


def _read(predictor: Predictor, path: Path) -> _Read:
    try:
        return _Read(path, predictor.read(path, key=str(path)))
    except Exception as e:  # decoders fail in many ways, and no file may stop the run; the row says what happened
        return _Read(path, None, reason(e, path))


def _predict(predictor: Predictor, reads: list[_Read], strict: bool):
    """(path, rows, meta) of every file of a batch; meta is None for a file without a prediction."""
    bad = [r for r in reads if r.sample is None]
    if bad and strict:
        raise FileError(bad[0].path, bad[0].error)
    yield from ((r.path, _error_row(r.path, r.error), None) for r in bad)
    good = [r for r in reads if r.sample is not None]
    if not good:
        return
    try:
        table = predictor.predict([r.sample for r in good], [str(r.path) for r in good])
    except (AffectZooError, RuntimeError) as e:
        if len(good) > 1:  # one of them, or their number, is the cause: alone each shows
            for r in good:
                yield from _predict(predictor, [r], strict)
            return
        if strict:
            raise FileError(good[0].path, reason(e, good[0].path)) from e
        yield good[0].path, _error_row(good[0].path, reason(e, good[0].path)), None
        return
    if strict and table.frame["error"].ne("").any():
        row = table.frame[table.frame["error"].ne("")].iloc[0]
        raise FileError(row["source"], row["error"])
    answers = split_rows(table.frame)
    for r in good:
        rows = answers.get(str(r.path))
        if rows is None:
            yield r.path, _error_row(r.path, "the model gave no valid step"), None
        else:
            yield r.path, rows, table.meta


def _predict_each(paths: list[Path], answer: Callable[..., PredictionTable], strict: bool, bar: Progress):
    """The same for answers over time, one file after the other; the bar tells the seconds of the file at hand."""
    job = bar.add_task("", total=None)
    for path in paths:

        def show(done: float, total: float, name: str = path.name) -> None:
            of = f" of {total:.0f}" if total else ""
            bar.update(job, completed=done, total=total or None, description=f"{name}: {done:.0f}{of} s")

        bar.reset(job, total=None, description=path.name)
        try:
            table = answer(path, progress=show)
        except FileError as e:
            if strict:
                raise
            yield path, _error_row(path, reason(e, path)), None
            continue
        broken = table.frame.loc[table.frame["t_s"].isna(), "error"]
        if strict and len(broken):
            raise FileError(path, broken.iloc[0])
        yield path, rows_of(table.frame), table.meta
    bar.remove_task(job)


def _tracks(
    predictor: Predictor, batch_size: int, windows: WindowPlan | None, whole: bool, seconds: float | None
) -> TrackPredictor | None:
    """What finds the subjects; None when each recording is one."""
    if predictor.model.find is None or whole:
        if seconds is not None:
            raise AffectZooError("seconds: only for a model that finds its subjects, and not whole")
        return None
    if windows is not None:
        raise AffectZooError(
            f"{predictor.info.arch} answers to each subject in each step: predict without windows (--every), or whole"
        )
    return TrackPredictor(predictor, batch_size, seconds)


def _error_row(path: Path, error: str) -> Rows:
    texts = {"key": "", "track": "", "source": str(path), "error": error}
    return {"t_s": np.array([np.nan]), **{c: np.array([text], object) for c, text in texts.items()}}


def _assemble(
    predictor: Predictor, partial: Partial, paths: list[Path], keys: list[str], ids: dict[Path, str]
) -> PredictionTable:
    parts = [partial.done[ids[p]] if ids[p] in partial.done else partial.failed[ids[p]] for p in paths]
    meta = partial.meta or predictor.empty_table().meta
    meta = replace(meta, model=to_dict(predictor.info), training_keys=predictor.training_keys)
    space = LabelSpace.from_dict(meta.space)
    columns = ["key", "track", "t_s", *(f"{f}.{n}" for f in meta.kinds for n in space.names(f))]
    ends = ("source", "warning", "error")
    extra = sorted({c for rows in parts for c in rows} - {*columns, *ends})
    frame = joined(parts, [*columns, *extra, *ends])
    frame["key"] = np.repeat(np.array(keys, object), [len(rows["source"]) for rows in parts])
    return PredictionTable(frame, meta)
