"""Shared by all tests: one thread, a cache of our own, real data only where AFFECTZOO_DATA points.

Tests are small, and two threads wait for each other on a busy machine.
"""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope="session")
def _threads():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Feature caches of tests stay out of the user's home; one folder a session, so that features are made once."""
    if "AFFECTZOO_CACHE" not in os.environ:
        monkeypatch.setenv("AFFECTZOO_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def pytest_collection_modifyitems(items):
    """Tests marked `data` skip, and say why, where AFFECTZOO_DATA is not set."""
    if os.environ.get("AFFECTZOO_DATA"):
        return
    skip = pytest.mark.skip(reason="real recordings: set AFFECTZOO_DATA to the folder that holds them")
    for item in items:
        if item.get_closest_marker("data"):  # not the folder tests/data
            item.add_marker(skip)


@pytest.fixture
def data_root() -> Path:
    """The folder of real recordings (only for tests marked `data`)."""
    return Path(os.environ["AFFECTZOO_DATA"])
