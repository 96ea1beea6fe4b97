"""One answer after the other from a recording that arrives in pieces, live or from disk.

A file is fed to the same predictor as a live stream is, block by block: it cannot answer differently, and the
memory that it takes does not grow with its length (but for the rows of the answer).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from affectzoo.errors import AffectZooError, FileError
from affectzoo.inference.predictor import Predictor
from affectzoo.inference.windows import WINDOW_S, SignalStream, Window, WindowCutter, WindowPlan
from affectzoo.plugins import find_stream, import_target
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal, reader_of
from affectzoo.structures.table import PredictionTable

#: Frames that are kept apart before they become one: many small ones take far more memory.
_FRAMES = 32


class StreamPredictor:
    """Windowed answers of a clip-level predictor to a stream of chunks.

    rate_hz: of the chunks. window_s, every_s, keep_silence: see WindowPlan. key, source: of the rows.
    stream: a SignalStream class; None takes that of the model's modality. batch_size: windows that go through the
    model at once, when a chunk completes several.
    The row for t_s is given by the `feed` that brings the stream to t_s + window_s / 2 plus what the SignalStream
    holds back. Any chunking gives the same rows but for rounding (batches differ); one window is kept.
    Raises AffectZooError for a model of several modalities or of one that no reader takes piece by piece.
    """

    def __init__(
        self,
        predictor: Predictor,
        rate_hz: float,
        window_s: float = WINDOW_S,
        every_s: float = 1.0,
        keep_silence: bool = False,
        key: str = "stream",
        source: str = "",
        stream: type[SignalStream] | None = None,
        batch_size: int = 16,
    ):
        self._class = stream or import_target(find_stream(predictor.modalities))
        if len(predictor.modalities) != 1:
            raise AffectZooError(f"{predictor.info.arch}: windows need a model of one modality")
        self.predictor, self.plan = predictor, WindowPlan(every_s, window_s, keep_silence)
        self.key, self.source, self.batch_size = key, source, batch_size
        (self._modality,) = predictor.modalities
        self._signal = self._class(rate_hz, predictor.model.transforms[self._modality])
        self._cutter = WindowCutter(self.plan, self._signal)
        self._finished = False
        self._nothing = self._over_time(predictor.empty_table())

    def feed(self, chunk: np.ndarray) -> PredictionTable:
        """Rows of the windows that this chunk completes, often none.

        A window without speech has a row without values whose `error` says so, and so has one that the model's
        transform refuses. Raises AffectZooError for a chunk that is not a signal or not finite (none of it is
        taken: the stream may go on with another), and for a model that answers over time by itself.
        """
        if self._finished:
            raise AffectZooError("the stream is finished; a new recording needs a new StreamPredictor")
        return self._answer(self._cutter.feed(self._signal.feed(chunk)))

    def finish(self) -> PredictionTable:
        """Rows of the windows that the end of the recording cuts short (see WindowPlan); closes the stream."""
        self._finished = True
        windows = self._cutter.feed(self._signal.finish())
        return self._answer(windows + self._cutter.finish())

    def _answer(self, windows: list[Window]) -> PredictionTable:
        if not windows:
            return self._nothing
        step = self.batch_size
        frames = [self._rows(windows[i : i + step]) for i in range(0, len(windows), step)]
        return replace(self._nothing, frame=pd.concat(frames, ignore_index=True))

    def _rows(self, windows: list[Window]) -> pd.DataFrame:
        """One row a window of one batch."""
        errors = [w.silence for w in windows]
        samples = {}
        for i, w in enumerate(windows):
            if not errors[i]:
                try:
                    samples[i] = self._prepare(w)
                except Exception as e:  # as when files are read: the row says what happened, the others go on
                    errors[i] = reason(e)
        answered = self._predict(samples, errors)
        rows = pd.concat(answered or [self._nothing.frame]).reindex(range(len(windows)))
        told = rows["error"].where(rows["error"].notna(), "").to_numpy(object)
        return rows.assign(
            key=self.key,
            track="",
            t_s=[w.t_s for w in windows],
            source=self.source,
            warning=rows["warning"].where(rows["warning"].notna(), ""),
            error=np.where(told != "", told, np.array(errors, object)),
        )

    def _prepare(self, w: Window) -> AffectSample:
        signal = Signal(w.data, self._signal.rate_hz, w.start_s)
        return self.predictor.prepare(AffectSample(self.key, {self._modality: signal}))

    def _predict(self, samples: dict[int, AffectSample], errors: list[str]) -> list[pd.DataFrame]:
        """Frames indexed by the windows' numbers; where the model fails on a batch, each window goes alone."""
        if not samples:
            return []
        try:
            table = self.predictor.predict(list(samples.values()))
        except (AffectZooError, RuntimeError) as e:
            if len(samples) > 1:
                return [frame for i, s in samples.items() for frame in self._predict({i: s}, errors)]
            errors[next(iter(samples))] = reason(e)
            return []
        if table.meta.granularity != "clip":
            raise AffectZooError(
                f"{self.predictor.info.arch} answers over time by itself ({table.meta.rate_hz:g} Hz): "
                "predict without windows (--every)"
            )
        self._nothing = self._over_time(table)
        return [table.frame.set_axis(list(samples))]

    def _over_time(self, table: PredictionTable) -> PredictionTable:
        """A table without rows, of this one's columns, whose meta data tell of the windows."""
        notes = {**table.meta.notes, "windows": self.plan.notes}
        meta = replace(table.meta, granularity="step", rate_hz=1 / self.plan.every_s, notes=notes)
        return PredictionTable(table.frame.iloc[:0], meta)


