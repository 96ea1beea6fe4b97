"""affectzoo weights: weight files that others published; which are there, and adding one from a local file."""

import argparse
import json

HELP = "weight files that others published: list them, add one from a local file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of the command."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="copy known weights into the cache; they are recognised by their sha256")
    add.add_argument("files", nargs="+", metavar="FILE", help="the file, or a folder, .whl or .zip that holds it")
    listing = actions.add_parser("list", help="all known weights: have them or not, licence, size, used by what")
    listing.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Run one sub-command. Raises FileError for a file that is no known weights."""
    if args.action == "add":
        _add(args.files)
    else:
        _list(args.json)
    return 0


def _add(files: list[str]) -> None:
    from affectzoo.zoo.foreign import add_weights

    for file in files:
        for entry in add_weights(file):
            print(
                f"{file}: added {entry.name} (licence {entry.licence}; trained on {entry.trained_on}) as {entry.path}"
            )


def _list(as_json: bool) -> None:
    from affectzoo.zoo.foreign import list_weights, weights_entry

    entries = [weights_entry(n) for n in list_weights()]
    rows = [
        {
            "name": e.name,
            "there": e.there,
            "licence": e.licence,
            "bytes": e.bytes,
            "used by": ", ".join(e.used_by),
            "file": e.file,
            "sha256": e.sha256,
        }
        for e in entries
    ]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        have = "here" if row["there"] else "missing"
        size = f"{row['bytes'] / 1e6:.1f} MB"
        print(f"{row['name']:<18} {have:<8} {size:>8}  {row['licence']:<12} {row['used by']}")
    if not all(r["there"] for r in rows):
        print("missing ones are downloaded when they are needed; without network: affectzoo weights add FILE")
