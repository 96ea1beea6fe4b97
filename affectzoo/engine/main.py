"""`python train.py` and `affectzoo train`: Hydra's entry into the engine; also the script of DDP's child processes."""

import os
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from affectzoo.engine.config import check_launcher, check_targets, register
from affectzoo.errors import AffectZooError
from affectzoo.plugins import plugins

register()
CONFIGS = str(plugins()[0].root / "configs")
#: How a DDP child, started with the same words a moment later, finds its parent's run folder.
RUN_DIR = "AFFECTZOO_RUN_DIR"


@hydra.main(version_base="1.3", config_path=CONFIGS, config_name="train")
def main(cfg: DictConfig) -> float | None:
    """Compose, check and run; returns the value that a sweep optimises."""
    from affectzoo.engine.run import run

    try:
        check_launcher(HydraConfig.get(), cfg)
        check_targets(cfg)
        if "LOCAL_RANK" in os.environ and RUN_DIR in os.environ:
            cfg.run_dir = os.environ[RUN_DIR]
        os.environ[RUN_DIR] = str(cfg.run_dir)
        return run(cfg)
    except AffectZooError as e:
        print(f"affectzoo: error: {' '.join(str(e).split())}", file=sys.stderr)
        sys.exit(2)  # as affectzoo/cli.py does; Hydra's own errors exit with 1


if __name__ == "__main__":
    main()
