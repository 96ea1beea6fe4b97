"""What a run prints when it ends: the scores with their controls, and the next command to type."""

import shlex
from pathlib import Path

from rich.console import Console

from affectzoo.data.card import is_joined
from affectzoo.data.datamodule import AffectDataModule
from affectzoo.leaderboard.report import print_record
from affectzoo.plugins import import_target
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.signal import SignalRef

console = Console()


def say(text: str) -> None:
    """One line to the user."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def show(record: EvalRecord, seconds: float) -> None:
    """The scores of a record beside its control baselines."""
    print_record(record, console)
    say(
        "Controls see no signal: constant and prior know the training labels, duration the clip's length, "
        f"clip_time the time in the clip. Done in {seconds:.0f} s."
    )


def next_command(artefact: Path, data: AffectDataModule, run_dir: Path, table: Path) -> None:
    """Name the files that this run left and a command that predicts with the model just trained."""
    say(f"\nThe model is in {artefact}, its test predictions in {table}.")
    files = _samples(data, run_dir)
    if files:
        words = " ".join(shlex.quote(str(f)) for f in files)
        say(f"Predict with it:\n\n  affectzoo predict {words} --model {shlex.quote(str(artefact))}\n")


def say_start(artefact: Path) -> None:
    """Name an encoder that was trained without labels, and what it is for."""
    say(f"\nThe encoder is in {artefact}. Its heads are untrained; train them: init={shlex.quote(str(artefact))}")


def _samples(data: AffectDataModule, run_dir: Path) -> list[Path]:
    """Files to try the model on: written by the generator, or two of the test part."""
    card = data.card
    if card.folder is None and data.options.get("path") is None and not is_joined(card.name):
        write_files = import_target(f"{card.adapter.rpartition('.')[0]}.write_files")
        folder = run_dir / "samples"
        write_files(folder, n=4, seed=10_000)
        return [folder]
    refs = [r for s in data.dataset.samples if s.key in set(data.parts["test"][:2]) for r in s.signals.values()]
    return [r.path for r in refs if isinstance(r, SignalRef)]
