"""Training throughput of the engine (Lightning, task, metrics, callbacks) beside a bare loop over the same model.

    python benchmarks/training.py [--width 64] [--epochs 6] [--repeats 5] [--threads 2] [--no-write]

Both train the same network on the same prepared batches in the same order, with the same optimizer and gradient
clipping, from the same weights. Repeats are interleaved; the best of each counts. The first epoch of every run is
left out. Goal: the engine at least .95 of the bare loop. What the engine costs a step does not depend on the network,
so that a toy network (--width 16) has a worse ratio. Writes benchmarks/results/training.json.
"""

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path

import lightning as L
import torch
from _machine import machine

from affectzoo.data.datamodule import AffectDataModule
from affectzoo.engine.align import align_targets
from affectzoo.engine.callbacks import EpochOrder
from affectzoo.engine.losses import MultiTaskLoss
from affectzoo.engine.task import AffectTask
from affectzoo.zoo.factory import create_model

RESULT = Path(__file__).parent / "results" / "training.json"
SPACE = "ekman7+vad"


def fresh(width: int) -> tuple[torch.nn.Module, AffectDataModule]:
    """The same starting weights and data for every run."""
    torch.manual_seed(0)
    model = create_model("speech/logmel_cnn", SPACE, width=width)
    data = AffectDataModule("speech_synthetic", SPACE, "speakers", 0, options={"n": 400, "seconds": 1.0}, cache=False)
    data.attach(model).setup()
    return model, data


def optimizer(parameters):
    """AdamW as the default configuration has it."""
    return torch.optim.AdamW(parameters, lr=0.002, weight_decay=0.01)


class Clock(L.Callback):
    """Time at the end of each epoch's training batches."""

    def __init__(self):
        self.starts, self.ends = [], []

    def on_train_epoch_start(self, *_):
        self.starts.append(time.perf_counter())

    def on_train_epoch_end(self, *_):
        self.ends.append(time.perf_counter())


def engine(epochs: int, width: int) -> float:
    """Seconds an epoch through the engine, validation left out."""
    model, data = fresh(width)
    clock, task = Clock(), AffectTask(model, MultiTaskLoss(), optimizer)
    with tempfile.TemporaryDirectory() as folder:
        trainer = L.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            gradient_clip_val=5.0,
            limit_val_batches=0,
            default_root_dir=folder,
            callbacks=[EpochOrder(), clock],
        )
        trainer.fit(task, datamodule=data)
    return sum(e - s for s, e in zip(clock.starts[1:], clock.ends[1:], strict=True)) / (epochs - 1)


def bare(epochs: int, width: int) -> float:
    """Seconds an epoch in a plain loop."""
    model, data = fresh(width)
    loss, opt, loader = MultiTaskLoss(), optimizer(model.parameters()), data.train_dataloader()
    model.train()
    spent = []
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        start = time.perf_counter()
        for batch in loader:
            pred = model(batch)
            opt.zero_grad()
            loss(pred, align_targets(pred, batch))["total"].backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
        spent.append(time.perf_counter() - start)
    return sum(spent[1:]) / (epochs - 1)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=64, help="of the network; 64 is the one that ships")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(args.threads)
    runs = [(engine(args.epochs, args.width), bare(args.epochs, args.width)) for _ in range(args.repeats)]
    ours, loop = min(r[0] for r in runs), min(r[1] for r in runs)
    ratios = sorted(b / e for e, b in runs)
    steps = len(fresh(args.width)[1].train_dataloader())
    result = {
        "task": f"speech/logmel_cnn width {args.width}, 400 voices of 1 s, batch 32, float32",
        "engine_s_per_epoch": round(ours, 4),
        "bare_s_per_epoch": round(loop, 4),
        "engine_ms_per_step": round(1000 * (ours - loop) / steps, 3),
        "throughput_ratio": round(loop / ours, 4),
        "paired_ratios": [round(r, 4) for r in ratios],
        "goal": 0.95,
        "machine": machine("lightning"),
    }
    print(json.dumps(result, indent=1))
    if not args.no_write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
