"""Whole runs in their own processes: kill and resume, two-process DDP, fine-tuning."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from affectzoo.structures.table import PredictionTable

ROOT = Path(__file__).parents[2]
SMALL = [
    "data.options.n=48",
    "data.options.seconds=0.5",
    "data.batch_size=4",
    "model.width=4",
    "evaluate_on=null",
    "trainer.enable_progress_bar=false",
    "~callbacks.progress",
    "threads=1",
]


def command(run_dir, *overrides):
    return [sys.executable, str(ROOT / "train.py"), *SMALL, f"run_dir={run_dir}", *overrides]


def train(run_dir, *overrides):
    done = subprocess.run(command(run_dir, *overrides), capture_output=True, text=True, cwd=run_dir.parent, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def weights(run_dir):
    (path,) = run_dir.glob("*/model.safetensors")
    return load_file(path)


@pytest.mark.parametrize("more", [[], ["callbacks=averaged", "perturb=speed", "data.perturb.copies=2"]], ids=str)
def test_killed_run_ends_with_the_weights_of_the_whole_run(tmp_path, more):
    steps = [
        *more,
        "trainer.max_epochs=3",
        "task.head_epochs=1",  # the kill comes in the first epoch: what is frozen must be frozen again
        "callbacks.checkpoint.every_n_epochs=null",
        "callbacks.checkpoint.every_n_train_steps=3",
        "callbacks.checkpoint.save_on_train_epoch_end=false",
    ]
    train(tmp_path / "whole", *steps)
    last = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    process = subprocess.Popen(
        command(tmp_path / "killed", *steps),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not last.exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"
    assert not list((tmp_path / "killed").glob("*/model.safetensors"))
    assert "resuming from" in train(tmp_path / "killed", *steps)
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def test_a_sweep_gives_every_job_a_folder_of_its_own(tmp_path):
    train(tmp_path / "sweep", "trainer.max_epochs=1", "seed=0,1", "data.num_workers=0,1", "-m")
    jobs = [json.loads((tmp_path / "sweep" / str(i) / "config.json").read_text()) for i in range(4)]
    assert [(j["seed"], j["data"]["num_workers"]) for j in jobs] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    in_process, worker, other = (weights(tmp_path / "sweep" / str(i)) for i in range(3))
    assert all(torch.equal(in_process[n], worker[n]) for n in in_process)
    assert any(not torch.equal(in_process[n], other[n]) for n in in_process)


def test_another_configuration_does_not_continue_a_run(tmp_path):
    train(tmp_path / "run", "trainer.max_epochs=1")
    done = subprocess.run(
        command(tmp_path / "run", "trainer.max_epochs=1", "seed=1"),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    assert done.returncode != 0 and "differs in: seed" in done.stderr + done.stdout


def test_two_process_ddp_trains_one_model_and_predicts_every_item_once(tmp_path):
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command(tmp_path / "ddp", "trainer=ddp_cpu", "trainer.max_epochs=1"),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=env,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = PredictionTable.read(tmp_path / "ddp" / "predictions.parquet")
    single = tmp_path / "single"
    train(single, "trainer.max_epochs=1")
    assert sorted(table.frame.key) == sorted(PredictionTable.read(single / "predictions.parquet").frame.key)
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()].count("ddp") == 1 and not (tmp_path / "outputs").exists()


def test_fine_tuning_resets_heads_and_moves_the_encoder_after_the_heads(tmp_path):
    train(tmp_path / "base", "trainer.max_epochs=1")
    (base,) = tmp_path.glob("base/speech.*")
    common = [f"init={base}", "label_space=va", "task.encoder_rate=0.3"]
    done = subprocess.run(command(tmp_path / "odd", *common, "model.dropout=0.5"), capture_output=True, text=True)
    assert done.returncode == 2 and "other options than dropout=0.5; give model.dropout=0.3" in done.stderr
    out = train(tmp_path / "frozen", *common, "trainer.max_epochs=1", "task.head_epochs=1")
    assert "heads reset" in out
    before, frozen = load_file(base / "model.safetensors"), weights(tmp_path / "frozen")
    config = json.loads(next(tmp_path.glob("frozen/speech.*/config.json")).read_text())
    assert config["label_space"]["name"] == "va"
    encoder = [n for n in before if not n.startswith("heads.")]
    assert encoder and all(torch.equal(before[n], frozen[n]) for n in encoder)
    train(tmp_path / "all", *common, "trainer.max_epochs=2", "task.head_epochs=1")
    moved = weights(tmp_path / "all")
    assert any(not torch.equal(before[n], moved[n]) for n in encoder)
    assert not any(n.startswith("heads.linear.emotion") for n in moved)


@pytest.mark.slow
def test_overfit_debug_config_drives_the_loss_down(tmp_path):
    train(tmp_path / "o", "debug=overfit", "model.spec_augment=false", "model.dropout=0", "model.width=8")
    table = pd.read_csv(tmp_path / "o" / "logs" / "metrics.csv")
    losses = table["train/total"].dropna().to_numpy()
    assert len(losses) == 60 and losses[-1] < 0.2 * losses[0], losses
