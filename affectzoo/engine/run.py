"""One run: data, model, fit, test predictions, record, artefact. And the table that ends it."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from affectzoo.data.card import DatasetCard, load_card
from affectzoo.data.collate import collate
from affectzoo.data.datamodule import AffectDataModule
from affectzoo.engine import report
from affectzoo.engine.task import AffectTask
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.leaderboard.evaluate import evaluate
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.table import PredictionTable
from affectzoo.zoo.base import AffectModel
from affectzoo.zoo.factory import build_model
from affectzoo.zoo.pretrained import key_hash, load_artefact, save_artefact


@dataclass
class Fitted:
    """What one fit leaves: the model, its data and the values that it logged last."""

    model: AffectModel
    data: AffectDataModule
    space: LabelSpace
    logged: dict[str, float]
    is_main: bool


def run(cfg: DictConfig) -> float | None:
    """Run what the configuration says; returns the value of `optimized_metric` (a sweep's objective)."""
    from affectzoo.engine.folds import run_folds

    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    if cfg.folds is not None:
        run_folds(cfg)
        return None
    started = time.time()
    fitted = fit(cfg)
    if fitted.is_main:  # under DDP, scores are made once, on unpadded data
        finish(cfg, fitted, started)
    return _objective(cfg, fitted.logged)


def fit(cfg: DictConfig, fold: int | None = None) -> Fitted:
    """Build data and model and train; resumes from `<run_dir>/checkpoints/last.ckpt` when that is there."""
    L.seed_everything(cfg.seed, workers=True, verbose=False)
    run_dir = Path(cfg.run_dir)
    _claim(cfg, run_dir)
    space = label_space(cfg)
    extra = {} if fold is None else {"fold": fold}
    data: AffectDataModule = instantiate(cfg.data, label_space=space, seed=cfg.seed, **extra)
    model = starting_model(cfg, space)
    data.attach(model)
    data.setup()
    loss = instantiate(cfg.loss)
    loss.fit_balance(space, (s.targets for s in data.samples("train")))
    task = AffectTask(model, loss, instantiate(cfg.optimizer), **cfg.task, seed=cfg.seed)
    trainer = instantiate(cfg.trainer, callbacks=list(instantiate(cfg.callbacks).values()),
                          logger=instantiate(cfg.logger), default_root_dir=str(run_dir))
    last = run_dir / "checkpoints" / "last.ckpt"
    resume = str(last) if cfg.resume and last.exists() else None
    if resume:
        report.say(f"resuming from {last}")
    trainer.fit(task, datamodule=data, ckpt_path=resume, weights_only=True)
    logged = {k: float(v) for k, v in trainer.callback_metrics.items()}
    return Fitted(model.cpu().eval(), data, space, logged, trainer.is_global_zero)


def label_space(cfg: DictConfig) -> LabelSpace:
    """The space that the run speaks: the configured one, else the data set's own."""
    if cfg.label_space:
        return as_space(cfg.label_space)
    own = OmegaConf.select(cfg, "data.options.label_space") or load_card(cfg.data.dataset).label_space
    return as_space(own)


def starting_model(cfg: DictConfig, space: LabelSpace) -> AffectModel:
    """A new model, or a checkpoint's with its heads reset when its label space is another."""
    if not cfg.init:
        return build_model(OmegaConf.to_container(cfg.model, resolve=True), space)
    model, config = load_artefact(cfg.init)
    if model.label_space.hash != space.hash:
        report.say(f"{cfg.init}: heads reset from {model.label_space.name} to {space.name}")
        model.reset_head(space)
    return model


@torch.inference_mode()
def predict_part(fitted: Fitted, part: str = "test") -> PredictionTable:
    """Predictions of every item of a part, once each, with the hashes of the training keys beside."""
    keys = tuple(key_hash(k) for k in fitted.data.training_keys())
    pred_tables = [PredictionTable.from_prediction(fitted.model(batch), training_keys=keys, model={"arch": fitted.model.arch})
                   for batch in fitted.data.part_loader(part)]
    if not pred_tables:
        raise AffectZooError(f"data set {fitted.data.dataset!r} has no items in part {part!r}")
    return PredictionTable.concat(pred_tables)


def finish(cfg: DictConfig, fitted: Fitted, started: float) -> EvalRecord | None:
    """Test predictions, record, artefact, and the table with the next command."""
    run_dir, card = Path(cfg.run_dir), load_card(fitted.data.dataset)
    table = predict_part(fitted)
    path = table.write(run_dir / "predictions.parquet")
    record = None
    if cfg.benchmark:
        record = evaluate(table, cfg.benchmark, model=model_ref(cfg, fitted.model), seed=cfg.seed)
        record.write(run_dir / "record.json")
    artefact = write_artefact(cfg, fitted, card, run_dir / "artefact", record)
    report.show(record, seconds=time.time() - started)
    report.next_command(artefact, card, fitted.data, run_dir, path)
    return record


def model_ref(cfg: DictConfig, model: AffectModel) -> dict[str, Any]:
    """What a record says about the model."""
    return {"arch": model.arch, "tag": cfg.tag, "parameters": sum(p.numel() for p in model.parameters())}


def write_artefact(cfg: DictConfig, fitted: Fitted, card: DatasetCard, folder: Path, record: EvalRecord | None,
                   fold: int | None = None) -> Path:
    """The folder that `load_predictor` runs: config, weights, golden outputs, card."""
    data = fitted.data
    some = (data.samples("test") or data.samples("train"))[:2]
    golden = collate([data.prepared(s) for s in some], fitted.space)
    free = card.free_for_any_use
    licences = {"code": "Apache-2.0", "weights": "Apache-2.0" if free else f"research only ({card.licence['data']})",
                "data": card.licence["data"]}
    training = {"dataset": card.name, "revision": card.revision, "split": data.split or "", "fold": fold,
                "label_space": fitted.space.name, "seeds": [cfg.seed], "epochs": cfg.trainer.max_epochs}
    return save_artefact(fitted.model, folder, tag=cfg.tag, golden=golden, licences=licences, training=training,
                         training_keys=[key_hash(k) for k in data.training_keys()], record=record, half=cfg.half)


def _claim(cfg: DictConfig, run_dir: Path) -> None:
    """Write the configuration into the run folder; going on with a different one is an error that names the keys."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "config.json"
    skip = ("resume", "run_dir", "hydra", "callbacks", "logger", "threads", "debug")
    now = {k: v for k, v in OmegaConf.to_container(cfg, resolve=True).items() if k not in skip}
    if path.exists() and (run_dir / "checkpoints" / "last.ckpt").exists() and cfg.resume:
        before = json.loads(path.read_text())
        differ = sorted(k for k in {*now, *before} if now.get(k) != before.get(k))
        if differ:
            raise AffectZooError(f"{run_dir} holds a run with another configuration (differs in: {', '.join(differ)}); "
                                 "choose another run_dir, or resume=false to start it again")
    path.write_text(json.dumps(now, indent=1, sort_keys=True))


def _objective(cfg: DictConfig, logged: dict[str, float]) -> float | None:
    if cfg.optimized_metric is None:
        return None
    if cfg.optimized_metric not in logged or not cfg.optimized_metric.startswith("val/"):
        raise AffectZooError(f"optimized_metric {cfg.optimized_metric!r} must be a logged validation value: "
                             f"{', '.join(k for k in sorted(logged) if k.startswith('val/'))}")
    return logged[cfg.optimized_metric]
