"""evaluate: a prediction table and a benchmark in, one EvalRecord out."""

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from affectzoo.data.card import LEAKY
from affectzoo.leaderboard.answers import Answers, lay_over, table_sha256
from affectzoo.leaderboard.benchmark import Benchmark, load_benchmark
from affectzoo.leaderboard.controls import control_scores
from affectzoo.leaderboard.exam import Exam, open_exam
from affectzoo.leaderboard.scoring import score_rows, with_intervals
from affectzoo.leaderboard.trained import Trained, trained_on
from affectzoo.schema import from_dict
from affectzoo.structures.record import BenchmarkRef, EvalRecord, ModelRef, Score
from affectzoo.structures.table import PredictionTable

#: Below so many groups (ours) a record says that its interval is not to be trusted.
FEW_GROUPS = 8
PACKAGES = ("affectzoo", "numpy", "pandas", "scikit-learn", "torch", "torchmetrics")


def evaluate(
    table_or_path: PredictionTable | str | Path,
    benchmark: Benchmark | str,
    root: str | Path | None = None,
    n_boot: int = 1000,
    seed: int = 0,
    model: ModelRef | Mapping[str, Any] | None = None,
    data: Any = None,
    command: str = "",
) -> EvalRecord:
    """Score a table under a benchmark's protocol.

    root: the data folder (default: AFFECTZOO_DATA). n_boot: bootstrap draws of the benchmark's group for
    the 95 % intervals; 0 gives none. seed: of the bootstrap and of the prior control. model: overrides the
    table's own model reference. data: an opened Dataset or Exam, so that nothing is read twice. command:
    written into the record.

    The record says what it is not ranked for in `remarks`: missing or failed items (answers.py), items or
    groups that were trained on (trained.py). Raises FileError for a broken table, UnknownNameError for
    unknown keys, fields, benchmarks and metrics, AffectZooError for answers given twice or of the wrong
    granularity.
    """
    table = table_or_path if isinstance(table_or_path, PredictionTable) else PredictionTable.read(table_or_path)
    exam = data if isinstance(data, Exam) else open_exam(load_benchmark(benchmark), root, data)
    answers = lay_over(table, exam)
    trained = trained_on(table, exam)
    against = _reasons(exam, answers, trained)
    return EvalRecord(
        model=_model(model if model is not None else table.meta.model),
        benchmark=benchmark_ref(exam),
        scores=_all_scores(exam, answers, n_boot, seed),
        controls=control_scores(exam, seed),
        slices=_slices(exam, answers),
        confusion=_confusion(exam, answers),
        n=len(exam.test_keys),
        n_failed=len(answers.failed),
        n_missing=len(answers.missing),
        trained_on=trained.items,
        training_keys_sha256=trained.sha256,
        ranked=not against,
        remarks=(*(f"not ranked: {r}" for r in against), *_notes(exam, trained), *answers.remarks),
        seeds=(seed,),
        predictions_sha256=table_sha256(table),
        licences={"data": exam.licence} if exam.licence else {},
        versions=_versions(),
        machine=f"{platform.system()} {platform.machine()}, {cpu_count()} logical cores",
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def benchmark_ref(exam: Exam) -> BenchmarkRef:
    """What was asked, with the hashes by which two records are compared or kept apart."""
    b = exam.benchmark
    protocol = {
        "part": b.part,
        "group": b.group,
        "coverage": b.coverage,
        "options": b.options,
        "failed": "scored as wrong, record not ranked",
        "notes": list(b.protocol),
        "granularity": {f: t.granularity for f, t in exam.truth.items()},
        "read_at": {f: exam.method(f) for f, t in exam.truth.items() if t.granularity == "step"},
    }
    return BenchmarkRef(
        b.name,
        b.dataset,
        exam.revision,
        b.split,
        exam.split_sha256,
        exam.space.name,
        exam.space.hash,
        b.main,
        b.pooling,
        protocol,
    )


def _all_scores(exam: Exam, answers: Answers, n_boot: int, seed: int) -> dict[str, Score]:
    scores = {}
    for field, metrics in exam.benchmark.metrics.items():
        found = score_rows(exam, field, answers.values[field], metrics)
        scores |= with_intervals(exam, field, answers.values[field], found, n_boot, seed)
    return scores


def _slices(exam: Exam, answers: Answers) -> dict[str, dict[str, dict[str, float | None]]]:
    """Attribute -> its value -> metric -> pooled value."""
    out: dict[str, dict[str, dict[str, float | None]]] = {}
    for attribute in exam.benchmark.slices:
        groups = exam.groups(attribute)
        for value in sorted(set(groups)):
            for field, metrics in exam.benchmark.metrics.items():
                rows = groups[exam.truth[field].item] == value
                if not (rows & exam.test_rows(field)).any():
                    continue
                found = score_rows(exam, field, answers.values[field], metrics, rows)
                out.setdefault(attribute, {}).setdefault(value, {}).update({n: s.value for n, s in found.items()})
    return out


def _confusion(exam: Exam, answers: Answers) -> dict[str, Any]:
    """{'labels': names, 'counts': K x K}: rows are the truth, columns the answers that were given."""
    if "emotion" not in exam.benchmark.fields:
        return {}
    rows = exam.test_rows("emotion") & answers.answered["emotion"]
    labels = exam.space.names("emotion")
    counts = np.zeros((len(labels), len(labels)), int)
    np.add.at(counts, (exam.truth["emotion"].values[rows].argmax(1), answers.values["emotion"][rows].argmax(1)), 1)
    return {"labels": list(labels), "counts": counts.tolist()}


def _reasons(exam: Exam, answers: Answers, trained: Trained) -> tuple[str, ...]:
    """Why the record is not ranked; empty when it is."""
    found = []
    if exam.benchmark.split.endswith(LEAKY):
        found.append(f"the split {exam.benchmark.split!r} keeps no group of its data set apart")
    for keys, what in ((answers.missing, "missing"), (answers.failed, "failed")):
        if keys:
            more = ", ..." if len(keys) > 3 else ""
            found.append(f"{what} among the tested items: {len(keys)} ({', '.join(keys[:3])}{more})")
    return (*found, *trained.reasons)


def _notes(exam: Exam, trained: Trained) -> tuple[str, ...]:
    """What a reader has to know that does not keep a record from its rank."""
    found = []
    if exam.unlabelled:
        found.append(f"{exam.unlabelled} further items have no label in {exam.space.name!r} and are not tested")
    if trained.items is None:
        found.append("the table does not tell what its model was trained on")
    group = exam.benchmark.group
    drawn = len(set(exam.groups(group)[exam.fold_of >= 0]))
    if drawn < FEW_GROUPS:
        found.append(f"the interval is over {drawn} values of {group} only and may be far too narrow")
    return tuple(found)


def _model(model: ModelRef | Mapping[str, Any]) -> ModelRef:
    if isinstance(model, ModelRef):
        return model
    known = {k: v for k, v in model.items() if k in ModelRef.__dataclass_fields__}
    return from_dict(ModelRef, {"arch": "unnamed", **known}, "model of the table")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found