def predict_recording(
    predictor: Predictor,
    path: str | Path,
    plan: WindowPlan,
    key: str | None = None,
    batch_size: int = 16,
    progress: Callable[[float, float], None] | None = None,
) -> PredictionTable:
    """Windowed answers to a file, read piece by piece: the rows of StreamPredictor over the same samples.

    progress: called with the seconds that were answered and those that the file has (0 when unknown).
    A file that breaks (a cut-off end, samples that are not numbers) keeps its rows up to there and gets one more,
    without a time, whose `error` says why and where. Raises FileError when no window could be answered.
    """
    path = Path(path)
    stream_class = _stream_of(path, predictor.modalities)
    try:
        rate_hz, seconds, pieces = stream_class.open(path)
    except Exception as e:  # as below
        raise FileError(path, reason(e, path)) from e
    stream = StreamPredictor(
        predictor,
        rate_hz,
        plan.window_s,
        plan.every_s,
        plan.keep_silence,
        path.stem if key is None else key,
        str(path),
        stream_class,
        batch_size,
    )
    frames, heard, broken = [], 0, ""
    pieces = iter(pieces)
    while True:
        try:
            piece = next(pieces, None)
        except Exception as e:  # decoders fail in many ways, and what came before stands
            piece, broken = None, reason(e, path)
        if piece is None:
            break
        frames.append(stream.feed(piece).frame)
        if len(frames) > _FRAMES:
            frames = [pd.concat(frames, ignore_index=True)]
        heard += len(piece)
        if progress is not None:
            progress(heard / rate_hz, seconds)
    end = stream.finish()
    frame = pd.concat([*frames, end.frame], ignore_index=True)
    _check_answered(path, frame, broken)
    if broken:
        frame = pd.concat([frame, _last_row(frame, broken)], ignore_index=True)
    return replace(end, frame=frame)


def reason(error: Exception, path: Path | None = None) -> str:
    """An error in one line, without the path, which has a column of its own."""
    text = " ".join(str(error).split()).removeprefix(f"{path}: ")
    return text if isinstance(error, AffectZooError) else f"{type(error).__name__}: {text}"


def _stream_of(path: Path, modalities: tuple[str, ...]) -> type[SignalStream]:
    find_stream(modalities)  # none for any file: an error of the model and not of this file
    reader = reader_of(path, modalities)
    if not reader.stream:
        raise FileError(path, f"{path.suffix} files cannot be read piece by piece, which windows need")
    return import_target(reader.stream)


def _check_answered(path: Path, frame: pd.DataFrame, broken: str) -> None:
    """FileError when no row has an answer: one clear error instead of a thousand rows without values."""
    if (frame["error"] == "").any():
        return
    if broken:
        raise FileError(path, broken)
    counts = frame["error"].value_counts()
    if not len(counts):
        raise FileError(path, "holds no samples")
    where = "" if len(frame) == 1 else f" (in {counts.iloc[0]} of {len(frame)} windows, and none has an answer)"
    raise FileError(path, f"{counts.index[0]}{where}")


def _last_row(frame: pd.DataFrame, error: str) -> pd.DataFrame:
    """A row like the others, without time and values."""
    row = frame.iloc[:1].reset_index(drop=True)
    numbers = row.select_dtypes("number").columns
    return row.assign(**dict.fromkeys(numbers, np.nan), warning="", error=error)
