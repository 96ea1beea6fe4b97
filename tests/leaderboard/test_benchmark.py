"""The schema, and every benchmark of the tree against it, its data card and its split."""

import dataclasses

import pytest
import yaml

from affectzoo.data.card import LEAKY, load_card
from affectzoo.data.joined import find_folds
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.leaderboard import benchmark as benchmark_module
from affectzoo.leaderboard.benchmark import Benchmark, check_benchmark, list_benchmarks, load_benchmark
from affectzoo.plugins import resource_files
from affectzoo.schema import from_dict

from .tiny import tiny_benchmark

OURS = {
    "speech-synthetic",
    "ravdess-emobox6",
    "emodb4-heldout",
    "emodb4-loso",
    "nemo-loso",
    "face-synthetic",
    "eeg-synthetic",
    "video-synthetic",
}


def test_all_are_listed():
    assert set(list_benchmarks()) >= OURS


@pytest.mark.parametrize("name", list_benchmarks())
def test_every_benchmark_of_the_tree_holds(name):
    benchmark = load_benchmark(name)
    card = load_card(benchmark.dataset)
    folds = find_folds(card, benchmark.split)
    assert (folds.kind == "parts") == (benchmark.part == "test")
    if not benchmark.split.endswith(LEAKY):  # which is never ranked; its items are drawn singly
        assert benchmark.group in card.groups and benchmark.group in folds.disjoint
    assert set(benchmark.slices) <= {*card.attributes, *card.groups}
    assert benchmark.title and benchmark.protocol
    for row in benchmark.published:
        assert 0 < row.value < 1 and row.source
        assert row.comparable or row.note, f"{row.system}: say what is not comparable"


def test_the_file_is_named_when_a_key_is_wrong():
    path = resource_files("configs", "benchmark")["nemo-loso"]
    data = yaml.safe_load(path.read_text())
    data["metric"] = data.pop("metrics")
    with pytest.raises(UnknownNameError, match=r"nemo-loso.yaml: unknown key 'metric'. Did you mean 'metrics'"):
        from_dict(Benchmark, data, str(path))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"main": "emotion/uaar"}, "unknown main metric 'emotion/uaar'. Did you mean 'emotion/uar'"),
        ({"controls": ("constnat",)}, "unknown control 'constnat'. Did you mean 'constant'"),
        ({"metrics": {"emotoin": ("uar",)}}, "unknown field 'emotoin'. Did you mean 'emotion'"),
        ({"part": "tset"}, "unknown part 'tset'. Did you mean 'test'"),
        ({"pooling": "mean"}, "unknown pooling 'mean'. Did you mean 'fold_mean'"),
        ({"metrics": {"emotion": ()}}, "no metrics for emotion"),
        ({"coverage": 0.0}, "coverage must be in"),
    ],
)
def test_wrong_values_offer_the_nearest(change, message):
    with pytest.raises(AffectZooError, match=message):
        tiny_benchmark(**change)


def test_a_metric_that_is_not_registered_offers_the_nearest():
    wrong = tiny_benchmark(metrics={"emotion": ("uar", "acuracy")})
    with pytest.raises(UnknownNameError, match="'acuracy'. Did you mean 'accuracy'"):
        check_benchmark(wrong)


def test_a_refused_metric_says_why():
    with pytest.raises(AffectZooError, match="plain accuracy in some papers"):
        check_benchmark(tiny_benchmark(metrics={"emotion": ("uar", "wa")}))


def test_metrics_belong_to_fields():
    with pytest.raises(UnknownNameError, match="unknown emotion metric 'ccc'"):
        check_benchmark(tiny_benchmark(metrics={"emotion": ("uar", "ccc")}))
    with pytest.raises(UnknownNameError, match="field of the label space 'vad'"):
        check_benchmark(tiny_benchmark(metrics={"vad": ("ccc",)}, main="vad/ccc"))


def test_unknown_benchmark_and_label_space():
    with pytest.raises(UnknownNameError, match="Did you mean 'emodb4-loso'"):
        load_benchmark("emodb4-losso")
    with pytest.raises(UnknownNameError, match="label space 'emodb5'"):
        check_benchmark(dataclasses.replace(tiny_benchmark(), label_space="emodb5"))


def test_the_files_name_is_the_benchmarks(tmp_path, monkeypatch):
    path = tmp_path / "renamed.yaml"
    path.write_text(resource_files("configs", "benchmark")["nemo-loso"].read_text())
    monkeypatch.setattr(benchmark_module, "resource_files", lambda *parts: {"renamed": path})
    with pytest.raises(AffectZooError, match="renamed.yaml: name is 'nemo-loso', expected 'renamed'"):
        load_benchmark("renamed")
