"""Scores: one metric a file, each with its equation and conventions."""
