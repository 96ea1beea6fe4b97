"""Exam: a benchmark opened on its data. The items, who is tested in which fold, the true answers as arrays.

All scoring works on rows. A row is one labelled clip, or one labelled step of one; rows of every item lie
one after the other, so that a fold, a slice or the training part of a fold is a boolean index.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from affectzoo.data.card import is_joined
from affectzoo.data.dataset import Dataset, open_dataset
from affectzoo.data.joined import find_folds
from affectzoo.data.leaks import check_leaks
from affectzoo.data.split import KEY, Folds
from affectzoo.data.targets import project_targets
from affectzoo.errors import AffectZooError, LeakError, UnknownNameError
from affectzoo.labels.space import LabelSpace
from affectzoo.leaderboard.benchmark import FOLD, Benchmark
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.time import METHODS


@dataclass(frozen=True)
class ExamFold:
    """A fold by name: keys of its training part and of the items that it tests."""

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """True answers of one field for all items, train and test.

    values, mask: (R, K); item: (R,) index of the row's item in Exam.samples; t_s: (R,) seconds from the
    recording's start, NaN where the label is for the whole clip.
    """

    values: np.ndarray
    mask: np.ndarray
    item: np.ndarray
    t_s: np.ndarray

    @property
    def granularity(self) -> str:
        """'clip' or 'step'."""
        return "clip" if np.isnan(self.t_s).all() else "step"


@dataclass(frozen=True)
class Exam:
    """See the module.

    samples: targets in the benchmark's space; split_sha256: of the split as read; unlabelled: items of the tested part
    that are not tested, since nothing that is scored is known of them.
    """

    benchmark: Benchmark
    samples: tuple[AffectSample, ...]
    folds: tuple[ExamFold, ...]
    revision: str
    split_sha256: str
    licence: str = ""
    unlabelled: int = 0

    def __post_init__(self):
        if len(self.index) != len(self.samples):
            raise AffectZooError(f"{self.where}: the data set gives the same key twice")
        for fold in self.folds:
            both = set(fold.train) & set(fold.test)
            if both:
                raise LeakError(f"{self.where}: fold {fold.name} trains and tests {', '.join(sorted(both)[:3])}")
            for key in (*fold.train, *fold.test):
                if key not in self.index:
                    raise UnknownNameError("key of the split", key, self.index, f"{self.where}: fold {fold.name}")
        if len(self.test_keys) != len(set(self.test_keys)):
            raise AffectZooError(f"{self.where}: an item is tested in two folds")

    @property
    def where(self) -> str:
        """Who speaks in an error message."""
        return f"benchmark {self.benchmark.name!r}"

    @property
    def space(self) -> LabelSpace:
        """The benchmark's label space."""
        return self.benchmark.space

    @cached_property
    def index(self) -> dict[str, int]:
        """Key -> position in `samples`."""
        return {s.key: i for i, s in enumerate(self.samples)}

    @cached_property
    def test_keys(self) -> tuple[str, ...]:
        """Keys that must be answered, fold after fold."""
        return tuple(k for f in self.folds for k in f.test)

    @cached_property
    def fold_of(self) -> np.ndarray:
        """(items,) number of the fold that tests an item, -1 where none does."""
        out = np.full(len(self.samples), -1)
        for number, fold in enumerate(self.folds):
            out[[self.index[k] for k in fold.test]] = number
        return out

    @cached_property
    def truth(self) -> dict[str, Truth]:
        """Field -> true answers of all items."""
        return {f: _truth(self.samples, f, self.space.size(f), self.where) for f in self.benchmark.fields}

    def train_rows(self, field: str, fold: int) -> np.ndarray:
        """(R,) bool: the labelled rows of the fold's training part. The only rows that a control may see."""
        truth = self.truth[field]
        items = np.zeros(len(self.samples), bool)
        items[[self.index[k] for k in self.folds[fold].train]] = True
        return items[truth.item] & truth.mask.any(1)

    def test_rows(self, field: str, fold: int | None = None) -> np.ndarray:
        """(R,) bool: the labelled rows that a fold tests (None: every fold)."""
        truth = self.truth[field]
        fold_of = self.fold_of[truth.item]
        return (fold_of >= 0 if fold is None else fold_of == fold) & truth.mask.any(1)

    def groups(self, name: str) -> np.ndarray:
        """(items,) text: the value of one group, or of one attribute where there is no such group.

        Raises UnknownNameError when an item has neither.
        """
        out = []
        for sample in self.samples:
            both = {**sample.attributes, **sample.groups}
            if name not in both:
                raise UnknownNameError("group or attribute", name, both, f"{self.where}: {sample.key}")
            out.append(str(both[name]))
        return np.array(out, dtype=object)

    def method(self, field: str) -> str:
        """How a prediction is read at the label's times (structures/time.py); AU intensity: linearly."""
        return "linear" if field == "au" and self.space.au_kind == "intensity" else METHODS[field]


