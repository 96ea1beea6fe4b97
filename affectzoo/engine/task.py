"""AffectTask: model + losses + MetricSuite. The four families differ in model and loss, not here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import lightning as L
import torch
from torch import nn

from affectzoo.engine.adversary import GroupAdversary
from affectzoo.engine.align import align_targets
from affectzoo.engine.losses import MultiTaskLoss
from affectzoo.engine.mixup import mixup
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.metrics.suite import MetricSuite
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel

SCHEDULES = ("cosine", "constant")


class AffectTask(L.LightningModule):
    """Training of any AffectModel.

    optimizer: parameters or groups -> torch optimizer. schedule: 'cosine' (one warm-up over `warmup` of all steps,
    then a half cosine to 0), or 'constant'. head_epochs: so many first epochs train the heads alone.
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
        if schedule not in SCHEDULES:
            raise UnknownNameError("schedule", schedule, SCHEDULES, "task")
        if mixup < 0:
            raise AffectZooError(f"task.mixup: must be at least 0, got {mixup}")
        super().__init__()
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.schedule, self.warmup, self.head_epochs = schedule, warmup, head_epochs
        self.encoder_rate, self.mixup, self.seed = encoder_rate, mixup, seed
        self.adversaries = nn.ModuleList(
            GroupAdversary(model.heads.dim, g, groups, w) for g, w in (adversary or {}).items()
        )
        self.metrics = MetricSuite.from_label_space(model.label_space)
        self._sums: dict[str, torch.Tensor] = {}
        self._items = 0
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

    def on_train_batch_start(self, batch: AffectBatch, batch_idx: int) -> None:
        """Seed every step by its number, so that a resumed run draws what the whole run would have drawn."""
        torch.manual_seed((self.seed * 1_000_003 + self.global_step) * 64 + self.global_rank)

    def training_step(self, batch: AffectBatch, batch_idx: int) -> torch.Tensor:
        """The multi-task loss."""
        if self.mixup:
            batch = mixup(batch, self.mixup)
        pred = self(batch)
        losses = self.loss(pred, align_targets(pred, batch))
        for adversary in self.adversaries:
            losses[adversary.group] = adversary(pred, batch.groups)
            losses["total"] = losses["total"] + losses[adversary.group]
        for name, value in losses.items():  # Lightning's own sums cost about a millisecond a step
            self._sums[name] = self._sums.get(name, 0.0) + value.detach() * len(batch)
        self._items += len(batch)
        self.log("loss", losses["total"].detach(), prog_bar=True, logger=False, batch_size=len(batch))
        return losses["total"]

    def on_train_epoch_end(self) -> None:
        """Log the epoch's mean losses; after a resume in the middle, those of the rest of the epoch."""
        self.log_dict({f"train/{n}": v / self._items for n, v in self._sums.items()})
        self._sums, self._items = {}, 0

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
        total = self._total_steps()
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self._rate(step, total))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _total_steps(self) -> int:
        """Optimizer steps of the whole run.

        Lightning's `estimated_stepping_batches` is not asked: it builds the training loader before a resume has
        restored the loader's place, and the epoch would begin again.
        """
        trainer = self.trainer
        batches = len(trainer.datamodule.train_dataloader())
        limit = trainer.overfit_batches or trainer.limit_train_batches
        batches = int(batches * limit) if isinstance(limit, float) else min(batches, limit)
        return max(1, -(-batches // trainer.accumulate_grad_batches)) * max(1, trainer.max_epochs)

    def _rate(self, step: int, total: int) -> float:
        if self.schedule == "constant":
            return 1.0
        warm = max(1, round(self.warmup * total))
        if step < warm:
            return (step + 1) / warm
        progress = min(1.0, (step - warm) / max(1, total - warm))
        return 0.5 * (1 + torch.cos(torch.tensor(progress * torch.pi)).item())

    def _encoder_parameters(self) -> Iterable[nn.Parameter]:
        """All but the heads and what the model itself has frozen."""
        named = self.model.named_parameters()
        return (p for n, p in named if not n.startswith("heads.") and n not in self._model_freezes)
