"""Benchmark: what is asked, of which items, and by which rule, as one strict YAML file.

`configs/benchmark/<name>.yaml` of any plug-in is a benchmark. Reading one imports no data set and no
metric; a key, a field, a control or a metric that is not known is an error that offers the nearest name.
"""

from dataclasses import dataclass, field
from typing import Any

from affectzoo.data.card import CORPUS, corpora
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import FIELDS, LabelSpace, load_space
from affectzoo.metrics.registry import REFUSED, list_metrics
from affectzoo.plugins import resource_files
from affectzoo.schema import from_dict, read_yaml

POOLINGS = ("pooled", "fold_mean")
PARTS = ("test", "all folds", "fold 0")
#: What `part` begins with where one fold is asked; which folds there are is known when the split is read.
FOLD = "fold "
#: What a control may see and say; leaderboard/controls.py makes them.
CONTROLS = {
    "constant": "the commonest class, or the mean, of the training part",
    "prior": "the training distribution as probabilities; for hard metrics a seeded draw from it",
    "duration": "logistic or ridge regression on the log duration of the clip alone",
    "clip_time": "the mean training curve at that time of the clip (answers over time only)",
}


@dataclass(frozen=True)
class Published:
    """A number from elsewhere, shown beside the ranking and never inside it.

    value: as a share (0.7229, not 72.29); metric: its name here; source: paper, table and where it was read.
    comparable: same items, same folds, same pooling and same metric definition; `note` says what differs.
    """

    system: str
    value: float
    metric: str
    source: str
    comparable: bool
    note: str = ""


@dataclass(frozen=True)
class Benchmark:
    """See the module.

    dataset, options: for `open_dataset`; split: its name in the data card.
    part: 'test' of a split into parts; of a split into folds 'fold 0' (one model, tested on the first fold)
    or another (by number, or in a split by rule by the value that is tested: 'fold ravdess'), or 'all folds' (every
    fold's test part, answered by a model that was trained without it).
    metrics: field -> registered names without the field ('emotion': ['uar', 'accuracy']). The threshold of a
    presence or state probability belongs to the metric; another threshold is another registered metric.
    main: '<field>/<metric>'. pooling: which of its values ranks, 'pooled' (all test rows at once) or
    'fold_mean' (mean of the folds' scores).
    group: what is drawn in the bootstrap and must not be on both sides of a split (speaker, subject, ...).
    slices: attributes by which the scores are also given.
    coverage: the least share of an item's labelled steps that must be answered; below it the item has failed.
    protocol: sentences that a reader of the score has to know.
    """

    name: str
    title: str
    dataset: str
    split: str
    label_space: str
    metrics: dict[str, tuple[str, ...]]
    main: str
    group: str
    part: str = "all folds"
    pooling: str = "pooled"
    options: dict[str, Any] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    controls: tuple[str, ...] = ("constant", "prior", "duration")
    coverage: float = 0.9
    protocol: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()

    def __post_init__(self):
        where = f"benchmark {self.name!r}"
        if not self.part.startswith(FOLD):
            _known("part", self.part, PARTS, where)
        _known("pooling", self.pooling, POOLINGS, where)
        for control in self.controls:
            _known("control", control, CONTROLS, where)
        for name, metrics in self.metrics.items():
            _known("field", name, FIELDS, where)
            if not metrics:
                raise AffectZooError(f"{where}: no metrics for {name}")
        _known("main metric", self.main, self.metric_names, where)
        if not 0 < self.coverage <= 1:
            raise AffectZooError(f"{where}: coverage must be in (0, 1], got {self.coverage}")

    @property
    def fields(self) -> tuple[str, ...]:
        """The prediction fields that are scored, in the order of the file."""
        return tuple(self.metrics)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Full names, '<field>/<metric>'."""
        return tuple(f"{f}/{m}" for f, metrics in self.metrics.items() for m in metrics)

    @property
    def tested(self) -> tuple[str, ...]:
        """The data sets whose items are tested: of joined ones, the one that `part` names, else all."""
        value, names = self.part.removeprefix(FOLD), corpora(self.dataset)
        return (value,) if value in names and self.split == CORPUS else names

    @property
    def space(self) -> LabelSpace:
        """The label space in which answers are scored."""
        return load_space(self.label_space)


def list_benchmarks() -> list[str]:
    """Names of the benchmarks of all plug-ins."""
    return sorted(resource_files("configs", "benchmark"))


def load_benchmark(name: "str | Benchmark") -> Benchmark:
    """A benchmark by name (a Benchmark is given back as it is).

    Raises UnknownNameError for an unknown benchmark, key, field, control, metric or label space, with the
    nearest names; AffectZooError when the file's name and its `name` differ or the space lacks a scored
    field.
    """
    if isinstance(name, Benchmark):
        return check_benchmark(name)
    files = resource_files("configs", "benchmark")
    _known("benchmark", name, files)
    benchmark = from_dict(Benchmark, read_yaml(files[name]), str(files[name]))
    if benchmark.name != name:
        raise AffectZooError(f"{files[name]}: name is {benchmark.name!r}, expected {name!r}")
    return check_benchmark(benchmark)


def check_benchmark(benchmark: Benchmark) -> Benchmark:
    """The benchmark, once its label space has its fields and its metrics are registered for them."""
    where, space = f"benchmark {benchmark.name!r}", benchmark.space
    for name, metrics in benchmark.metrics.items():
        _known("field of the label space", name, space.fields, where)
        for metric in metrics:
            if metric in REFUSED:
                raise AffectZooError(f"{where}: {REFUSED[metric]}")
            _known(f"{name} metric", metric, [m.split("/", 1)[1] for m in list_metrics(name)], where)
    for row in benchmark.published:
        _known("metric of a published value", row.metric, benchmark.metric_names, f"{where}: {row.system}")
    return benchmark


def _known(kind: str, name: str, choices, where: str = "") -> None:
    if name not in choices:
        raise UnknownNameError(kind, name, choices, where)
