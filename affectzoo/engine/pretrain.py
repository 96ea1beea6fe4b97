"""PretrainTask: training of a model's encoder on an objective that needs no labels."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from affectzoo.engine.schedule import ScheduledTask
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel


class PretrainTask(ScheduledTask):
    """An objective, made of a model, that gives the loss of a batch; its parameters are trained.

    These are the model's own that it holds (the encoder's) and those that it brings, which stay behind. All else of the
    model, its heads among it, remains as it is. optimizer, schedule, warmup: see ScheduledTask.
    """

    def __init__(
        self,
        model: AffectModel,
        objective: nn.Module,
        optimizer: Callable[[Iterable[Any]], torch.optim.Optimizer],
        schedule: str = "cosine",
        warmup: float = 0.1,
        seed: int = 0,
    ):
        super().__init__(optimizer, schedule, warmup, seed)
        self.model, self.objective = model, objective
        trained = {id(p) for p in objective.parameters()}
        for p in model.parameters():  # DDP waits for the gradient of every parameter that wants one
            p.requires_grad_(id(p) in trained and p.requires_grad)

    def training_step(self, batch: AffectBatch, batch_idx: int) -> torch.Tensor:
        """The objective's loss."""
        return self.add_losses({"loss": self.objective(batch)}, "loss", len(batch))

    def validation_step(self, batch: AffectBatch, batch_idx: int) -> None:
        """Log the loss, with the same draws in every epoch."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(batch_idx)
            loss = self.objective(batch)
        self.log("val/loss", loss, batch_size=len(batch), sync_dist=True)

    def configure_optimizers(self) -> dict[str, Any]:
        """One group of what is trained, and a schedule a step."""
        return self.scheduled(self.optimizer([{"params": list(self.objective.parameters())}]))
