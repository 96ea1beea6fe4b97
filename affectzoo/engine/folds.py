"""Cross-validation: one fit a fold, one out-of-fold table, one record with `pooled` and `fold_mean`."""

import time
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from affectzoo.data.card import load_card
from affectzoo.data.joined import find_folds
from affectzoo.data.split import read_folds
from affectzoo.engine import report
from affectzoo.engine.calibration import NAME, calibrated_score
from affectzoo.engine.members import TABLE, member_config, train
from affectzoo.engine.run import claim, data_module, is_ensemble, predict_part, score, write_artefact
from affectzoo.errors import AffectZooError
from affectzoo.leaderboard.trained import join_folds
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.table import PredictionTable


def run_folds(cfg: DictConfig) -> EvalRecord | None:
    """Train and test every fold that is not done yet, then score all out-of-fold answers together.

    A fold that has left its table is not trained again, so a stopped cross-validation goes on where it was.
    cfg.folds: 'all', or a list of fold numbers; a record is made only of all of them.
    """
    started, run_dir = time.time(), Path(cfg.run_dir)
    wanted, n = _numbers(cfg)
    claim(cfg, run_dir, any(run_dir.glob(f"fold_*/{TABLE}")))
    tables, resumed = {}, False
    for i, fold in enumerate(wanted):
        path = run_dir / f"fold_{fold}" / TABLE
        if path.exists() and cfg.resume:
            resumed = True
        else:
            report.say(f"fold {fold} ({i + 1} of {len(wanted)})")
            _fit_fold(cfg, fold, path)
        tables[str(fold)] = PredictionTable.read(path)
    if len(wanted) < n:
        report.say(f"folds {wanted} of {n} are done; a record needs all of them (folds=all run_dir={run_dir})")
        return None
    samples = data_module(cfg, wanted[0]).samples("all")
    if is_ensemble(cfg):
        for i in range(cfg.model.members):
            member = {f: run_dir / f"fold_{f}" / f"member_{i}" / TABLE for f in tables}
            answers = {f: PredictionTable.read(p) for f, p in member.items()}
            _record(member_config(cfg, i), answers, samples, None, wanted)
    record = _record(cfg, tables, samples, None if resumed else started, wanted)
    report.show(record, time.time() - started)
    return record


def pretrain_folds(cfg: DictConfig) -> None:
    """Train an encoder without labels for every fold that has none yet, each without that fold's test items.

    They lie in `<run_dir>/fold_<k>`, where `init=<run_dir>` finds them for the folds of a cross-validation.
    """
    run_dir = Path(cfg.run_dir)
    wanted, _ = _numbers(cfg)
    claim(cfg, run_dir, any(run_dir.glob("fold_*/*/config.json")))
    for i, fold in enumerate(wanted):
        folder = run_dir / f"fold_{fold}"
        if cfg.resume and any(folder.glob("*/config.json")):
            continue
        report.say(f"fold {fold} ({i + 1} of {len(wanted)})")
        own = OmegaConf.merge(cfg, {"run_dir": str(folder)})
        fitted = train(own, fold)
        if fitted.is_main:
            write_artefact(own, fitted, folder, None)
    report.say(f"\nAn encoder a fold, heads untrained; train them: init={run_dir}")


def _numbers(cfg: DictConfig) -> tuple[list[int], int]:
    """The folds that are asked for, and how many the split has."""
    if not cfg.data.split:
        raise AffectZooError("cross-validation needs data.split, the name of a folds split of the data set")
    own = str(cfg.data.split).endswith(".csv")
    n = (read_folds(cfg.data.split) if own else find_folds(load_card(cfg.data.dataset), cfg.data.split)).n
    return (list(range(n)) if cfg.folds == "all" else [int(f) for f in cfg.folds]), n


def _record(
    cfg: DictConfig,
    tables: dict[str, PredictionTable],
    samples: list[AffectSample],
    started: float | None,
    folds: list[int],
) -> EvalRecord:
    """Out-of-fold table and record in cfg.run_dir, with the calibration error after cross-fitted temperatures.

    started: None where the time of this process is not that of the training.
    """
    run_dir, table = Path(cfg.run_dir), join_folds(tables)
    run_dir.mkdir(parents=True, exist_ok=True)
    table.write(run_dir / "out_of_fold.parquet")
    record = score(cfg, table, started, folds)
    after = calibrated_score(tables, samples)
    if after is not None:
        record = replace(record, scores={**record.scores, NAME: after})
    record.write(run_dir / "record.json")
    return record


def _fit_fold(cfg: DictConfig, fold: int, path: Path) -> None:
    own = OmegaConf.merge(cfg, {"run_dir": str(path.parent)})
    fitted = train(own, fold)
    if fitted.is_main:
        write_artefact(own, fitted, path.parent, None)
        predict_part(own, fitted).write(path)
