"""Speech: reader, features, models, adapters, synthetic voices."""
