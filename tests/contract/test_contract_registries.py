"""Registries whose battery stands elsewhere: here only that the battery runs over the whole registry."""

import importlib.util
import sys
from pathlib import Path

import pytest

from affectzoo.labels.space import list_spaces
from affectzoo.leaderboard.benchmark import list_benchmarks
from affectzoo.metrics.registry import entries, list_metrics
from affectzoo.plugins import label_space_files, resource_files

TESTS = Path(__file__).parents[1]
#: file, test, what it must be parametrised over
BATTERIES = [
    ("metrics/test_metric_registry.py", "test_every_registered_metric_passes_the_battery", list_metrics),
    ("labels/test_spaces.py", "test_space_documents_itself_and_round_trips", list_spaces),
    ("labels/test_mapping.py", "test_every_pair_maps_or_says_why", list_spaces),
    ("leaderboard/test_benchmark.py", "test_every_benchmark_of_the_tree_holds", list_benchmarks),
    (
        "engine/test_configs.py",
        "test_every_experiment_instantiates",
        lambda: sorted(resource_files("configs", "experiment")),
    ),
]


@pytest.mark.parametrize(("file", "test", "registry"), BATTERIES, ids=lambda x: x if isinstance(x, str) else "")
def test_the_battery_covers_the_registry(file, test, registry, monkeypatch):
    path = TESTS / file
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    package = "leaderboard." if (path.parent / "__init__.py").exists() else ""
    spec = importlib.util.spec_from_file_location(f"{package}_again_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    marks = [m for m in getattr(module, test).pytestmark if m.name == "parametrize"]
    assert [list(m.args[1]) for m in marks] == [list(registry())]


def test_every_metric_file_is_a_registered_metric():
    assert {e.path for e in entries().values()} == set(resource_files("configs", "metrics").values())


def test_every_label_space_file_is_listed():
    assert set(list_spaces()) == set(label_space_files())
