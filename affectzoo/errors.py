"""Errors that name the thing, the field and the nearest valid choice."""

import os
from collections.abc import Iterable
from difflib import get_close_matches


class AffectZooError(ValueError):
    """Base of every error that a user of affectzoo can cause and mend."""


class UnknownNameError(AffectZooError):
    """A name is not among the known ones; the message offers the nearest."""

    def __init__(self, kind: str, name: object, choices: Iterable[str], where: str = ""):
        self.kind, self.name, self.choices = kind, name, sorted(map(str, choices))
        near = nearest(str(name), self.choices)
        hint = f" Did you mean {', '.join(map(repr, near))}?" if near else ""
        known = f" Known: {', '.join(self.choices[:12])}{', ...' if len(self.choices) > 12 else ''}."
        super().__init__(f"{where + ': ' if where else ''}unknown {kind} {name!r}.{hint}{known}")


class FileError(AffectZooError):
    """A file cannot be used; the message starts with its path."""

    def __init__(self, path: object, reason: str):
        self.path, self.reason = str(path), reason
        super().__init__(f"{path}: {reason}")


class LeakError(AffectZooError):
    """Two parts of a split share a group or a key."""


class UndefinedMappingError(AffectZooError):
    """Two label spaces cannot be mapped, or a row of a mapping is undefined where it must not be."""


def nearest(name: str, choices: Iterable[str], n: int = 3) -> list[str]:
    """Up to `n` known names close to `name`, best first; a name that contains it counts as close."""
    choices = list(choices)
    close = get_close_matches(name, choices, n=n, cutoff=0.6)
    low = name.lower()
    close += [c for c in choices if c not in close and low and (low in c.lower() or c.lower() in low)]
    close += [c for c in get_close_matches(low, [c.lower() for c in choices], n=n) if c in choices and c not in close]
    return close[:n]


def debugging() -> bool:
    """AFFECTZOO_DEBUG is set to something but '0': errors keep their traceback."""
    return os.environ.get("AFFECTZOO_DEBUG", "0") not in ("", "0")


def warning_line(message: object, *_: object, **__: object) -> str:
    """A warning as one line without the place in the code (for `warnings.formatwarning`)."""
    return f"warning: {message}\n"
