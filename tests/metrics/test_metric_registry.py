"""The registry lists without importing, refuses misleading names and takes strangers; all pass the battery."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torchmetrics import Metric

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.metrics import contract, registry
from affectzoo.metrics.bootstrap import bootstrap_interval
from affectzoo.metrics.contract import SPACE, check_metric, example_rows
from affectzoo.metrics.registry import build_metric, list_metrics, metric_entry
from affectzoo.metrics.score import DEFAULTS, score_arrays
from affectzoo.metrics.suite import MetricSuite


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
@pytest.mark.parametrize("name", list_metrics())
def test_every_registered_metric_passes_the_battery(name):
    check_metric(name)


def test_the_defaults_are_registered():
    for field, names in DEFAULTS.items():
        for name in names:
            assert f"{field.split('/')[0]}/{name}" in list_metrics()


def test_listing_imports_no_metric():
    code = (
        "import sys; from affectzoo.metrics.registry import list_metrics; list_metrics(); "
        "print([m for m in sys.modules if m.startswith(('affectzoo.metrics.', 'torch'))])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "['affectzoo.metrics.registry']"


@pytest.mark.parametrize(
    ("field", "name", "says"),
    [
        ("emotion", "wa", "use 'accuracy'"),
        ("emotion", "ua", "'uar'"),
        ("emotion", "emotion/war", "'uar'"),
        ("state", "ap", "'ap_bah'"),
        ("au", "icc", "'icc31_consistency'"),
    ],
)
def test_misleading_names_say_why(field, name, says):
    with pytest.raises(AffectZooError, match="not offered") as e:
        metric_entry(field, name)
    assert says in str(e.value)


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="'f1_macro'"):
        metric_entry("emotion", "f1_marco")
    with pytest.raises(UnknownNameError, match="'valence'"):
        score_arrays(SPACE, "vad", [[0, 0]], [[0, 0]], metrics=["ccc.valance"])
    with pytest.raises(UnknownNameError, match="per-class"):
        score_arrays(SPACE, "emotion", *example_rows("emotion", 3), metrics=["nll.joy"])


class Bias(Metric):
    """Mean of prediction minus truth: a stranger's plain torchmetrics metric, without our summaries."""

    higher_is_better = False

    def __init__(self, names, scale=1.0):
        super().__init__()
        self.scale = scale
        self.add_state("total", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, pred, target, mask=None):
        if pred.shape != target.shape or (mask is not None and mask.dtype != torch.bool):
            raise AffectZooError("shapes or mask")
        mask = torch.ones_like(pred, dtype=torch.bool) if mask is None else mask
        d = (pred - target)[mask]
        if d.isnan().any():
            raise AffectZooError("NaN")
        self.total += torch.stack((d.sum(), torch.tensor(float(len(d)), dtype=torch.float64)))

    def compute(self):
        return self.scale * self.total[0] / self.total[1]


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    path = tmp_path / "bias.yaml"
    path.write_text(
        "_target_: mypkg.Bias\nscale: 2.0\ncard: {name: bias, fields: [vad], higher_is_better: false, "
        "oracle: numpy mean, summary: mean error, conventions: frames pooled}\n"
    )
    files = {**registry.resource_files("configs", "metrics"), "bias": path}
    monkeypatch.setattr(registry, "resource_files", lambda *a: files)
    ours = registry.import_target
    monkeypatch.setattr(registry, "import_target", lambda t: Bias if t == "mypkg.Bias" else ours(t))
    registry.entries.cache_clear()
    yield path
    registry.entries.cache_clear()


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_a_strangers_metric_is_scored_resampled_and_trained_with(stranger):
    pred, target = (x.numpy() for x in example_rows("vad", 40))
    truth = 2 * np.mean(pred - target)
    assert score_arrays(SPACE, "vad", pred, target, metrics=["bias", "ccc"])["vad/bias"].value == pytest.approx(truth)
    low, high = bootstrap_interval(SPACE, "vad", pred, target, metrics=["bias"], n=100)["vad/bias"]
    assert low < truth < high
    assert "vad/bias" in MetricSuite.from_label_space(SPACE, ["vad"], {"vad": ["bias", "ccc"]}).compute()


def _no_shape_check(self, pred, target, mask=None):
    self.total += torch.stack((pred.sum() - target.sum(), torch.tensor(float(pred.numel()), dtype=torch.float64)))


def _fills_nan(self, pred, target, mask=None):
    Bias.checked(self, pred.nan_to_num(), target.nan_to_num(), mask)


def _ignores_mask(self, pred, target, mask=None):
    Bias.checked(self, pred, target, None)


def _mean_of_batches(self, pred, target, mask=None):
    Bias.checked(self, pred, target, mask)
    self.total = torch.stack((self.total[0] / self.total[1], torch.ones((), dtype=torch.float64)))


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
@pytest.mark.parametrize(
    ("fault", "case"),
    [
        (_no_shape_check, "shapes"),
        (_fills_nan, "nan"),
        (_ignores_mask, "masked"),
        (_mean_of_batches, "merge"),
    ],
)
def test_the_battery_finds_faults(stranger, monkeypatch, fault, case):
    check_metric("vad/bias")
    monkeypatch.setattr(Bias, "checked", Bias.update, raising=False)
    monkeypatch.setattr(Bias, "update", fault)
    only = {c.__name__: c for c in contract.CASES}[f"_{case}"]
    with pytest.raises(AssertionError):
        only(lambda: build_metric(SPACE, "vad", "bias"), "vad", False)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("fields: [vad]", "fields: [vda]", "unknown field"),
        ("oracle: numpy mean", "oracle: ''", "oracle is empty"),
        ("name: bias", "name: ccc", "already defined"),
        ("name: bias", "name: ua", "refused"),
        ("summary:", "sumary:", "Did you mean 'summary'"),
        ("_target_:", "target:", "needs `_target_`"),
    ],
)
def test_broken_files_are_named(stranger, old, new, says):
    stranger.write_text(stranger.read_text().replace(old, new))
    registry.entries.cache_clear()
    with pytest.raises((FileError, UnknownNameError), match="bias.yaml") as e:
        list_metrics()
    assert says in str(e.value)


def test_a_target_that_is_no_metric(stranger, monkeypatch):
    monkeypatch.setattr(registry, "import_target", lambda t: lambda names, **kw: "no")
    with pytest.raises(FileError, match="not a torchmetrics Metric"):
        build_metric(SPACE, "vad", "bias")
