"""Pictures: the valence-arousal plane, wheels, timelines, confusion, reliability."""
