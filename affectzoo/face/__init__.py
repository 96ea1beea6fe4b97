"""Face: readers, features, models, synthetic faces."""
