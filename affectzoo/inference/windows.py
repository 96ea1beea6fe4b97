"""A recording as overlapping windows: where they lie, and cutting them out of pieces as these arrive."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.zoo.base import Transform

#: Window of one answer in seconds, where nobody says otherwise; the shortest window and step. Ours.
WINDOW_S, LEAST_WINDOW_S, LEAST_STEP_S = 3.0, 0.1, 0.01
_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0}


class SignalStream(Protocol):
    """What `stream:` of a reader in a plug-in's manifest names: a class that takes a recording piece by piece.

    rate_hz: of the samples that it gives. They must not depend on how the recording was cut into pieces.
    """

    rate_hz: float

    def __init__(self, rate_hz: float, transform: Transform):
        """rate_hz: of the pieces. transform: the model's, applied to each window later."""

    @staticmethod
    def open(path) -> tuple[float, float, Iterator[np.ndarray]]:
        """(rate in Hz, seconds or 0 if unknown, pieces) of a file that is never held as a whole.

        Raises FileError; from the pieces too, after what could be read.
        """

    def feed(self, chunk: np.ndarray) -> np.ndarray:
        """Samples (n, ...) that can be given after this piece (N, ...).

        Raises AffectZooError for a piece that is no signal, and takes nothing of it.
        """

    def finish(self) -> np.ndarray:
        """Samples (n, ...) that were held back until the end."""

    def hear(self, samples: np.ndarray) -> None:
        """The next samples, in order, for `silence`. Only what was heard may be judged by."""

    def silence(self, window: np.ndarray) -> str:
        """Why a window (heard up to its end) has nothing to answer, in a few words; '' when it has."""


@dataclass(frozen=True)
class WindowPlan:
    """One answer every `every_s` seconds, each from `window_s` seconds.

    Window k spans [k * every_s, k * every_s + window_s); its answer stands at its middle. Windows overlap when
    every_s < window_s, and leave gaps when every_s > window_s, which is allowed. At the end, a window that is cut
    short still has an answer when its middle lies within the recording; a recording shorter than half a window
    has one answer, at its own middle.
    keep_silence: answer windows without speech (activity, in general) too.
    Raises AffectZooError for a window under 0.1 s or a step under 0.01 s.
    """

    every_s: float
    window_s: float = WINDOW_S
    keep_silence: bool = False

    def __post_init__(self):
        for what, value, least in (
            ("window", self.window_s, LEAST_WINDOW_S),
            ("every", self.every_s, LEAST_STEP_S),
        ):
            if not least <= value < float("inf"):
                raise AffectZooError(f"{what}: {value:g} s is not possible, at least {least} s are needed")

    @property
    def notes(self) -> dict:
        """What a table of such answers says about them."""
        return {"window_s": self.window_s, "every_s": self.every_s, "t_s": "middle of the window"}


@dataclass(frozen=True)
class Window:
    """t_s: where the answer stands. start_s: of `data` (n, ...). silence: why there is nothing to answer, or ''."""

    t_s: float
    start_s: float
    data: np.ndarray
    silence: str


class WindowCutter:
    """Cuts the windows of a plan out of samples that `stream` gave, keeping about one window of them."""

    def __init__(self, plan: WindowPlan, stream: SignalStream):
        self._plan, self._stream, self._rate = plan, stream, stream.rate_hz
        self._length = max(1, round(plan.window_s * self._rate))
        self._kept: np.ndarray | None = None
        self._first = self._heard = self._number = 0  # first sample kept, samples heard, next window

    def feed(self, samples: np.ndarray) -> list[Window]:
        """Windows that these samples complete, in order."""
        self._kept = np.concatenate([*self._parts(), samples])  # a copy: the caller may use its buffer again
        windows = []
        while self._start + self._length <= self._end:
            windows.append(self._cut())
        self._hear(self._start + self._length)
        drop = min(self._start, self._end) - self._first
        if drop > 0:  # a copy: a view would keep all that was fed
            self._kept, self._first = self._kept[drop:].copy(), self._first + drop
        return windows

    def finish(self) -> list[Window]:
        """Windows that the end of the recording cuts short."""
        windows = []
        while self._is_due():
            windows.append(self._cut())
        return windows

    def _parts(self) -> list[np.ndarray]:
        return [] if self._kept is None else [self._kept]

    @property
    def _start(self) -> int:
        return round(self._number * self._plan.every_s * self._rate)

    @property
    def _middle(self) -> float:
        return self._number * self._plan.every_s + self._plan.window_s / 2

    @property
    def _end(self) -> int:
        return self._first + (0 if self._kept is None else len(self._kept))

    @property
    def _end_s(self) -> float:
        return self._end / self._rate + 1e-9  # a middle that is the end but for rounding lies within

    def _is_due(self) -> bool:
        left = self._end - self._start
        if self._number == 0:
            return left > 0
        return self._middle <= self._end_s and left >= LEAST_WINDOW_S * self._rate

    def _cut(self) -> Window:
        lo, hi = self._start, min(self._start + self._length, self._end)
        self._hear(hi)
        data = self._kept[lo - self._first : hi - self._first]
        t_s = self._middle
        if hi - lo < self._length and t_s > self._end_s:  # less than half a window is all that there is
            t_s = self._end / self._rate / 2
        silence = "" if self._plan.keep_silence else self._stream.silence(data)
        self._number += 1
        return Window(t_s, lo / self._rate, data, silence)

    def _hear(self, until: int) -> None:
        until = min(until, self._end)
        if until > self._heard:
            self._stream.hear(self._kept[self._heard - self._first : until - self._first])
            self._heard = until


def parse_seconds(text: str, name: str) -> float:
    """Seconds of '1s', '500ms', '2min' or '0.5'. Raises AffectZooError naming `name` for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(s|ms|min|)\s*", text)
    if not match:
        raise AffectZooError(f"{name}: {text!r} is not a time; write 1s, 500ms, 2min or 0.5")
    return float(match[1]) * _UNITS[match[2]]
