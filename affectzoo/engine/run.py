"""The parts of a run: data, model, fit, predictions of a part, score, artefact."""

import json
import logging
import shlex
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from affectzoo.data.card import load_card
from affectzoo.data.collate import collate
from affectzoo.data.datamodule import AffectDataModule
from affectzoo.data.joined import find_folds
from affectzoo.data.standardise import REMARK
from affectzoo.engine import report
from affectzoo.engine.calibration import read_temperature
from affectzoo.engine.callbacks import AtomicCheckpointIO
from affectzoo.engine.corpora import corpus_remarks, measure_corpora
from affectzoo.engine.own_split import own_exam
from affectzoo.engine.pretrain import PretrainTask
from affectzoo.engine.schedule import ScheduledTask
from affectzoo.engine.start import starting_model
from affectzoo.engine.task import AffectTask
from affectzoo.errors import AffectZooError
from affectzoo.inference.predictor import calibrate
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.leaderboard.benchmark import load_benchmark
from affectzoo.leaderboard.evaluate import evaluate
from affectzoo.leaderboard.trained import key_hash
from affectzoo.plugins import import_target
from affectzoo.schema import check_arguments
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.structures.table import PredictionTable
from affectzoo.zoo.base import AffectModel
from affectzoo.zoo.config import ENCODER, RESEARCH, WHOLE, PretrainedConfig
from affectzoo.zoo.ensemble import Ensemble
from affectzoo.zoo.pretrained import save_artefact


@dataclass
class Fitted:
    """What one fit leaves: the model, its data and the values that it logged last; start: the checkpoint before it."""

    model: AffectModel
    data: AffectDataModule
    space: LabelSpace
    logged: dict[str, float]
    is_main: bool
    start: PretrainedConfig | None = None


def fit(cfg: DictConfig, fold: int | None = None) -> Fitted:
    """Build data and model and train; resumes from `<run_dir>/checkpoints/last.ckpt` when that is there."""
    _quiet()
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    check_arguments(AffectTask, cfg.task, "task", skip=3)  # model, loss, optimizer
    L.seed_everything(cfg.seed, workers=True, verbose=False)
    run_dir = Path(cfg.run_dir)
    claim(cfg, run_dir, (run_dir / "checkpoints" / "last.ckpt").exists())
    space = label_space(cfg)
    data = data_module(cfg, fold)
    model, start = starting_model(cfg, space, data.fold)
    data.attach(model)
    data.setup()
    task = _task(cfg, model, data)
    no_val = {} if data.parts["val"] else {"limit_val_batches": 0}
    trainer = instantiate(
        cfg.trainer,
        callbacks=list(instantiate(cfg.callbacks).values()),
        logger=instantiate(cfg.logger),
        default_root_dir=str(run_dir),
        plugins=[AtomicCheckpointIO()],
        **no_val,
    )
    last = run_dir / "checkpoints" / "last.ckpt"
    resume = str(last) if cfg.resume and last.exists() else None
    if resume:
        report.say(f"resuming from {last}")
    trainer.fit(task, datamodule=data, ckpt_path=resume, weights_only=True)
    logged = {k: float(v) for k, v in trainer.callback_metrics.items()}
    if trainer.is_global_zero and not cfg.pretrain:
        measure_corpora(data, run_dir)
    return Fitted(model.cpu().eval(), data, space, logged, trainer.is_global_zero, start)


def _task(cfg: DictConfig, model: AffectModel, data: AffectDataModule) -> ScheduledTask:
    """Training on labels, or of the encoder alone without them."""
    optimizer = instantiate(cfg.optimizer)
    if cfg.pretrain:
        objective = instantiate(cfg.pretrain)(model)
        return PretrainTask(model, objective, optimizer, cfg.task.schedule, cfg.task.warmup, cfg.seed)
    loss = instantiate(cfg.loss)
    loss.fit_balance(data.label_space, (s.targets for s in data.drawn()))
    groups = [s.groups for s in data.samples("train")]
    return AffectTask(model, loss, optimizer, **cfg.task, seed=cfg.seed, groups=groups)


