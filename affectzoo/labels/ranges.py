"""Ranges of published ratings, as affine maps to the canonical [-1, 1].

Nothing is clipped: a value outside its range keeps its meaning on the line and is counted.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError


@dataclass(frozen=True)
class Range:
    """`low` maps to -1 and `high` to 1. `title` says who uses it."""

    name: str
    low: float
    high: float
    title: str = ""

    def __post_init__(self):
        if not self.high > self.low:
            raise AffectZooError(f"range {self.name!r}: high {self.high} must exceed low {self.low}")


RANGES = {
    r.name: r
    for r in (
        Range("signed", -1.0, 1.0, "canonical; AffectNet, Aff-Wild2, OMG-Empathy"),
        Range("unit", 0.0, 1.0, "0 to 1"),
        Range("sam9", 1.0, 9.0, "Self-Assessment Manikin with nine steps"),
        Range("likert5", 1.0, 5.0, "five steps"),
        Range("likert7", 1.0, 7.0, "seven steps"),
        Range("percent", 0.0, 100.0, "sliders from 0 to 100"),
    )
}


def to_canonical(values: np.ndarray, source: Range | str) -> np.ndarray:
    """float64 values of any shape on [-1, 1]: 2 (x - low) / (high - low) - 1.

    NaN stays NaN. Values outside the source range are mapped too and counted in a UserWarning.
    """
    r, values = _range(source), np.asarray(values, float)
    n = count_outside(values, r)
    if n:
        warnings.warn(
            f"{n} of {values.size} values lie outside {r.name!r} [{r.low:g}, {r.high:g}] "
            f"(from {np.nanmin(values):g} to {np.nanmax(values):g}); they are kept, not clipped",
            stacklevel=2,
        )
    return 2.0 * (values - r.low) / (r.high - r.low) - 1.0


def from_canonical(values: np.ndarray, target: Range | str) -> np.ndarray:
    """The inverse of `to_canonical`; values outside [-1, 1] are mapped too and counted in a UserWarning."""
    r, values = _range(target), np.asarray(values, float)
    n = count_outside(values, "signed")
    if n:
        warnings.warn(
            f"{n} of {values.size} canonical values lie outside [-1, 1]; they are kept, not clipped",
            stacklevel=2,
        )
    return (values + 1.0) / 2.0 * (r.high - r.low) + r.low


def count_outside(values: np.ndarray, source: Range | str) -> int:
    """How many values lie outside a range; NaN is missing, not outside."""
    r, values = _range(source), np.asarray(values, float)
    return int(((values < r.low) | (values > r.high)).sum())


def _range(name: Range | str) -> Range:
    if isinstance(name, Range):
        return name
    if name not in RANGES:
        raise UnknownNameError("range", name, RANGES)
    return RANGES[name]
