"""A row per subject and step: recordings in which the subjects are found before the model sees them.

Three things go on at once: decoding and finding (by the family's class, in threads) and answering (here), with a few
pieces between them, so the memory that it takes does not grow with the recording (but for the rows of the answer).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from affectzoo.errors import AffectZooError, FileError
from affectzoo.inference.ahead import run_ahead
from affectzoo.inference.predictor import Predictor
from affectzoo.inference.sequences import Sequences, Steps
from affectzoo.inference.stream import reason
from affectzoo.plugins import find_tracks, import_target
from affectzoo.structures.signal import reader_of
from affectzoo.structures.table import PredictionTable

#: Where a subject lies in its recording (in the file's own units: pixels) and how sure the finder was.
PLACE = ("box.x", "box.y", "box.w", "box.h", "box.score")
#: Pieces that may wait for the model; frames that are kept apart before they become one.
_AHEAD, _FRAMES = 8, 32
#: A source that is no file ('camera:0') and has no end of its own.
LIVE = re.compile(r"[a-z]+:\d+")


@dataclass(frozen=True)
class Piece:
    """N subjects of one step of a recording.

    t_s: the step's time in seconds. tracks: (N) ids, stable over the recording. signals: modality -> (N, ...), one
    time step each. place: (N, 5) as in PLACE. error: why there is nothing to answer, '' when there is; then tracks is
    [''] and signals is empty. names: of the last axis of a modality, where it has some.
    """

    t_s: float
    tracks: list[str]
    signals: Mapping[str, np.ndarray]
    place: np.ndarray
    error: str = ""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class SubjectTracks(Protocol):
    """What `tracks:` of a reader in a plug-in's manifest names. One object serves many recordings, one at a time."""

    def __init__(self, policy: Mapping[str, Any], modalities: tuple[str, ...]):
        """policy: the model's `find`. modalities: what it reads."""

    def open(self, path) -> tuple[float, float, Iterator[Piece]]:
        """(steps a second or 0 where there is one step, seconds or 0 if unknown, pieces in order of time).

        Raises FileError; from the pieces too, after what could be read.
        """

    def draw(self, path, table: PredictionTable, key: str, out: str, show: Callable[[float, float], None]) -> Path:
        """The recording with what the table says of it, as a file whose name begins with `out`; gives its path."""


