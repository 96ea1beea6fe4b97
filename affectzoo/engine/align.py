"""Labels of a batch brought to a prediction's granularity (the training side of structures/time.py's rule)."""

import torch

from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch, BatchTarget
from affectzoo.structures.time import METHODS, SNAP


def align_targets(pred: AffectPrediction, batch: AffectBatch) -> dict[str, BatchTarget]:
    """Targets of the fields that `pred` has, shaped like its values.

    A timed label is read at the prediction's steps (linear for vad, nearest otherwise); a clip label holds for
    every step of a timed prediction; a timed label becomes its masked mean for a clip prediction. Padded steps
    are masked out.
    """
    out = {}
    for name, field in pred.fields.items():
        target = batch.targets.get(name)
        if target is None:
            continue
        if pred.rate_hz is None:
            out[name] = target if target.rate_hz is None else _mean(target)
        else:
            steps = field.values.shape[1]
            aligned = _spread(target, steps) if target.rate_hz is None else _read(target, pred, steps, METHODS[name])
            valid = pred.mask.unsqueeze(-1) if pred.mask is not None else torch.ones_like(aligned.mask)
            out[name] = BatchTarget(aligned.values, aligned.mask & valid.bool(), pred.rate_hz, pred.t0_s)
    return out


def _mean(target: BatchTarget) -> BatchTarget:
    n = target.mask.sum(1)
    return BatchTarget((target.values * target.mask).sum(1) / n.clamp(min=1), n > 0)


def _spread(target: BatchTarget, steps: int) -> BatchTarget:
    return BatchTarget(target.values.unsqueeze(1).expand(-1, steps, -1), target.mask.unsqueeze(1).expand(-1, steps, -1))


def _read(target: BatchTarget, pred: AffectPrediction, steps: int, method: str) -> BatchTarget:
    """Vectorised over the batch; the same reading as structures.time.read_at (tested against it)."""
    device = target.values.device
    t0 = torch.zeros(len(pred.keys), device=device) if pred.t0_s is None else pred.t0_s
    start = torch.zeros_like(t0) if target.t0_s is None else target.t0_s
    times = t0.double()[:, None] + torch.arange(steps, device=device, dtype=torch.float64) / pred.rate_hz
    pos = (times - start.double()[:, None]) * target.rate_hz
    pos = torch.where((pos - pos.round()).abs() < SNAP, pos.round(), pos)
    n = target.values.shape[1]
    inside = ((pos >= -0.5) & (pos <= n - 0.5)).unsqueeze(-1)

    def take(x, i):
        return x.gather(1, i.unsqueeze(-1).expand(-1, -1, x.shape[-1]))

    if method == "nearest":
        i = (pos + 0.5).floor().long().clamp(0, n - 1)
        return BatchTarget(take(target.values, i), take(target.mask, i) & inside)
    pos = pos.clamp(0, n - 1)
    lo = pos.floor().long()
    hi = (lo + 1).clamp(max=n - 1)
    w = (pos - lo).unsqueeze(-1).to(target.values.dtype)
    # Padding beyond an item's own labels is masked; hold the last valid neighbour rather than blend with a zero.
    a, b, ma, mb = (
        take(target.values, lo),
        take(target.values, hi),
        take(target.mask, lo),
        take(target.mask, hi),
    )
    values = torch.where(ma, a, 0.0) * (1 - w) + torch.where(mb, b, 0.0) * w
    return BatchTarget(values, (ma | (w == 1)) & (mb | (w == 0)) & inside)
