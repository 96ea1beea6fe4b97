"""Training of an ensemble: its members one by one, each a run of its own with its own seed, then merged."""

from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from affectzoo.engine import report
from affectzoo.engine.run import Fitted, data_module, fit, label_space, predict_part, write_artefact
from affectzoo.plugins import import_target
from affectzoo.zoo.catalogue import model_entry
from affectzoo.zoo.config import RESEARCH
from affectzoo.zoo.ensemble import Ensemble
from affectzoo.zoo.factory import build_model
from affectzoo.zoo.pretrained import load_artefact

TABLE = "predictions.parquet"


def is_ensemble(cfg: DictConfig) -> bool:
    """Whether the configured model is an Ensemble."""
    target = import_target(cfg.model._target_)
    return isinstance(target, type) and issubclass(target, Ensemble)


def train(cfg: DictConfig, fold: int | None = None) -> Fitted:
    """One fit of the configured model; an ensemble is a fit of each of its members."""
    return fit_members(cfg, fold) if is_ensemble(cfg) else fit(cfg, fold)


def member_config(cfg: DictConfig, i: int) -> DictConfig:
    """The configuration of member i: its own model, seed, tag and folder (<run_dir>/member_<i>)."""
    entry = model_entry(cfg.model.of)
    card = {"name": entry.name, "modalities": list(entry.card.modalities)}
    bare = cfg.tag.removesuffix(RESEARCH)
    model = {"_target_": entry.target, **entry.options, **cfg.model.options, "card": card}
    own = OmegaConf.merge(
        cfg,
        {
            "seed": cfg.seed + i,
            "tag": f"{bare}-seed{cfg.seed + i}" + RESEARCH * (bare != cfg.tag),
            "half": False,
            "calibration": None,
            "run_dir": str(Path(cfg.run_dir) / f"member_{i}"),
        },
    )
    own.model = model
    return own


def fit_members(cfg: DictConfig, fold: int | None = None) -> Fitted:
    """Train every member that has left no artefact yet, write its test predictions, and merge them all."""
    models, fitted = [], None
    for i in range(cfg.model.members):
        own = member_config(cfg, i)
        folder = Path(own.run_dir)
        done = sorted(p.parent for p in folder.glob("*/config.json")) if (folder / TABLE).exists() else []
        if done:
            models.append(load_artefact(f"./{done[0]}" if not done[0].is_absolute() else done[0])[0])
            continue
        report.say(f"member {i + 1} of {cfg.model.members}, seed {own.seed}")
        fitted = fit(own, fold)
        if fitted.is_main:
            write_artefact(own, fitted, folder, None)
            predict_part(own, fitted).write(folder / TABLE)
        models.append(fitted.model)
    space = label_space(cfg)
    merged = build_model(OmegaConf.to_container(cfg.model, resolve=True), space).merge(models).eval()
    fitted = fitted or _opened(cfg, merged, fold)
    return replace(fitted, model=merged)


def _opened(cfg: DictConfig, model: Ensemble, fold: int | None) -> Fitted:
    """The data of a run all of whose members were there."""
    data = data_module(cfg, fold).attach(model)
    data.setup()
    return Fitted(model, data, label_space(cfg), {}, True)
