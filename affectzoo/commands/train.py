"""`affectzoo train OVERRIDES...`: train.py for those who installed a wheel."""

import argparse
import sys

HELP = "train a model (Hydra overrides, as train.py)"
#: Words go to Hydra as they are, options such as -m and --help too.
PASS_ON = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All words are passed to Hydra."""
    parser.add_argument("overrides", nargs="*", help="experiment=speech/synthetic trainer=gpu ...")


def run(args: argparse.Namespace) -> int:
    """Hand over to Hydra, under a script name that DDP's child processes can start again."""
    from affectzoo.engine import main as entry

    sys.argv = [entry.__file__, *args.overrides]
    entry.main()
    return 0
