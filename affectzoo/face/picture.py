"""One picture from a file: (H, W, 3) uint8 RGB whatever was stored, or an error that says what is wrong."""

from pathlib import Path

import cv2
import numpy as np

from affectzoo.errors import FileError


def read_picture(path: str | Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a png, jpg or bmp.

    Grey becomes three equal channels, CMYK becomes RGB, transparency is dropped, 16 bits become 8, EXIF rotation is
    applied. Raises FileError when the file is not such a picture or is cut off.
    """
    raw = read_bytes(path)
    image = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR) if raw else None
    if _is_cut_off(raw):
        raise FileError(path, "the picture is truncated (its end is missing)")
    if image is None:
        raise FileError(path, "is not a readable picture (png, jpg or bmp expected)")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_bytes(path: str | Path, size: int = -1) -> bytes:
    """The first `size` bytes of a file, or all. Raises FileError when it cannot be read."""
    try:
        with open(path, "rb") as handle:
            return handle.read(size)
    except OSError as e:
        raise FileError(path, f"cannot be read ({e.strerror})") from None


def _is_cut_off(raw: bytes) -> bool:
    """True when the format's own end mark or size says that bytes are missing; decoders fill up silently."""
    if raw.startswith(b"\x89PNG"):
        return b"IEND" not in raw[-64:]
    if raw.startswith(b"BM"):
        return len(raw) < int.from_bytes(raw[2:6], "little")
    if raw.startswith(b"\xff\xd8"):
        return raw.find(b"\xff\xd9", _jpeg_scan(raw)) < 0
    return False


def _jpeg_scan(raw: bytes) -> int:
    """Offset of the first scan, past the segments: an EXIF thumbnail there has an end mark of its own."""
    at = 2
    while at + 4 <= len(raw) and raw[at] == 0xFF and raw[at + 1] != 0xDA:
        at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return at
