"""affectzoo labels: the label spaces, and what is lost between two of them."""

import argparse
import json
from pathlib import Path

from affectzoo.errors import AffectZooError, FileError

HELP = "label spaces: list, show, map from one to another, plot; relabel a table between vad and emotions"

STYLES = {"exact": "green", "lossy": "yellow", "undefined": "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of the command."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="all label spaces with their fields and hashes")
    show = actions.add_parser("show", help="names, terms, VAD, aliases and source of one space")
    show.add_argument("name", help="a label space, or several joined by '+'")
    mapping = actions.add_parser("map", help="each row of a mapping: exact, lossy or undefined")
    mapping.add_argument("source", help="label space to map from")
    mapping.add_argument("target", help="label space to map to")
    mapping.add_argument("--field", help="field of the target (default: all that can be answered)")
    plot = actions.add_parser("plot", help="draw a space, or the predictions of a table")
    plot.add_argument("what", help="a label space, or a prediction table (.parquet, .csv, .jsonl)")
    plot.add_argument("--out", help="picture to write (default: <name>.png)")
    plot.add_argument("--view", choices=("plane", "wheel"), help="default: a table and a space without angles: plane")
    relabel = actions.add_parser("relabel", help="valence and arousal into distributions over emotion words, or back")
    relabel.add_argument("table", help="a CSV of your own, or a prediction table (.parquet, .csv, .jsonl)")
    relabel.add_argument(
        "--to", required=True, help="rm8, fused14_ours or any space with terms; or vad or va, to go back"
    )
    relabel.add_argument("--out", required=True, help="table to write: the same rows, more columns")
    relabel.add_argument("--from", dest="source", help="back from a CSV: the label space of its classes")
    relabel.add_argument("--range", default="signed", help="of a CSV's ratings: sam9, unit, ..., or LOW:HIGH (signed)")
    relabel.add_argument("--columns", nargs="+", metavar="NAME=COLUMN", help="of a CSV, such as valence=V arousal=A")
    relabel.add_argument("--normalise", action="store_true", help="back from a CSV: its shares are counts of votes")


def run(args: argparse.Namespace) -> int:
    """Run one sub-command. Raises AffectZooError for names that are unknown and spaces without a mapping."""
    action = {"list": _list, "show": _show, "map": _map, "plot": _plot, "relabel": _relabel}[args.action]
    action(args)
    return 0


def _print(*things) -> None:
    """Print rich tables and literal lines; piped output keeps its full width."""
    from rich.console import Console

    console = Console(soft_wrap=False, highlight=False)
    if not console.is_terminal:
        console.width = 160
    for thing in things:
        console.print(thing, markup=False) if isinstance(thing, str) else console.print(thing)


def _table(*columns: str, title: str | None = None):
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _list(args: argparse.Namespace) -> None:
    from affectzoo.labels.space import list_spaces, load_space

    table = _table("name", "version", "fields", "hash", "title")
    for name in list_spaces():
        s = load_space(name)
        fields = ", ".join(f"{f} {s.size(f)}" + (f" ({s.au_kind})" if f == "au" else "") for f in s.fields)
        table.add_row(s.name, s.version, fields, s.hash, s.title)
    _print(table)


def _show(args: argparse.Namespace) -> None:
    from affectzoo.labels.space import load_space

    s = load_space(args.name)
    about = ("title", "source", "licence", "notes")
    _print(f"{s.name}  version {s.version}  hash {s.hash}", *(f"{k}: {t}" for k in about if (t := getattr(s, k))))
    if s.axes:
        _print(_axes(s))
    if s.categories:
        _print(_categories(s))
    if s.action_units:
        _print(_units(s))
    if s.states:
        _print(_states(s))


def _axes(s):
    table = _table("axis", "low", "high")
    for a in s.axes:
        table.add_row(a.name, f"{a.low:g}", f"{a.high:g}")
    return table


def _categories(s):
    from affectzoo.labels.vad import terms

    sectors = _sectors(s)
    more = ("sector's valence, arousal, dominance",) if sectors else ()
    table = _table("category", "term", "valence", "arousal", "dominance", *more, "angle", "aliases", "parents")
    for c in s.categories:
        term = terms().get(c.term) if c.term else None
        vad = [f"{m:+.2f} ± {d:.2f}" for m, d in zip(term.mean, term.sd, strict=True)] if term else ["", "", ""]
        angle = "" if c.angle_deg is None else f"{c.angle_deg:g}"
        sector = (sectors[c.name],) if sectors else ()
        table.add_row(c.name, c.term or "", *vad, *sector, angle, ", ".join(c.aliases), ", ".join(c.parents))
    return table


def _sectors(s) -> dict[str, str]:
    """Of a wheel or tree: each sector's point and what it rests on. Empty for other spaces."""
    from affectzoo.labels.wheel_vad import sector_vad

    if not any(c.parents for c in s.categories) or not any(c.term for c in s.categories):
        return {}
    found = sector_vad(s, back_off=True)
    points = zip(found.names, found.values, found.basis, found.terms, strict=True)
    return {
        name: "undefined"
        if basis == "undefined"
        else " ".join(f"{v:+.2f}" for v in point)
        + f" ({'of its parent' if basis == 'parent' else f'terms: {len(terms)}'})"
        for name, point, basis, terms in points
    }


