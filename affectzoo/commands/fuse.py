"""affectzoo fuse: prediction tables of the same items become one."""

import argparse

HELP = "fuse prediction tables of the same items (late fusion)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("tables", nargs="+", help="two or more prediction tables (.parquet, .csv or .jsonl)")
    parser.add_argument("--out", required=True, help="table to write")
    parser.add_argument(
        "--rule", choices=("log", "mean"), default="log", help="of logarithms of probabilities, or of them"
    )
    parser.add_argument("--weights", nargs="+", type=float, help="one a table (default: equal, their sum 1)")
    parser.add_argument("--fit", metavar="BENCHMARK", help="weights out of fold, on this benchmark's labels and folds")
    parser.add_argument("--data", help="with --fit: folder of the data sets (default: the variable AFFECTZOO_DATA)")
    parser.add_argument(
        "--missing",
        choices=("error", "common", "any"),
        default="error",
        help="rows that not every table answers: stop (default), leave out, fuse the answers that are there",
    )
    parser.add_argument("--to", metavar="SPACE", help="bring every table into this label space first")
    parser.add_argument("--same-items", metavar="SET=SET", help="data sets with the same keys: ravdess_au=ravdess")
    parser.add_argument("--tag", default="", help="of the fused model's name, fusion/<rule>.<tag>")
    parser.add_argument(
        "--unknown-training", action="store_true", help="also tables that do not tell their training keys"
    )


def run(args: argparse.Namespace) -> int:
    """Fuse, write, and say what was fused. Raises AffectZooError for tables and options that do not fit."""
    from affectzoo.errors import AffectZooError
    from affectzoo.fusion.fuse import fuse
    from affectzoo.fusion.weights import fuse_out_of_fold
    from affectzoo.structures.table import PredictionTable

    tables = [PredictionTable.read(p) for p in args.tables]
    if args.to:
        tables = [t.project(args.to) for t in tables]
    if args.same_items:
        tables = _same(tables, args.same_items)
    common = {"missing": args.missing, "tag": args.tag, "unknown_training": args.unknown_training}
    if args.fit and (args.weights or args.rule != "log"):
        raise AffectZooError("--fit: finds the weights of the rule log; leave --weights and --rule out")
    if args.fit:
        fused = fuse_out_of_fold(tables, *_truth(args.fit, args.data), **common)
    else:
        fused = fuse(tables, args.weights, args.rule, **common)
    _say(fused, fused.write(args.out))
    return 0


def _same(tables: list, text: str) -> list:
    """Tables whose training keys are of the first set, told as those of the second."""
    from affectzoo.errors import AffectZooError
    from affectzoo.fusion.origin import has_items_of, same_items

    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise AffectZooError(f"--same-items {text}: is not SET=SET, such as ravdess_au=ravdess")
    if not any(has_items_of(t, old) for t in tables):
        raise AffectZooError(f"--same-items {text}: no table was trained on items of {old!r}")
    return [same_items(t, old, new) if has_items_of(t, old) else t for t in tables]


def _truth(benchmark: str, root: str | None) -> tuple[dict, dict]:
    """(key -> true distribution, key -> fold) of a benchmark's tested items."""
    from affectzoo.leaderboard.benchmark import load_benchmark
    from affectzoo.leaderboard.exam import open_exam

    exam = open_exam(load_benchmark(benchmark), root)
    rows = exam.test_rows("emotion")
    truth = exam.truth["emotion"]
    keys = [exam.samples[i].key for i in truth.item[rows]]
    folds = {k: f.name for f in exam.folds for k in f.test}
    return dict(zip(keys, truth.values[rows], strict=True)), folds


def _say(fused, path) -> None:
    note = fused.meta.notes["fusion"]
    models = [".".join(filter(None, (t["model"].get("arch", "?"), t["model"].get("tag", "")))) for t in note["tables"]]
    print(f"{note['rows']} rows fused by {note['rule']} from {' and '.join(models)}; {note['rows left out']} left out")
    print(f"weights: {note['fitted']['by fold'] if 'fitted' in note else note['weights']}")
    print(f"wrote {path}")
