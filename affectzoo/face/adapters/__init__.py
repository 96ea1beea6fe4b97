"""Adapters of face data sets: iter_samples(root, card, **options)."""
