"""Temperature scaling (Guo et al. 2017, ICML, equation 9), fitted where the scored items have no part."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from affectzoo.errors import AffectZooError, FileError
from affectzoo.metrics.calibration import ece
from affectzoo.structures.record import EvalRecord, Score
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.table import PredictionTable

#: Bounds of a temperature (ours); a fit that ends there says that the probabilities carry next to nothing.
LOW, HIGH = 0.05, 20.0
#: The score that `run_folds`, and a single run with a validation part, add to a record.
NAME = "emotion/ece_calibrated"
_TINY = 1e-12


def fit_temperature(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The temperature by which logits are divided, of least negative log-likelihood.

    probabilities, targets: (N, C) distributions. log p / T has the softmax of logits / T, so that no logits are needed.
    Raises AffectZooError without rows.
    """
    if not len(probabilities):
        raise AffectZooError("a temperature needs at least one labelled prediction")
    logits = np.log(np.maximum(probabilities, _TINY))

    def loss(log_t: float) -> float:
        return float(-(targets * log_softmax(logits / np.exp(log_t), axis=1)).sum(1).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(LOW), np.log(HIGH)), method="bounded").x))


def rescale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Distributions (N, C) whose logits were divided by the temperature."""
    return softmax(np.log(np.maximum(probabilities, _TINY)) / temperature, axis=1)


def calibrated_score(tables: Mapping[str, PredictionTable], samples: Iterable[AffectSample]) -> Score | None:
    """ECE of out-of-fold emotion predictions after each fold's temperature was fitted on the other folds.

    The models of the other folds have trained on this fold's items, its own answers and labels have no part in its
    temperature. conventions holds the temperatures by fold and, for a checkpoint that is trained on everything, the one
    of all folds together. None where there is no emotion to score, or one fold only.
    """
    truth = _truth(samples)
    folds = {name: _rows(table, truth) for name, table in tables.items()}
    folds = {name: rows for name, rows in folds.items() if len(rows[0])}
    if len(folds) < 2:
        return None
    temperatures = {n: fit_temperature(*_join([r for m, r in folds.items() if m != n])) for n in folds}
    after, labels = _join([(rescale(p, temperatures[n]), t) for n, (p, t) in folds.items()])
    conventions = {
        "temperature": {n: round(t, 4) for n, t in temperatures.items()},
        "temperature of all folds": round(fit_temperature(*_join(list(folds.values()))), 4),
        "fitted on": "the out-of-fold answers of the other folds, by negative log-likelihood",
    }
    value = float(ece(torch.from_numpy(after), torch.from_numpy(labels.astype(np.float64))))
    return Score(value, n=len(labels), conventions=conventions)


def validated_score(table: PredictionTable, val: PredictionTable, samples: Iterable[AffectSample]) -> Score | None:
    """ECE of a single run's emotion answers after a temperature that was fitted on its validation part.

    samples: of both parts. None where one of them has no emotion to score.
    """
    truth = _truth(samples)
    answers, fitted_on = _rows(table, truth), _rows(val, truth)
    if not len(answers[0]) or not len(fitted_on[0]):
        return None
    temperature = fit_temperature(*fitted_on)
    conventions = {
        "temperature": round(temperature, 4),
        "fitted on": f"{len(fitted_on[0])} items of the validation part, by negative log-likelihood",
    }
    after = torch.from_numpy(rescale(answers[0], temperature))
    value = float(ece(after, torch.from_numpy(answers[1].astype(np.float64))))
    return Score(value, n=len(answers[0]), conventions=conventions)


def read_temperature(path: str | Path, arch: str) -> dict[str, float]:
    """field -> temperature of all folds together, or of the validation part, from a record of the architecture `arch`.

    Raises what read_calibration raises.
    """
    found = read_calibration(path, arch).conventions
    return {"emotion": float(found.get("temperature of all folds", found.get("temperature")))}


def read_calibration(path: str | Path, arch: str) -> Score:
    """The score NAME of a record. Raises FileError for a record of another architecture, or without it."""
    record = EvalRecord.read(path)
    if record.model.arch != arch:
        raise FileError(path, f"is a record of {record.model.arch}, not of {arch}")
    if NAME not in record.scores:
        raise FileError(path, f"has no score {NAME!r}; the record of a run with folds or a validation part has one")
    return record.scores[NAME]


def _truth(samples: Iterable[AffectSample]) -> dict[str, np.ndarray]:
    """Key -> emotion distribution of every sample that has one, for the whole clip."""
    truth = {s.key: s.targets["emotion"] for s in samples if "emotion" in s.targets}
    return {k: t.values for k, t in truth.items() if t.values.ndim == 1 and t.mask.all()}


def _rows(table: PredictionTable, truth: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and true distributions (N, C) of a clip table's labelled rows."""
    if table.meta.granularity != "clip" or "emotion" not in table.meta.kinds:
        return np.empty((0, 0)), np.empty((0, 0))
    known = table.frame["key"].isin(truth) & table.frame["error"].eq("")
    keys = table.frame.loc[known, "key"]
    values = table.frame.loc[known, table.columns("emotion")].to_numpy(float)
    return values, np.array([truth[k] for k in keys], float).reshape(values.shape)


def _join(rows: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([p for p, _ in rows]), np.concatenate([t for _, t in rows])
