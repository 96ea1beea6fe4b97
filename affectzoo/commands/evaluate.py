"""affectzoo evaluate: score a prediction table under a benchmark's protocol."""

import argparse
from dataclasses import replace
from pathlib import Path

HELP = "score a prediction table under a benchmark, with intervals and controls"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("predictions", help="a prediction table (.parquet, .csv or .jsonl)")
    parser.add_argument("--benchmark", required=True, help="name of a benchmark, such as ravdess-emobox6")
    parser.add_argument("--data", help="folder of the data sets (default: the variable AFFECTZOO_DATA)")
    parser.add_argument("--out", help="write the record to this JSON file")
    parser.add_argument("--n-boot", type=int, default=1000, help="bootstrap draws; 0 gives no intervals")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap and of the prior control")
    parser.add_argument("--pool", choices=("mean", "max", "last"), help="turn answers over time into one a clip first")
    parser.add_argument(
        "--drop-unknown",
        action="store_true",
        help="leave rows aside whose key the data set does not have; said in the record",
    )
    parser.add_argument(
        "--against",
        help="a second table of the same items: also give the paired difference (1000 draws when --n-boot is 0)",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, and write the record where asked. Returns 0, also for a record that is not ranked."""
    from affectzoo.leaderboard.answers import drop_unknown
    from affectzoo.leaderboard.benchmark import load_benchmark
    from affectzoo.leaderboard.compare import compare
    from affectzoo.leaderboard.evaluate import evaluate
    from affectzoo.leaderboard.exam import open_exam
    from affectzoo.leaderboard.report import open_console, print_difference, print_record

    benchmark = load_benchmark(args.benchmark)
    table = _read(args.predictions, args.pool)
    exam = open_exam(benchmark, args.data)
    table, left = drop_unknown(table, exam) if args.drop_unknown else (table, "")
    record = evaluate(table, benchmark, n_boot=args.n_boot, seed=args.seed, data=exam, command=_command(args))
    record = replace(record, remarks=(*record.remarks, left)) if left else record
    console = open_console()
    print_record(record, console)
    if args.against:
        found = compare(table, _read(args.against, args.pool), exam, n=args.n_boot or 1000, seed=args.seed)
        print_difference(found, Path(args.predictions).name, Path(args.against).name, console)
    if args.out:
        console.print(f"Record written to {record.write(args.out)}", soft_wrap=True)
    return 0


def _read(path: str, pool: str | None):
    from affectzoo.structures.table import PredictionTable

    table = PredictionTable.read(path)
    return table.pool(pool) if pool else table


def _command(args: argparse.Namespace) -> str:
    """The command with the file's name only: a record is published without the folders of a machine."""
    pool = (f" --pool {args.pool}" if args.pool else "") + (" --drop-unknown" if args.drop_unknown else "")
    words = f"{Path(args.predictions).name} --benchmark {args.benchmark}"
    return f"affectzoo evaluate {words} --n-boot {args.n_boot} --seed {args.seed}{pool}"
