"""A stranger's plug-in: arousal from the intervals between heart beats (docs/plugins.md walks through it)."""
