"""What a run prints when it ends: the scores with their controls, and the next command to type."""

import shlex
from pathlib import Path

from rich.console import Console
from rich.table import Table

from affectzoo.data.card import DatasetCard
from affectzoo.data.datamodule import AffectDataModule
from affectzoo.plugins import import_target
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.signal import SignalRef

console = Console()


def say(text: str) -> None:
    """One line to the user."""
    console.print(text, highlight=False)


def show(record: EvalRecord | None, seconds: float) -> None:
    """The scores of a record beside its control baselines."""
    if record is None:
        say(f"done in {seconds:.0f} s; no benchmark was configured, so nothing was scored")
        return
    controls = list(record.controls)
    folds = any(s.fold_mean is not None for s in record.scores.values())
    table = Table("metric", "model", "95 % interval", *(["fold mean"] if folds else []), *controls, "n",
                  title=f"{record.benchmark.name}: {record.n} test items, {seconds:.0f} s")
    for name, score in record.scores.items():
        span = "" if score.low is None else f"{score.low:.3f} to {score.high:.3f}"
        row = [name + (" *" if name == record.benchmark.main else ""), _number(score.value), span]
        row += [_number(score.fold_mean)] if folds else []
        row += [_number(record.controls[c].get(name)) for c in controls]
        table.add_row(*row, str(score.n))
    console.print(table)
    say("* main score. Controls see no signal: constant and prior know the training labels, duration the clip's length.")
    for remark in record.remarks:
        say(f"note: {remark}")


def next_command(artefact: Path, card: DatasetCard, data: AffectDataModule, run_dir: Path, table: Path) -> None:
    """Name the files that this run left and a command that predicts with the model just trained."""
    say(f"\nThe model is in {artefact}, its test predictions in {table}.")
    files = _samples(card, data, run_dir)
    if files:
        words = " ".join(shlex.quote(str(f)) for f in files)
        say("Predict with it:\n")
        console.print(f"  affectzoo predict {words} --model {shlex.quote(str(artefact))}\n", soft_wrap=True, highlight=False)


def _samples(card: DatasetCard, data: AffectDataModule, run_dir: Path) -> list[Path]:
    """Files to try the model on: written by the generator, or two of the test part."""
    if card.folder is None:
        write_files = import_target(f"{card.adapter.rpartition('.')[0]}.write_files")
        folder = run_dir / "samples"
        write_files(folder, n=4, seed=10_000)
        return [folder]
    refs = [r for s in data.samples("test")[:2] for r in s.signals.values() if isinstance(r, SignalRef)]
    return [r.path for r in refs]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
