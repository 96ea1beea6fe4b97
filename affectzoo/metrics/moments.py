"""Mergeable second moments of (prediction, truth), exact for large offsets.

A summary has 8 numbers a column: the origin (x0, y0), n, and the sums of dx, dy, dx², dx·dy, dy² about the
origin (dx = x - x0). The origin is an actual value near the data (the median of the first rows), so offsets
cancel before anything is squared, and a constant column has variance exactly 0. With the origin taken from m
of n rows the relative error of a variance is at most about 2 (n/m) 2^-53, because those m rows themselves
contribute that spread. Two summaries merge by moving one to the other's origin (Chan, Golub & LeVeque 1983,
Am. Statistician 37, 242-247).
"""

import numpy as np
import torch
from torch import Tensor

from affectzoo.metrics.base import StatMetric
from affectzoo.metrics.checks import require_finite

X0, Y0, COUNT, SX, SY, SXX, SXY, SYY = range(8)
ORIGIN, SUMS = slice(0, 2), slice(2, 8)
_HEAD = 1024  # rows from which the origin is taken
_BLOCK = 1 << 16  # values handled at a time: small enough to stay in the cache
_NOISE = 1e-13  # a variance below this share of the mean square is rounding noise and counts as 0


def sums(x: Tensor, y: Tensor, mask: Tensor | None, origin: Tensor) -> Tensor:
    """n and the sums of dx, dy, dx², dx·dy, dy² over rows x, y (N, K) about origin (K, 2): (K, 6)."""
    total = numpy_sums(x, y, mask, origin) if x.is_cpu else torch_sums(x, y, mask, origin)
    require_finite(total.sum(), "moments")
    return total


