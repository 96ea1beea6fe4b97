"""affectzoo prosody: files, folders or globs in, a table of prosody measures out."""

import argparse

HELP = "pitch, energy, rate, pauses, intonation and voice quality of recordings"
#: What the printed table shows; --out has all measures.
SHOWN = {
    "f0_median_hz": "Hz",
    "f0_range_st": "st",
    "level_dbfs": "dBFS",
    "syllable_rate_hz": "syll/s",
    "pause_count": "pauses",
    "hnr_db": "HNR",
}
_ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "A file that cannot be used gets a row with its error. Exit codes: 0 done, also when single files failed; "
        "1 with --strict when any failed; 2 an error that stops all. docs/prosody.md says what each measure is."
    )
    parser.add_argument("files", nargs="+", metavar="FILES", help="files, folders, globs, or '-' for a list on stdin")
    parser.add_argument("--out", metavar="TABLE", help="write all measures as .parquet, .csv or .jsonl")
    parser.add_argument("--plot", action="store_true", help="draw each recording's waveform, pitch, level and contour")
    parser.add_argument("--plots", default="prosody", metavar="FOLDER", help="folder of the pictures (prosody)")
    parser.add_argument(
        "--two-pass", action="store_true", help="second pitch pass and octave repair (see the docs; off by default)"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 when any file could not be used")


def run(args: argparse.Namespace) -> int:
    """Measure, print a short table and where the long one is. Returns 0; with --strict, 1 when a file failed."""
    from affectzoo.inference.sources import find_files
    from affectzoo.speech.prosody.files import check_table, measure_files, write_table

    if args.out:
        check_table(args.out)  # a table that cannot be written is an error now
    paths = find_files(args.files, ("audio",))
    frame = measure_files(paths, args.two_pass, args.plots if args.plot else None)
    failed = int(frame["error"].ne("").sum())
    _show(frame)
    if args.out:
        write_table(frame, args.out)
    where = f"; all measures written to {args.out}" if args.out else ""
    print(f"{len(frame) - failed} of {len(frame)} files measured{where}")
    if args.plot and failed < len(frame):
        print(f"pictures are in {args.plots}")
    return int(args.strict and failed > 0)


def _show(frame) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    view = Table(box=None, header_style="bold", pad_edge=False)
    view.add_column("key", overflow="fold", min_width=8)
    for title in SHOWN.values():
        view.add_column(title, justify="right", no_wrap=True)
    view.add_column("contour", no_wrap=True)
    texts = [name for name in ("warning", "error") if name == "error" or frame[name].ne("").any()]
    for name in texts:
        view.add_column(name, overflow="fold")
    for _, row in frame.head(_ROWS).iterrows():
        view.add_row(*map(escape, (row["key"], *_cells(row), _contour(row), *row[texts])))
    Console().print(view)
    if len(frame) > _ROWS:
        print(f"... and {len(frame) - _ROWS} more")


def _cells(row) -> list[str]:
    if row["error"]:
        return [""] * len(SHOWN)
    digits = {"pause_count": 0, "f0_median_hz": 0}
    cells = {name: "-" if row[name] != row[name] else f"{row[name]:.{digits.get(name, 1)}f}" for name in SHOWN}
    if not row["pitch_reliable"] and cells["f0_median_hz"] != "-":
        cells["f0_median_hz"] += " ?"  # too few voiced frames to rely on
    return list(cells.values())


def _contour(row) -> str:
    if row["error"] or row["contour"] == "too_short":
        return row["contour"]
    return f"{row['contour']} {row['contour_confidence']:.2f}"
