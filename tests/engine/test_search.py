"""A search of settings: Optuna proposes, validation decides, and no test item is predicted."""

import subprocess
import sys

from test_runs import ROOT, SMALL

from affectzoo.schema import read_yaml


def test_a_search_by_validation_alone(tmp_path):
    words = [sys.executable, str(ROOT / "train.py"), *SMALL, "hparams_search=speech", "trainer.max_epochs=1"]
    words += ["hydra.sweeper.n_trials=2", "run_dir=search"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    best = read_yaml(tmp_path / "search" / "optimization_results.yaml")
    assert best["name"] == "optuna" and 0 <= best["best_value"] <= 1
    assert {"optimizer.lr", "loss.smoothing", "task.mixup"} <= set(best["best_params"])
    assert len(list(tmp_path.glob("search/*/config.json"))) == 2
    assert not list(tmp_path.rglob("predictions.parquet")) and not list(tmp_path.rglob("model.safetensors"))
    assert done.stdout.count("val/emotion/uar:") == 2
