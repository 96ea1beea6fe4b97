"""affectzoo leaderboard: the records as tables."""

import argparse
from pathlib import Path

HELP = "show the records of all benchmarks as tables"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--benchmark", help="only this benchmark")
    parser.add_argument("--records", nargs="*", default=[], help="further folders or files of records")
    parser.add_argument("--markdown", action="store_true", help="Markdown instead of a terminal table")
    parser.add_argument("--details", action="store_true", help="also size, calibration, classes and folds (Markdown)")
    parser.add_argument("--out", help="write the Markdown to this file")
    parser.add_argument("--plot", help="draw scores against parameters into this picture (needs --benchmark)")


def run(args: argparse.Namespace) -> int:
    """Print the tables. Returns 0, also when there is no record yet."""
    from affectzoo.leaderboard.board import board_markdown, board_table, load_records
    from affectzoo.leaderboard.details import details_markdown
    from affectzoo.leaderboard.report import open_console

    records = load_records(args.records)
    if args.plot:
        _plot(records, args.benchmark, args.plot)
    if not (args.out or args.markdown or args.details):
        open_console().print(board_table(records, args.benchmark))
        return 0
    text = board_markdown(records, args.benchmark)
    if args.details:
        text += "\n" + details_markdown(records, args.benchmark)
    if args.out:
        Path(args.out).write_text(text, encoding="utf-8")
        print(f"wrote {args.out}")
    else:
        print(text)
    return 0


def _plot(records: list, benchmark: str | None, path: str) -> None:
    from affectzoo.errors import AffectZooError
    from affectzoo.leaderboard.board import model_name
    from affectzoo.leaderboard.details import sizes
    from affectzoo.plots.size import plot_sizes

    if benchmark is None:
        raise AffectZooError("--plot draws one benchmark: name it with --benchmark")
    found = sizes(records, benchmark)
    scores = [r.scores[r.benchmark.main] for r in found]
    intervals = [None if s.low is None else (s.low, s.high) for s in scores]
    names, parameters = [model_name(r) for r in found], [r.model.parameters for r in found]
    label = f"{found[0].benchmark.main}, {benchmark}"
    print(f"wrote {plot_sizes(names, parameters, [s.value for s in scores], intervals, path, label)}")
