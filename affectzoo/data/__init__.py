"""Data sets, splits, cache and batches. Knows no modality."""
