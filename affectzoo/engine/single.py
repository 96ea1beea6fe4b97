"""One run from data to record and artefact, and the table that ends it."""

import json
import time
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig

from affectzoo.engine import report
from affectzoo.engine.calibration import NAME, read_calibration, validated_score
from affectzoo.engine.members import train
from affectzoo.engine.run import Fitted, predict_part, score, write_artefact
from affectzoo.errors import AffectZooError
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.table import PredictionTable


def run(cfg: DictConfig) -> float | None:
    """One fit, its scores and its artefact; returns the value of `optimized_metric` (a sweep's objective)."""
    resumed = cfg.resume and any(Path(cfg.run_dir).glob("**/last.ckpt"))
    started = time.time()
    fitted = train(cfg)
    if fitted.is_main and cfg.test:  # under DDP, scores are made once, on unpadded data
        if cfg.pretrain:
            report.say_start(write_artefact(cfg, fitted, Path(cfg.run_dir), None))
        else:
            finish(cfg, fitted, started, resumed)
    return _objective(cfg, fitted.logged)


def finish(cfg: DictConfig, fitted: Fitted, started: float, resumed: bool = False) -> EvalRecord:
    """Test predictions, record, artefact, and the table with the next command.

    resumed: the record says no seconds, since those of this process are not those of the training.
    """
    run_dir = Path(cfg.run_dir)
    table = predict_part(cfg, fitted)
    path = table.write(run_dir / "predictions.parquet")
    record = calibrated(cfg, fitted, table, score(cfg, table, None if resumed else started))
    artefact = write_artefact(cfg, fitted, run_dir, record)
    sha = json.loads((artefact / "config.json").read_text())["weights_sha256"]
    record = replace(record, model=replace(record.model, sha256=sha))
    for folder in (run_dir, artefact):
        record.write(folder / "record.json")
    report.show(record, time.time() - started)
    report.next_command(artefact, fitted.data, run_dir, path)
    return record


def calibrated(cfg: DictConfig, fitted: Fitted, table: PredictionTable, record: EvalRecord) -> EvalRecord:
    """The record with the calibration error after temperature scaling, where a temperature is given or can be fitted.

    Answers with a configured temperature are calibrated already: their error is written with the temperature's origin.
    """
    if cfg.calibration:
        now = record.scores.get("emotion/ece")
        after = now and replace(read_calibration(cfg.calibration, cfg.model.card.name), value=now.value, n=now.n)
    elif fitted.data.samples("val"):
        samples = [*fitted.data.samples("val"), *fitted.data.samples("test")]
        after = validated_score(table, predict_part(cfg, fitted, "val"), samples)
    else:
        return record
    return replace(record, scores={**record.scores, NAME: after}) if after else record


def _objective(cfg: DictConfig, logged: dict[str, float]) -> float | None:
    if cfg.optimized_metric is None:
        return None
    if cfg.optimized_metric not in logged:
        raise AffectZooError(
            f"optimized_metric {cfg.optimized_metric!r} must be a logged validation value: "
            f"{', '.join(k for k in sorted(logged) if k.startswith('val/'))}"
        )
    report.say(f"{cfg.optimized_metric}: {logged[cfg.optimized_metric]:.4f}")
    return logged[cfg.optimized_metric]