def data_module(cfg: DictConfig, fold: int | None = None) -> AffectDataModule:
    """The configured data module, not opened yet; `fold` overrides the configured one."""
    make = instantiate(cfg.data, _partial_=True)  # a LabelSpace must not pass through OmegaConf
    check_arguments(make.func, make.keywords, "data", skip=0)
    more = {} if fold is None else {"fold": fold}
    if cfg.pretrain:
        more["unlabelled"] = True
    return make(label_space=label_space(cfg), seed=cfg.seed, **more)


def label_space(cfg: DictConfig) -> LabelSpace:
    """The space that the run speaks: the configured one, else the data set's own."""
    places = ("label_space", "data.label_space", "data.options.label_space")
    named = next(filter(None, (OmegaConf.select(cfg, p) for p in places)), None)
    return as_space(named or load_card(cfg.data.dataset).space)


@torch.inference_mode()
def predict_part(cfg: DictConfig, fitted: Fitted, part: str = "test") -> PredictionTable:
    """Predictions of every item of a part, once each, with the hashes of the training keys beside."""
    samples = sorted(fitted.data.samples(part), key=lambda s: -max(map(len, s.signals.values())))
    if not samples:
        raise AffectZooError(f"data set {fitted.data.card.name!r} has no usable items in part {part!r}")
    temperatures = _temperatures(cfg)
    size, model, keys = fitted.data.batch_size, model_ref(cfg, fitted.model), training_hashes(fitted)
    batches = (collate(samples[i : i + size], fitted.space) for i in range(0, len(samples), size))
    return PredictionTable.concat(
        [
            PredictionTable.from_prediction(calibrate(fitted.model(b), temperatures), model=model, training_keys=keys)
            for b in batches
        ]
    )


def score(
    cfg: DictConfig, table: PredictionTable, started: float | None, folds: Sequence[int | None] = (None,)
) -> EvalRecord:
    """The record of a table under the configured benchmark, or on the run's own split when there is none."""
    root = OmegaConf.select(cfg, "data.root")
    if cfg.evaluate_on:
        record = evaluate(table, load_benchmark(cfg.evaluate_on), root=root, seed=cfg.seed, command=command())
    else:
        exam = own_exam([data_module(cfg, fold) for fold in folds], label_space(cfg))
        record = evaluate(table, exam.benchmark, data=exam, seed=cfg.seed, command=command())
    group = OmegaConf.select(cfg, "data.standardise")
    transductive = (REMARK.format(group=group),) if group else ()
    remarks = (*transductive, *record.remarks, *corpus_remarks(Path(cfg.run_dir)))
    seconds = None if started is None else round(time.time() - started, 1)
    ranked = record.ranked and not group
    return replace(record, seconds=seconds, seeds=run_seeds(cfg), remarks=remarks, ranked=ranked)


def model_ref(cfg: DictConfig, model: AffectModel) -> dict[str, Any]:
    """What a table and a record say about the model."""
    return {"arch": model.arch, "tag": cfg.tag, "parameters": sum(p.numel() for p in model.parameters())}


def training_hashes(fitted: Fitted) -> tuple[str, ...]:
    """Hashes of all that the model has seen, here and before; they travel with its tables and its checkpoint."""
    before = fitted.start.training_keys if fitted.start else ()
    own = (key_hash(*key.split(":", 1)) for key in fitted.data.training_keys())
    return tuple(dict.fromkeys((*before, *own)))


def command() -> str:
    """The command line of this run, without the path of the interpreter."""
    return shlex.join(["train.py", *sys.argv[1:]])


