HELP = "say hello"


def add_arguments(parser):
    parser.add_argument("who")


def run(args):
    print(f"hello {args.who}")
    return 3
