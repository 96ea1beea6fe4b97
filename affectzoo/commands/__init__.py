"""One module a command-line verb: add_arguments(parser) and run(args)."""