def numpy_sums(x: Tensor, y: Tensor, mask: Tensor | None, origin: Tensor) -> Tensor:
    """`sums` on the CPU: dot products of NumPy blocks; small batches feel the lower overhead of a call."""
    x, y, at = x.numpy(), y.numpy(), origin.tolist()
    keep = None if mask is None else mask.numpy()
    n, k = x.shape
    step = max(1, _BLOCK // k)
    total, ones = np.zeros((k, 6)), np.ones(min(n, step))  # a dot product with ones is twice as fast as a sum
    for i in range(0, n, step):
        rows = slice(i, i + step)
        for j, (x0, y0) in enumerate(at):
            dx = x[rows, j].astype(np.float64, copy=False) - x0
            dy = y[rows, j].astype(np.float64, copy=False) - y0
            if keep is not None:
                dx, dy = dx[keep[rows, j]], dy[keep[rows, j]]
            one = ones[: len(dx)]
            total[j] += (len(dx), dx @ one, dy @ one, dx @ dx, dx @ dy, dy @ dy)
    return torch.from_numpy(total)


def torch_sums(x: Tensor, y: Tensor, mask: Tensor | None, origin: Tensor) -> Tensor:
    """`sums` on other devices: one batched product of (1, dx, dy) and (dx, dy) for all sums."""
    dx, dy = x.T - origin[:, :1], y.T - origin[:, 1:]
    one = torch.ones_like(dx) if mask is None else mask.T.to(dx.dtype)
    z = torch.stack((one, dx, dy), 1)
    if mask is not None:
        z = z.masked_fill(~mask.T[:, None], 0.0)
    total = (z @ z[:, 1:].mT).flatten(1)
    return torch.cat((one.sum(1, keepdim=True), total[:, :4], total[:, 5:]), 1)


def grouped_sums(
    x: Tensor, y: Tensor, mask: Tensor | None, index: Tensor, groups: int, origin: Tensor | None = None
) -> Tensor:
    """Summaries (groups, K, 8). origin (K, 2): one for all; None: each group's first labelled row."""
    x, y = x.double(), y.double()
    keep = torch.ones_like(x, dtype=torch.bool) if mask is None else mask
    own = _first_rows(x, y, keep, index, groups) if origin is None else origin.expand(groups, -1, -1)
    at = own[index]
    dx, dy = (x - at[..., 0]).masked_fill(~keep, 0.0), (y - at[..., 1]).masked_fill(~keep, 0.0)
    rows = torch.stack((keep.double(), dx, dy, dx * dx, dx * dy, dy * dy), -1)
    total = rows.new_zeros(groups, x.shape[1], 6).index_add_(0, index, rows)
    require_finite(total.sum(), "moments")
    return torch.cat((own, total), -1)


def origin_of(x: Tensor, y: Tensor, mask: Tensor | None) -> Tensor:
    """(K, 2): the median of the first rows of each column; the first labelled value when those have none."""
    out = []
    for v in (x, y):
        v = v if v.is_floating_point() else v.double()
        if mask is None:
            head = v[:_HEAD].nanmedian(0).values
        else:
            head = v[:_HEAD].masked_fill(~mask[:_HEAD], torch.nan).nanmedian(0).values
            first = v.gather(0, mask.int().argmax(0)[None])[0]
            head = torch.where(head.isnan(), first, head)
        out.append(head.double())
    return torch.stack(out, -1).nan_to_num(0.0, 0.0, 0.0)


def merge(stack: Tensor) -> Tensor:
    """Summary (K, 8) of the whole from the summaries (M, K, 8) of its parts."""
    return merge_by(stack, torch.zeros(len(stack), dtype=torch.int64, device=stack.device), 1)[0]


def merge_by(rows: Tensor, index: Tensor, groups: int) -> Tensor:
    """Merge summaries (M, K, 8) that share an index into (groups, K, 8).

    Each group's origin is that of its member with most rows, so the smaller ones move.
    """
    m, k, _ = rows.shape
    at = index[:, None].expand(m, k)
    most = rows.new_zeros(groups, k).scatter_reduce(0, at, rows[..., COUNT], "amax")
    number = torch.arange(m, device=rows.device)[:, None].expand(m, k)
    number = torch.where(rows[..., COUNT] == most[index], number, m)
    pick = torch.full((groups, k), m, device=rows.device).scatter_reduce(0, at, number, "amin").clamp_(max=m - 1)
    origin = rows[..., ORIGIN].gather(0, pick[..., None].expand(-1, -1, 2))
    moved = _move(rows, origin[index])
    total = rows.new_zeros(groups, k, 8).index_add_(0, index, moved)
    total[..., ORIGIN] = origin
    return total


def central(stats: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """n, var x, var y, cov xy (population, ddof 0) and mean x - mean y of summaries (..., 8)."""
    n = stats[..., COUNT]
    mx, my, xx, xy, yy = (stats[..., i] / n for i in (SX, SY, SXX, SXY, SYY))
    vx, vy = _variance(xx, mx), _variance(yy, my)
    return n, vx, vy, xy - mx * my, (stats[..., X0] - stats[..., Y0]) + (mx - my)


class MomentMetric(StatMetric):
    """Any score of continuous values that is a function of their first and second moments. Summary: (K,
    8)."""

    reduction = staticmethod(merge)

    def __init__(self, names):
        super().__init__(names)
        self._placed = False  # whether every column has an origin near its data

    @property
    def shape(self):
        """(K, 8), see the module."""
        return (len(self.names), 8)

    @property
    def key(self):
        """All moment metrics of the same columns share one summary."""
        return ("moments", self.shape)

    def collect(self, pred, target, mask, index=None, groups=1):
        """Moments about one origin."""
        origin = origin_of(pred, target, mask)
        if index is None:
            return torch.cat((origin, sums(pred, target, mask, origin)), 1)[None]
        return grouped_sums(pred, target, mask, index, groups, origin)

    def update(self, pred, target, mask=None, ids=None):
        """Add rows about the origin that the first labelled rows gave."""
        pred, target, mask = self.check(pred, target, mask)
        if not self._placed and len(pred):
            empty = self.stats[:, COUNT, None] == 0
            place = torch.where(empty, origin_of(pred, target, mask), self.stats[:, ORIGIN])
            self.stats[:, ORIGIN] = place
        self.stats[:, SUMS].add_(sums(pred, target, mask, self.stats[:, ORIGIN]))
        if not self._placed:
            self._placed = bool((self.stats[:, COUNT] > 0).all())

    def reset(self):
        """Forget everything."""
        super().reset()
        self._placed = False

    def weigher(self, pred, target, mask, index, groups, ids=None):
        """As in the base; the origin is common to all groups and is not weighed."""
        stats = self.collect(*self.check(pred, target, mask), index, groups)
        flat, origin = stats.reshape(groups, -1), stats[0, :, ORIGIN]

        def weigh(weights):
            out = (weights @ flat).reshape(-1, *self.shape)
            out[..., ORIGIN] = origin
            return out

        return weigh

    def finish(self, stats):
        """Mean over the columns that have a value."""
        return self.classes(stats).nanmean(-1)

    def support(self, stats):
        """Labelled rows of each column."""
        return stats[..., COUNT]

    def count(self, stats):
        """Labelled rows of the fullest column."""
        return stats[..., COUNT].amax(-1)


def _variance(square: Tensor, mean: Tensor) -> Tensor:
    v = square - mean * mean
    return torch.where(v <= _NOISE * square, 0.0, v)


def _move(stats: Tensor, origin: Tensor) -> Tensor:
    """The same summaries about another origin (..., 2)."""
    x0, y0, n, sx, sy, sxx, sxy, syy = stats.unbind(-1)
    a, b = x0 - origin[..., 0], y0 - origin[..., 1]
    x1, y1 = sx + n * a, sy + n * b
    xx, xy, yy = sxx + a * (sx + x1), sxy + b * sx + a * y1, syy + b * (sy + y1)
    return torch.stack((origin[..., 0], origin[..., 1], n, x1, y1, xx, xy, yy), -1)


def _first_rows(x: Tensor, y: Tensor, keep: Tensor, index: Tensor, groups: int) -> Tensor:
    n, k = x.shape
    if not n:
        return x.new_zeros(groups, k, 2)
    number = torch.where(keep, torch.arange(n, device=x.device)[:, None], n)
    first = torch.full((groups, k), n, device=x.device).scatter_reduce(0, index[:, None].expand(n, k), number, "amin")
    some = first < n
    first = first.clamp(max=n - 1)
    return torch.where(some[..., None], torch.stack((x.gather(0, first), y.gather(0, first)), -1), 0.0)
