"""`affectzoo split`: make or check a split of your own table."""

import argparse
from pathlib import Path

HELP = "make a group-aware split of a table, or check one for leaks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "table", help="CSV or Parquet with a column key, or path (then the key is the path without suffix)"
    )
    parser.add_argument(
        "--group",
        required=True,
        nargs="+",
        metavar="COLUMN",
        help="what no two parts may share (speaker); with several, the split is made by the first and checked for all",
    )
    parser.add_argument(
        "--folds",
        type=int,
        default=5,
        metavar="K",
        help="number of folds (default 5); 0 leaves one group out at a time",
    )
    parser.add_argument("--stratify", metavar="COLUMN", help="keep the shares of these classes alike in all folds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", metavar="FILE", help="the split file (default: TABLE.split.csv)")
    parser.add_argument("--check", action="store_true", help="make nothing: check the split in --out against --group")


def run(args: argparse.Namespace) -> int:
    """Write the split and print its sha256 and counts; with --check only look. Raises LeakError."""
    from affectzoo.data.leaks import check_leaks
    from affectzoo.data.split import leave_one_group_out, make_folds, read_folds, write_folds
    from affectzoo.data.table_adapter import read_table

    frame = read_table(args.table)
    samples, classes = _samples(args.table, frame, args.group, args.stratify)
    out = Path(args.out or f"{args.table}.split.csv")
    if args.check:
        folds = read_folds(out, disjoint=args.group)
        _compare(out, folds.assignment, samples)
    elif args.folds == 0:
        folds = leave_one_group_out(samples, args.group[0])
    else:
        folds = make_folds(samples, args.group[0], args.folds, args.seed, classes)
    parts: dict[str, list[str]] = {}
    for key, part in folds.assignment.items():
        parts.setdefault(f"fold {part}" if folds.kind == "folds" else part, []).append(key)
    check_leaks(parts, {g: {s.key: s.groups[g] for s in samples} for g in args.group})
    digest = folds.sha256 if args.check else write_folds(folds, out)
    for part, keys in sorted(parts.items()):
        print(f"{part}: {len(keys)} items")
    print(f"{out}: sha256 {digest}; no two parts share {' or '.join(args.group)}")
    return 0


def _samples(table: str, frame, groups: list[str], stratify: str | None):
    from affectzoo.errors import FileError, UnknownNameError
    from affectzoo.structures.sample import AffectSample

    for column in [*groups, *([stratify] if stratify else [])]:
        if column not in frame:
            raise UnknownNameError("column", column, frame.columns, table)
        if frame[column].isna().any():
            raise FileError(table, f"line {int(frame[column].isna().to_numpy().argmax()) + 2}: {column!r} is empty")
    if "key" not in frame and "path" not in frame:
        raise UnknownNameError("column", "key", frame.columns, table)
    keys = frame["key"] if "key" in frame else [Path(p).with_suffix("").as_posix() for p in frame["path"]]
    rows = zip(keys, frame[groups].astype(str).to_dict("records"), strict=True)
    samples = [AffectSample(str(key), {}, groups=row) for key, row in rows]
    classes = dict(zip([s.key for s in samples], frame[stratify].astype(str), strict=True)) if stratify else None
    return samples, classes


def _compare(path: Path, assignment, samples) -> None:
    from affectzoo.errors import FileError

    unknown = set(assignment) - {s.key for s in samples}
    if unknown:
        raise FileError(path, f"{len(unknown)} keys are not in the table, such as {min(unknown)!r}")
