"""Cross-validation: one fit a fold, one out-of-fold table, one record with `pooled` and `fold_mean`."""

import time
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from affectzoo.data.card import load_card
from affectzoo.data.split import load_folds
from affectzoo.engine import report
from affectzoo.engine.run import Fitted, fit, model_ref, predict_part, write_artefact
from affectzoo.errors import AffectZooError
from affectzoo.leaderboard.evaluate import evaluate
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.table import PredictionTable


def run_folds(cfg: DictConfig) -> EvalRecord | None:
    """Train and test every fold that is not done yet, then score all out-of-fold answers together.

    A fold that has left its table is not trained again, so a stopped cross-validation goes on where it was.
    """
    started, run_dir, card = time.time(), Path(cfg.run_dir), load_card(cfg.data.dataset)
    if not cfg.data.split:
        raise AffectZooError("cross-validation needs data.split, the name of a folds split of the data set")
    n = load_folds(card, cfg.data.split).n
    wanted = list(range(1, n + 1)) if cfg.folds == "all" else [int(f) for f in cfg.folds]
    tables, parameters = [], {}
    for i, fold in enumerate(wanted):
        path = run_dir / f"fold_{fold}" / "predictions.parquet"
        if not path.exists():
            report.say(f"fold {fold} ({i + 1} of {len(wanted)})")
            fitted = _fit_fold(cfg, card, fold, path)
            parameters = model_ref(cfg, fitted.model)
        table = PredictionTable.read(path)
        # Each fold was trained without its own test part; the union of training keys would cover every item.
        tables.append(PredictionTable(table.frame, replace(table.meta, training_keys=())))
    table = PredictionTable.concat(tables)
    table.write(run_dir / "out_of_fold.parquet")
    if not cfg.benchmark:
        return None
    record = evaluate(table, cfg.benchmark, model=parameters or table.meta.model, seed=cfg.seed)
    record.write(run_dir / "record.json")
    report.show(record, seconds=time.time() - started)
    return record


def _fit_fold(cfg: DictConfig, card, fold: int, path: Path) -> Fitted:
    own = OmegaConf.merge(cfg, {"run_dir": str(path.parent), "tag": f"{cfg.tag}.fold{fold}"})
    fitted = fit(own, fold)
    write_artefact(own, fitted, card, path.parent / "artefact", None, fold)
    predict_part(fitted).write(path)
    return fitted
