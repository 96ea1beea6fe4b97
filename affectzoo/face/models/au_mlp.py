"""AuMlp: from action units of a clip to emotion, a small perceptron that is trained on exchanged faces."""

import torch
import torch.nn.functional as F
from torch import nn

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.au_features import AuFeatures
from affectzoo.face.openface import COLUMNS, MODALITY
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.heads import AffectHeads


class AuMlp(AffectModel):
    """35 columns of OpenFace, the mean over a clip's valid steps, their square roots, standardised; one answer a clip.

    Square roots, since estimates pile up at 0 and their spread grows with their size. What is taken from training
    items is a mean and a variance of each column (a batch norm); nothing of the tested person's other clips is read.
    The head reads the hidden layer and the standardised columns beside it. Architecture, noise: ours.

    width, layers: of the hidden layers (0 layers: a linear model). dropout: after each. noise: standard deviation of
    the normal noise on standardised columns while it trains. swap: while it trains, an item moves by this share of the
    way from its own person's mean in the batch to another person's, so that what is a person's resting face rather than
    an emotion gets no weight; the batch should hold some items of each. person: the group that says who is who.
    """

    modalities = (MODALITY,)

    def __init__(
        self,
        label_space: LabelSpace | str,
        width: int = 128,
        layers: int = 1,
        dropout: float = 0.4,
        noise: float = 0.3,
        swap: float = 0.5,
        person: str = "speaker",
    ):
        super().__init__(label_space)
        for name, value in (("dropout", dropout), ("noise", noise), ("swap", swap)):
            if value < 0:
                raise AffectZooError(f"{name} must be at least 0, got {value}")
        self.width, self.layers, self.dropout, self.noise = width, layers, dropout, noise
        self.swap, self.person = swap, person
        self.transforms = {MODALITY: AuFeatures()}
        self.norm = nn.BatchNorm1d(len(COLUMNS), eps=1e-4, momentum=0.02, affine=False)
        widths = [len(COLUMNS)] + [width] * layers
        blocks = [_block(a, b, dropout) for a, b in zip(widths, widths[1:], strict=False)]
        self.hidden = nn.Sequential(*blocks)
        self.inputs = len(COLUMNS)  # so many last features are inputs (face/discriminant.py)
        self.heads = AffectHeads((width if layers else 0) + self.inputs, self.label_space)

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """au_features (B, T, 35) and their mask -> (B, width + 35)."""
        signal = batch.signals[MODALITY]
        weight = signal.mask[..., None].to(signal.data.dtype)
        total = torch.where(signal.mask[..., None], signal.data, 0.0).sum(1)
        x = (total / weight.sum(1).clamp(min=1)).clamp(min=0).sqrt()
        if self.training and len(x) == 1:  # a batch norm has no variance of one item
            x = F.batch_norm(x, self.norm.running_mean, self.norm.running_var, eps=self.norm.eps)
        else:
            x = self.norm(x)
        x = self._perturb(x, batch) if self.training else x
        return Encoded(torch.cat([self.hidden(x), x], 1) if self.layers else x)

    def _perturb(self, x: torch.Tensor, batch: AffectBatch) -> torch.Tensor:
        if self.swap:
            means = _means_of(x, self._persons(batch))
            x = x + self.swap * (means[torch.randperm(len(x), device=x.device)] - means)
        return x + self.noise * torch.randn_like(x) if self.noise else x

    def _persons(self, batch: AffectBatch) -> list[str]:
        names = [g.get(self.person, "") for g in batch.groups]
        if len(names) < len(batch) or not all(names):
            there = {n for g in batch.groups for n in g}
            raise UnknownNameError("group (option person)", self.person, there, "au_mlp, or set swap to 0")
        return names


def _means_of(x: torch.Tensor, names: list[str]) -> torch.Tensor:
    """(B, D): of each row, the mean of x over the rows of the same name."""
    number = {n: i for i, n in enumerate(dict.fromkeys(names))}
    who = F.one_hot(torch.tensor([number[n] for n in names], device=x.device), len(number)).to(x.dtype)
    return who @ (who.T @ x / who.sum(0)[:, None])


def _block(inside: int, outside: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inside, outside), nn.GELU(), nn.Dropout(dropout))
