"""What a training starts from: a new model, or a checkpoint."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from affectzoo.engine import report
from affectzoo.errors import AffectZooError, FileError
from affectzoo.labels.space import LabelSpace
from affectzoo.zoo.base import AffectModel
from affectzoo.zoo.config import ENCODER, PretrainedConfig
from affectzoo.zoo.factory import build_model
from affectzoo.zoo.pretrained import load_artefact


def starting_model(
    cfg: DictConfig, space: LabelSpace, fold: int | str | None = None
) -> tuple[AffectModel, PretrainedConfig | None]:
    """A new model and None, or a checkpoint's with its config, in training mode.

    The checkpoint's heads are reset when its label space is another, or when they were never trained. Where `init` is
    the folder of a run of folds, the checkpoint of the same `fold` is taken. Raises AffectZooError when the
    configuration describes another model, and what load_artefact raises.
    """
    if not cfg.init:
        return build_model(OmegaConf.to_container(cfg.model, resolve=True), space), None
    init = _of_fold(cfg.init, fold)
    model, config = load_artefact(init)
    _check_start(cfg, model)
    if config.trained == ENCODER:
        report.say(f"{init}: its encoder, with new heads for {space.name}")
        model.reset_head(space)
    elif model.label_space.hash != space.hash:
        report.say(f"{init}: heads reset from {model.label_space.name} to {space.name}")
        model.reset_head(space)
    if not config.training_keys:
        report.say(f"{init}: does not say what it was trained on, so a score will not see that it was tested on it")
    return model.train(), config


def _of_fold(init: str, fold: int | str | None) -> str:
    """`init`, or the one checkpoint of a fold below it. Raises FileError when there is none, or several."""
    folder = Path(init).expanduser()
    if not any(folder.glob("fold_*")):
        return init
    found = sorted(p.parent for p in (folder / f"fold_{fold}").glob("*/config.json"))
    if len(found) != 1:
        raise FileError(folder / f"fold_{fold}", f"holds {len(found)} checkpoints; init= needs the one of the fold")
    return str(found[0].absolute())


def _check_start(cfg: DictConfig, model: AffectModel) -> None:
    """A start keeps the checkpoint's architecture and options: a configuration that says otherwise is an error.

    Else the run's config.json would describe a model that was never trained.
    """
    wanted = OmegaConf.to_container(cfg.model, resolve=True)
    arch = wanted.pop("card")["name"]
    if arch != model.arch:
        raise AffectZooError(f"init={cfg.init} is a {model.arch}, the configuration says model={arch}")
    own = {k: v for k, v in model.options.items() if k in wanted and wanted[k] != v}
    if own:
        here = ", ".join(f"{k}={wanted[k]}" for k in own)
        set_them = " ".join(f"model.{k}={v}" for k, v in own.items())
        raise AffectZooError(f"init={cfg.init} was trained with other options than {here}; give {set_them}")