def _units(s):
    table = _table("action unit", "title", "kind")
    for a in s.action_units:
        table.add_row(a.name, a.title, a.kind)
    return table


def _states(s):
    table = _table("state", "aliases")
    for state in s.states:
        table.add_row(state.name, ", ".join(state.aliases))
    return table


def _map(args: argparse.Namespace) -> None:
    from affectzoo.labels.mapping import map_spaces
    from affectzoo.labels.space import load_space
    from affectzoo.structures.project import field_mappings

    source, target = load_space(args.source), load_space(args.target)
    if args.field:
        _print(*_mapping(map_spaces(source, target, args.field)))
        return
    mappings, unanswered = field_mappings(source, source.fields, target)
    for m in mappings.values():
        _print(*_mapping(m))
    _print(*(f"{field}: {why}" for field, why in unanswered.items()))


def _mapping(m) -> list:
    report = m.report()
    table = _table("from", "to", "kind", "rule", "lost", title=f"{report['from']} -> {report['to']}: {m.kind}")
    for r in m.rows:
        table.add_row(r.source, ", ".join(r.targets), f"[{STYLES[r.kind]}]{r.kind}[/]", r.rule, r.lost)
    counts = ", ".join(f"{n} {k}" for k, n in report["counts"].items())
    unreached = report["unreached"]
    return [table, counts + (f"; never reached: {', '.join(unreached)}" if unreached else "")]


def _plot(args: argparse.Namespace) -> None:
    from affectzoo.structures.table import FORMATS, PredictionTable

    path = Path(args.what)
    if path.suffix in FORMATS:
        table = PredictionTable.read(path)
        written = _plot_table(table, args.view, args.out or f"{path.stem}.png")
    else:
        written = _plot_space(args.what, args.view, args.out or f"{args.what.replace('+', '_')}.png")
    _print(f"wrote {written}")


def _plot_space(name: str, view: str | None, out: str) -> Path:
    from affectzoo.labels.space import load_space
    from affectzoo.plots.plane import plot_space
    from affectzoo.plots.wheel import plot_wheel

    space = load_space(name)
    if not {"emotion", "vad"} & set(space.fields):
        raise AffectZooError(f"label space {name!r} has no emotion or vad to draw")
    has_angles = any(c.angle_deg is not None for c in space.categories)
    draw = plot_wheel if (view or ("wheel" if has_angles else "plane")) == "wheel" else plot_space
    return draw(space, path=out)


def _plot_table(table, view: str | None, out: str) -> Path:
    """All rows as points on the plane, or their mean probabilities on the wheel."""
    import numpy as np

    from affectzoo.plots.plane import plot_space, table_points
    from affectzoo.plots.wheel import plot_wheel

    if not {"emotion", "vad"} & set(table.meta.kinds):
        raise AffectZooError(f"the table has {', '.join(table.meta.kinds)}; nothing that a plane or wheel can show")
    if view == "wheel":
        return plot_wheel(table.space, values=np.nanmean(table.values("emotion"), 0), path=out)
    return plot_space(table.space, *table_points(table), path=out)


def _relabel(args: argparse.Namespace) -> None:
    """Write the table, and beside a CSV of the user's own `<out>.relabel.json` with what was assumed."""
    path, out = Path(args.table), Path(args.out)
    if not path.is_file():
        raise FileError(path, "no such file")
    if out.exists() and out.samefile(path):
        raise AffectZooError(f"--out {out}: is the table that is read; write to another file")
    ours = path.suffix != ".csv" or Path(f"{path}.meta.json").exists()
    report = (_relabel_table if ours else _relabel_csv)(path, out, args)
    used = report["rows"] - report["unusable"]
    assumed = ", ".join(f"{k}: {v}" for k, v in report["assumed"].items())
    reasons = (f"{n} without new values: {reason}" for reason, n in report["reasons"].items())
    _print(f"{used} of {report['rows']} rows relabelled to {report['space']} ({assumed})", *reasons, f"wrote {out}")


def _relabel_table(path: Path, out: Path, args: argparse.Namespace) -> dict:
    from affectzoo.structures.relabel import relabel_table
    from affectzoo.structures.table import PredictionTable

    given = {"--from": args.source, "--columns": args.columns, "--normalise": args.normalise}
    for option, value in {**given, "--range": args.range != "signed"}.items():
        if value:
            raise AffectZooError(
                f"{option}: is for a CSV of your own; {path.name} is a prediction table and knows its own"
            )
    table = relabel_table(PredictionTable.read(path), args.to)
    table.write(out)
    return table.meta.notes["relabel"]


def _relabel_csv(path: Path, out: Path, args: argparse.Namespace) -> dict:
    from affectzoo.data.dataset import read_frame
    from affectzoo.labels.relabel import parse_range, relabel_frame

    if out.suffix != ".csv":
        raise AffectZooError(f"--out {out}: a CSV becomes a CSV")
    pairs = [c.partition("=") for c in args.columns or ()]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise AffectZooError(f"--columns {wrong[0]}: is not NAME=COLUMN, such as valence={wrong[0]}")
    columns = {name: column for name, _, column in pairs}
    frame = read_frame(path, ())
    frame, report = relabel_frame(frame, args.to, args.source, columns, parse_range(args.range), args.normalise)
    out.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(out, index=False)
    Path(f"{out}.relabel.json").write_text(json.dumps({"file": path.name, **report}, indent=1) + "\n")
    return report
