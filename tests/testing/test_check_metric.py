import numpy as np
import pytest
import torch
from torchmetrics import Metric

from affectzoo.testing import check_metric


class MeanError(Metric):
    """Mean absolute error over labelled values, in float64."""

    full_state_update = False

    def __init__(self):
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("n", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, pred, target, mask):
        self.total += (pred - target).abs()[mask].double().sum()
        self.n += mask.sum()

    def compute(self):
        return self.total / self.n


class MeanOfBatches(MeanError):
    def update(self, pred, target, mask):
        self.total += (pred - target).abs()[mask].double().mean()
        self.n += 1


class Unmerged(MeanError):
    def __init__(self):
        super().__init__()
        self._reductions["n"] = lambda x: x[0]


class ReadsMasked(MeanError):
    def update(self, pred, target, mask):
        self.total += (pred - target).abs().double().sum()
        self.n += mask.numel()


class ZeroWhenEmpty(MeanError):
    def compute(self):
        return self.total / self.n.clamp(min=1)


class Forgets(MeanError):
    def compute(self):
        value = self.total / self.n
        self.total = self.total * 0
        return value


def batches():
    rng = np.random.default_rng(0)
    return [
        (
            torch.tensor(rng.normal(size=(n, 2))),
            torch.tensor(rng.normal(size=(n, 2))),
            torch.tensor(rng.random((n, 2)) > 0.3),
        )
        for n in (3, 5, 4)
    ]


def oracle(pred, target, mask):
    return np.abs(pred - target)[mask].mean()


def test_a_good_metric_passes():
    check_metric(MeanError, batches(), oracle)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (MeanOfBatches, "same rows in several"),
        (ReadsMasked, "False mask"),
        (ZeroWhenEmpty, "must be NaN"),
        (Unmerged, "merged states"),
    ],
)
def test_wrong_metrics_are_named(wrong, message):
    with pytest.raises(AssertionError, match=message):
        check_metric(wrong, batches())


def test_an_oracle_that_disagrees_is_heard():
    with pytest.raises(AssertionError, match="oracle"):
        check_metric(MeanError, batches(), lambda p, t, m: oracle(p, t, m) + 1e-6)
    with pytest.raises(AssertionError, match="at least two"):
        check_metric(MeanError, batches()[:1])
