"""Adapters of speech corpora: iter_samples(root, card, **options)."""
