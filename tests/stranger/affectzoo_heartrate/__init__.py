"""A stranger's plug-in: arousal from the intervals between heart beats. The guide in docs/plugins.md walks through it."""
