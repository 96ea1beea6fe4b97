"""The command line. A verb is a module with HELP, add_arguments(parser) and run(args) -> int.

Only the module of the verb that is used is imported.

Errors that the user can mend are one line on stderr and exit code 2; AFFECTZOO_DEBUG=1 shows the traceback.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from affectzoo import __version__
from affectzoo.errors import AffectZooError, UnknownNameError, debugging, warning_line
from affectzoo.plugins import plugins, verbs

#: Built-in verbs in the order of the help; affectzoo.commands.<verb> holds each.
VERBS = {
    "list": "models, checkpoints, data sets, label spaces, benchmarks",
    "info": "all about one model, checkpoint or data set",
    "train": "train a model (Hydra overrides)",
    "predict": "predict files, folders or globs into a table",
    "evaluate": "score a prediction table under a benchmark",
    "fuse": "fuse prediction tables of the same items",
    "leaderboard": "records of models, side by side",
    "split": "make or check a group-aware split of your own table",
    "labels": "label spaces, what a mapping between two loses, relabelling",
    "plot": "pictures of a prediction table",
    "weights": "weight files of others: which are there, add one from a local file",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 done, 1 done in part, 2 an error the user can mend)."""
    warnings.formatwarning = warning_line
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except (AffectZooError, ModuleNotFoundError) as e:
        if debugging() or not _mendable(e):
            raise
        print(f"affectzoo: error: {' '.join(str(e).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe (head) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("affectzoo: interrupted", file=sys.stderr)
        return 130


def _run(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if argv[0] in ("--version", "-V"):
        print(f"affectzoo {__version__}")
        return 0
    verb, *rest = argv
    module = _module(verb)
    if getattr(module, "PASS_ON", False):
        return int(module.run(argparse.Namespace(overrides=rest)) or 0)
    parser = argparse.ArgumentParser(f"affectzoo {verb}", description=getattr(module, "HELP", None))
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(rest)) or 0)


def _module(verb: str) -> ModuleType:
    if verb in VERBS:
        return import_module(f"affectzoo.commands.{verb}")
    extra = {v.name: v.target for v in verbs()}
    if verb not in extra:
        raise UnknownNameError("command", verb, [*VERBS, *extra])
    if extra[verb].split(".")[0] not in {p.package for p in plugins()}:
        raise AffectZooError(f"command {verb!r}: target {extra[verb]!r} lies outside the plug-ins' packages")
    return import_module(extra[verb])


def _help() -> str:
    lines = [f"  {name:<12} {text}" for name, text in [*VERBS.items(), *((v.name, v.help) for v in verbs())]]
    return "\n".join(
        [
            "usage: affectzoo COMMAND [...]",
            "",
            "Affect recognition from face, speech, EEG and video in one label space.",
            "",
            "commands:",
            *lines,
            "",
            "affectzoo COMMAND --help tells more; affectzoo --version.",
            "",
            "exit codes: 0 done (predict: also when single files failed, unless --strict), 1 done in part or a check",
            "failed, 2 an error that you can mend, on one line (AFFECTZOO_DEBUG=1 shows where), 130 interrupted.",
        ]
    )


def _mendable(error: Exception) -> bool:
    """Our own errors and a missing optional package; a missing module of ours is a bug, with a traceback."""
    return isinstance(error, AffectZooError) or (error.name or "").split(".")[0] != "affectzoo"


if __name__ == "__main__":
    sys.exit(main())
