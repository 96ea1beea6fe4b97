"""FaceCrop: frames of any size become the square input of a face model."""

import numpy as np
import torch
import torch.nn.functional as F

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import Transform

CROPS = ("centre", "stretch")
DTYPES = ("float32", "uint8")
_CHUNK = 256  # frames resized together: bounds memory
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG


class FaceCrop(Transform):
    """Signal (T, H, W, 3) uint8 RGB -> (T, size, size, 3), or (T, size, size, 1) when grey.

    crop: what becomes the square. 'centre' cuts the largest centred one, 'stretch' takes the whole frame and
    changes its aspect. dtype: 'float32' in 0 to 1, or 'uint8' (a quarter of the cache). Resizing is bilinear
    with antialiasing. The whole frame is taken as the face; there is no detector.
    """

    def __init__(self, size: int = 64, crop: str = "centre", dtype: str = "float32", grey: bool = False):
        if crop not in CROPS:
            raise UnknownNameError("crop", crop, CROPS)
        if dtype not in DTYPES:
            raise UnknownNameError("dtype", dtype, DTYPES)
        if size < 8:
            raise AffectZooError(f"size must be at least 8 pixels, got {size}")
        self.size, self.crop, self.dtype, self.grey = size, crop, dtype, grey

    def __call__(self, signal: Signal) -> Signal:
        """Crop and resize. Raises AffectZooError unless the signal is (T, H, W, 3) uint8 with T > 0."""
        frames = signal.data
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not frames.size:
            found = f"{frames.shape} {frames.dtype}"
            raise AffectZooError(f"face frames must be (T, H, W, 3) uint8 RGB, got {found}")
        if self.crop == "centre":
            frames = _centre_square(frames)
        parts = [self._resize(frames[i : i + _CHUNK]) for i in range(0, len(frames), _CHUNK)]
        return Signal(np.concatenate(parts), signal.rate_hz, signal.t0_s, signal.mask)

    def _resize(self, frames: np.ndarray) -> np.ndarray:
        out = frames.astype(np.float32)
        if frames.shape[1:3] != (self.size, self.size):
            x = torch.from_numpy(out).permute(0, 3, 1, 2)
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False)
            out = x.permute(0, 2, 3, 1).numpy()
        if self.grey:
            out = (out @ _LUMA)[..., None]
        return out.round().astype(np.uint8) if self.dtype == "uint8" else np.ascontiguousarray(out / 255)


def _centre_square(frames: np.ndarray) -> np.ndarray:
    height, width = frames.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return frames[:, top : top + side, left : left + side]
