"""Late fusion of prediction tables, and weights that are fitted out of fold."""
