"""Answers to subjects that come step by step: one by one, or as sequences for a model that answers over time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from affectzoo.errors import AffectZooError
from affectzoo.inference.predictor import Predictor
from affectzoo.inference.stream import reason
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal
from affectzoo.structures.table import PredictionTable

_ROW = ("key", "track", "t_s", "source")


@dataclass(frozen=True)
class Steps:
    """N subjects of some steps of a recording, in order of time.

    signals: modality -> (N, ...). names: of the last axis of a modality. tracks (N,), t_s (N,): of each. number (N,):
    of the step, so that a track that was away shows.
    """

    signals: Mapping[str, np.ndarray]
    names: Mapping[str, tuple[str, ...]]
    tracks: np.ndarray
    t_s: np.ndarray
    number: np.ndarray

    def cut(self, index: np.ndarray) -> "Steps":
        """Some of them."""
        signals = {m: x[index] for m, x in self.signals.items()}
        return Steps(signals, self.names, self.tracks[index], self.t_s[index], self.number[index])

    def after(self, before: "Steps | None") -> "Steps":
        """These behind others."""
        if before is None:
            return self
        signals = {m: np.concatenate([before.signals[m], x]) for m, x in self.signals.items()}
        rest = (np.concatenate([getattr(before, n), getattr(self, n)]) for n in ("tracks", "t_s", "number"))
        return Steps(signals, self.names, *rest)


class Sequences:
    """Steps in, rows out, in the same order. Not for several recordings: make one for each.

    A model that answers once a clip takes each subject of each step alone. One that answers over time takes what is
    new of each track behind the last `context_steps` steps of it (an attribute of the model; 0 when it has none), so
    that its answers are those to the whole track if it looks back no further. A track that was away begins anew.
    nothing: a table without rows, of the answers' columns and meta data.
    """

    def __init__(self, predictor: Predictor, rate_hz: float):
        self._predictor, self._rate_hz = predictor, rate_hz
        self._context = int(getattr(predictor.model, "context_steps", 0))
        self._over_time: bool | None = None  # unknown until the first answer shows it
        self._before: dict[str, Steps] = {}
        self.nothing = predictor.empty_table()

    def answer(self, steps: Steps) -> pd.DataFrame:
        """(N) rows: columns of the fields, `warning` and `error` ('' or why this one has no answer)."""
        if not self._over_time:
            rows = self._rows(steps, list(np.arange(len(steps.tracks))[:, None]), {})
            if not self._over_time:
                return rows
        runs = _runs(steps)
        rows = self._rows(steps, runs, self._before)
        self._keep(steps, runs)
        return rows

    def _rows(self, steps: Steps, runs: list[np.ndarray], before: dict[str, Steps]) -> pd.DataFrame:
        errors, samples = np.full(len(steps.tracks), "", object), {}
        for k, run in enumerate(runs):
            try:
                samples[k] = self._prepare(str(k), steps.cut(run).after(self._context_of(steps, run, before)))
            except Exception as e:  # as when files are read: the row says what happened, the others go on
                errors[run] = reason(e)
        tables = self._predict(samples, runs, errors)
        frames = [self._last(table, runs) for table in tables]
        rows = pd.concat(frames or [self.nothing.frame.drop(columns=list(_ROW))]).reindex(range(len(errors)))
        told = rows["error"].fillna("").to_numpy(object)
        return rows.assign(warning=rows["warning"].fillna(""), error=np.where(told != "", told, errors))

    def _context_of(self, steps: Steps, run: np.ndarray, before: dict[str, Steps]) -> Steps | None:
        known = before.get(steps.tracks[run[0]])
        return known if known is not None and known.number[-1] + 1 == steps.number[run[0]] else None

    def _prepare(self, key: str, steps: Steps) -> AffectSample:
        start = float(steps.t_s[0])
        signals = {m: Signal(x, self._rate_hz, start, names=steps.names.get(m, ())) for m, x in steps.signals.items()}
        return self._predictor.prepare(AffectSample(key, signals))

    def _predict(self, samples: dict[int, AffectSample], runs: list, errors: np.ndarray) -> list[PredictionTable]:
        """Tables whose keys are the runs' numbers; where the model fails on a batch, each goes alone."""
        if not samples:
            return []
        try:
            table = self._predictor.predict(list(samples.values()))
        except (AffectZooError, RuntimeError) as e:
            if len(samples) > 1:
                return [t for k, s in samples.items() for t in self._predict({k: s}, runs, errors)]
            errors[runs[next(iter(samples))]] = reason(e)
            return []
        if self._over_time is None:
            self._over_time = table.meta.granularity == "step"
        self.nothing = PredictionTable(table.frame.iloc[:0], table.meta)
        return [table]

    def _last(self, table: PredictionTable, runs: list[np.ndarray]) -> pd.DataFrame:
        """Of each sample's rows the last, one a step of its run, indexed by the steps' places."""
        key = table.frame["key"].to_numpy(object).astype(int)
        ends = np.append(np.flatnonzero(key[1:] != key[:-1]) + 1, len(key))
        starts = np.append(0, ends[:-1])
        places = [runs[key[s]] for s in starts]
        for s, e, place in zip(starts, ends, places, strict=True):
            if e - s < len(place):
                raise AffectZooError(
                    f"{self._predictor.info.arch}: gave {e - s} answers to {len(place)} steps; one a step is needed"
                )
        rows = np.concatenate([np.arange(e - len(p), e) for e, p in zip(ends, places, strict=True)])
        return table.frame.iloc[rows].drop(columns=list(_ROW)).set_axis(np.concatenate(places))

    def _keep(self, steps: Steps, runs: list[np.ndarray]) -> None:
        """The end of each track that was there to the end, for the next call."""
        kept = {}
        for run in runs:
            if steps.number[run[-1]] == steps.number[-1] and self._context:
                whole = steps.cut(run).after(self._context_of(steps, run, self._before))
                kept[steps.tracks[run[0]]] = whole.cut(np.arange(len(whole.tracks))[-self._context :])
        self._before = kept


def _runs(steps: Steps) -> list[np.ndarray]:
    """Places of the steps of each track, cut where it was away."""
    order = np.lexsort((steps.number, steps.tracks.astype(str)))
    track, number = steps.tracks[order], steps.number[order]
    cuts = np.flatnonzero((track[1:] != track[:-1]) | (np.diff(number) > 1)) + 1
    return np.split(order, cuts)
