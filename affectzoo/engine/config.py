"""Configuration: plug-ins' config folders on Hydra's search path, and mixes that train.py refuses."""

from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from affectzoo.errors import AffectZooError
from affectzoo.plugins import plugins


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
