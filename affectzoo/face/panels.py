"""What stands beside an annotated picture: for each face a block with emotions, action units and the VA plane."""

from collections import deque

import cv2
import numpy as np
import pandas as pd

from affectzoo.plots.figure import COLOURS
from affectzoo.structures.table import PredictionTable

#: Width of the column, height of a face's block, side of its valence-arousal plane, in pixels.
PANEL, BLOCK, PLANE = 300, 172, 112
#: Emotions and action units of a block, and points of the plane's trail. Ours.
SHOWN, TRAIL = 5, 25
_INK, _FAINT, _PAPER = (235, 235, 235), (110, 110, 110), (32, 32, 34)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def colour_of(track: str) -> tuple[int, int, int]:
    """RGB of a track, the same for all of its rows."""
    digits = "".join(c for c in track if c.isdigit())
    code = COLOURS[int(digits or 0) % len(COLOURS)]
    return tuple(int(code[i : i + 2], 16) // 2 + 110 for i in (1, 3, 5))  # lighter, for a dark ground


def put_text(view: np.ndarray, text: str, at: tuple[int, int], colour=_INK, size: float = 0.45) -> None:
    """ASCII text whose lower left corner is at (x, y), on a dark ground that makes it readable on a face."""
    plain = text.encode("ascii", "replace").decode()
    (width, height), below = cv2.getTextSize(plain, _FONT, size, 1)
    cv2.rectangle(view, (at[0] - 2, at[1] - height - 2), (at[0] + width + 2, at[1] + below), _PAPER, -1)
    cv2.putText(view, plain, at, _FONT, size, colour, 1, cv2.LINE_AA)


class Panels:
    """Draws the blocks of one recording; it remembers where each track was on the plane."""

    def __init__(self, table: PredictionTable):
        space, kinds = table.space, table.meta.kinds
        self._names = {f: space.names(f) for f in kinds}
        self._columns = {f: table.columns(f) for f in kinds}
        self._full = {f: 5.0 if f == "au" and kinds[f] == "value" else 1.0 for f in kinds}
        vad = list(self._names.get("vad", ()))
        self._plane = all(a in vad for a in ("valence", "arousal"))
        self._trails: dict[str, deque] = {}

    def headline(self, row: dict) -> str:
        """The likeliest emotion and its probability, '' for a model without."""
        best = self._strongest(row, "emotion", 1)
        return f"{best[0][0]} {best[0][1]:.2f}" if best else ""

    def column(self, faces: pd.DataFrame, height: int, t_s: float) -> np.ndarray:
        """(height, PANEL, 3) with the time and a block for each face that there is room for."""
        out = np.full((height, PANEL, 3), _PAPER, np.uint8)
        put_text(out, f"{t_s:.2f} s   {len(faces)} face{'s' * (len(faces) != 1)}", (10, 18))
        room = max(1, (height - 26) // BLOCK)
        for i, row in enumerate(faces.to_dict("records")):
            trail = self._trails.setdefault(row["track"], deque(maxlen=TRAIL))
            if self._plane:
                trail.append((row["vad.valence"], row["vad.arousal"]))
            if i < room:
                self._block(out[26 + i * BLOCK : 26 + (i + 1) * BLOCK], row, trail)
        if len(faces) > room:
            put_text(out, f"+ {len(faces) - room} more", (PANEL - 80, 18), _FAINT)
        for gone in set(self._trails) - set(faces["track"]):
            del self._trails[gone]
        return out

    def _block(self, view: np.ndarray, row: dict, trail: deque) -> None:
        colour = colour_of(row["track"])
        put_text(view, f"{row['track']}  {self.headline(row)}", (10, 18), colour, 0.5)
        left = 10
        if self._plane:
            _draw_plane(view, left, 28, trail, colour)
            left += PLANE + 14
        field = "au" if "au" in self._names else "emotion"
        full = self._full.get(field, 1.0)
        for i, (name, value) in enumerate(self._strongest(row, field, SHOWN)):
            _bar(view, left, 30 + 22 * i, name, value, full, colour)

    def _strongest(self, row: dict, field: str, count: int) -> list[tuple[str, float]]:
        if field not in self._names:
            return []
        values = np.array([row[c] for c in self._columns[field]], float)
        order = np.argsort(-np.nan_to_num(values, nan=-1), kind="stable")[:count]
        return [(self._names[field][i], float(values[i])) for i in order]


def _bar(view: np.ndarray, x: int, y: int, name: str, value: float, full: float, colour) -> None:
    """A name above a bar whose length is the value's share of `full`."""
    width = view.shape[1] - x - 12
    put_text(view, f"{name} {value:.2f}", (x, y + 9), _INK, 0.36)
    cv2.rectangle(view, (x, y + 13), (x + width, y + 17), _FAINT, -1)
    share = float(np.clip(np.nan_to_num(value / full), 0, 1))
    cv2.rectangle(view, (x, y + 13), (x + round(share * width), y + 17), colour, -1)


def _draw_plane(view: np.ndarray, x: int, y: int, trail: deque, colour) -> None:
    """Valence to the right, arousal upwards, -1 to 1; the last points fade."""
    centre = (x + PLANE // 2, y + PLANE // 2)
    put_text(view, "valence", (x + PLANE - 46, centre[1] - 4), _FAINT, 0.32)
    put_text(view, "arousal", (centre[0] + 3, y + 10), _FAINT, 0.32)
    cv2.rectangle(view, (x, y), (x + PLANE, y + PLANE), _FAINT, 1)
    cv2.circle(view, centre, PLANE // 2, _FAINT, 1, cv2.LINE_AA)
    cv2.line(view, (x, centre[1]), (x + PLANE, centre[1]), _FAINT, 1)
    cv2.line(view, (centre[0], y), (centre[0], y + PLANE), _FAINT, 1)
    points = np.nan_to_num(np.array(trail, float)).clip(-1, 1)
    places = np.round(np.array(centre) + points * (PLANE / 2, -PLANE / 2)).astype(int)
    for a, b in zip(places, places[1:], strict=False):
        cv2.line(view, tuple(map(int, a)), tuple(map(int, b)), tuple(c // 2 for c in colour), 1, cv2.LINE_AA)
    cv2.circle(view, tuple(map(int, places[-1])), 4, colour, -1, cv2.LINE_AA)
