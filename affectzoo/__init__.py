"""affectzoo: affect recognition from face, speech, EEG and video in one label space.

Importing the package imports no torch: the names below are fetched when they are first used.
"""

from importlib import import_module

__version__ = "0.1.0"

_LAZY = {
    "LabelSpace": "affectzoo.labels.space",
    "load_space": "affectzoo.labels.space",
    "list_spaces": "affectzoo.labels.space",
    "list_models": "affectzoo.zoo.catalogue",
    "create_model": "affectzoo.zoo.factory",
    "load_predictor": "affectzoo.inference.predictor",
    "open_dataset": "affectzoo.data.dataset",
    "evaluate": "affectzoo.leaderboard.evaluate",
}

__all__ = ["__version__", *sorted(_LAZY)]


def __getattr__(name: str):
    """Import a public name on first use (PEP 562)."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'affectzoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
