"""Models: the catalogue, the base, heads, and checkpoints that prove themselves at load."""
