"""affectzoo predict: files, folders or globs in, a prediction table out."""

import argparse
import sys

from affectzoo.errors import AffectZooError

HELP = "predict files, folders or globs into a table"
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.epilog = (
        "A file that cannot be used gets a row with its error. Exit codes: 0 done, also when single files failed; "
        "1 with --strict when any failed; 2 an error that stops all. The same command goes on where an interrupted "
        "one stopped."
    )
    parser.add_argument("files", nargs="+", metavar="FILES", help="files, folders, globs, or '-' for a list on stdin")
    parser.add_argument(
        "--model",
        required=True,
        metavar="NAME_OR_FOLDER",
        help="a checkpoint (affectzoo list --kind checkpoints)",
    )
    parser.add_argument("--out", default="predictions.csv", help=".parquet, .csv or .jsonl (default: predictions.csv)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument(
        "--to", metavar="LABEL_SPACE", help="answer in another label space; what is lost is written down"
    )
    parser.add_argument(
        "--every", metavar="TIME", help="answer over time, e.g. every 1s, 500ms or 0.5, from recordings of any length"
    )
    parser.add_argument("--window", metavar="TIME", help="what each of these answers is made from (default: 3s)")
    parser.add_argument("--keep-silence", action="store_true", help="with --every: answer windows without speech too")
    parser.add_argument(
        "--whole",
        action="store_true",
        help="each recording is the subject (pre-cropped faces): a model that would find subjects in it does not",
    )
    parser.add_argument(
        "--seconds", metavar="TIME", help="where subjects are found: stop each recording there, also camera:0"
    )
    parser.add_argument(
        "--plot",
        action="store_true",
        help="also draw the table, as affectzoo plot does, and each recording in which subjects were found",
    )
    parser.add_argument("--root", metavar="FOLDER", help="keys are paths below it: a data set's folder gives its keys")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when any file could not be used")
    parser.add_argument("--no-resume", action="store_true", help="begin anew, whatever an interrupted run has left")


def run(args: argparse.Namespace) -> int:
    """Predict, print a short table and where the long one is. Returns 0; with --strict, 1 when a file failed."""
    from affectzoo.inference.predictor import load_predictor
    from affectzoo.inference.run import predict_files
    from affectzoo.inference.sources import find_files, other_types
    from affectzoo.inference.windows import parse_seconds
    from affectzoo.labels.mapping import map_spaces

    plan = _windows(args)
    predictor = load_predictor(args.model, args.device)
    if args.to:
        map_spaces(predictor.model.label_space, args.to)  # a space that cannot be answered is an error now
    paths = find_files(args.files, predictor.modalities)
    resume = not args.no_resume
    seconds = None if args.seconds is None else parse_seconds(args.seconds, "--seconds")
    over = {"root": args.root, "windows": plan, "whole": args.whole, "seconds": seconds}
    table = predict_files(predictor, paths, args.out, args.batch_size, resume, **over)
    if args.to:
        table = table.project(args.to)
        table.write(args.out)
    found = predictor.model.find is not None and not args.whole
    failed = _failed(table) if plan or found else table.frame.loc[table.frame["error"].ne(""), "key"].nunique()
    _show(table)
    print(f"{len(paths) - failed} of {len(paths)} files predicted; written to {args.out}")
    left_out = other_types(args.files, predictor.modalities)
    if left_out:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in left_out.items())
        print(f"left out of the folders, since no reader takes them for this model: {kinds}")
    if args.plot and table.frame["error"].eq("").any():
        _plot(args.out)
        if found:
            _draw(predictor, table, args.out)
    return int(args.strict and failed > 0)


def _windows(args: argparse.Namespace):
    """The WindowPlan of the arguments; None without --every. AffectZooError for what is no time, or too short."""
    from affectzoo.inference.windows import WINDOW_S, WindowPlan, parse_seconds

    if args.every is None:
        if args.window is not None or args.keep_silence:
            raise AffectZooError("--window and --keep-silence are for answers over time: give --every too")
        return None
    window = WINDOW_S if args.window is None else parse_seconds(args.window, "--window")
    return WindowPlan(parse_seconds(args.every, "--every"), window, args.keep_silence)


