"""`affectzoo pulse FILE...`."""

HELP = "mean heart rate of .ibi recordings"


def add_arguments(parser):
    """Files."""
    parser.add_argument("files", nargs="+")


def run(args):
    """Print one line a file."""
    from affectzoo.structures.signal import read_file

    for path in args.files:
        print(f"{path}: {read_file(path, ('heart',))['heart'].data.mean():.1f} beats per minute")
    return 0
