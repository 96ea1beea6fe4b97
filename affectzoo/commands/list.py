"""affectzoo list: what is there, without importing any of it."""

import argparse
import json
from fnmatch import fnmatchcase

from affectzoo.errors import AffectZooError

HELP = "list models, checkpoints, data sets, label spaces or benchmarks"
KINDS = ("models", "checkpoints", "datasets", "label-spaces", "benchmarks")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("pattern", nargs="?", help="names to list, such as 'speech/*'")
    parser.add_argument("--kind", choices=KINDS, default="models", help="what to list (default: models)")
    parser.add_argument("--family", help="only this family (models, checkpoints)")
    parser.add_argument("--modality", help="only what reads this modality (models, checkpoints)")
    parser.add_argument("--label-space", metavar="PATTERN", help="only checkpoints of such a label space")
    parser.add_argument("--licence", metavar="PATTERN", help="only checkpoints whose weights have such a licence")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Print the list."""
    filters = {k: getattr(args, k) for k in ("family", "modality", "label_space", "licence")}
    if args.kind in ("models", "checkpoints"):
        rows = _models(args.kind == "checkpoints", args.pattern, filters)
    else:
        if any(filters.values()):
            raise AffectZooError(f"--family, --modality, --label-space and --licence do not filter {args.kind}")
        rows = {"datasets": _datasets, "label-spaces": _spaces, "benchmarks": _benchmarks}[args.kind]()
        rows = [r for r in rows if args.pattern is None or fnmatchcase(r["name"], args.pattern)]
    if args.json:
        print(json.dumps(rows, indent=1))
    elif rows:
        _print(rows)
    else:
        print(f"no {args.kind} match")
    return 0


def _models(pretrained: bool, pattern: str | None, filters: dict) -> list[dict]:
    from affectzoo.zoo.catalogue import checkpoint_config, checkpoints, list_models, model_entry, split_name

    names = list_models(pattern, pretrained=pretrained or None, **filters)
    if pretrained:
        configs = {n: checkpoint_config(n) for n in names}
        return [
            {
                "name": n,
                "label space": c.space.name,
                "trained on": c.training.dataset,
                "licence of weights": c.licences.weights,
                "of data": c.licences.data,
            }
            for n, c in configs.items()
        ]
    tags: dict[str, list[str]] = {}
    for n in checkpoints():
        arch, tag = split_name(n)
        tags.setdefault(arch, []).append(tag)
    cards = {n: model_entry(n).card for n in names}
    return [
        {
            "name": n,
            "reads": ", ".join(c.modalities),
            "checkpoints": ", ".join(tags.get(n, [])),
            "summary": c.summary,
        }
        for n, c in cards.items()
    ]


def _datasets() -> list[dict]:
    from affectzoo.data.card import list_datasets, load_card

    cards = [load_card(n) for n in list_datasets()]
    return [
        {
            "name": c.name,
            "modalities": ", ".join(c.modalities),
            "label space": c.label_space or "",
            "title": c.title,
            "licence": c.licence.data,
        }
        for c in cards
    ]


def _spaces() -> list[dict]:
    from affectzoo.labels.space import list_spaces, load_space

    spaces = [load_space(n) for n in list_spaces()]
    return [
        {"name": s.name, "fields": ", ".join(f"{f} ({s.size(f)})" for f in s.fields), "title": s.title} for s in spaces
    ]


def _benchmarks() -> list[dict]:
    from affectzoo.leaderboard.benchmark import list_benchmarks, load_benchmark

    found = [load_benchmark(n) for n in list_benchmarks()]
    return [{"name": b.name, "data set": b.dataset, "label space": b.label_space, "main score": b.main} for b in found]


def _print(rows: list[dict]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for i, column in enumerate(rows[0]):
        table.add_column(column, no_wrap=i == 0, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(v)) for v in row.values()))
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a pipe gets one line a name
    console.print(table)
