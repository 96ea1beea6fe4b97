"""Training of an ensemble: its members one by one, each a run of its own with its own seed, then merged."""

from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from affectzoo.engine import report
from affectzoo.engine.run import Fitted, claim, data_module, fit, is_ensemble, label_space, predict_part, write_artefact
from affectzoo.errors import AffectZooError
from affectzoo.zoo.catalogue import model_entry
from affectzoo.zoo.config import RESEARCH
from affectzoo.zoo.ensemble import Ensemble
from affectzoo.zoo.factory import build_model
from affectzoo.zoo.pretrained import load_artefact

TABLE = "predictions.parquet"


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
            "data": {"split_seed": cfg.data.get("split_seed") or cfg.seed},  # all members learn from the same part
            "run_dir": str(Path(cfg.run_dir) / f"member_{i}"),
        },
    )
    own.model = model
    return own


def fit_members(cfg: DictConfig, fold: int | None = None) -> Fitted:
    """Train every member that has left no artefact yet, write its test predictions, and merge them all.

    Raises AffectZooError with `init` or `pretrain`: a checkpoint to start from is one network, and members start from
    weights of their own.
    """
    if cfg.pretrain:
        raise AffectZooError("pretrain: trains the encoder of one network, and an ensemble has several; take its `of`")
    if cfg.init:
        raise AffectZooError(f"init={cfg.init}: members of an ensemble start anew; fine-tune single networks")
    space = label_space(cfg)
    ensemble = build_model(OmegaConf.to_container(cfg.model, resolve=True), space)  # wrong options are found now
    run_dir = Path(cfg.run_dir)
    claim(cfg, run_dir, any(run_dir.glob(f"member_*/{TABLE}")))
    models, fitted = [], None
    for i in range(cfg.model.members):
        own = member_config(cfg, i)
        folder = Path(own.run_dir)
        done = sorted(p.parent for p in folder.glob("*/config.json")) if (folder / TABLE).exists() else []
        if done and cfg.resume:
            models.append(load_artefact(f"./{done[0]}" if not done[0].is_absolute() else done[0])[0])
            continue
        report.say(f"member {i + 1} of {cfg.model.members}, seed {own.seed}")
        fitted = fit(own, fold)
        if fitted.is_main and cfg.test:
            write_artefact(own, fitted, folder, None)
            predict_part(own, fitted).write(folder / TABLE)
        models.append(fitted.model)
    merged = ensemble.merge(models).eval()
    fitted = fitted or _opened(cfg, merged, fold)
    return replace(fitted, model=merged)


def _opened(cfg: DictConfig, model: Ensemble, fold: int | None) -> Fitted:
    """The data of a run all of whose members were there."""
    data = data_module(cfg, fold).attach(model)
    data.setup()
    return Fitted(model, data, label_space(cfg), {}, True)
