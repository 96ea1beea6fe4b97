"""Callbacks that Lightning does not have in a form that writes no pickle."""

import json
import os
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.plugins.io import TorchCheckpointIO
from safetensors.torch import load_file, save_file

from affectzoo.errors import AffectZooError, UnknownNameError


class KeepBest(L.Callback):
    """Keeps the weights of the epoch with the best validation value as safetensors and restores them at the end.

    monitor: a logged name ('val/emotion/uar'); mode: max or min. The file and its value survive a kill, so a
    resumed run keeps comparing with the best epoch so far. Only validation values may be named.
    """

    def __init__(self, monitor: str, folder: str, mode: str = "max"):
        if not monitor.startswith("val/"):
            raise AffectZooError(f"KeepBest.monitor must be a validation value ('val/...'), got {monitor!r}")
        if mode not in ("max", "min"):
            raise UnknownNameError("mode", mode, ("max", "min"), "KeepBest")
        self.monitor, self.mode, self.folder = monitor, mode, Path(folder)
        self.best: float | None = None

    def state_dict(self) -> dict:
        """The best value so far (stored in Lightning's checkpoint)."""
        return {"best": self.best}

    def load_state_dict(self, state: dict) -> None:
        """Restore after a resume."""
        self.best = state["best"]

    def on_fit_start(self, trainer: L.Trainer, task: L.LightningModule) -> None:
        """Raise AffectZooError when no epoch could be the best: nothing to validate on, or other weights validated."""
        if any(isinstance(c, WeightAveraging) for c in trainer.callbacks):
            raise AffectZooError("KeepBest: averaged weights are validated, and it would keep others; use one of them")
        if not trainer.limit_val_batches:
            raise AffectZooError(f"KeepBest: {self.monitor} needs a validation part, and this run has none")

    def on_validation_end(self, trainer: L.Trainer, task: L.LightningModule) -> None:
        """Compare and keep."""
        if trainer.sanity_checking:
            return
        if self.monitor not in trainer.callback_metrics:
            raise UnknownNameError("monitored value", self.monitor, trainer.callback_metrics, "KeepBest")
        value = float(trainer.callback_metrics[self.monitor])
        better = self.best is None or (value > self.best if self.mode == "max" else value < self.best)
        if value == value and better:
            self.best = value
            if trainer.is_global_zero:
                self.folder.mkdir(parents=True, exist_ok=True)
                save_file(
                    {k: v.contiguous().cpu() for k, v in task.model.state_dict().items()},
                    self.folder / "best.safetensors",
                )
                (self.folder / "best.json").write_text(
                    json.dumps({"epoch": trainer.current_epoch, self.monitor: value})
                )

    def on_fit_end(self, trainer: L.Trainer, task: L.LightningModule) -> None:
        """Put the best weights back."""
        path = self.folder / "best.safetensors"
        if self.best is not None and path.exists():
            task.model.load_state_dict(load_file(path), strict=True)


class EpochOrder(L.Callback):
    """Tells the batch sampler the epoch, so that the order of the data is a function of (seed, epoch) alone."""

    def on_train_epoch_start(self, trainer: L.Trainer, task: L.LightningModule) -> None:
        """Set the epoch on every sampler that knows epochs."""
        for sampler in (
            getattr(trainer.train_dataloader, "batch_sampler", None),
            getattr(trainer.train_dataloader, "sampler", None),
        ):
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(trainer.current_epoch)


class ChannelsLast(L.Callback):
    """Puts 4-D weights into channels_last memory order; with bfloat16 autocast much faster for 2-D nets on a CPU."""

    def setup(self, trainer: L.Trainer, task: L.LightningModule, stage: str) -> None:
        """Convert before fitting."""
        task.model.to(memory_format=torch.channels_last)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a resume checkpoint aside and renames it, so that a kill never leaves half of one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Save, then rename into place."""
        aside = f"{path}.part"
        super().save_checkpoint(checkpoint, aside, storage_options)
        os.replace(aside, path)
