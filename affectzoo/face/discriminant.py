"""A linear discriminant that is averaged with a trained network's head: few items, few columns, many persons.

Its closed form reads the covariance within classes, persons' resting faces in it, which a perceptron learns badly from
a thousand clips. What comes out are plain weights of the head; nothing is kept beside the model.
"""

import lightning as L
import torch

from affectzoo.errors import AffectZooError
from affectzoo.zoo.base import AffectModel


def discriminant(x: torch.Tensor, labels: torch.Tensor, classes: int, shrinkage: float) -> tuple[torch.Tensor, ...]:
    """(weight (C, D), bias (C,)) of Fisher's linear discriminant with equal priors: logits = x W' + b.

    x: (N, D); labels: (N,) class numbers. The covariance is the mean of the classes' own, (1 - s) S + s tr(S) / D I
    (shrinkage as in scikit-learn's LinearDiscriminantAnalysis, solver lsqr). Raises AffectZooError for a class with
    fewer than two items.
    """
    counts = torch.bincount(labels, minlength=classes)
    if int(counts.min()) < 2:
        raise AffectZooError(
            f"a discriminant needs two training items of each class; class {int(counts.argmin())} has fewer"
        )
    x = x.double()
    means = torch.stack([x[labels == c].mean(0) for c in range(classes)])
    within = torch.stack([torch.cov(x[labels == c].T, correction=0) for c in range(classes)]).mean(0)
    spread = torch.trace(within) / len(within)
    within = (1 - shrinkage) * within + shrinkage * spread * torch.eye(len(within), dtype=x.dtype, device=x.device)
    weight = torch.linalg.solve(within, means.T).T
    return weight, -0.5 * (means * weight).sum(1)


class AddDiscriminant(L.Callback):
    """When training has ended, the head of emotion becomes a mean of itself and of the training items' discriminant.

    The discriminant is fitted on those of the model's features that are its standardised inputs (`model.inputs`, the
    last ones). Logits become (own + weight discriminant) / (1 + weight), the weighted mean as in an ensemble, since a
    sum would be twice as sure of what both have from the same items. weight, shrinkage: ours.
    """

    def __init__(self, weight: float = 0.7, shrinkage: float = 0.1):
        if not weight > 0 or not 0 <= shrinkage <= 1:
            raise AffectZooError(f"weight must be positive and shrinkage in 0 to 1, got {weight} and {shrinkage}")
        self.weight, self.shrinkage = weight, shrinkage

    def on_fit_end(self, trainer: L.Trainer, task: L.LightningModule) -> None:
        """Fit and add. Raises AffectZooError for several processes, of which each has seen a part of the items only."""
        if trainer.world_size > 1:
            raise AffectZooError("AddDiscriminant is fitted in one process; set trainer.devices=1")
        add_discriminant(task.model, trainer.datamodule.train_dataloader(), self.weight, self.shrinkage)


@torch.no_grad()
def add_discriminant(model: AffectModel, batches, weight: float, shrinkage: float) -> None:
    """Change the head's weights in place; items without a known emotion, or with several, have no part."""
    columns = getattr(model, "inputs", 0)
    if not columns or "emotion" not in model.heads.linear:
        raise AffectZooError(f"{model.arch or type(model).__name__} has no emotion head over its inputs to add to")
    training = model.training
    model.eval()
    xs, labels = [], []
    for batch in batches:
        target = batch.targets["emotion"]
        one = target.mask.all(-1) & (target.values.max(-1).values > 0.5)
        batch = batch.to(next(model.parameters()).device)
        xs.append(model.forward_features(batch).values[one, -columns:])
        labels.append(target.values[one].argmax(-1))
    model.train(training)
    x, head = torch.cat(xs), model.heads.linear["emotion"]
    w, b = discriminant(x, torch.cat(labels).to(x.device), head.out_features, shrinkage)
    head.weight[:, -columns:] += (weight * w).to(head.weight.dtype)
    head.bias += (weight * b).to(head.bias.dtype)
    head.weight /= 1 + weight
    head.bias /= 1 + weight
