"""A recording with its answers drawn in: boxes, likeliest emotion, strongest action units, a valence-arousal plane."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from affectzoo.errors import AffectZooError, FileError
from affectzoo.face.panels import Panels, colour_of, put_text
from affectzoo.face.video import Frame, open_frames
from affectzoo.structures.table import PredictionTable

#: The picture is scaled so that its height lies between these; its width is at most the third. Ours.
LEAST_HEIGHT, MOST_HEIGHT, MOST_WIDTH = 360, 720, 1280
#: Times of a table and of a file are the same number but for rounding on its way through a file.
_DIGITS = 4


def draw_recording(
    path: str | Path, table: PredictionTable, key: str, out: str, show: Callable[[float, float], None] | None = None
) -> Path:
    """Write `<out>.mp4` for a film, `<out>.png` for a picture, and give its path.

    table: with the columns box.*, of which the rows of `key` are drawn, each on the frame of its t_s. A film is
    written frame by frame at its nominal rate, where a frame that was shown for longer stays for longer. show: called
    with the seconds that are done and those that there are. Raises FileError when the recording cannot be read again
    or the film cannot be written, AffectZooError without rows.
    """
    rows = table.frame[(table.frame["key"] == key) & table.frame["t_s"].notna() & (table.frame["error"] == "")]
    if not len(rows) or "box.x" not in rows:
        raise AffectZooError(f"{key}: the table has no faces to draw")
    source = open_frames(path)
    if source.live:
        raise FileError(path, "is not kept, so nothing can be drawn into it")
    pictures = _pictures(table, rows, source.ahead())
    if source.rate_hz == 0:
        with closing(pictures):
            image, _ = next(pictures)
        return _written(Path(f"{out}.png"), image)
    return _film(pictures, Path(f"{out}.mp4"), source.rate_hz, source.seconds, show)


def _pictures(table: PredictionTable, rows: pd.DataFrame, frames: Iterator[Frame]) -> Iterator[Frame]:
    """Every frame with what the table says of it; one that breaks off ends here."""
    steps = {round(t, _DIGITS): index for t, index in rows.groupby("t_s").indices.items()}
    panels, records = Panels(table), rows.reset_index(drop=True)
    none = records.iloc[:0]
    with closing(frames):
        try:
            for frame, t_s in frames:
                index = steps.get(round(t_s, _DIGITS))
                faces = none if index is None else records.iloc[index]
                yield annotate(frame, faces, panels, t_s), t_s
        except FileError:  # the table has told so already
            return


def annotate(frame: np.ndarray, faces: pd.DataFrame, panels: Panels, t_s: float = 0.0) -> np.ndarray:
    """A frame (H, W, 3) uint8 RGB with boxes, and panels of its faces at the right: (h, w + PANEL, 3), even sides."""
    height, width = frame.shape[:2]
    scale = np.clip(1.0, LEAST_HEIGHT / height, max(MOST_HEIGHT / height, 1e-9))
    scale = min(scale, MOST_WIDTH / width)
    size = tuple(max(2, 2 * round(s * scale / 2)) for s in (width, height))
    view = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    for row in faces.to_dict("records"):
        _box(view, row, scale, panels.headline(row))
    return np.concatenate([view, panels.column(faces, view.shape[0], t_s)], 1)


def _box(view: np.ndarray, row: dict, scale: float, text: str) -> None:
    x, y, w, h = (round(row[f"box.{n}"] * scale) for n in "xywh")
    colour = colour_of(row["track"])
    cv2.rectangle(view, (x, y), (x + w, y + h), colour, 2, cv2.LINE_AA)
    put_text(view, f"{row['track']} {text}".strip(), (x, y - 5 if y > 22 else min(y + h + 16, len(view) - 4)), colour)


def _film(pictures: Iterator[Frame], path: Path, rate_hz: float, seconds: float, show) -> Path:
    writer, written, last = None, 0, None
    with closing(pictures):
        try:
            for image, t_s in pictures:
                if writer is None:
                    writer = _writer(path, rate_hz, image)
                due = round(t_s * rate_hz)
                while last is not None and written < due:  # the frame before was shown until now
                    writer.write(last)
                    written += 1
                last = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
                if show is not None:
                    show(t_s, seconds)
            if last is not None:
                writer.write(last)
        finally:
            if writer is not None:
                writer.release()
    return path


def _writer(path: Path, rate_hz: float, image: np.ndarray) -> cv2.VideoWriter:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate_hz, image.shape[1::-1])
    if not writer.isOpened():
        raise FileError(path, "cannot be written (a folder without permission, or an OpenCV without MPEG-4)")
    return writer


def _written(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
        raise FileError(path, "cannot be written")
    return path
