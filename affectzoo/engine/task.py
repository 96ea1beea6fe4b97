"""AffectTask: model + losses + MetricSuite. The four families differ in model and loss, not here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from affectzoo.engine.adversary import GroupAdversary
from affectzoo.engine.align import align_targets
from affectzoo.engine.losses import MultiTaskLoss
from affectzoo.engine.mixup import mixup
from affectzoo.engine.schedule import ScheduledTask
from affectzoo.errors import AffectZooError
from affectzoo.metrics.suite import MetricSuite
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel


class AffectTask(ScheduledTask):
    """Training of any AffectModel.

    optimizer, schedule, warmup: see ScheduledTask. head_epochs: so many first epochs train the heads alone.
    encoder_rate: the encoder's learning rate as a share of the heads' (discriminative rates). mixup: alpha of the Beta
    distribution, 0 for none. adversary: group -> weight of its turned gradient ({speaker: 0.1}), see GroupAdversary.
    """

    def __init__(
        self,
        model: AffectModel,
        loss: MultiTaskLoss,
        optimizer: Callable[[Iterable[Any]], torch.optim.Optimizer],
        schedule: str = "cosine",
        warmup: float = 0.1,
        head_epochs: int = 0,
        encoder_rate: float = 1.0,
        mixup: float = 0.0,
        adversary: Mapping[str, float] | None = None,
        seed: int = 0,
        groups: Sequence[Mapping[str, str]] = (),
    ):
        if mixup < 0:
            raise AffectZooError(f"task.mixup: must be at least 0, got {mixup}")
        super().__init__(optimizer, schedule, warmup, seed)
        self.model, self.loss, self.head_epochs = model, loss, head_epochs
        self.encoder_rate, self.mixup = encoder_rate, mixup
        self.adversaries = nn.ModuleList(
            GroupAdversary(model.heads.dim, g, groups, w) for g, w in (adversary or {}).items()
        )
        self.metrics = MetricSuite.from_label_space(model.label_space)
        self._model_freezes = {n for n, p in model.named_parameters() if not p.requires_grad}

    def forward(self, batch: AffectBatch) -> AffectPrediction:
        """Predict a batch."""
        return self.model(batch)

    def on_train_start(self) -> None:
        """Lightning begins no epoch anew when a run goes on in the middle of one."""
        self._freeze()

    def on_train_epoch_start(self) -> None:
        """Heads alone while head_epochs last."""
        self._freeze()

    def _freeze(self) -> None:
        frozen = self.current_epoch < self.head_epochs
        for p in self._encoder_parameters():
            p.requires_grad_(not frozen)
        if frozen:
            self.model.eval()  # a frozen encoder keeps its batch statistics
            self.model.heads.train()
        else:
            self.model.train()

    def training_step(self, batch: AffectBatch, batch_idx: int) -> torch.Tensor:
        """The multi-task loss."""
        if self.mixup:
            batch = mixup(batch, self.mixup)
        pred = self(batch)
        losses = self.loss(pred, align_targets(pred, batch))
        for adversary in self.adversaries:
            losses[adversary.group] = adversary(pred, batch.groups)
            losses["total"] = losses["total"] + losses[adversary.group]
        return self.add_losses(losses, "total", len(batch))

    def validation_step(self, batch: AffectBatch, batch_idx: int) -> None:
        """Feed the metric suite; the loss is logged too."""
        pred = self(batch)
        targets = align_targets(pred, batch)
        losses = self.loss(pred, targets)
        self.log("val/loss", losses["total"], batch_size=len(batch), sync_dist=True)
        self.metrics.update(pred, targets)

    def on_validation_epoch_end(self) -> None:
        """Log the suite's values once an epoch (approximate under DDP: padded duplicates count; scores are not)."""
        values = {f"val/{n}": v.float() for n, v in self.metrics.compute().items()}
        self.log_dict({n: v for n, v in values.items() if v.ndim == 0})
        self.metrics.reset()

    def configure_optimizers(self) -> dict[str, Any]:
        """Two groups (encoder, heads) and a schedule a step."""
        base = self.optimizer([{"params": self.model.heads.parameters()}])
        rate = base.param_groups[0]["lr"]
        optimizer = self.optimizer(
            [
                {"params": list(self._encoder_parameters()), "lr": rate * self.encoder_rate},
                {"params": [*self.model.heads.parameters(), *self.adversaries.parameters()]},
            ]
        )
        return self.scheduled(optimizer)

    def _encoder_parameters(self) -> Iterable[nn.Parameter]:
        """All but the heads and what the model itself has frozen."""
        named = self.model.named_parameters()
        return (p for n, p in named if not n.startswith("heads.") and n not in self._model_freezes)
