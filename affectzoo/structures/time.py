"""Where predictions and labels of different rates meet: one declared resampling.

Rule: at evaluation the prediction is read at the label's times (labels are never altered); in training the label
is read at the prediction's times. Both call `read_at`. Continuous values (vad, au intensity) are interpolated
linearly; probabilities and states take the nearest step. The first and the last value are held for half a step;
beyond that the answer is invalid and masked, never extrapolated.
"""

import numpy as np

from affectzoo.errors import AffectZooError

#: Share of a step below which a time counts as lying on the step. Ours.
SNAP = 1e-6
METHODS = {"vad": "linear", "emotion": "nearest", "au": "nearest", "state": "nearest"}


def read_at(
    values: np.ndarray,
    mask: np.ndarray | None,
    rate_hz: float,
    t0_s: float,
    times_s: np.ndarray,
    method: str = "nearest",
) -> tuple[np.ndarray, np.ndarray]:
    """Values (T, K) at t0_s, t0_s + 1 / rate_hz, ... seconds, read at `times_s` (N,) seconds; T >= 1.

    mask: (T, K) or (T,) bool or None. Returns values (N, K) and mask (N, K); a linear reading is valid only
    when both neighbours are. Raises AffectZooError for an unknown method.
    """
    if method not in ("nearest", "linear"):
        raise AffectZooError(f"unknown resampling {method!r}; use 'nearest' or 'linear'")
    values = np.asarray(values, float)
    n = len(values)
    mask = (
        np.ones(values.shape, bool) if mask is None else np.broadcast_to(np.asarray(mask).reshape(n, -1), values.shape)
    )
    pos = (np.asarray(times_s, float) - t0_s) * rate_hz
    # A time that is a step but for rounding is that step: it must not need its neighbour's label.
    pos = np.where(np.abs(pos - np.round(pos)) < SNAP, np.round(pos), pos)
    inside = (pos >= -0.5) & (pos <= n - 0.5)
    if method == "nearest":
        i = np.clip(np.floor(pos + 0.5).astype(int), 0, n - 1)
        return values[i], mask[i] & inside[:, None]
    pos = np.clip(pos, 0, n - 1)
    lo = np.floor(pos).astype(int)
    hi = np.minimum(lo + 1, n - 1)
    w = (pos - lo)[:, None]
    a, b = np.where(mask[lo], values[lo], 0.0), np.where(mask[hi], values[hi], 0.0)
    ok = (mask[lo] | (w == 1)) & (mask[hi] | (w == 0)) & inside[:, None]
    return a * (1 - w) + b * w, ok
