"""Scoring without a benchmark: the run's own split, so that a user's own table is scored with its controls too.

Such a score compares with nothing but runs on the same split; its record says so by its name.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from affectzoo.data.datamodule import AffectDataModule
from affectzoo.labels.space import LabelSpace
from affectzoo.leaderboard.benchmark import Benchmark
from affectzoo.leaderboard.exam import Exam, ExamFold
from affectzoo.metrics.score import default_metrics
from affectzoo.structures.sample import AffectSample


def own_exam(modules: Sequence[AffectDataModule], space: LabelSpace) -> Exam:
    """An exam over the test parts of data modules that differ in `fold` only; opening them reads no signal.

    Metrics are the defaults of each field that has labels; the bootstrap draws the first group (single items where
    there is none).
    """
    first = modules[0]
    samples = tuple(_grouped(s) for s in first.samples("all"))
    folds = tuple(ExamFold(str(i), _keys(m, "train"), _keys(m, "test")) for i, m in enumerate(modules))
    timed = any(t.rate_hz is not None for s in samples for t in s.targets.values())
    fields = [f for f in space.fields if any(f in s.targets and s.targets[f].mask.any() for s in samples)]
    metrics = {f: default_metrics(space, f) for f in fields}
    main = "emotion" if "emotion" in fields else fields[0]
    benchmark = Benchmark(
        name=f"{first.card.name} (own split)",
        title="The run's own split; compares only with runs on the same split",
        dataset=first.card.name,
        split=str(first.split or f"drawn with seed {first.seed}"),
        label_space=space.name,
        metrics=metrics,
        main=f"{main}/{metrics[main][0]}",
        group=_group(samples),
        controls=("constant", "prior") if timed else ("constant", "prior", "duration"),
    )
    text = "\n".join(f"{f.name},{k}" for f in folds for k in f.test)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Exam(benchmark, samples, folds, first.card.revision, digest, first.card.licence.data)


def _keys(module: AffectDataModule, part: str) -> tuple[str, ...]:
    return tuple(s.key for s in module.samples(part))


def _grouped(sample: AffectSample) -> AffectSample:
    return sample if sample.groups else replace(sample, groups={"item": sample.key})


def _group(samples: Sequence[AffectSample]) -> str:
    return next(iter(samples[0].groups))
