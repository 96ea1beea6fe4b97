"""What flows: signals, samples, batches, predictions, their table form, and records."""
