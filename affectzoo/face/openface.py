"""Files that OpenFace 2 writes: action units a frame, as signals and as targets.

Format: Baltrusaitis, Zadeh, Lim & Morency 2018 (IEEE FG, 59-66) and the wiki of github TadasBaltrusaitis/OpenFace,
'Output format'. Columns are parted by a comma and, mostly, a blank: frame, face_id (not in older files), timestamp in
seconds, confidence, success, and among hundreds more AUxx_r (intensity 0 to 5) and AUxx_c (presence 0 or 1). Of a
single picture, FaceLandmarkImg writes a row a face with `face` and `confidence`, without frame, time and success.
These are a machine's estimates, not FACS coding.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affectzoo.data.dataset import read_frame
from affectzoo.errors import FileError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.structures.sample import Target
from affectzoo.structures.signal import Signal

#: Modality of the 35 columns together: (T, 35) float32, intensities first.
MODALITY = "au_features"
#: Label space -> end of its columns' names, and the highest value.
FIELDS = {"openface17": ("_r", 5.0), "openface18": ("_c", 1.0)}
#: Steps of the clock a row (ours); more is a broken clock rather than a face that is seldom found.
MOST_EMPTY = 1000
#: What `Target.derived` says of action units from here.
DERIVED = "estimated by OpenFace"


def au_columns(space: str) -> tuple[str, ...]:
    """Columns of a label space in its order: AU01_r ... AU45_r of openface17, AU01_c ... AU45_c of openface18.

    Raises UnknownNameError for another space.
    """
    if space not in FIELDS:
        raise UnknownNameError("label space of OpenFace", space, FIELDS)
    return tuple(f"{unit}{FIELDS[space][0]}" for unit in load_space(space).names("au"))


#: The 35 columns: 17 intensities, then 18 presences.
COLUMNS = (*au_columns("openface17"), *au_columns("openface18"))
HIGHEST = np.repeat([5.0, 1.0], [len(au_columns(s)) for s in FIELDS])


@dataclass(frozen=True)
class OpenFaceTrack:
    """One face of a file on an even clock. values: (T, 35) float32 in the order of COLUMNS, 0 where the mask (T,) is
    False; face: its id in the file."""

    face: str
    values: np.ndarray
    mask: np.ndarray
    rate_hz: float
    t0_s: float

    @property
    def signal(self) -> Signal:
        """(T, 35) float32 with names."""
        return Signal(self.values, self.rate_hz, self.t0_s, self.mask, COLUMNS)

    def target(self, space: str) -> Target:
        """The `au` target over time in openface17 or openface18; it says that a machine made it."""
        values = self.values[:, [COLUMNS.index(c) for c in au_columns(space)]]
        mask = np.repeat(self.mask[:, None], values.shape[1], 1)
        return Target(values, mask, self.rate_hz, self.t0_s, DERIVED)


def read_openface(path: str | Path, min_confidence: float = 0.0) -> list[OpenFaceTrack]:
    """The faces of a file, in the order of their ids.

    A frame is masked where success is 0, confidence is below `min_confidence`, or the face has no row. The rate is 1
    over the median step of the times, and rows are put on that clock. A single picture gives a track of one step for
    each face (rate 1). Raises FileError naming the line: not a CSV, no rows, no number, values out of range, times
    that do not rise; UnknownNameError for a missing column.
    """
    path = Path(path)
    frame = read_frame(path, ())
    frame.columns = [str(c).strip() for c in frame.columns]
    picture = "timestamp" not in frame and "face" in frame
    needed = ("face", "confidence") if picture else ("timestamp", "confidence", "success")
    found = _numbers(path, frame, needed)
    valid = found["confidence"] >= min_confidence
    if not picture:
        valid &= found["success"] == 1
    values = np.stack(list(_numbers(path, frame, COLUMNS, valid).values()), 1).astype(np.float32)
    _in_range(path, values, valid)
    ids = frame["face" if picture else "face_id"].str.strip() if picture or "face_id" in frame else None
    ids = np.full(len(frame), "0") if ids is None else ids.to_numpy(str)
    times = np.zeros(len(frame)) if picture else found["timestamp"]
    return [_track(path, face, ids == face, values, valid, times) for face in sorted(set(ids), key=_order)]


def feature_rows(path: Path, frame) -> np.ndarray:
    """(N, 35) float32 of a table with a row a clip: means of intensities, shares of frames of presences.

    Raises FileError naming the line for what is no number or out of range, UnknownNameError for a missing column.
    """
    values = np.stack(list(_numbers(path, frame, COLUMNS).values()), 1).astype(np.float32)
    _in_range(path, values, np.ones(len(values), bool))
    return values


def _track(path: Path, face: str, rows: np.ndarray, values, valid, times) -> OpenFaceTrack:
    t, at = times[rows], np.flatnonzero(rows)
    steps = np.diff(t)
    if (steps <= 0).any():
        line = at[int((steps <= 0).argmax()) + 1] + 2
        raise FileError(path, f"line {line}: timestamp does not rise (face {face})")
    rate = 1.0 / float(np.median(steps)) if len(steps) else 1.0
    place = np.round((t - t[0]) * rate).astype(int)
    if place[-1] >= MOST_EMPTY * len(t):
        raise FileError(
            path, f"face {face}: {len(t)} rows over {t[-1] - t[0]:g} s at {rate:g} a second; times are broken"
        )
    out, mask = np.zeros((place[-1] + 1, len(COLUMNS)), np.float32), np.zeros(place[-1] + 1, bool)
    keep = valid[rows]  # of two rows at one place of the clock the later valid one stands
    out[place[keep]], mask[place[keep]] = values[rows][keep], True
    return OpenFaceTrack(face, out, mask, rate, float(t[0]))


def _numbers(path: Path, frame, columns: tuple[str, ...], valid: np.ndarray | bool = True) -> dict[str, np.ndarray]:
    """Column -> numbers (N,); what is none is an error in valid rows only, where a face was found."""
    import pandas as pd

    for column in columns:
        if column not in frame:
            raise UnknownNameError("column", column, frame.columns, str(path))
    if frame.empty:
        raise FileError(path, "has no rows")
    table = frame[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = ~np.isfinite(table) & np.broadcast_to(valid, len(table))[:, None]
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        cell = frame[columns[column]].iloc[row].strip()
        raise FileError(path, f"line {row + 2}: {columns[column]} {cell!r} is not a number")
    return dict(zip(columns, table.T, strict=True))


def _order(face: str) -> tuple[int, str]:
    return (int(face), "") if face.isdigit() else (1 << 30, face)


def _in_range(path: Path, values: np.ndarray, valid: np.ndarray) -> None:
    off = ((values < 0) | (values > HIGHEST)) & valid[:, None]
    if off.any():
        row, column = np.argwhere(off)[0]
        text = f"{COLUMNS[column]} is {values[row, column]:g}, outside [0, {HIGHEST[column]:g}]"
        raise FileError(path, f"line {row + 2}: {text}")
