"""Reader of EEG recordings in .npz: `data` (T, C) in microvolts, `rate_hz`, `channels`."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from affectzoo.errors import FileError
from affectzoo.structures.signal import Signal

ARRAYS = ("data", "rate_hz", "channels")
#: Plausible standard deviation of a scalp channel in microvolts (ours): below is volt or millivolt, above is
#: raw converter counts or nanovolt. Drift and blinks stay well inside.
PLAUSIBLE_UV = (0.05, 5000.0)
#: What numpy and zipfile raise for foreign, damaged, encrypted or pickled content.
_BROKEN = (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


def read_npz(path: str | Path) -> dict[str, Signal]:
    """{'eeg': Signal (T, C) float32 microvolts, names = channels} of one recording.

    The file holds `data` (T, C) real numbers, `rate_hz` one positive number, `channels` C distinct names;
    nothing pickled is read. Raises FileError for another container, missing arrays, a wrong or
    transposed shape, NaN or infinity, flat data, or a spread that is implausible for microvolts.
    """
    arrays = _load(path)
    data, rate, channels = _checked_data(path, arrays["data"]), arrays["rate_hz"], arrays["channels"]
    if rate.size != 1 or rate.dtype.kind not in "fiu" or not (np.isfinite(rate).all() and rate.item() > 0):
        raise FileError(path, f"rate_hz must be one positive number, got {rate.tolist()!r:.60}")
    names = _checked_channels(path, channels, data.shape)
    _check_unit(path, data, names)
    return {"eeg": Signal(data.astype(np.float32), float(rate.item()), names=names)}


def _load(path: str | Path) -> dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise FileError(path, "is a single array (.npy), not an .npz with data, rate_hz, channels")
        with archive:
            missing = [name for name in ARRAYS if name not in archive.files]
            if missing:
                found = ", ".join(archive.files) or "nothing"
                raise FileError(path, f"has no array {', '.join(map(repr, missing))} (found {found})")
            return {name: archive[name] for name in ARRAYS}
    except FileError:
        raise
    except _BROKEN as e:
        raise FileError(path, f"is not a readable .npz without pickled objects ({e})") from None


def _checked_data(path: str | Path, data: np.ndarray) -> np.ndarray:
    if data.ndim != 2 or not data.size:
        raise FileError(path, f"data must be (T, C) with T and C above 0, got {data.shape}")
    if data.dtype.kind not in "fiu":
        raise FileError(path, f"data must be real numbers, got {data.dtype}")
    data = data.astype(np.float64)
    bad = int((~np.isfinite(data)).sum())
    if bad:
        raise FileError(path, f"data holds {bad} values that are NaN or infinite")
    return data


def _checked_channels(path: str | Path, channels: np.ndarray, shape: tuple[int, ...]) -> tuple[str, ...]:
    if channels.ndim != 1 or channels.dtype.kind != "U":
        raise FileError(path, f"channels must be a list of names, got {channels.dtype} {channels.shape}")
    names = tuple(channels.tolist())
    if len(names) != shape[1]:
        hint = "; it looks transposed" if len(names) == shape[0] else ""
        raise FileError(path, f"data is (T, C) = {shape} but channels has {len(names)} names{hint}")
    if len(set(names)) < len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise FileError(path, f"channel names occur twice: {', '.join(twice)}")
    return names


def _check_unit(path: str | Path, data: np.ndarray, names: tuple[str, ...]) -> None:
    spread = data.std(0)
    typical = float(np.median(spread))
    if not spread.any():
        raise FileError(path, f"all {len(names)} channels are flat")
    low, high = PLAUSIBLE_UV
    if low <= typical <= high:
        return
    guess = "volts or millivolts" if typical < low else "raw counts or nanovolts"
    raise FileError(path, f"channel spread is {typical:.3g}, implausible in microvolts; is it in {guess}?")
