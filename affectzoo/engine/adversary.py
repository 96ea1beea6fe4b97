"""A group adversary: a classifier of speakers (or corpora) on the embedding whose gradient is turned round."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.structures.prediction import AffectPrediction


class GroupAdversary(nn.Module):
    """Gradient reversal (Ganin & Lempitsky 2015, ICML): it learns to tell the groups, the encoder learns to hide them.

    dim: length of the embedding. group: which group ('speaker'). items: the groups of every training item. weight:
    factor of the turned gradient; the classifier's own gradient is not scaled.
    Raises UnknownNameError for a group that the items lack, AffectZooError for one with a single value.
    """

    def __init__(self, dim: int, group: str, items: Sequence[Mapping[str, str]], weight: float):
        super().__init__()
        lacking = next((x for x in items if group not in x), None)
        if lacking is not None:
            raise UnknownNameError("group", group, lacking, "task.adversary")
        self.group, self.weight = group, weight
        self.names = {n: i for i, n in enumerate(sorted({x[group] for x in items}))}
        if len(self.names) < 2:
            raise AffectZooError(f"task.adversary: group {group!r} has {len(self.names)} value(s) in the training part")
        self.classify = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, len(self.names)))

    def forward(self, pred: AffectPrediction, groups: list[Mapping[str, str]]) -> torch.Tensor:
        """Cross-entropy of the groups, mean over the batch's items."""
        x = pred.embedding
        if x.ndim == 3:
            m = torch.ones(x.shape[:2], device=x.device) if pred.mask is None else pred.mask.float()
            x = (x * m[..., None]).sum(1) / m.sum(1, keepdim=True).clamp(min=1)
        label = torch.tensor([self.names[g[self.group]] for g in groups], device=x.device)
        return F.cross_entropy(self.classify(_Turn.apply(x.float(), self.weight)), label)


class _Turn(torch.autograd.Function):
    """Identity forward, -weight times the gradient backward."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: float) -> torch.Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        return -ctx.weight * gradient, None
