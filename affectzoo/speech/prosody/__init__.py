"""Prosody: pitch, energy, rate, pauses, intonation and voice quality of many utterances at a time (docs/prosody.md)."""
