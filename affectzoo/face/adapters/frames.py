"""What adapters of official face layouts share: pictures by number, frames of a video, lines of a label file."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import report_row
from affectzoo.data.native import OutsideWarning
from affectzoo.errors import AffectZooError, FileError
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import Signal, SignalRef

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
_NUMBER = re.compile(r"(\d+)$")


def numbered(folder: Path) -> dict[int, Path]:
    """The pictures of a folder by the number that their name ends in ('0012.jpg', 'SN001_12.png' -> 12).

    How many zeros a number is written with does not matter. Raises FileError for a missing folder and for two
    pictures of one number.
    """
    if not folder.is_dir():
        raise FileError(folder, "no such folder of pictures")
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        number = _NUMBER.search(path.stem)
        if path.suffix.lower() not in PICTURES or number is None:
            continue
        if int(number[1]) in found:
            raise FileError(path, f"is number {int(number[1])}, and so is {found[int(number[1])].name}")
        found[int(number[1])] = path
    return found


def line_samples(path: Path, make: Callable[[str], AffectSample | None]) -> Iterator[AffectSample]:
    """Samples from a text file without a header, one a line; a line that `make` refuses is reported and skipped."""
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            sample = make(line.strip())
        except AffectZooError as e:
            report_row(path, number, e)
            continue
        if sample is not None:
            yield sample


def row_target(values: np.ndarray, mask: np.ndarray) -> Target:
    """A clip target of one row: (K,) values, 0 where the mask is False."""
    return Target(np.where(mask, values, 0).astype(np.float32), np.asarray(mask, bool))


def report_counts(card: DatasetCard, counts: Mapping[str, int]) -> None:
    """Say in one warning how many items are left out, by reason."""
    if counts:
        text = "; ".join(f"{n} x {what}" for what, n in sorted(counts.items()))
        warnings.warn(f"data set {card.name!r}: left out: {text}", OutsideWarning, stacklevel=3)


def frame_of_video(path: Path, frame: int, rate_hz: float) -> "FrameRef":
    """Frame `frame` (the first is 0) of a video as a picture; rate_hz: of the video, which places it in time."""
    return FrameRef(path, "face", start_s=frame / rate_hz, stop_s=(frame + 1) / rate_hz, frame=frame)


@dataclass(frozen=True)
class FrameRef(SignalRef):
    """One frame of a video, (1, H, W, 3). Frames asked for in ascending order cost one pass over the file.

    They are counted while the video is decoded from its start: seeking by time or frame number is not exact in
    every container.
    """

    frame: int = 0

    def load(self) -> Signal:
        """Decode up to the frame. Raises FileError for a file that cannot be read or is shorter."""
        return Signal(_forward.frame(self.path, self.frame)[None], 1.0)


class _Forward:
    """One open video and where it stands; only ever read forward."""

    def __init__(self):
        self.path, self.capture, self.at, self.last = None, None, -1, None

    def frame(self, path: Path, number: int) -> np.ndarray:
        if path != self.path or number < self.at:
            self._open(path)
        while self.at < number:
            wanted = self.at + 1 == number
            ok, image = self.capture.read() if wanted else (self.capture.grab(), None)
            if not ok:
                at, self.path = self.at, None
                raise FileError(
                    path, f"has no frame {number} (counted from 0): it ends or breaks after {at + 1} frames"
                )
            self.at, self.last = self.at + 1, image
        return cv2.cvtColor(self.last, cv2.COLOR_BGR2RGB)

    def _open(self, path: Path) -> None:
        if self.capture is not None:
            self.capture.release()
        if not path.is_file():
            self.path = None
            raise FileError(path, "no such file")
        self.path, self.capture, self.at, self.last = path, cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), -1, None
        if not self.capture.isOpened():
            self.path = None
            raise FileError(path, "is not a readable video (broken, truncated or an unknown codec)")


_forward = _Forward()
