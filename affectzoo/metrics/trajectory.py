"""Scores of one trajectory over time: agreement at a given lag, smoothness, recovery, hysteresis.

Functions of arrays (T,), NumPy in and floats out: a trajectory is one sequence, and how sequences are
averaged is the caller's to say. recovery_time and hysteresis judge a state against the signal that drives it
(after Explicit State Dynamics, arXiv 2601.16087, which does not print its formulas: both formulas are ours).
"""

from typing import Any, NamedTuple

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.metrics.ccc import ccc


class Smoothness(NamedTuple):
    """RMS second differences of prediction and truth (unit/s²) and their ratio (1: as smooth as the
    truth)."""

    pred: float
    target: float
    ratio: float


def ccc_at_lag(pred: Any, target: Any, lag_s: float, rate_hz: float, mask: Any = None) -> float:
    """CCC of pred(t) with target(t + lag_s): a positive lag means that the annotation comes late.

    pred, target (T,), mask (T,) bool for the target. The lag is given from outside (fixed on training data or
    taken from the literature); searching it on the scored data is not offered. Raises AffectZooError when the
    lag is not a whole number of steps, or leaves no pair. NaN where CCC is undefined.
    """
    pred, target, mask = _pair(pred, target, mask)
    steps = round(lag_s * rate_hz)
    if abs(lag_s * rate_hz - steps) > 1e-6:
        raise AffectZooError(f"ccc_at_lag: {lag_s:g} s is not a whole number of steps at {rate_hz:g} Hz")
    n = len(pred) - abs(steps)
    if n < 1:
        raise AffectZooError(f"ccc_at_lag: a lag of {lag_s:g} s leaves nothing of {len(pred) / rate_hz:g} s")
    p, t = max(0, -steps), max(0, steps)
    return float(ccc(pred[p : p + n], target[t : t + n], mask[t : t + n]))


def smoothness(values: Any, rate_hz: float, mask: Any = None) -> float:
    """RMS of (x_{t+1} - 2 x_t + x_{t-1}) rate², in unit/s², over triples that are all labelled. (T,) ->
    float.

    NaN with fewer than one such triple.
    """
    x, _, keep = _pair(values, values, mask)
    second = (x[2:] - 2 * x[1:-1] + x[:-2])[keep[2:] & keep[1:-1] & keep[:-2]] * rate_hz**2
    return float(np.sqrt(np.mean(second**2))) if len(second) else float("nan")


def smoothness_against(pred: Any, target: Any, rate_hz: float, mask: Any = None) -> Smoothness:
    """Smoothness of prediction and truth on the same labelled triples; ratio NaN when the truth's is 0."""
    pred, target, mask = _pair(pred, target, mask)
    p, t = smoothness(pred, rate_hz, mask), smoothness(target, rate_hz, mask)
    return Smoothness(p, t, p / t if t > 0 else float("nan"))


def recovery_time(state: Any, onset: int, threshold: float, rate_hz: float = 1.0) -> float | None:
    """Seconds from step `onset` (the first of the reconciliation, 0 if it is there already) until state >=
    threshold.

    state (T,). None when it never recovers. With rate_hz 1 the answer is in steps (turns).
    """
    x = _finite(state)
    if not 0 <= onset < len(x):
        raise AffectZooError(f"recovery_time: onset {onset} is outside of the {len(x)} steps")
    hit = np.flatnonzero(x[onset:] >= threshold)
    return float(hit[0] / rate_hz) if len(hit) else None


def hysteresis(signal: Any, state: Any) -> float:
    """Loop area |sum_t (a_t + a_{t+1})/2 (S_{t+1} - S_t)| of state S against signal a, both (T,).

    0 for a state that follows the signal without memory along a closed path.
    """
    a, s, _ = _pair(signal, state, None)
    return float(abs(np.sum((a[1:] + a[:-1]) / 2 * np.diff(s))))


def _pair(a: Any, b: Any, mask: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b = np.asarray(a, float), np.asarray(b, float)
    keep = np.ones(a.shape, bool) if mask is None else np.asarray(mask)
    if a.ndim != 1 or a.shape != b.shape or keep.shape != a.shape or keep.dtype != bool:
        raise AffectZooError(
            f"expected two arrays (T,) and a bool mask (T,), got {a.shape}, {b.shape} and {keep.shape} {keep.dtype}"
        )
    _finite(np.where(keep, a, 0.0))
    _finite(np.where(keep, b, 0.0))
    return a, b, keep


def _finite(x: Any) -> np.ndarray:
    x = np.asarray(x, float)
    if not np.isfinite(x).all():
        raise AffectZooError("NaN or infinity among the labelled steps; mask missing labels instead")
    return x
