"""Benchmarks, controls, evaluation, the board."""
