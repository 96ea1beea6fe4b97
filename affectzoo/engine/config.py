"""Configuration: plug-ins' config folders on Hydra's search path, and what train.py refuses before it starts."""

from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, ListConfig, OmegaConf

from affectzoo.data.card import CORPUS, corpora, is_joined
from affectzoo.engine.calibration import read_temperature
from affectzoo.engine.corpora import tested_corpora
from affectzoo.engine.overrides import known_keys
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.leaderboard.benchmark import Benchmark, list_benchmarks, load_benchmark
from affectzoo.plugins import plugins
from affectzoo.zoo.config import check_tag


class PluginSearchPath(SearchPathPlugin):
    """Adds every plug-in's configs/ folder, so that its experiments compose like ours."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append `file://<root>/configs` of each plug-in."""
        for plugin in plugins():
            search_path.append(f"affectzoo-{plugin.name}", f"file://{plugin.root / 'configs'}")


def register() -> None:
    """Make Hydra know the plug-ins (idempotent)."""
    Plugins.instance().register(PluginSearchPath)


def check_launcher(hydra_cfg: Any, cfg: DictConfig) -> None:
    """Refuse a sweep whose children would start the sweep again (Lightning re-runs sys.argv for each device).

    Raises AffectZooError naming the three ways that work.
    """
    devices = OmegaConf.select(cfg, "trainer.devices", default=1)
    nodes = OmegaConf.select(cfg, "trainer.num_nodes", default=1)
    strategy = str(OmegaConf.select(cfg, "trainer.strategy", default="auto"))
    alone = str(devices) == "1" or (str(devices) == "auto" and strategy == "auto")
    several = not (alone and nodes == 1)
    multirun = str(hydra_cfg.mode).endswith("MULTIRUN")
    launcher = str(OmegaConf.select(hydra_cfg, "launcher._target_", default=""))
    if multirun and several and "spawn" not in strategy and "submitit" not in launcher.lower():
        raise AffectZooError(
            f"a multirun with trainer.devices={devices} and strategy={strategy} would start the sweep again in every "
            "child process. Use one of: trainer.devices=1 (hydra/launcher=joblib runs several jobs); "
            "trainer.strategy=ddp_spawn; hydra/launcher=submitit_slurm with tasks_per_node equal to trainer.devices"
        )


def check_settings(cfg: DictConfig) -> None:
    """Refuse what would otherwise be found out when the training is over, or never.

    Raises UnknownNameError for a key that nothing reads or an unknown benchmark, AffectZooError for values that do
    not fit together.
    """
    known = {name for names in known_keys() for name in names}
    for key in cfg:
        if key not in known:
            raise UnknownNameError("setting", key, known)
    if not cfg.run_dir:
        raise AffectZooError("run_dir: must name a folder")
    if cfg.threads is not None and not (isinstance(cfg.threads, int) and cfg.threads > 0):
        raise AffectZooError(f"threads: must be null or at least 1, got {cfg.threads!r}")
    numbers = isinstance(cfg.folds, ListConfig) and all(type(f) is int for f in cfg.folds) and len(cfg.folds) > 0
    if not (cfg.folds in (None, "all") or numbers):
        raise AffectZooError(f"folds: must be null, all or a list of fold numbers such as [0,1], got {cfg.folds!r}")
    check_tag(cfg.tag)
    _check_parts(cfg)
    _check_benchmark(cfg)
    _check_objective(cfg)
    _check_frozen(cfg)
    _check_pretraining(cfg)


def _check_parts(cfg: DictConfig) -> None:
    """What needs one process, one run, or a setting that another one only changes."""
    devices = OmegaConf.select(cfg, "trainer.devices", default=1)
    if cfg.folds is not None and str(devices) not in ("1", "auto"):
        raise AffectZooError(f"folds= trains fold after fold in one process; trainer.devices={devices} is more")
    if cfg.folds is not None and not cfg.test:
        raise AffectZooError("test=false leaves nothing of a cross-validation; set folds=null")
    if cfg.calibration and cfg.folds is not None:
        raise AffectZooError("calibration= is for a checkpoint; a cross-validation fits its temperatures itself")
    if cfg.calibration:
        read_temperature(cfg.calibration, cfg.model.card.name)
    made = {"data.perturb": cfg.data.get("perturb"), **{f"callbacks.{n}": c for n, c in cfg.callbacks.items()}}
    for name, node in made.items():
        if node is not None and "_target_" not in node:
            raise AffectZooError(f"{name}: changes what is not there; choose its group first (train.py --help)")


