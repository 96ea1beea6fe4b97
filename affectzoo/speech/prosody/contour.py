"""Intonation: what shape the pitch of an utterance has, and how sure that is.

Measurement and thresholds are those of EmotionThinker's released labelling pipeline (arXiv 2601.15668). It does not
say what its margin is, how quarters are counted, or where a level contour of moderate range belongs; these are ours:
places are counted in voiced frames, so that a pause is no valley; the margin is how far the deciding number is beyond
its threshold, as a share of the threshold; level and moderate is flat, the less surely the wider it is.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import savgol_coeffs

from affectzoo.speech.prosody.frames import FRAME_RATE, NAN, compress
from affectzoo.speech.prosody.frames import masked_quantile as quantile

CLASSES = ("rising", "falling", "rising-falling", "falling-rising", "flat", "expressive", "uncertain", "too_short")
MEDIAN_FRAMES, SMOOTH_FRAMES, SMOOTH_ORDER = 5, 9, 2
FLAT_ST, EXPRESSIVE_ST = 3.0, 9.0
SLOPE_ST, TURN_ST, TURN_PLACE, TURN_R2 = 2.0, 2.0, (0.25, 0.75), 0.05
#: Voiced seconds that a direction and a range need, and that give full confidence.
DIRECTION_S, RANGE_S, FULL_S = 0.5, 0.25, 1.0
#: Each pause of more than 0.3 s takes 30 % of the confidence; below 0.15 the class is "uncertain".
PAUSE_FACTOR, LEAST_CONFIDENCE = 0.7, 0.15


@dataclass(frozen=True)
class Contour:
    """kind (B,): index into CLASSES; confidence (B,) 0..1; change_st, range_st, turn_st (B,): NaN where too short.

    change_st: last quarter minus first. turn_st: height of a turning point above (below: negative) the chord, 0
    where there is none.
    """

    kind: torch.Tensor
    confidence: torch.Tensor
    change_st: torch.Tensor
    range_st: torch.Tensor
    turn_st: torch.Tensor


def classify(f0: torch.Tensor, pauses: torch.Tensor) -> Contour:
    """Contours of f0 (B, T) in Hz, NaN where unvoiced or no speech, with pauses (B,) of more than 0.3 s."""
    voiced = f0.isfinite()
    tones, count = compress(f0.nan_to_num(1.0).log2() * 12, voiced)
    mask = torch.arange(tones.shape[1], device=f0.device) < count[:, None]
    tones = torch.where(mask, tones - quantile(tones, mask, 0.5)[:, None], 0)
    smooth = _savgol(_median5(tones, count), count)
    seconds = count / FRAME_RATE
    range_st = quantile(smooth, mask, 0.95) - quantile(smooth, mask, 0.05)
    quarter = 0.25 * count[:, None]
    place = torch.arange(tones.shape[1], device=f0.device)
    last, first = mask & (place >= count[:, None] - quarter), mask & (place < quarter)
    change = quantile(smooth, last, 0.5) - quantile(smooth, first, 0.5)
    turn = _turn(smooth, mask, count)
    kind, margin = _decide(change, range_st, turn, seconds >= DIRECTION_S)
    sure = margin.clamp(0, 1) * (seconds / FULL_S).clamp(0, 1) * PAUSE_FACTOR**pauses
    enough, directed = seconds >= RANGE_S, seconds >= DIRECTION_S
    kind = torch.where(sure < LEAST_CONFIDENCE, CLASSES.index("uncertain"), kind)
    kind = torch.where(enough, kind, CLASSES.index("too_short"))
    sure = torch.where(enough, sure, 0.0)
    nan = torch.full_like(change, NAN)
    return Contour(
        kind,
        sure,
        torch.where(directed, change, nan),
        torch.where(enough, range_st, nan),
        torch.where(directed, turn, nan),
    )


def _decide(change: torch.Tensor, range_st: torch.Tensor, turn: torch.Tensor, directed: torch.Tensor):
    """Index into CLASSES and margin: a turn, else a slope, else the range."""
    slope = change.abs() >= SLOPE_ST
    turned = directed & (turn != 0)
    sloped = directed & slope & ~turned
    wide = range_st > EXPRESSIVE_ST
    moderate = ((range_st - FLAT_ST) / (EXPRESSIVE_ST - FLAT_ST)).clamp(min=0)
    level_margin = 1 - torch.maximum(moderate, torch.where(directed, change.abs() / SLOPE_ST, 0))
    kind = torch.where(wide, CLASSES.index("expressive"), CLASSES.index("flat"))
    margin = torch.where(wide, range_st / EXPRESSIVE_ST - 1, level_margin)
    kind = torch.where(sloped, (change < 0).long(), kind)  # rising, falling
    margin = torch.where(sloped, change.abs() / SLOPE_ST - 1, margin)
    kind = torch.where(turned, 2 + (turn < 0).long(), kind)  # rising-falling, falling-rising
    return kind, torch.where(turned, turn.abs() / TURN_ST - 1, margin)


def _turn(y: torch.Tensor, mask: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """(B,) height of the parabola's vertex over the middle of its chord; 0 where that is no turning point.

    Least squares over places u in [0, 1], in the orthogonal polynomials 1, u' and u'^2 - m of the centred grid.
    """
    y, n = y.double(), count.clamp(min=3).double()
    u = torch.arange(y.shape[1], device=y.device) / (n - 1)[:, None] - 0.5
    weight = mask.double()
    p1 = u * weight
    square = (p1 * u).sum(1) / n
    p2 = (u.square() - square[:, None]) * weight
    mean = (y * weight).sum(1) / n
    b, a = ((y * p).sum(1) / p.square().sum(1).clamp(min=1e-12) for p in (p1, p2))
    spread = ((y - mean[:, None]).square() * weight).sum(1).clamp(min=1e-12)
    gain = a.square() * p2.square().sum(1) / spread  # of R squared, over the line
    vertex = -b / (2 * torch.where(a == 0, 1e-12, a))
    depth = a * (vertex.square() - 0.25) + b * vertex  # the chord's middle is the parabola's value at the ends
    inner = (vertex + 0.5 >= TURN_PLACE[0]) & (vertex + 0.5 <= TURN_PLACE[1])
    return torch.where(inner & (depth.abs() >= TURN_ST) & (gain >= TURN_R2), depth, 0).float()


def _median5(x: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Running median of five; the ends repeat."""
    half = MEDIAN_FRAMES // 2
    last = (count - 1).clamp(min=0)[:, None]
    at = torch.arange(-half, x.shape[1] + half, device=x.device).clamp(min=0)
    return x.gather(1, torch.minimum(at.expand(len(x), -1), last)).unfold(1, MEDIAN_FRAMES, 1).median(2).values


def _savgol(x: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Savitzky-Golay (9, 2); first and last four values come from the parabola of the end's nine. Shorter: kept."""
    if x.shape[1] < SMOOTH_FRAMES:
        return x
    rows = [savgol_coeffs(SMOOTH_FRAMES, SMOOTH_ORDER, pos=k, use="dot") for k in range(SMOOTH_FRAMES)]
    table = torch.from_numpy(np.stack(rows)).to(x)
    place = torch.arange(x.shape[1], device=x.device).expand_as(x)
    latest = (count - SMOOTH_FRAMES).clamp(min=0)[:, None]
    start = torch.minimum((place - SMOOTH_FRAMES // 2).clamp(min=0), latest)
    windows = x.unfold(1, SMOOTH_FRAMES, 1).gather(1, start[..., None].expand(-1, -1, SMOOTH_FRAMES))
    smooth = (windows * table[(place - start).clamp(max=SMOOTH_FRAMES - 1)]).sum(2)
    return torch.where((count >= SMOOTH_FRAMES)[:, None], smooth, x)