def _failed(table) -> int:
    """Files of a windowed table that could not be used, or not to their end."""
    from affectzoo.inference.partial import has_failed

    return sum(has_failed(rows) for _, rows in table.frame.groupby("key", sort=False))


def _show(table) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    clips, unanswered = _pooled(table)
    doubts = _doubts(table)
    texts = ["warning", "error"] if doubts and clips is table else ["error"]
    view = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("key", *clips.meta.kinds, *texts):
        view.add_column(column, overflow="fold")
    for _, row in clips.frame.head(_SHOWN).iterrows():
        cells = ["" if row["error"] else _cell(clips, f, row) for f in clips.meta.kinds]
        view.add_row(*(escape(c) for c in (row["key"], *cells, *row[texts])))
    Console().print(view)
    if table.meta.granularity == "step":
        print(f"shown: means over time; the table has {len(table.frame)} rows{unanswered}")
    if len(clips.frame) > _SHOWN:
        print(f"... and {len(clips.frame) - _SHOWN} more")
    if doubts:
        counts = ", ".join(f"{code} ({n} of {len(table.frame)} rows)" for code, n in doubts.items())
        print(f"doubtful, see the column warning: {counts}")


def _doubts(table) -> dict[str, int]:
    """Rows of each code in the column `warning`."""
    codes = table.frame["warning"].str.split(", ").explode()
    return codes[codes != ""].value_counts(sort=False).to_dict()


def _pooled(table):
    """One row a file for the screen, and how many steps of a windowed table have no answer and why."""
    from dataclasses import replace

    if table.meta.granularity == "clip":
        return table, ""
    steps = {"windows", "find"} & set(table.meta.notes)
    skip = table.frame["error"].ne("") & table.frame["t_s"].notna() & bool(steps)
    why = table.frame.loc[skip, "error"].value_counts()
    text = "".join(f", {n} of them without an answer: {error}" for error, n in why.items())
    return replace(table, frame=table.frame[~skip]).pool("mean"), text


def _cell(table, field: str, row) -> str:
    """The likeliest class, or the values of a field, in a few characters."""
    values = row[table.columns(field)].to_numpy(float)
    names = table.space.names(field)
    if field == "emotion":
        best = int(values.argmax())
        return f"{names[best]} {values[best]:.2f}"
    if field == "au" and table.meta.kinds[field] == "probabilities":
        return " ".join(n for n, v in zip(names, values, strict=True) if v >= 0.5) or "none"
    return " ".join(f"{n} {v:.2f}" for n, v in zip(names, values, strict=True))


def _plot(out: str) -> None:
    """The picture that `affectzoo plot OUT` draws; a table that has none is no failure of the prediction."""
    from affectzoo.commands import plot

    parser = argparse.ArgumentParser()
    plot.add_arguments(parser)
    try:
        plot.run(parser.parse_args([out]))
    except AffectZooError as e:
        print(f"no picture: {e}", file=sys.stderr)


def _draw(predictor, table, out: str) -> None:
    """Each recording of the table with what was found in it; one that cannot be drawn is told and passed over."""
    from pathlib import Path

    from rich.progress import Progress

    from affectzoo.inference.tracks import TrackPredictor

    finder = TrackPredictor(predictor)
    answered = table.frame[table.frame["error"].eq("")]
    with Progress() as bar:
        for key, source in answered[["key", "source"]].drop_duplicates().itertuples(index=False, name=None):
            place = f"{out}.{key.replace('/', '_')}"
            job = bar.add_task(f"drawing {Path(source).name}", total=None)

            def show(done: float, total: float, job=job) -> None:
                bar.update(job, completed=done, total=total or None)

            try:
                bar.console.print(str(finder.tracks(source).draw(source, table, key, place, show)))
            except AffectZooError as e:
                print(f"no picture: {e}", file=sys.stderr)
            bar.remove_task(job)