def write_artefact(cfg: DictConfig, fitted: Fitted, folder: Path, record: EvalRecord | None) -> Path:
    """The folder that `load_predictor` runs: config, weights, golden outputs, card."""
    data, card = fitted.data, fitted.data.card
    golden = unrecognisable(collate((data.samples("test") or data.samples("train"))[:2], fitted.space))
    free, terms = card.free_for_any_use, card.licence.data
    if fitted.start and fitted.start.research:  # terms that a further training does not end
        free, terms = False, f"{terms}; before: {fitted.start.licences.data}"
    licences = {
        "code": "Apache-2.0",
        "weights": "Apache-2.0" if free else f"research use only, after the data's {terms}",
        "data": terms,
    }
    part = "train" if data.fold is None else f"train of fold {data.fold}"
    training = {
        "dataset": card.name,
        "revision": card.revision,
        "split": data.split or "",
        "part": part,
        "split_sha256": _split_sha256(data),
        "seeds": list(run_seeds(cfg)),
        "command": command(),
    }
    return save_artefact(
        fitted.model,
        folder,
        tag=checkpoint_tag(cfg.tag, free, data.fold if cfg.folds is not None else None),
        golden=golden,
        licences=licences,
        training=training,
        training_keys=training_hashes(fitted),
        record=record,
        calibration=_temperatures(cfg),
        dtype="float16" if cfg.half else "float32",
        trained=ENCODER if cfg.pretrain else WHOLE,
        standardised=data.standardise or "",
    )


def unrecognisable(batch: AffectBatch) -> AffectBatch:
    """The same values of each item in a random order: golden inputs of a checkpoint that hand on nobody's recording."""
    draw = torch.Generator().manual_seed(0)

    def shuffled(s: BatchSignal) -> BatchSignal:
        data = s.data.clone()
        for d, m in zip(data, s.mask, strict=True):
            row = d[m]
            d[m] = row.flatten()[torch.randperm(row.numel(), generator=draw)].view_as(row)
        return replace(s, data=data)

    return replace(batch, signals={m: shuffled(s) for m, s in batch.signals.items()})


def _split_sha256(data: AffectDataModule) -> str:
    """Of the split's file on a card; '' for one of the user's own, drawn parts and corpora as folds."""
    named = data.split not in (None, "all") and not str(data.split).endswith(".csv")
    return find_folds(data.card, data.split).sha256 if named else ""


def checkpoint_tag(tag: str, free: bool, fold: int | str | None = None) -> str:
    """The tag with its fold, ending in `-research` where the data are not free for any use."""
    bare = tag.removesuffix(RESEARCH)
    return bare + ("" if fold is None else f"-fold{fold}") + (RESEARCH if bare != tag or not free else "")


def _temperatures(cfg: DictConfig) -> dict[str, float]:
    """What the checkpoint's logits are divided by, in its answers here as later."""
    return read_temperature(cfg.calibration, cfg.model.card.name) if cfg.calibration else {}


def claim(cfg: DictConfig, run_dir: Path, begun: bool) -> None:
    """Write the configuration into the run folder; going on with a different one is an error that names the keys.

    begun: whether there is something to go on with. What changes no weight may differ.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "config.json"
    skip = ("resume", "run_dir", "hydra", "callbacks", "logger", "threads", "debug", "folds", "calibration", "half")
    now = {k: v for k, v in OmegaConf.to_container(cfg, resolve=True).items() if k not in (*skip, "test")}
    if path.exists() and begun and cfg.resume:
        before = json.loads(path.read_text())
        differ = sorted(k for k in {*now, *before} if now.get(k) != before.get(k))
        if differ:
            raise AffectZooError(
                f"{run_dir} holds a run with another configuration (differs in: {', '.join(differ)}); "
                "choose another run_dir, or resume=false to start it again"
            )
    path.write_text(json.dumps(now, indent=1, sort_keys=True))


def is_ensemble(cfg: DictConfig) -> bool:
    """Whether the configured model is an Ensemble."""
    target = import_target(cfg.model._target_)
    return isinstance(target, type) and issubclass(target, Ensemble)


def run_seeds(cfg: DictConfig) -> tuple[int, ...]:
    """Every seed that the model's weights come from."""
    return tuple(range(cfg.seed, cfg.seed + cfg.model.members)) if is_ensemble(cfg) else (cfg.seed,)


def _quiet() -> None:
    """Leave the screen to the progress bar and the table: Lightning's notices about devices and tips are not news."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for text in (
        ".*LeafSpec.*",
        ".*does not have many workers.*",
        ".*GPU available but not used.*",
        ".*log_every_n_steps.*",
    ):
        warnings.filterwarnings("ignore", text)
