"""Signal: data with a rate and an origin in seconds; SignalRef: a file that becomes one when it is loaded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError, FileError
from affectzoo.plugins import Reader, find_reader, import_target


@dataclass(frozen=True)
class Signal:
    """One modality of one recording.

    data: (T, ...) array, time first. Audio (T,) float32 in [-1, 1]; EEG (T, channels) in microvolts;
        face video (T, H, W, 3) uint8 RGB (a picture has T = 1); features (T, D) float32.
    rate_hz: samples per second; t0_s: time of the first sample, in seconds from the recording's start.
    mask: (T,) bool, False where the data are not valid; None means all valid.
    names: names of the last axis (EEG channels, features), when they matter.
    """

    data: np.ndarray
    rate_hz: float
    t0_s: float = 0.0
    mask: np.ndarray | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self):
        if self.data.ndim < 1:
            raise AffectZooError("a signal needs a time axis")
        if not self.rate_hz > 0:
            raise AffectZooError(f"rate_hz must be positive, got {self.rate_hz!r}")
        if self.mask is not None and self.mask.shape != self.data.shape[:1]:
            raise AffectZooError(f"mask has shape {self.mask.shape}, data has {len(self.data)} time steps")

    def __len__(self) -> int:
        return len(self.data)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.data) / self.rate_hz

    @property
    def times_s(self) -> np.ndarray:
        """(T,) time of each sample in seconds from the recording's start."""
        return self.t0_s + np.arange(len(self.data)) / self.rate_hz

    def slice_s(self, start_s: float, stop_s: float | None) -> "Signal":
        """The part between two times; its t0_s stays on the recording's clock."""
        lo = max(0, round((start_s - self.t0_s) * self.rate_hz))
        hi = len(self) if stop_s is None else min(len(self), round((stop_s - self.t0_s) * self.rate_hz))
        if hi <= lo:
            raise AffectZooError(
                f"no samples between {start_s} s and {stop_s} s (recording lasts {self.duration_s:.3f} s)"
            )
        mask = None if self.mask is None else self.mask[lo:hi]
        return Signal(self.data[lo:hi], self.rate_hz, self.t0_s + lo / self.rate_hz, mask, self.names)


@dataclass(frozen=True)
class SignalRef:
    """A part of a file that is read on demand by the plug-in that knows its modality and extension.

    modalities: what the reader must give together (a video file may give face and audio); `modality` picks one.
    """

    path: Path
    modality: str
    start_s: float = 0.0
    stop_s: float | None = None
    modalities: tuple[str, ...] = ()

    def load(self) -> Signal:
        """Read the file. Raises FileError (naming the file) when it is missing, broken, empty or too short."""
        signal = read_file(self.path, self.modalities or (self.modality,))[self.modality]
        if self.start_s or self.stop_s is not None:
            try:
                return signal.slice_s(self.start_s, self.stop_s)
            except AffectZooError as e:
                raise FileError(self.path, str(e)) from None
        return signal


def read_file(path: str | Path, modalities: tuple[str, ...]) -> dict[str, Signal]:
    """Read a file into its signals through the first reader that gives all `modalities` from its extension."""
    path = Path(path)
    signals = import_target(reader_of(path, modalities).target)(path)
    missing = set(modalities) - set(signals)
    if missing:
        raise FileError(
            path,
            f"has no {', '.join(sorted(missing))} stream (found {', '.join(sorted(signals)) or 'nothing'})",
        )
    return signals


def reader_of(path: Path, modalities: tuple[str, ...]) -> Reader:
    """The first reader that gives all `modalities` from such a file. FileError: missing, empty, unknown type."""
    if not path.exists():
        raise FileError(path, "no such file")
    if path.is_file() and path.stat().st_size == 0:
        raise FileError(path, "is empty (0 bytes)")
    try:
        return find_reader(tuple(modalities), path.suffix)
    except AffectZooError as e:
        raise FileError(path, str(e)) from None
