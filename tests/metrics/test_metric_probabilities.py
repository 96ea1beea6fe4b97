"""Average precision, calibration and distances between distributions against their oracles."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from sklearn import metrics as sk
from torchmetrics.functional.classification import multiclass_calibration_error

from affectzoo.errors import AffectZooError
from affectzoo.metrics.average_precision import ap_bah, average_precision
from affectzoo.metrics.calibration import ECE, brier, ece, nll
from affectzoo.metrics.distribution import js, kl


def bah_script(p, t):
    """The organisers' rule, written out: thresholds, counts, trapezoid."""
    precision, recall = [], []
    for th in np.arange(0, 1, 0.001):
        yes = p >= th
        tp, fp = np.sum(yes & (t == 1)), np.sum(yes & (t == 0))
        precision.append(tp / (tp + fp) if tp + fp else 0.0)
        recall.append(tp / np.sum(t == 1))
    return sk.auc(recall, precision)


@pytest.mark.parametrize("digits", [1, 3, 16])  # ties at 1; scores on the thresholds themselves at 3
def test_both_average_precisions(digits):
    rng = np.random.default_rng(digits)
    t = rng.integers(0, 2, (300, 2))
    p = np.clip(np.round(0.3 * t + 0.7 * rng.random(t.shape), digits), 0, 1)
    theirs = [sk.average_precision_score(t[:, k], p[:, k]) for k in range(2)]
    assert float(average_precision(p, t)) == pytest.approx(np.mean(theirs), abs=1e-12)
    organisers = np.mean([bah_script(p[:, k], t[:, k]) for k in range(2)])
    assert float(ap_bah(p, t)) == pytest.approx(organisers, abs=1e-12)
    assert abs(organisers - np.mean(theirs)) > 1e-4, "two forms, two numbers"


def test_average_precision_undefined_without_positives():
    assert math.isnan(average_precision([0.2, 0.9], [0, 0])) and math.isnan(ap_bah([0.2, 0.9], [0, 0]))
    assert float(average_precision([0.2, 0.9], [1, 1])) == 1.0
    two = average_precision(np.array([[0.2, 0.4], [0.9, 0.1]]), np.array([[0, 1], [0, 0]]))
    assert float(two) == 1.0  # the column without positives is left out


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(5), 400)
    label = np.array([rng.choice(5, p=q) for q in p])  # calibrated, so that gaps have both signs
    return p, rng.dirichlet(np.full(5, 0.5), 400), label


def test_nll_and_brier(rows):
    p, soft, label = rows
    hard = np.eye(5)[label]
    assert float(nll(p, hard)) == pytest.approx(sk.log_loss(label, p), abs=1e-12)
    assert float(nll(p, soft)) == pytest.approx(np.mean(-np.sum(soft * np.log(p), 1)), abs=1e-12)
    assert float(brier(p, hard)) == pytest.approx(
        sk.brier_score_loss(label, p, labels=range(5), scale_by_half=False), abs=1e-12
    )
    assert float(nll([[1.0, 0.0]], [[0.0, 1.0]])) == pytest.approx(-math.log(1e-15))


@pytest.mark.parametrize("bins", [10, 15])
def test_ece_against_torchmetrics_and_a_loop(rows, bins):
    p, _, label = rows
    ours = float(ece(p, np.eye(5)[label], bins=bins))
    theirs = multiclass_calibration_error(torch.tensor(p), torch.tensor(label), 5, n_bins=bins, norm="l1")
    assert ours == pytest.approx(float(theirs), abs=1e-6)  # torchmetrics works in float32
    conf, right = p.max(1), p.argmax(1) == label
    loop = 0.0
    for b in range(bins):
        inside = (conf > b / bins) & (conf <= (b + 1) / bins)
        if inside.any():
            loop += inside.mean() * abs(right[inside].mean() - conf[inside].mean())
    assert ours == pytest.approx(loop, abs=1e-12)
    assert abs(float(ece(p, np.eye(5)[label], bins=10)) - float(ece(p, np.eye(5)[label], bins=40))) > 1e-4


def test_ece_edges_are_closed_on_the_right():
    metric = ECE(("a", "b"), bins=2)
    metric.update([[0.5, 0.5], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]])
    assert metric.stats[:, 0].tolist() == [1, 1] and metric.result().conventions["bins"] == 2


def test_js_and_kl(rows):
    p, soft, _ = rows
    assert float(js(p, soft)) == pytest.approx(np.mean(jensenshannon(p, soft, base=2, axis=1) ** 2), abs=1e-12)
    assert abs(float(js(p, soft)) - np.mean(jensenshannon(p, soft, axis=1) ** 2)) > 1e-3, "base 2, not e"
    assert float(kl(p, soft)) == pytest.approx(np.mean(entropy(soft, p, axis=1)), abs=1e-12)
    assert abs(float(kl(p, soft)) - float(kl(soft, p))) > 1e-3, "the direction matters"
    assert float(js([[1.0, 0.0]], [[0.0, 1.0]])) == pytest.approx(1.0) and float(js(p, p)) == 0.0


@pytest.mark.parametrize("score", [nll, brier, ece, js, kl])
def test_logits_and_unnormalised_rows_are_refused(score):
    with pytest.raises(AffectZooError, match="not probabilities"):
        score([[2.0, -1.0]], [[1.0, 0.0]])
    with pytest.raises(AffectZooError, match="sums to 0.7"):
        score([[0.5, 0.2]], [[1.0, 0.0]])
