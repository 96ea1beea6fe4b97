"""Drawn faces whose features follow action units, so that a picture's labels are true by construction.

Every feature is a signed distance in face coordinates (x right, y down, the head's half height is about 1),
painted with a coverage of one pixel's width: edges are antialiased, motion is sub-pixel, and all frames are
drawn at once. A face is symmetric about its own axis, so pairs of features are painted once, over |x|.
What a unit moves follows the FACS names (Ekman, Friesen & Hager 2002); how far is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError

#: FACS numbers of the columns of `au`, in order.
AU_NUMBERS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 23, 24, 25, 26, 43)
_COLUMN = {n: i for i, n in enumerate(AU_NUMBERS)}
_CHUNK = 128  # frames painted together: bounds memory, not what is drawn
_DARK, _WHITE = np.array([45, 25, 25]), np.array([238, 236, 232])


def au_matrix(units: Mapping[int, object], steps: int = 1) -> np.ndarray:
    """Intensities (steps, 17) in the order of AU_NUMBERS from {FACS number: value or (steps,) trace}.

    Units that are not named are 0. Raises UnknownNameError for a unit that is not drawn.
    """
    out = np.zeros((steps, len(AU_NUMBERS)), np.float32)
    for number, trace in units.items():
        if number not in _COLUMN:
            raise UnknownNameError("drawn action unit", number, map(str, AU_NUMBERS))
        out[:, _COLUMN[number]] = trace
    return out


def draw_faces(au: np.ndarray, identity_seed: int, size: int = 64, scene_seed: int = 0) -> np.ndarray:
    """Faces of one person, (T, size, size, 3) uint8 RGB.

    au: (T, 17) intensities 0 to 5 in the order of AU_NUMBERS (see `au_matrix`). identity_seed: the person
    (colours, proportions, size, place). scene_seed: the picture or clip (small shift, roll, light, sensor
    noise); over T only the noise changes.
    Raises AffectZooError for another shape, a value outside 0 to 5 or a size below 16.
    """
    au = np.asarray(au, np.float32)
    if au.ndim != 2 or au.shape[1] != len(AU_NUMBERS) or not len(au):
        raise AffectZooError(f"au must be (T, {len(AU_NUMBERS)}) in the order of AU_NUMBERS, got {au.shape}")
    if not np.all((au >= 0) & (au <= 5)):
        raise AffectZooError("au intensities must lie in 0 to 5 (FACS levels A to E are 1 to 5)")
    if size < 16:
        raise AffectZooError(f"size must be at least 16 pixels, got {size}")
    person = _person(np.random.default_rng([identity_seed, 0]))
    rng = np.random.default_rng([identity_seed, scene_seed, 1])
    view = _view(person, rng, size)
    parts = [_paint(au[i : i + _CHUNK] / 5, person, view, size, rng) for i in range(0, len(au), _CHUNK)]
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Person:
    """Colours (RGB 0 to 255), proportions (face units) and place in the frame (fractions of its side)."""

    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    lips: np.ndarray
    background: np.ndarray
    width: float
    eye_x: float
    brow: float
    mouth: float
    scale: float
    centre: np.ndarray


def _person(rng: np.random.Generator) -> _Person:
    tone = rng.uniform()
    skin = (1 - tone) * np.array([242, 208, 182]) + tone * np.array([122, 80, 58]) + rng.normal(0, 5, 3)
    hair = (np.array([32, 24, 22]) + rng.uniform() ** 2 * np.array([170, 130, 80])).clip(0, 255)
    iris = np.array([[70, 45, 30], [60, 95, 140], [75, 105, 70]])[rng.integers(3)]
    lips = skin * np.array([0.85, 0.52, 0.52]) + rng.normal(0, 4, 3)
    return _Person(
        skin,
        hair,
        iris,
        lips,
        background=rng.uniform(60, 220, 3),
        width=rng.uniform(0.66, 0.78),
        eye_x=rng.uniform(0.26, 0.33),
        brow=rng.uniform(0.03, 0.05),
        mouth=rng.uniform(0.23, 0.29),
        scale=rng.uniform(0.38, 0.44),
        centre=0.5 + rng.uniform(-0.03, 0.03, 2),
    )


@dataclass(frozen=True)
class _View:
    """Face coordinates x, y (H, W) of each pixel, pixels a face unit, light (H, W), noise (grey levels)."""

    x: np.ndarray
    y: np.ndarray
    unit_px: float
    light: np.ndarray
    noise: float


def _view(person: _Person, rng: np.random.Generator, size: int) -> _View:
    unit = person.scale * size * rng.uniform(0.96, 1.04)
    cx, cy = (person.centre + rng.uniform(-0.02, 0.02, 2)) * size
    roll = np.deg2rad(rng.uniform(-5, 5))
    row, col = np.mgrid[:size, :size].astype(np.float32) + 0.5
    dx, dy = (col - cx) / unit, (row - cy) / unit
    x, y = np.cos(roll) * dx + np.sin(roll) * dy, np.cos(roll) * dy - np.sin(roll) * dx
    angle = rng.uniform(0, 2 * np.pi)
    light = rng.uniform(0.9, 1.1) + rng.uniform(0, 0.15) * (np.cos(angle) * dx + np.sin(angle) * dy)
    x, y, light = (v.astype(np.float32) for v in (x, y, light))
    return _View(x, y, unit, light, noise=rng.uniform(1, 4))


def _ellipse(x, y, rx, ry):
    """Signed distance to an ellipse, first order: exact on its edge (Quilez' k0 (k0 - 1) / k1)."""
    k0, k1 = np.hypot(x / rx, y / ry), np.hypot(x / rx**2, y / ry**2)
    return k0 * (k0 - 1) / np.maximum(k1, 1e-6)


def _band(y, low, high, side):
    """Signed distance to the region low <= y <= high, cut where `side` > 0."""
    return np.maximum(np.maximum(low - y, y - high), side)


def _line(x, y, x0, y0, x1, y1, half):
    """Signed distance to a straight stroke of half-width `half`."""
    dx, dy = x1 - x0, y1 - y0
    t = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clip(0, 1)
    return np.hypot(x - x0 - t * dx, y - y0 - t * dy) - half


class _Canvas:
    """An image (T, H, W, 3) that is painted over; distances are in face units."""

    def __init__(self, steps: int, size: int, colour: np.ndarray, unit_px: float):
        self.image = np.broadcast_to(colour.astype(np.float32), (steps, size, size, 3)).copy()
        self.unit_px = unit_px

    def cover(self, distance: np.ndarray) -> np.ndarray:
        """Share of each pixel inside the shape, 0 to 1."""
        return (0.5 - distance * self.unit_px).clip(0, 1)

    def paint(self, distance: np.ndarray, colour: np.ndarray, alpha=1.0) -> None:
        """Blend a colour where the shape is; alpha may differ per frame or pixel."""
        self.blend(self.cover(distance) * alpha, colour)

    def blend(self, share: np.ndarray, colour: np.ndarray) -> None:
        """Mix a colour in by a share per pixel."""
        self.image += share[..., None] * (colour.astype(np.float32) - self.image)


def _paint(a: np.ndarray, person: _Person, view: _View, size: int, rng: np.random.Generator) -> np.ndarray:
    units = {n: a[:, i, None, None] for n, i in _COLUMN.items()}
    canvas = _Canvas(len(a), size, person.background, view.unit_px)
    x, y = np.abs(view.x)[None], view.y[None]
    _head(canvas, x, y, units, person)
    _brows(canvas, x, y, units, person)
    _eyes(canvas, x, y, units, person)
    _nose(canvas, x, y, units, person)
    _mouth(canvas, x, y, units, person)
    image = canvas.image * view.light[None, ..., None]
    image += view.noise * rng.standard_normal(image.shape, np.float32)
    return image.clip(0, 255).round().astype(np.uint8)


def _head(c, x, y, u, p):
    c.paint(_ellipse(x, y + 0.22, p.width + 0.1, 0.88), p.hair)
    chin = np.where(y > 0, 0.95 + 0.12 * u[26], 0.92)  # the jaw drops with AU26
    c.paint(_ellipse(x, y, p.width, chin), p.skin)
    c.paint(np.maximum(_ellipse(x, y, p.width + 0.03, 0.95), y + 0.66 - 0.3 * x**2), p.hair)
    cheek = np.exp(-((x - 0.42) ** 2 + (y - 0.22 + 0.12 * u[6]) ** 2) / 0.02)  # AU6 lifts and fills the cheeks
    c.blend(cheek * (0.05 + 0.4 * u[6] + 0.15 * u[12]), np.minimum(p.skin * np.array([1.12, 0.92, 0.9]), 255))


def _brows(c, x, y, u, p):
    x0, x1 = 0.13 - 0.06 * u[4], 0.13 + 0.36
    t = ((x - x0) / (x1 - x0)).clip(0, 1)
    inner = -0.13 * u[1] + 0.11 * u[4]
    outer = -0.13 * u[2] + 0.05 * u[4]
    mid = -0.43 - 0.2 * t * (1 - t) + (1 - t) * inner + t * outer
    c.paint(_band(y, mid - p.brow, mid + p.brow * (1 - 0.6 * t), np.maximum(x0 - x, x - x1)), p.hair * 0.75)
    shade = p.skin * 0.6
    c.paint(_line(x, y, 0.05, -0.5, 0.04, -0.32, 0.015), shade, u[4])  # frown furrows
    c.paint(_band(y, -0.62, -0.595, x - 0.2), shade, 0.7 * u[1])  # forehead lines
    c.paint(_band(y, -0.605, -0.58, np.abs(x - 0.36) - 0.12), shade, 0.7 * u[2])


def _eyes(c, x, y, u, p):
    ex, ey, rx, ry = x - p.eye_x, y + 0.14, 0.15, 0.085
    top = ry * ((1 + 0.7 * u[5] - 0.35 * u[7]) * (1 - u[43]) - 0.75 * u[43])  # AU43 brings the upper lid down
    bottom = ry * (1 - 0.55 * u[6] - 0.45 * u[7]).clip(0.1)
    arc = np.sqrt((1 - (ex / rx) ** 2).clip(0, 1))
    upper, lower, side = -top * arc, np.maximum(-top, bottom) * arc, np.abs(ex) - rx
    slit = _band(ey, upper, lower, side)
    c.paint(slit, _WHITE)
    iris = np.hypot(ex, ey)
    inside = c.cover(slit)
    c.paint(iris - 0.075, p.iris, inside)
    c.paint(iris - 0.035, _DARK, inside)
    c.paint(_band(ey, upper - 0.025, upper, side), p.hair * 0.6)
    shade = p.skin * 0.6
    c.paint(_band(ey, lower + 0.01, lower + 0.03, side), shade, 0.7 * np.maximum(u[6], u[7]))
    for rise in (-0.06, 0.03):  # crow's feet
        line = _line(x, y, p.eye_x + 0.19, -0.14 + rise / 2, p.eye_x + 0.28, -0.14 + rise * 1.5, 0.01)
        c.paint(line, shade, u[6])


def _nose(c, x, y, u, p):
    shade, wing = p.skin * 0.62, 0.2 - 0.06 * u[9] - 0.03 * u[10]
    c.paint(_line(x, y, 0.045, -0.08, 0.07, 0.12, 0.01), shade, 0.4)
    c.paint(_ellipse(x - 0.07, y - wing, 0.045, 0.028), shade * 0.7)
    for height in (-0.16, -0.09, -0.02):  # wrinkles across the bridge
        c.paint(_band(y, height, height + 0.03, x - 0.075), shade, u[9])
    fold = np.maximum(0.9 * u[10], 0.45 * np.maximum(u[12], u[9]))
    c.paint(_line(x, y, 0.14, wing - 0.02, 0.3 + 0.05 * u[12], 0.44 - 0.06 * u[12], 0.012), shade, fold)


def _mouth(c, x, y, u, p):
    half = p.mouth * (1 + 0.3 * u[12] + 0.35 * u[20] + 0.05 * u[15] - 0.3 * u[23])
    q = (x / half) ** 2
    dome = (1 - q).clip(0)
    corner = -0.15 * u[12] + 0.13 * u[15] + 0.03 * u[20]
    line = 0.5 + 0.03 * u[26] - 0.05 * u[17] + (corner + 0.05 * u[17]) * q.clip(0, 1)
    gap_up = 0.02 * u[25] + 0.04 * u[26] + 0.06 * u[10] * u[25].clip(0.3)
    gap_down = 0.04 * u[25] + 0.17 * u[26]
    thick = (1 - 0.5 * u[23]) * (1 - 0.75 * u[24])
    up, down, side = line - gap_up * dome, line + gap_down * dome, x - half
    lip = p.lips + u[24][..., None] * 0.5 * (p.skin - p.lips)  # pressed lips turn pale
    full = thick * dome**0.5
    c.paint(_band(y, up - 0.05 * full - 0.03 * u[10] * dome, down + 0.07 * full, side), lip)
    c.paint(_band(y, up - 0.006, down + 0.006, side), _DARK)
    teeth = np.minimum(up + 0.05, down)
    c.paint(_band(y, up, teeth, side + 0.05), _WHITE, (gap_up + gap_down > 0.03))
    shade = p.skin * 0.62
    boss = 0.72 + 0.08 * u[26] - 0.05 * dome
    c.paint(_band(y, boss, boss + 0.03, x - 0.16), shade, u[17])  # chin boss
    press = line - 0.09
    c.paint(_band(y, press, press + 0.02, x - half * 0.8), shade, 0.6 * u[24])
    c.paint(_band(y, line + 0.09, line + 0.11, x - half * 0.8), shade, 0.6 * u[24])
