"""Reads .ibi files: one interval between heart beats a line, in milliseconds."""

from pathlib import Path

import numpy as np

from affectzoo.errors import FileError
from affectzoo.structures.signal import Signal

RATE_HZ = 4.0


def read_ibi(path: Path) -> dict[str, Signal]:
    """The heart rate in beats per minute, (T,) at 4 Hz, held between beats. Raises FileError for odd intervals."""
    try:
        intervals = np.loadtxt(path, ndmin=1) / 1000
    except ValueError as e:
        raise FileError(path, f"is not a list of intervals ({e})") from None
    if len(intervals) < 2 or intervals.min() < 0.25 or intervals.max() > 3:
        raise FileError(path, "intervals must be at least two and between 250 and 3000 ms")
    beats = np.cumsum(intervals)
    times = np.arange(0, beats[-1], 1 / RATE_HZ)
    rate = 60 / intervals[np.searchsorted(beats, times, side="right").clip(max=len(intervals) - 1)]
    return {"heart": Signal(rate.astype(np.float32), RATE_HZ)}
