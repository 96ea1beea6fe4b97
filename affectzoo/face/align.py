"""Faces of a frame, turned upright and scaled so that eyes and mouth lie at agreed places of a square crop."""

from dataclasses import dataclass

import cv2
import numpy as np

from affectzoo.errors import AffectZooError

#: The mouth's middle below the middle of the eyes, in distances of the eyes, of the five-point template that face
#: recognition aligns to (ArcFace, Deng et al. 2019: eyes at y 51.6, mouth at 92.3, eyes 35.2 px apart).
MOUTH = 1.15
#: A larger crop than this (times `size`) is not averaged from before it is scaled down. Ours.
_MOST = 16


@dataclass(frozen=True)
class Geometry:
    """Where a face lies in a crop of `size` pixels a side, in shares of that side.

    eye_y: height of the eyes' middle, from the top; it lies halfway from left to right. eye_distance: between the
    eyes' centres. The mouth's middle is expected MOUTH eye distances below the eyes'.
    Raises AffectZooError for a size under 8, or eyes or a mouth outside the crop.
    """

    size: int = 112
    eye_y: float = 0.4
    eye_distance: float = 0.35

    def __post_init__(self):
        if self.size < 8:
            raise AffectZooError(f"geometry: size must be at least 8 pixels, got {self.size}")
        if not (0 < self.eye_y < 1 and 0 < self.eye_distance < 1 and self.eye_y + MOUTH * self.eye_distance < 1):
            raise AffectZooError(
                f"geometry: eyes at eye_y {self.eye_y:g}, {self.eye_distance:g} apart, with the mouth {MOUTH:g} times "
                "that below, must lie within the crop (0 to 1)"
            )

    @property
    def template(self) -> np.ndarray:
        """(3, 2) x, y in crop pixels (0 is the first's centre): left eye in the picture, right eye, mouth's middle."""
        half, mouth_y = self.eye_distance / 2, self.eye_y + MOUTH * self.eye_distance
        return self.size * np.array([[0.5 - half, self.eye_y], [0.5 + half, self.eye_y], [0.5, mouth_y]]) - 0.5


def align(frame: np.ndarray, points: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Crops (n, size, size, 3) uint8 of a frame (H, W, 3) uint8.

    points: (n, 5, 2) x, y in pixels of the frame: eye at the picture's left, eye at its right, nose, mouth corner left,
    right (only eyes and mouth are used). What lies outside the frame repeats its border. Large faces are averaged
    down, not sampled.
    """
    matrices = similarities(points, geometry)
    out = np.empty((len(points), geometry.size, geometry.size, 3), np.uint8)
    for crop, matrix in zip(out, matrices, strict=True):
        crop[:] = _warp(frame, matrix, geometry.size)
    return out


def similarities(points: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(n, 2, 3) matrices from pixels of the frame to pixels of the crop, one a face of `points` (n, 5, 2).

    Rotation, scale and shift that bring both eyes and the mouth's middle nearest to the template (least squares:
    Umeyama 1991, eq. 40-42, in the plane, where it is one complex division). The eyes alone would blow up a face that
    is turned aside; the mouth's middle hardly moves when the mouth widens. Points that coincide give one pixel a pixel.
    """
    points = np.asarray(points, float)
    three = np.concatenate([points[:, :2], points[:, 3:5].mean(1, keepdims=True)], 1)
    source, target = three @ (1, 1j), geometry.template @ (1, 1j)
    mean, centre = source.mean(1), target.mean()
    moved = source - mean[:, None]
    spread = (np.abs(moved) ** 2).sum(1)
    turn = (moved.conj() * (target - centre)).sum(1) / np.where(spread > 0, spread, 1)
    turn = np.where(np.abs(turn) > 1e-9, turn, 1)
    shift = centre - turn * mean
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.moveaxis(np.array(rows), 2, 0)


def crop_square(frame: np.ndarray, centre, side: float, angle: float, size: int = 256) -> np.ndarray:
    """The square around `centre` (x, y), `side` pixels a side, whose right is turned by `angle`, as (size, size, 3).

    angle: radians from the picture's x axis towards its y axis (clockwise on the screen); the crop shows it level.
    """
    return _warp(frame, square_matrix(centre, side, angle, size), size)


def square_matrix(centre, side: float, angle: float, size: int = 256) -> np.ndarray:
    """(2, 3) matrix from pixels of the frame to pixels of `crop_square`."""
    turn = size / max(side, 1e-6) * np.exp(-1j * angle)
    shift = (size - 1) / 2 * (1 + 1j) - turn * complex(*centre)
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def back_to_frame(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Pixels of a crop (..., 2) as pixels of the frame, by the (2, 3) matrix that made the crop."""
    return (points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


def _warp(frame: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Bilinear; where more than two pixels of the frame fall on one of the crop, a larger crop is averaged down."""
    scale = np.hypot(matrix[0, 0], matrix[1, 0])
    times = int(np.clip(0.5 / scale, 1, _MOST))
    if times > 1:  # pixel centres: the middle of a block of `times` pixels
        matrix = times * matrix + np.array([[0, 0, 1], [0, 0, 1]]) * (times - 1) / 2
    crop = cv2.warpAffine(frame, matrix, (times * size,) * 2, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return crop if times == 1 else cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
