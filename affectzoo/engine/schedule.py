"""What every training shares, whatever its loss: a seed a step, the schedule of the rate, the epoch's mean losses."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import lightning as L
import torch

from affectzoo.errors import UnknownNameError
from affectzoo.structures.sample import AffectBatch

SCHEDULES = ("cosine", "constant")


class ScheduledTask(L.LightningModule):
    """A LightningModule that lacks its loss.

    optimizer: parameters or groups -> torch optimizer. schedule: 'cosine' (one warm-up over `warmup` of all steps,
    then a half cosine to 0), or 'constant'.
    """

    def __init__(
        self,
        optimizer: Callable[[Iterable[Any]], torch.optim.Optimizer],
        schedule: str = "cosine",
        warmup: float = 0.1,
        seed: int = 0,
    ):
        if schedule not in SCHEDULES:
            raise UnknownNameError("schedule", schedule, SCHEDULES, "task")
        super().__init__()
        self.optimizer, self.schedule, self.warmup, self.seed = optimizer, schedule, warmup, seed
        self._sums: dict[str, torch.Tensor] = {}
        self._items = 0

    def on_train_batch_start(self, batch: AffectBatch, batch_idx: int) -> None:
        """Seed every step by its number, so that a resumed run draws what the whole run would have drawn."""
        torch.manual_seed((self.seed * 1_000_003 + self.global_step) * 64 + self.global_rank)

    def add_losses(self, losses: Mapping[str, torch.Tensor], main: str, items: int) -> torch.Tensor:
        """Keep a step's losses for the epoch's means and show the `main` one, which comes back."""
        for name, value in losses.items():  # Lightning's own sums cost about a millisecond a step
            self._sums[name] = self._sums.get(name, 0.0) + value.detach() * items
        self._items += items
        self.log("loss", losses[main].detach(), prog_bar=True, logger=False, batch_size=items)
        return losses[main]

    def on_train_epoch_end(self) -> None:
        """Log the epoch's mean losses; after a resume in the middle, those of the rest of the epoch."""
        self.log_dict({f"train/{n}": v / self._items for n, v in self._sums.items()})
        self._sums, self._items = {}, 0

    def scheduled(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """What configure_optimizers returns: the optimizer with a schedule a step."""
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
