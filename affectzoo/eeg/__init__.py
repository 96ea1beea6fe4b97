"""EEG: reader, features, models, synthetic recordings."""
