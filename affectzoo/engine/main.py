"""`python train.py` and `affectzoo train`: Hydra's entry into the engine; also the script of DDP's child processes."""

import os
import sys
import warnings

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from affectzoo.engine.config import check_launcher, check_settings, check_targets, register
from affectzoo.engine.overrides import CONFIG_ERRORS, check_types, configs, explain, refuse_null_groups
from affectzoo.errors import debugging, warning_line

register()
#: How a DDP child, started with the same words a moment later, finds its parent's run folder.
RUN_DIR = "AFFECTZOO_RUN_DIR"


def main() -> None:
    """Compose, check and run. A wrong configuration is one line on stderr and exit code 2, as in affectzoo/cli.py."""
    warnings.formatwarning = warning_line
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then leaves its errors to us
    try:
        refuse_null_groups(sys.argv[1:])
        _job()
    except CONFIG_ERRORS as e:
        _fail(e, sys.argv[1:])


@hydra.main(version_base="1.3", config_path=configs(), config_name="train")
def _job(cfg: DictConfig) -> float | None:
    """One job of a run or a sweep; returns the value that a sweep optimises."""
    from affectzoo.engine.folds import pretrain_folds, run_folds
    from affectzoo.engine.single import run

    hydra_cfg = HydraConfig.get()
    words = list(hydra_cfg.overrides.task)
    try:
        check_types(cfg, words)
        check_settings(cfg)
        check_launcher(hydra_cfg, cfg)
        check_targets(cfg)
        _choose_folder(cfg, hydra_cfg)
        if cfg.folds is None:
            return run(cfg)
        (pretrain_folds if cfg.pretrain else run_folds)(cfg)
    except CONFIG_ERRORS as e:  # here, since Hydra would print a line of its own on the way out
        _fail(e, words)


def _choose_folder(cfg: DictConfig, hydra_cfg: DictConfig) -> None:
    """A job of a sweep runs in its own folder below the sweep's, a DDP child in its parent's."""
    if hydra_cfg.mode == RunMode.MULTIRUN:
        cfg.run_dir = hydra_cfg.runtime.output_dir
    if "LOCAL_RANK" in os.environ and RUN_DIR in os.environ:
        cfg.run_dir = os.environ[RUN_DIR]
    os.environ[RUN_DIR] = str(cfg.run_dir)


def _fail(error: Exception, words: list[str]) -> None:
    """Say it in one line and exit with 2; AFFECTZOO_DEBUG=1 shows the traceback."""
    if debugging():
        raise error
    print(f"affectzoo: error: {explain(error, words)}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
