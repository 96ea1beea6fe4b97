"""FER2013 (Goodfellow et al. 2013): 35,887 grey faces of 48 x 48 pixels in one CSV, seven classes.

Read: fer2013.csv (emotion, pixels, Usage), or icml_face_data.csv, which is the same with blanks in its header.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import read_frame, row_samples
from affectzoo.data.native import first_file, one_of
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import Signal

FILES = ("fer2013.csv", "icml_face_data.csv")
#: Column Usage, and the folder that FER+ makes of it.
USAGES = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
SIDE = 48


def iter_samples(root: Path, card: DatasetCard) -> Iterator[AffectSample]:
    """Pictures with the class that one labeller gave them; the key is fer and the row's number from 0.

    The group `content` is a hash of the pixels: copies of a picture share it.
    """
    path, frame = read_fer2013(root)
    rows = frame.assign(key=[f"fer{i:07d}" for i in range(len(frame))]).to_dict("records")

    def make(row: dict) -> AffectSample:
        signal, content = picture(row["pixels"])
        return AffectSample(
            key=row["key"],
            signals={"face": signal},
            targets={"emotion": class_target(card.space, card.native_label(row["emotion"].strip()))},
            groups={"content": content},
            attributes={"item": row["key"], "usage": one_of("usage", row["Usage"].strip(), tuple(USAGES), card)},
        )

    yield from row_samples(path, rows, make)


def read_fer2013(root: Path, columns: Sequence[str] = ("emotion", "pixels", "Usage")):
    """The file and its table of text, blanks around column names dropped. Raises FileError, UnknownNameError."""
    path = first_file(root, FILES)
    frame = read_frame(path, ())
    frame.columns = [str(c).strip() for c in frame.columns]
    for column in columns:
        if column not in frame:
            raise UnknownNameError("column", column, frame.columns, str(path))
    return path, frame


def picture(pixels: str) -> tuple[Signal, str]:
    """A face signal (1, 48, 48, 3) of 2,304 numbers in a text, and 16 hex digits of sha256 of its bytes.

    Raises AffectZooError for another count or a value outside 0 to 255.
    """
    try:
        values = np.array(pixels.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise AffectZooError("column 'pixels' holds something else than whole numbers") from None
    if values.shape != (SIDE * SIDE,) or values.min() < 0 or values.max() > 255:
        raise AffectZooError(f"column 'pixels' must hold {SIDE * SIDE} values from 0 to 255, found {values.size}")
    grey = values.astype(np.uint8).reshape(1, SIDE, SIDE, 1)
    # a view: three channels of one set of pixels
    return Signal(np.broadcast_to(grey, (1, SIDE, SIDE, 3)), 1.0), hashlib.sha256(grey.tobytes()).hexdigest()[:16]
