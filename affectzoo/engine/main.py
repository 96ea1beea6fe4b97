"""`python train.py` and `affectzoo train`: Hydra's entry into the engine. Runs as a script for DDP's child processes."""

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from affectzoo.engine.config import check_launcher, check_targets, register
from affectzoo.errors import AffectZooError
from affectzoo.plugins import plugins

register()
CONFIGS = str(plugins()[0].root / "configs")


@hydra.main(version_base="1.3", config_path=CONFIGS, config_name="train")
def main(cfg: DictConfig) -> float | None:
    """Compose, check and run; returns the value that a sweep optimises."""
    from affectzoo.engine.run import run

    try:
        check_launcher(HydraConfig.get(), cfg)
        check_targets(cfg)
        return run(cfg)
    except AffectZooError as e:
        sys.exit(f"error: {e}")


if __name__ == "__main__":
    main()
