"""Board: tables of records. A view only: no number in it is typed, and no two things are ranked that differ.

A ranking is made of records of one benchmark with the same data revision, split hash, label-space hash, rules
(part, data options, coverage, how answers are read) and conventions of the main score. Records that differ in
one of them get a table of their own. Published numbers stand beside a ranking, unranked.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from affectzoo.errors import FileError, UnknownNameError
from affectzoo.leaderboard.benchmark import Benchmark, list_benchmarks, load_benchmark
from affectzoo.leaderboard.scoring import main_value
from affectzoo.metrics.registry import metric_entry
from affectzoo.plugins import plugins
from affectzoo.structures.record import EvalRecord, Score

COLUMNS = ("rank", "model", "score", "95 % interval", "other pooling", "n", "seeds", "note")


@dataclass(frozen=True)
class Ranking:
    """Records that may be compared, best first; `state`: what they have in common (data, split, space, rules)."""

    benchmark: str
    main: str
    pooling: str
    state: str
    ranked: tuple[EvalRecord, ...]
    unranked: tuple[EvalRecord, ...]
    alone: bool

    @property
    def title(self) -> str:
        """Benchmark, main score and, where there are several, the data and split that make this ranking."""
        extra = "" if self.alone else f" [{self.state}; not comparable with the other tables of this benchmark]"
        return f"{self.benchmark}: {self.main} ({self.pooling}){extra}"


def load_records(folders: Iterable[str | Path] = ()) -> list[EvalRecord]:
    """Records in `<package>/leaderboard/records/` of every plug-in, and in the folders (or files) given.

    Raises FileError for a folder or file that does not exist or a record of a newer schema; an odd key is
    an error with the near match.
    """
    files = [p for plugin in plugins() for p in sorted((plugin.folder / "leaderboard" / "records").rglob("*.json"))]
    for folder in map(Path, folders):
        if not folder.exists():
            raise FileError(folder, "no such folder or file of records")
        files += sorted(folder.rglob("*.json")) if folder.is_dir() else [folder]
    seen = {p.resolve(): p for p in files}
    return [EvalRecord.read(p) for p in seen.values()]


def rankings(records: Sequence[EvalRecord], benchmark: str | None = None) -> list[Ranking]:
    """Group and sort. Raises UnknownNameError for a benchmark that neither a record nor a file has."""
    names = {r.benchmark.name for r in records}
    if benchmark is not None and benchmark not in names:
        if benchmark not in list_benchmarks():
            raise UnknownNameError("benchmark", benchmark, names | set(list_benchmarks()))
        return []
    groups: dict[tuple[str, ...], list[EvalRecord]] = {}
    for record in records:
        if benchmark in (None, record.benchmark.name):
            groups.setdefault(_identity(record), []).append(record)
    count = {n: sum(key[0] == n for key in groups) for n in names}
    return [_ranking(key, groups[key], count[key[0]] == 1) for key in sorted(groups)]


def _identity(record: EvalRecord) -> tuple[str, ...]:
    b = record.benchmark
    return (
        b.name,
        b.dataset,
        b.revision,
        b.split,
        b.split_sha256,
        b.label_space,
        b.label_space_hash,
        b.main,
        b.pooling,
        _rules(record),
    )


def _rules(record: EvalRecord) -> str:
    """Eight digits over what else decides a score. Notes are only text, an interval is not the score."""
    protocol = {k: v for k, v in record.benchmark.protocol.items() if k != "notes"}
    score = record.scores.get(record.benchmark.main) or Score(None)
    conventions = {k: v for k, v in score.conventions.items() if k != "interval"}
    return hashlib.sha256(json.dumps([protocol, conventions], sort_keys=True).encode()).hexdigest()[:8]


def _ranking(key: tuple[str, ...], records: list[EvalRecord], alone: bool) -> Ranking:
    name, _, revision, split, split_hash, space, space_hash, main, pooling, rules = key
    ordered = sorted(records, key=lambda r: _sort_key(r, main, pooling))
    state = f"data {revision}, split {split} {split_hash[:8]}, {space} {space_hash[:8]}, rules {rules}"
    fits = [r.ranked and _value(r, main, pooling) is not None for r in ordered]
    return Ranking(
        name,
        main,
        pooling,
        state,
        tuple(r for r, ok in zip(ordered, fits, strict=True) if ok),
        tuple(r for r, ok in zip(ordered, fits, strict=True) if not ok),
        alone,
    )


def _sort_key(record: EvalRecord, main: str, pooling: str) -> tuple:
    value = _value(record, main, pooling)
    sign = -1 if metric_entry(*main.split("/", 1)).card.higher_is_better else 1
    return value is None, sign * (value or 0.0), record.model.arch, record.model.tag, record.created


def _value(record: EvalRecord, main: str, pooling: str) -> float | None:
    score = record.scores.get(main)
    return None if score is None else main_value(score, pooling)


def board_table(records: Sequence[EvalRecord], benchmark: str | None = None) -> RenderableType:
    """Rich tables, one a ranking: ranked models, controls, published numbers, then the unranked.

    Notes are long and stand below their table, by number.
    """
    parts: list[RenderableType] = []
    for ranking in rankings(records, benchmark):
        # As Text: Rich would take a name in brackets for its markup and leave it out.
        table = Table(*COLUMNS, title=Text(ranking.title), title_justify="left")
        notes: dict[str, int] = {}
        for *cells, note in board_rows(ranking):
            table.add_row(*map(Text, cells), str(notes.setdefault(note, len(notes) + 1)) if note else "")
        below = [f"({number}) {note}" for note, number in notes.items()]
        parts += [table, Text("\n".join([f"{ranking.state}.", *below, ""]))]
    return Group(*parts) if parts else _nothing(benchmark)


def _nothing(benchmark: str | None) -> str:
    what = f"No records of {benchmark} yet." if benchmark else "No records yet."
    return f"{what} Write one with: affectzoo evaluate ... --benchmark {benchmark or '...'} --out record.json"


def board_markdown(records: Sequence[EvalRecord], benchmark: str | None = None) -> str:
    """The same in Markdown, for the documentation, with each note in its row."""
    lines: list[str] = []
    for ranking in rankings(records, benchmark):
        lines += [
            f"### {ranking.title}",
            "",
            f"{ranking.state}.",
            "",
            markdown_line(COLUMNS),
            markdown_line(["---"] * len(COLUMNS)),
        ]
        lines += [markdown_line(row) for row in board_rows(ranking)]
        lines.append("")
    return "\n".join(lines) if lines else _nothing(benchmark)


def markdown_line(cells: Sequence[str]) -> str:
    """One row of a table."""
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def board_rows(ranking: Ranking) -> list[tuple[str, ...]]:
    """Cells of every row of one ranking, in the order of COLUMNS."""
    rows = [_record_row(str(i), r, ranking, "; ".join(r.remarks)) for i, r in enumerate(ranking.ranked, 1)]
    rows += _control_rows(ranking)
    rows += [
        (
            ("published" if p.comparable else "published, other protocol"),
            p.system,
            f"{p.value:.4f}",
            "",
            "",
            "",
            "",
            "; ".join(filter(None, (p.source, p.note))),
        )
        for p in _published(ranking)
    ]
    rows += [
        _record_row("unranked", r, ranking, "; ".join(r.remarks) or "main score undefined") for r in ranking.unranked
    ]
    return rows


def _record_row(rank: str, record: EvalRecord, ranking: Ranking, note: str) -> tuple[str, ...]:
    score = record.scores.get(ranking.main) or Score(None)
    other = "fold_mean" if ranking.pooling == "pooled" else "pooled"
    interval = interval_text(score) + (" (pooled)" if score.low is not None and ranking.pooling != "pooled" else "")
    return (
        rank,
        model_name(record),
        number(main_value(score, ranking.pooling)),
        interval,
        f"{number(main_value(score, other))} ({other})",
        str(record.n),
        ", ".join(map(str, record.seeds)),
        note,
    )


def _control_rows(ranking: Ranking) -> list[tuple[str, ...]]:
    """The controls of the first record that has them: they depend on data and seed, not on the model."""
    first = next((r for r in (*ranking.ranked, *ranking.unranked) if r.controls), None)
    controls = first.controls if first else {}
    return [
        ("control", name, number(values[ranking.main]), "", "", "", "", "")
        for name, values in sorted(controls.items())
        if ranking.main in values
    ]


def _published(ranking: Ranking) -> list:
    if ranking.benchmark not in list_benchmarks():
        return []
    benchmark: Benchmark = load_benchmark(ranking.benchmark)
    rows = [p for p in benchmark.published if p.metric == ranking.main]
    return sorted(rows, key=lambda p: (not p.comparable, -p.value))


def model_name(record: EvalRecord) -> str:
    """Architecture and tag."""
    return f"{record.model.arch}.{record.model.tag}" if record.model.tag else record.model.arch


def interval_text(score: Score) -> str:
    """'0.6500 to 0.7500', the interval of the pooled value; '' without one."""
    return "" if score.low is None or score.high is None else f"{score.low:.4f} to {score.high:.4f}"


def number(value: float | None) -> str:
    """Four decimals; 'undefined' where there is no value."""
    return "undefined" if value is None else f"{value:.4f}"
