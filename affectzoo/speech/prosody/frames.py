"""What every prosody measure shares: the frame grid, quantiles and runs of rows of different lengths.

Audio is mono at 16 kHz. Frame t is centred on second t / 100 of the signal, T = 1 + N // 160: the grid of LogMel.
Rows (B, T) are padded on the right; a mask (B, T) is True where a frame belongs to its row.
"""

import torch

RATE = 16000
HOP = 160
FRAME_RATE = RATE / HOP
NAN = float("nan")


def frame_count(lengths: torch.Tensor) -> torch.Tensor:
    """Frames of rows of so many samples."""
    return 1 + lengths // HOP


def frame_mask(lengths: torch.Tensor) -> torch.Tensor:
    """(B, T) bool: the frames of each row of `lengths` (B,) samples."""
    counts = frame_count(lengths)
    return torch.arange(int(counts.max()), device=lengths.device) < counts[:, None]


def masked_quantile(x: torch.Tensor, mask: torch.Tensor, q: float) -> torch.Tensor:
    """(B,) quantile of x (B, T) where mask, linear between order statistics (NumPy's rule); NaN without any."""
    ordered = x.masked_fill(~mask, float("inf")).sort(dim=1).values
    count = mask.sum(1)
    place = q * (count - 1).clamp(min=0)
    low = place.floor()
    at = low.long()[:, None]
    a = ordered.gather(1, at)[:, 0]
    b = ordered.gather(1, torch.minimum(at + 1, (count - 1).clamp(min=0)[:, None]))[:, 0]
    return torch.where(count > 0, a + (b - a) * (place - low), NAN)


def masked_mean(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B,) mean of x (B, T) where mask; NaN without any."""
    total = torch.where(mask, x, 0).sum(1, dtype=torch.float64)
    return (total / mask.sum(1)).to(x.dtype)


def masked_sd(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B,) population standard deviation of x (B, T) where mask; NaN without any."""
    return masked_mean((x - masked_mean(x, mask)[:, None]).square(), mask).sqrt()


def run_lengths(on: torch.Tensor) -> torch.Tensor:
    """(B, T) int: the length of the run of equal values that each element of `on` (B, T) bool belongs to."""
    steps = on.shape[1]
    place = torch.arange(steps, device=on.device).expand_as(on)
    edge = torch.ones_like(on)
    edge[:, 1:] = on[:, 1:] != on[:, :-1]
    start = torch.where(edge, place, -1).cummax(1).values
    last = torch.ones_like(on)
    last[:, :-1] = edge[:, 1:]
    stop = torch.where(last, place, steps).flip(1).cummin(1).values.flip(1)
    return stop - start + 1


def inside(on: torch.Tensor) -> torch.Tensor:
    """(B, T) bool: from the first to the last True of each row."""
    seen = on.cummax(1).values
    return seen & on.flip(1).cummax(1).values.flip(1)


def first_frames(on: torch.Tensor) -> torch.Tensor:
    """(B, T) bool: where a run of True begins."""
    first = on.clone()
    first[:, 1:] &= ~on[:, :-1]
    return first


def compress(x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The values of x (B, T) where mask, moved to the left in order: (B, V) and their counts (B,); the rest is 0."""
    counts = mask.sum(1)
    out = x.new_zeros(len(x), max(1, int(counts.max())))
    place = mask.cumsum(1) - 1
    row = torch.arange(len(x), device=x.device)[:, None].expand_as(mask)
    out[row[mask], place[mask]] = x[mask]
    return out, counts