class TrackPredictor:
    """Answers of one model to the subjects of recordings; detectors are loaded once.

    batch_size: subjects that go through the model at once. seconds: what of each recording is taken, None for all.
    Raises AffectZooError for a model without a policy (`find`).
    """

    def __init__(self, predictor: Predictor, batch_size: int = 32, seconds: float | None = None):
        if predictor.model.find is None:
            raise AffectZooError(f"{predictor.info.arch}: has no policy by which subjects are found (find)")
        context = getattr(predictor.model, "context_steps", 0)
        self.predictor, self.seconds = predictor, seconds
        self.batch_size = max(batch_size, 4 * context)  # else a model over time would mostly repeat itself
        self._made: dict[str, SubjectTracks] = {}

    def tracks(self, path: str | Path) -> SubjectTracks:
        """The object that finds the subjects of this file. Raises FileError when its reader has none."""
        path = Path(path)
        if is_live(path):
            target = find_tracks(self.predictor.modalities)
        else:
            target = reader_of(path, self.predictor.modalities).tracks
        if not target:
            raise FileError(path, f"{path.suffix} files have no subjects to be found in them: predict them whole")
        if target not in self._made:
            self._made[target] = import_target(target)(self.predictor.model.find, self.predictor.modalities)
        return self._made[target]

    def __call__(
        self, path: str | Path, key: str | None = None, progress: Callable[[float, float], None] | None = None
    ) -> PredictionTable:
        """Rows (key, track, t_s) of one recording, a step's together; a step without a subject has one whose `error`
        says so.

        progress: called with the seconds that were answered and those that there are (0 when unknown). A file that
        breaks keeps its rows and gets one more, without a time, with the error. An interrupt (ctrl-C) ends a live
        source, whose rows are kept. Raises FileError when nothing could be answered.
        """
        path = Path(path)
        tracks = self.tracks(path)
        try:
            rate_hz, seconds, pieces = tracks.open(path)
        except Exception as e:  # decoders fail in many ways
            raise FileError(path, reason(e, path)) from e
        key = path.stem if key is None else key
        sequences = Sequences(self.predictor, rate_hz or 1.0)
        total = seconds if self.seconds is None else min(seconds or self.seconds, self.seconds)
        frames, broken, done = [], "", 0
        with closing(self._batches(pieces, is_live(path))) as batches:
            while True:
                try:
                    batch = next(batches, None)
                except KeyboardInterrupt:
                    if not is_live(path):
                        raise
                    batch = None
                except Exception as e:  # as above, and what came before stands
                    batch, broken = None, reason(e, path)
                if batch is None:
                    break
                frames.append(_rows(sequences, batch, done))
                done += len(batch)
                if len(frames) > _FRAMES:
                    frames = [pd.concat(frames, ignore_index=True)]
                if progress is not None:
                    progress(batch[-1].t_s, total)
        return self._table(path, key, rate_hz, frames, broken, sequences.nothing)

    def _batches(self, pieces: Iterator[Piece], live: bool) -> Iterator[list[Piece]]:
        """Pieces with about `batch_size` subjects together, found in a thread that runs ahead."""
        batch: list[Piece] = []
        with closing(run_ahead(pieces, _AHEAD)) as found:
            try:
                for piece in found:
                    if self.seconds is not None and piece.t_s >= self.seconds:
                        break
                    batch.append(piece)
                    if live or sum(len(p.tracks) for p in batch) >= self.batch_size:
                        yield batch
                        batch = []
            except Exception:
                if batch:
                    yield batch
                raise
        if batch:
            yield batch

    def _table(
        self, path: Path, key: str, rate_hz: float, frames: list[pd.DataFrame], broken: str, nothing: PredictionTable
    ) -> PredictionTable:
        frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"error": []})
        answered = (frame["error"] == "").any()
        if not answered:
            raise FileError(path, broken or _unanswered(frame))
        if broken:
            last = dict.fromkeys(frame.select_dtypes("number").columns, np.nan)
            last = frame.iloc[:1].assign(**last, track="", warning="", error=broken)
            frame = pd.concat([frame, last], ignore_index=True)
        columns = list(nothing.frame.columns)
        at = columns.index("source")
        frame = frame.reindex(columns=[*columns[:at], *PLACE, *columns[at:]])
        texts = {c: frame[c].fillna("") for c in ("track", "warning", "error")}
        notes = {**nothing.meta.notes, "find": dict(self.predictor.model.find), "t_s": "of the step"}
        meta = replace(nothing.meta, granularity="step", rate_hz=rate_hz or None, notes=notes)
        return PredictionTable(frame.assign(**texts, key=key, source=str(path)), meta)


def predict_tracks(
    predictor: Predictor,
    path: str | Path,
    key: str | None = None,
    batch_size: int = 32,
    seconds: float | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> PredictionTable:
    """The table of one recording; see TrackPredictor, which serves many."""
    return TrackPredictor(predictor, batch_size, seconds)(path, key, progress)


def is_live(path: str | Path) -> bool:
    """Whether this names a source without an end, such as 'camera:0', and not a file."""
    return LIVE.fullmatch(str(path)) is not None and not Path(path).exists()


def _rows(sequences: Sequences, batch: list[Piece], done: int) -> pd.DataFrame:
    """A row a subject of these pieces, in their order. done: steps before them."""
    number = np.repeat(np.arange(len(batch)), [len(p.tracks) for p in batch])
    error = np.array([p.error for p in batch], object)[number]
    track = np.array([t for p in batch for t in p.tracks], object)
    t_s = np.array([p.t_s for p in batch])[number]
    place = np.concatenate([p.place for p in batch])
    rows = pd.DataFrame(place, columns=list(PLACE)).assign(track=track, t_s=t_s, warning="", error=error)
    found, at = [p for p in batch if not p.error], np.flatnonzero(error == "")
    if not found:
        return rows
    signals = {m: np.concatenate([p.signals[m] for p in found]) for m in found[0].signals}
    answers = sequences.answer(Steps(signals, found[0].names, track[at], t_s[at], done + number[at])).set_axis(at)
    rows.loc[at, ["warning", "error"]] = answers[["warning", "error"]]
    return rows.join(answers.drop(columns=["warning", "error"]))


def _unanswered(frame: pd.DataFrame) -> str:
    counts = frame["error"].value_counts()
    if not len(counts):
        return "holds no steps"
    where = "" if len(frame) == 1 else f" (in {counts.iloc[0]} of {len(frame)} rows, and none has an answer)"
    return f"{counts.index[0]}{where}"