def _check_benchmark(cfg: DictConfig) -> None:
    if not cfg.evaluate_on:
        return
    asked, given = load_benchmark(cfg.evaluate_on), cfg.data.dataset
    if not _fits(asked, given):
        fitting = [n for n in list_benchmarks() if _fits(load_benchmark(n), given)]
        raise AffectZooError(
            f"evaluate_on={cfg.evaluate_on} asks about data set {asked.dataset!r}, the run is on {given!r}; "
            f"benchmarks of that: {', '.join(fitting) or 'none'}; evaluate_on=null scores on the run's own split"
        )
    if cfg.folds is not None and str(cfg.data.get("split")) == CORPUS:
        raise AffectZooError("folds= over corpora has no benchmark of its own: evaluate_on=null, or data.fold=CORPUS")
    tested = tested_corpora(cfg)
    if not set(asked.tested) <= tested:
        raise AffectZooError(
            f"evaluate_on={cfg.evaluate_on} tests {', '.join(asked.tested)}, the run tests "
            f"{', '.join(sorted(tested))} only (data.split={cfg.data.get('split')}, data.fold={cfg.data.get('fold')})"
        )


def _fits(benchmark: Benchmark, dataset: str) -> bool:
    """Whether a run on a data set, or on joined ones, can answer the benchmark."""
    return benchmark.dataset == dataset or is_joined(dataset) and set(benchmark.tested) <= set(corpora(dataset))


def _check_objective(cfg: DictConfig) -> None:
    name = cfg.optimized_metric
    if name is None:
        return
    if not str(name).startswith("val/"):
        raise AffectZooError(f"optimized_metric: must be a validation value such as val/emotion/uar, got {name!r}")
    if cfg.folds is not None:
        raise AffectZooError("optimized_metric is a value of one run; with folds= there is none to optimise")


def _check_frozen(cfg: DictConfig) -> None:
    strategy = str(OmegaConf.select(cfg, "trainer.strategy", default="auto"))
    if cfg.task.head_epochs and "ddp" in strategy and "find_unused_parameters" not in strategy:
        raise AffectZooError(
            f"task.head_epochs={cfg.task.head_epochs} freezes the encoder, and trainer.strategy={strategy} waits for "
            f"its gradients; use trainer.strategy={strategy}_find_unused_parameters_true"
        )


#: What has no part in a training without labels, and its value that says so.
_LABELLED = {
    "evaluate_on": None,
    "calibration": None,
    "task.head_epochs": 0,
    "task.encoder_rate": 1.0,
    "task.mixup": 0.0,
    "task.adversary": None,
    "loss.weights": {},
    "loss.smoothing": 0.0,
    "loss.balance": False,
    "loss.terms": {},
}


def _check_pretraining(cfg: DictConfig) -> None:
    for name, off in _LABELLED.items() if cfg.pretrain else ():
        value = OmegaConf.select(cfg, name)
        if value != off:
            raise AffectZooError(
                f"{name}={value} has no part in a training without labels (pretrain=); set it to "
                f"{'null' if off is None else off}"
            )


#: Besides plug-ins' own packages, what a config may instantiate.
ALLOWED_TARGETS = ("torch.optim.", "lightning.pytorch.")


def check_targets(cfg: DictConfig) -> None:
    """Refuse a `_target_` outside the plug-ins and ALLOWED_TARGETS: a config is data, not code.

    Raises AffectZooError naming the key and the target.
    """
    allowed = tuple(f"{p.package}." for p in plugins()) + ALLOWED_TARGETS
    for key, target in _targets(OmegaConf.to_container(cfg, resolve=False), ""):
        if not str(target).startswith(allowed):
            raise AffectZooError(
                f"{key}: target {target!r} is not allowed; allowed are names under {', '.join(allowed)}"
            )


def _targets(node: Any, path: str):
    if isinstance(node, dict):
        for key, value in node.items():
            here = f"{path}.{key}".lstrip(".")
            if key == "_target_":
                yield here, value
            yield from _targets(value, here)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _targets(value, f"{path}[{i}]")
