"""The ground: what can be said about affect, and what is lost between two ways of saying it. No torch here."""
