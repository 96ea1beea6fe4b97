"""A record in the terminal: scores with intervals and counts, controls beside, per-class detail, remarks."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from affectzoo.leaderboard.board import interval_text, number
from affectzoo.leaderboard.scoring import main_value
from affectzoo.metrics.bootstrap import PairedDifference
from affectzoo.structures.record import EvalRecord


def open_console() -> Console:
    """The terminal; a pipe or a file gets 160 columns, so that no table is squeezed into 80."""
    console = Console()
    if not console.is_terminal:
        console.width = 160
    return console


def print_record(record: EvalRecord, console: Console) -> None:
    """Print one record; nothing that it says against itself is left out."""
    b = record.benchmark
    console.print(
        f"[bold]{b.name}[/bold]: data {b.dataset} ({b.revision}), split {b.split} {b.split_sha256[:8]}, "
        f"label space {b.label_space} {b.label_space_hash[:8]}",
        soft_wrap=True,
    )
    trained = "unknown" if record.trained_on is None else record.trained_on
    console.print(
        f"{record.n} items tested, {record.n_missing} missing, {record.n_failed} failed; "
        f"of these the model was trained on: {trained}",
        soft_wrap=True,
    )
    console.print(_scores(record))
    console.print(_controls(record))
    main = record.scores[b.main]
    console.print(f"main score {number(main_value(main, b.pooling))} ({b.main}, {b.pooling})")
    if main.per_class:
        console.print(_per_class(record))
    console.print("[bold]ranked[/bold]" if record.ranked else "[bold red]not ranked[/bold red]")
    for remark in record.remarks:
        console.print(f"- {remark}", soft_wrap=True, markup=False)


def _scores(record: EvalRecord) -> Table:
    table = Table("score", "pooled", "95 % interval", "fold mean", "n", "undefined")
    for name, score in record.scores.items():
        row = (number(score.value), interval_text(score), number(score.fold_mean), str(score.n), str(score.undefined))
        table.add_row(_marked(name, record), *row)
    return table


def _controls(record: EvalRecord) -> Table:
    controls = sorted(record.controls)
    table = Table(f"control ({record.benchmark.pooling})", *controls)
    for name in record.scores:
        values = [record.controls[c] for c in controls]
        table.add_row(_marked(name, record), *(number(v[name]) if name in v else "" for v in values))
    return table


def _marked(name: str, record: EvalRecord) -> str:
    return f"{name} (main)" if name == record.benchmark.main else name


def _per_class(record: EvalRecord) -> Table:
    name = record.benchmark.main
    score = record.scores[name]
    table = Table("name", f"{name} (pooled)", "support")
    for label, value in score.per_class.items():
        table.add_row(Text(label), number(value), str(score.support.get(label, "")))
    return table


def print_difference(found: dict[str, PairedDifference], first: str, second: str, console: Console) -> None:
    """Print the paired differences first - second."""
    title = Text(f"{first} minus {second}, same items drawn together")
    table = Table("score", "difference", "95 % interval", title=title)
    for name, d in found.items():
        table.add_row(name, number(d.difference), f"{number(d.low)} to {number(d.high)}")
    console.print(table)
