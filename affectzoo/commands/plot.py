"""`affectzoo plot`: a picture of a prediction table or of an evaluation record."""

import argparse
from pathlib import Path

HELP = "draw a prediction table or an evaluation record"
KINDS = ("timeline", "plane", "confusion", "reliability")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("file", help="a prediction table (.parquet, .csv, .jsonl) or a record (.json)")
    parser.add_argument("--kind", choices=KINDS, help="default: what fits the file best")
    parser.add_argument("--out", help="picture to write (.png, .pdf or .svg; default: FILE.KIND.png)")
    parser.add_argument("--keys", nargs="+", metavar="KEY", help="timeline: which recordings (at most 3)")
    parser.add_argument(
        "--truth", metavar="CSV", help="confusion, reliability of a table: CSV with columns key and label"
    )


def run(args: argparse.Namespace) -> int:
    """Draw and print the path. Returns 0; raises AffectZooError when the file does not hold what is asked."""
    path = Path(args.file)
    kind, draw = _of_record(path, args) if path.suffix == ".json" else _of_table(path, args)
    print(draw(args.out or f"{path}.{kind}.png"))
    return 0


def _of_record(path: Path, args: argparse.Namespace):
    from affectzoo.errors import FileError
    from affectzoo.plots.confusion import plot_confusion
    from affectzoo.structures.record import EvalRecord

    confusion = EvalRecord.read(path).confusion
    if args.kind not in (None, "confusion"):
        raise FileError(path, f"a record holds no {args.kind}; give the prediction table")
    if not {"labels", "counts"} <= set(confusion):
        raise FileError(path, "this record has no confusion matrix (its benchmark has no classes)")
    return "confusion", lambda out: plot_confusion(confusion["labels"], confusion["counts"], out)


def _of_table(path: Path, args: argparse.Namespace):
    from affectzoo.plots.confusion import plot_confusion
    from affectzoo.plots.plane import plot_space, table_points
    from affectzoo.plots.reliability import plot_reliability
    from affectzoo.plots.timeline import plot_timeline
    from affectzoo.structures.table import PredictionTable

    table = PredictionTable.read(path)
    kind = args.kind or _best_kind(table, args)
    if kind == "timeline":
        return kind, lambda out: plot_timeline(table, out, args.keys)
    if kind == "plane":
        points, labels = table_points(table)
        return kind, lambda out: plot_space(table.space, points, labels, out)
    truth, p = _answers(table, path, args.truth)
    if kind == "reliability":
        return kind, lambda out: plot_reliability(p.max(1), p.argmax(1) == truth, out)
    return kind, lambda out: plot_confusion(table.space.names("emotion"), _count(truth, p), out)


def _best_kind(table, args: argparse.Namespace) -> str:
    if args.truth:
        return "confusion"
    return "timeline" if table.meta.granularity == "step" else "plane"


def _answers(table, path: Path, truth_path: str | None):
    """True class index (N,) and probabilities (N, K) of the rows that have both an answer and a truth."""
    import numpy as np
    import pandas as pd

    from affectzoo.errors import AffectZooError, FileError

    if truth_path is None:
        raise AffectZooError("confusion and reliability need --truth, a CSV with columns key and label")
    if "emotion" not in table.meta.kinds or table.meta.granularity != "clip":
        raise FileError(path, "confusion and reliability need an emotion field with one row a recording")
    try:
        frame = pd.read_csv(truth_path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as e:
        raise FileError(truth_path, f"is not a readable CSV ({e})") from None
    if not {"key", "label"} <= set(frame):
        raise FileError(truth_path, f"needs columns key and label, has {', '.join(frame)}")
    index = {k: table.space.index("emotion", v) for k, v in zip(frame["key"], frame["label"], strict=True)}
    p = table.values("emotion")
    truth = np.array([index.get(k, -1) for k in table.frame["key"]])
    keep = (truth >= 0) & ~np.isnan(p).any(1)
    if not keep.any():
        raise FileError(truth_path, f"shares no key with {path}")
    return truth[keep], p[keep]


def _count(truth, p):
    """(K, K) counts, truth in rows."""
    import numpy as np

    k = p.shape[1]
    return np.bincount(truth * k + p.argmax(1), minlength=k * k).reshape(k, k)
