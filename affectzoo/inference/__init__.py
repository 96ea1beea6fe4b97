"""From files to a prediction table."""
