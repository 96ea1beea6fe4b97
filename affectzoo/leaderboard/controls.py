"""Controls: what a score is worth that needs no signal. Made from the training part of each fold, and
nothing else.

A control answers every tested row of an exam; it is scored by the same metrics on the same rows as a model.
Which rows it may look at is decided in one place, `Exam.train_rows`. All rules here are ours:

- constant: emotion, AU presence and states: the commonest answer; vad and AU intensity: the mean.
- prior (not for vad and AU intensity): the training distribution as probabilities. Metrics that first make
  a hard decision would see the constant again; they get a seeded draw from the distribution instead.
- duration (whole clips only): logistic regression (ridge for vad and AU intensity) on the log of the clip's
  seconds.
- clip_time (answers over time only): the training mean at that time since the recording's start; where the
  training part has no label at that time, its overall mean.
"""

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.leaderboard.exam import Exam, Truth
from affectzoo.leaderboard.scoring import main_value, score_rows, soft_metrics
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef


def control_scores(exam: Exam, seed: int = 0) -> dict[str, dict[str, float | None]]:
    """Control -> '<field>/<metric>' -> score by the benchmark's pooling.

    A control that a field does not know is left out.
    """
    scores: dict[str, dict[str, float | None]] = {}
    for control in exam.benchmark.controls:
        for field in exam.benchmark.fields:
            found = _field_scores(exam, field, control, seed)
            if found:
                scores.setdefault(control, {}).update(found)
    return scores


def _field_scores(exam: Exam, field: str, control: str, seed: int) -> dict[str, float | None]:
    metrics = exam.benchmark.metrics[field]
    soft = soft_metrics(exam, field, metrics) if control == "prior" else metrics
    out: dict[str, float | None] = {}
    for draw, names in ((False, soft), (True, [m for m in metrics if m not in soft])):
        answer = control_answers(exam, field, control, seed, draw) if names else None
        if answer is not None:
            scores = score_rows(exam, field, answer, names)
            out |= {n: main_value(s, exam.benchmark.pooling) for n, s in scores.items()}
    return out


def control_answers(exam: Exam, field: str, control: str, seed: int = 0, draw: bool = False) -> np.ndarray | None:
    """(R, K) answers of one control, NaN in rows that are not tested; None when the field does not know it.

    draw: for `prior`, a seeded draw instead of the distribution. Raises AffectZooError when a fold has no
    labelled training rows.
    """
    truth = exam.truth[field]
    hard = field in ("emotion", "state") or (field == "au" and exam.space.au_kind == "presence")
    knows = {"prior": hard, "duration": truth.granularity == "clip", "clip_time": truth.granularity == "step"}
    if not knows.get(control, True):
        return None
    rng = np.random.default_rng(seed)
    out = np.full(truth.values.shape, np.nan)
    for number, fold in enumerate(exam.folds):
        train, test = exam.train_rows(field, number), exam.test_rows(field, number)
        if not train.any():
            raise AffectZooError(f"{exam.where}: fold {fold.name} has no labelled training rows for the controls")
        mean = _mean(truth.values[train], truth.mask[train])
        if control == "constant":
            out[test] = _commonest(field, mean) if hard else mean
        elif control == "prior":
            out[test] = _draw(field, mean, test.sum(), rng) if draw else mean
        elif control == "duration":
            out[test] = _from_duration(exam, truth, train, test, field, hard)
        else:
            out[test] = _time_curve(truth, train, test, mean)
    return out


def _mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(K,) mean over labelled rows; 0 for a name without labels."""
    return np.where(mask, values, 0.0).sum(0) / np.maximum(mask.sum(0), 1)


def _commonest(field: str, mean: np.ndarray) -> np.ndarray:
    if field == "emotion":
        return np.eye(len(mean))[mean.argmax()]
    return (mean >= 0.5).astype(float)


def _draw(field: str, mean: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    if field == "emotion":
        return np.eye(len(mean))[rng.choice(len(mean), size=n, p=mean / mean.sum())]
    return (rng.random((n, len(mean))) < mean).astype(float)


def _time_curve(truth: Truth, train: np.ndarray, test: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(N, K) training mean at the time of each tested row, on the labels' own step."""
    step = np.diff(truth.t_s[truth.item == truth.item[0]][:2])
    step = float(step[0]) if len(step) else 1.0
    at = np.rint(truth.t_s / step).astype(int)
    at -= at.min()
    out = np.empty((int(test.sum()), truth.values.shape[1]))
    for k in range(truth.values.shape[1]):  # over the few names, not over the steps
        ok = train & truth.mask[:, k]
        n = np.bincount(at[ok], minlength=at.max() + 1)
        total = np.bincount(at[ok], truth.values[ok, k], minlength=at.max() + 1)
        curve = np.where(n > 0, total / np.maximum(n, 1), mean[k])
        out[:, k] = curve[at[test]]
    return out


def _from_duration(exam: Exam, truth: Truth, train: np.ndarray, test: np.ndarray, field: str, hard: bool) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression, Ridge

    x = np.log(durations_s(exam))[truth.item][:, None]
    x = (x - x[train].mean()) / (x[train].std() or 1.0)
    mean = _mean(truth.values[train], truth.mask[train])
    out = np.tile(mean, (int(test.sum()), 1))
    if field == "emotion":
        y = truth.values[train].argmax(1)
        if len(set(y)) > 1:
            model = LogisticRegression().fit(x[train], y)
            out = np.zeros_like(out)
            out[:, model.classes_] = model.predict_proba(x[test])
        return out
    for k in range(len(mean)):
        ok = train & truth.mask[:, k]
        y = truth.values[ok, k]
        if not hard and len(y):
            out[:, k] = Ridge().fit(x[ok], y).predict(x[test])
        elif len(set(y >= 0.5)) > 1:
            out[:, k] = LogisticRegression().fit(x[ok], y >= 0.5).predict_proba(x[test])[:, 1]
    return out


def durations_s(exam: Exam) -> np.ndarray:
    """(items,) seconds of every item: its attribute `duration_s` where there is one, or its signal's."""
    return np.array([_seconds(s, exam.where) for s in exam.samples])


def _seconds(sample: AffectSample, where: str) -> float:
    if "duration_s" in sample.attributes:
        return float(sample.attributes["duration_s"])
    if not sample.signals:
        raise AffectZooError(f"{where}: {sample.key} has no signal, so no duration; leave out the control 'duration'")
    signal = next(iter(sample.signals.values()))
    if isinstance(signal, SignalRef):
        if signal.stop_s is not None:
            return signal.stop_s - signal.start_s
        signal = signal.load()
    return signal.duration_s
