"""affectzoo leaderboard: the records as tables."""

import argparse
from pathlib import Path

HELP = "show the records of all benchmarks as tables"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--benchmark", help="only this benchmark")
    parser.add_argument("--records", nargs="*", default=[], help="further folders or files of records")
    parser.add_argument("--markdown", action="store_true", help="Markdown instead of a terminal table")
    parser.add_argument("--out", help="write the Markdown to this file")


def run(args: argparse.Namespace) -> int:
    """Print the tables. Returns 0, also when there is no record yet."""
    from affectzoo.leaderboard.board import board_markdown, board_table, load_records
    from affectzoo.leaderboard.report import open_console

    records = load_records(args.records)
    if args.out:
        Path(args.out).write_text(board_markdown(records, args.benchmark), encoding="utf-8")
        print(f"wrote {args.out}")
    elif args.markdown:
        print(board_markdown(records, args.benchmark))
    else:
        open_console().print(board_table(records, args.benchmark))
    return 0