def _truth(samples: Sequence[AffectSample], field: str, size: int, where: str) -> Truth:
    targets = [(i, s.targets[field]) for i, s in enumerate(samples) if field in s.targets]
    if not targets:
        raise AffectZooError(f"{where}: no item of the data set has a {field} label")
    if len({t.rate_hz is None for _, t in targets}) > 1:
        raise AffectZooError(f"{where}: {field} labels are for whole clips in some items and over time in others")
    lengths = [len(np.atleast_2d(t.values)) for _, t in targets]
    return Truth(
        values=np.concatenate([np.atleast_2d(t.values) for _, t in targets]).astype(float).reshape(-1, size),
        mask=np.concatenate([np.atleast_2d(t.mask) for _, t in targets]).astype(bool).reshape(-1, size),
        item=np.repeat([i for i, _ in targets], lengths),
        t_s=np.concatenate([_times(t) for _, t in targets]),
    )


def _times(target: Target) -> np.ndarray:
    if target.rate_hz is None:
        return np.array([np.nan])
    return target.t0_s + np.arange(len(target.values)) / target.rate_hz


def open_exam(
    benchmark: Benchmark,
    root: str | Path | None = None,
    data: Dataset | None = None,
    folds: Folds | None = None,
) -> Exam:
    """Open the benchmark's data set and split.

    data, folds: given when they are already open (a folds' `sha256` is taken as it is; a split by rule gets
    that of its resolved form). A key of the split that the data lack is an error: scores of another set of
    items cannot be compared. Items whose labels the benchmark's space cannot express are not tested. Raises what
    open_dataset and find_folds raise, LeakError when two parts share the benchmark's group.
    """
    joined = {"label_space": benchmark.space} if is_joined(benchmark.dataset) else {}
    data = open_dataset(benchmark.dataset, root, **{**joined, **benchmark.options}) if data is None else data
    folds = find_folds(data.card, benchmark.split) if folds is None else folds
    numbers = _numbers(folds, benchmark)
    folds = folds.resolve(data.samples, complete=True)
    where = f"benchmark {benchmark.name!r}"
    if (folds.kind == "parts") != (benchmark.part == "test"):
        raise AffectZooError(f"{where}: part is {benchmark.part!r}, the split {benchmark.split!r} holds {folds.kind}")
    lacking = set(folds.assignment) - {s.key for s in data.samples}
    if lacking:
        raise AffectZooError(
            f"{where}: {len(lacking)} of the split's {len(folds.assignment)} keys are not in the "
            f"data at hand, such as {min(lacking)!r}; scores would not be comparable"
        )
    samples = tuple(_in_space(s, data.space, benchmark.space) for s in data.samples)
    known = {s.key for s in samples if any(s.targets[f].mask.any() for f in benchmark.fields if f in s.targets)}
    whole = _exam_folds(folds, numbers)
    exam_folds = tuple(replace(f, test=tuple(k for k in f.test if k in known)) for f in whole)
    unlabelled = sum(len(f.test) for f in whole) - sum(len(f.test) for f in exam_folds)
    licence = data.card.licence.data
    exam = Exam(benchmark, samples, exam_folds, data.card.revision, folds.sha256, licence, unlabelled)
    groups = dict(zip(exam.index, exam.groups(benchmark.group), strict=True))
    for fold in exam.folds:
        check_leaks({"train": fold.train, "test": fold.test}, {benchmark.group: groups})
    return exam


def _in_space(sample: AffectSample, source: LabelSpace, target: LabelSpace) -> AffectSample:
    if source.hash == target.hash:
        return sample
    return replace(sample, targets=project_targets(sample.targets, source, target))


def _numbers(folds: Folds, benchmark: Benchmark) -> dict[str, int]:
    """Name -> number of the folds that the benchmark's part asks for; none for a split into parts."""
    if folds.kind == "parts":
        return {}
    names = {str(n): n for n in range(folds.n)}
    if not benchmark.part.startswith(FOLD):
        return names
    values = {} if folds.by == KEY else {v: int(n) for v, n in folds.assignment.items()}
    wanted = benchmark.part.removeprefix(FOLD)
    if wanted not in {**values, **names}:
        raise UnknownNameError("fold", wanted, {**values, **names}, f"benchmark {benchmark.name!r}")
    return {wanted: {**values, **names}[wanted]}  # a number is a number, also where a value looks like one


def _exam_folds(folds: Folds, numbers: dict[str, int]) -> tuple[ExamFold, ...]:
    """Folds as who trains and who is tested; of a split into parts, train and test (val is neither)."""

    def having(test) -> tuple[str, ...]:
        return tuple(k for k, v in folds.assignment.items() if test(v))

    if folds.kind == "parts":
        return (ExamFold("test", having(lambda v: v == "train"), having(lambda v: v == "test")),)
    return tuple(
        ExamFold(name, having(lambda v, n=n: int(v) != n), having(lambda v, n=n: int(v) == n))
        for name, n in numbers.items()
    )
