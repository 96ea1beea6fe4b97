"""CCC, ICC, Pearson, RMSE, SAGR against independent oracles at 1e-9."""

import math
import re
import warnings

import audmetric
import numpy as np
import pandas as pd
import pingouin
import pytest
import torch
import torchmetrics.functional as tmf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.metrics import root_mean_squared_error

from affectzoo.errors import AffectZooError
from affectzoo.metrics.ccc import CCC, CCCSeq, Pearson, ccc, ccc_seq, pearson, rmse, sagr
from affectzoo.metrics.icc import icc21, icc31_consistency
from affectzoo.metrics.moments import COUNT, numpy_sums, torch_sums


def lin(x, y) -> float:
    """Lin 1989 with exactly rounded sums: the truth for offsets."""
    x, y = [float(v) for v in x], [float(v) for v in y]
    n = len(x)
    mx, my = math.fsum(x) / n, math.fsum(y) / n
    # means are refined so that their own rounding does not matter
    ex, ey = math.fsum(v - mx for v in x) / n, math.fsum(v - my for v in y) / n
    a, b = [(v - mx) - ex for v in x], [(v - my) - ey for v in y]
    diff = (mx - my) + (ex - ey)
    sxy = math.fsum(p * q for p, q in zip(a, b, strict=True)) / n
    sxx, syy = math.fsum(p * p for p in a) / n, math.fsum(q * q for q in b) / n
    return 2 * sxy / (sxx + syy + diff * diff)


@pytest.fixture
def xy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    return x, 0.7 * x + 0.3 * rng.normal(size=x.shape) + [0.0, 0.5, -2.0]


def test_ccc_equals_audmetric_and_lin(xy):
    x, y = xy
    ours = ccc(x, y)
    for k in range(3):
        assert float(ours[k]) == pytest.approx(audmetric.concordance_cc(y[:, k], x[:, k]), abs=1e-12)
        assert float(ours[k]) == pytest.approx(lin(x[:, k], y[:, k]), abs=1e-12)
    metric = CCC("abc")
    metric.update(x, y)
    assert float(metric.compute()) == pytest.approx(float(ours.mean()), abs=1e-15)


def test_ccc_golden_two_samples_is_ddof_0_and_not_ddof_1():
    """The example of torchmetrics' docstring, where ddof 1 gives 0.7273 and 0.9887."""
    pred, target = torch.tensor([[2.5, 0], [2, 8]]).double(), torch.tensor([[3.0, -0.5], [2, 7]]).double()
    ours, theirs = ccc(pred, target), tmf.concordance_corrcoef(pred, target)
    assert ours.numpy() == pytest.approx([0.6667, 0.9796], abs=5e-5)
    assert ours.numpy() == pytest.approx([lin(pred[:, k], target[:, k]) for k in (0, 1)], abs=1e-12)
    assert theirs.numpy() == pytest.approx([0.7273, 0.9887], abs=5e-5)
    assert bool((abs(ours - theirs) > 1e-3).all()), "ddof 0 and ddof 1 must differ here"


def test_ccc_conventions_of_constants():
    truth = np.array([0.1, 0.4, -0.3])
    assert float(ccc(np.full(3, 0.1), truth)) == 0.0
    assert math.isnan(ccc(np.full(3, 0.1), np.full(3, 0.1)))
    assert float(ccc(np.full(3, 0.1), np.full(3, 0.2))) == 0.0
    assert math.isnan(pearson(np.full(3, 0.1), truth))
    assert float(ccc(truth, truth)) == pytest.approx(1.0, abs=1e-15)
    assert float(ccc(-truth + 2 * truth.mean(), truth)) == pytest.approx(-1.0, abs=1e-12)
    many = np.full(5000, 0.1)  # 0.1 is not exact in binary: its mean is, here
    assert math.isnan(ccc(many, many)) and math.isnan(pearson(many, np.arange(5000.0)))


def test_ccc_metric_counts_undefined_columns():
    metric = CCC(("valence", "arousal"))
    metric.update(np.array([[0.1, 0.5], [0.3, 0.5]]), np.array([[0.2, 0.5], [0.3, 0.5]]))
    result = metric.result()
    assert result.per_class["arousal"] is None and result.undefined == 1 and result.n == 2
    assert result.value == result.per_class["valence"]
    assert result.conventions["ddof"] == 0


@pytest.mark.parametrize("offset", [0.0, 1e3, -1e6])
@pytest.mark.parametrize("updates", [1, 7, 1000])
def test_large_offsets_are_exact(offset, updates):
    rng = np.random.default_rng(1)
    x = offset + 0.001 * rng.uniform(-1, 1, 4000)
    y = offset + 0.0005 * rng.uniform(-1, 1, 4000) + 0.5 * (x - offset)
    metric, r = CCC(("v",)), Pearson(("v",))
    for a, b in zip(np.array_split(x, updates), np.array_split(y, updates), strict=True):
        metric.update(a, b)
        r.update(a, b)
    # what is compared are the given float64 numbers; at 1e6 they themselves carry 1e-7 of the spread
    assert float(metric.compute()) == pytest.approx(lin(x, y), abs=1e-9)
    assert float(r.compute()) == pytest.approx(stats.pearsonr(x - offset, y - offset).statistic, abs=1e-9)


def test_origin_far_from_most_rows_and_from_the_other_part():
    """The first update sits at 0, all others at 1000; parts with different origins merge."""
    rng = np.random.default_rng(2)
    x = np.r_[rng.normal(size=10), 1000 + 0.001 * rng.normal(size=3000)]
    y = np.r_[rng.normal(size=10), 1000 + 0.001 * rng.normal(size=3000)]
    first, second = CCC(("v",)), CCC(("v",))
    first.update(x[:10], y[:10])
    second.update(x[10:], y[10:])
    merged = torch.stack((first.stats, second.stats))
    truth = lin(x, y)
    assert float(first.finish(CCC.reduction(merged))) == pytest.approx(truth, abs=1e-9)
    first.update(x[10:], y[10:])
    assert float(first.compute()) == pytest.approx(truth, abs=1e-9)


def test_first_update_fully_masked_still_finds_its_origin():
    x = 1e6 + np.array([0.001, 0.002, 0.004, 0.003])
    metric = CCC(("v",))
    metric.update(np.zeros(3), np.zeros(3), np.zeros(3, bool))
    metric.update(x, x + 0.001, np.ones(4, bool))
    assert float(metric.compute()) == pytest.approx(lin(x, x + 0.001), abs=1e-9)


def test_pearson_rmse_sagr_oracles(xy):
    x, y = xy
    for k in range(3):
        assert float(pearson(x, y)[k]) == pytest.approx(stats.pearsonr(x[:, k], y[:, k]).statistic, abs=1e-12)
        assert float(rmse(x, y)[k]) == pytest.approx(root_mean_squared_error(y[:, k], x[:, k]), abs=1e-12)
        assert float(sagr(x, y)[k]) == np.mean(np.sign(x[:, k]) == np.sign(y[:, k]))
    assert float(sagr([0.0, 0.0, 0.2, -0.1], [0.0, 0.1, 0.3, 0.1])) == 0.5  # sign(0) agrees with 0 only


def test_rmse_of_tiny_errors_is_not_lost_in_the_moments():
    x = np.linspace(1000, 1001, 1000)
    assert float(rmse(x + 1e-9, x)) == pytest.approx(np.sqrt(np.mean(((x + 1e-9) - x) ** 2)), rel=1e-12)


@pytest.mark.parametrize("n", [2, 3, 30])
def test_icc_equals_pingouin_and_forms_differ(n):
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    y = x + 0.3 * rng.normal(size=n) + 1.0
    ours = float(icc31_consistency(x, y)), float(icc21(x, y))
    if n >= 5:  # pingouin wants at least five targets
        assert ours == pytest.approx(_pingouin(x, y), abs=1e-9)
    assert ours == pytest.approx(_anova(x, y), abs=1e-9)
    assert abs(ours[0] - ours[1]) > 1e-3, "consistency and agreement must differ"
    assert float(icc31_consistency(x, x + 5)) == pytest.approx(1.0, abs=1e-12)
    assert float(icc21(x, x + 5)) < 0.9


def _pingouin(x, y):
    n = len(x)
    frame = pd.DataFrame({"item": np.tile(np.arange(n), 2), "rater": np.repeat(["p", "t"], n), "v": np.r_[x, y]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = pingouin.intraclass_corr(frame, "item", "rater", "v")
    icc = {re.sub(r"\W", "", name): value for name, value in zip(table["Type"], table["ICC"], strict=True)}
    return tuple(icc[old] if old in icc else icc[new] for old, new in (("ICC3", "ICCC1"), ("ICC2", "ICCA1")))


def _anova(x, y):
    """Shrout & Fleiss from the two-way table, written out."""
    table = np.stack([x, y], 1)
    n, k = table.shape
    grand = table.mean()
    msr = k * np.sum((table.mean(1) - grand) ** 2) / (n - 1)
    msc = n * np.sum((table.mean(0) - grand) ** 2) / (k - 1)
    rest = table - table.mean(1, keepdims=True) - table.mean(0) + grand
    mse = np.sum(rest**2) / ((n - 1) * (k - 1))
    return (msr - mse) / (msr + (k - 1) * mse), (msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n)


def test_icc_undefined():
    assert math.isnan(icc31_consistency([1.0], [2.0])) and math.isnan(icc21([1.0], [2.0]))
    assert math.isnan(icc31_consistency([1.0, 1.0], [2.0, 2.0]))


def test_ccc_seq_is_the_mean_over_sequences_and_counts_undefined(xy):
    x, y = xy
    ids = np.arange(500) // 100
    value, undefined = ccc_seq(x, y, ids)
    loop = [np.mean([audmetric.concordance_cc(y[ids == i, k], x[ids == i, k]) for i in range(5)]) for k in range(3)]
    assert float(value) == pytest.approx(np.mean(loop), abs=1e-12) and undefined == 0
    assert abs(float(value) - float(ccc(x, y).mean())) > 1e-4, "pooled and by-sequence must differ"
    flat = np.r_[np.full(10, 0.1), x[:10, 0]], np.r_[np.full(10, 0.1), y[:10, 0]]
    value, undefined = ccc_seq(*flat, ["flat"] * 10 + ["live"] * 10)
    assert undefined == 1 and float(value) == pytest.approx(audmetric.concordance_cc(flat[1][10:], flat[0][10:]))


def test_ccc_seq_joins_the_parts_of_a_sequence_and_refuses_missing_names(xy):
    x, y = xy
    metric = CCCSeq(("a", "b", "c"))
    for a, b in ((0, 130), (130, 131), (131, 500)):
        metric.update(x[a:b], y[a:b], None, [f"clip{i // 100}" for i in range(a, b)])
    assert float(metric.compute()) == pytest.approx(float(ccc_seq(x, y, np.arange(500) // 100)[0]), abs=1e-12)
    padded = CCCSeq(("a", "b", "c"))
    padded.update(x.reshape(5, 100, 3), y.reshape(5, 100, 3), None, list("vwxyz"))  # one name an item of (B, T, K)
    assert float(padded.compute()) == pytest.approx(float(metric.compute()), abs=1e-12)
    with pytest.raises(AffectZooError, match="needs `ids`"):
        metric.update(x, y)


floats = hnp.arrays(float, st.integers(2, 40), elements=st.floats(-1, 1, width=32))


@settings(max_examples=60, deadline=None)
@given(floats, st.integers(0, 2**31), st.floats(-100, 100))
def test_ccc_properties(x, seed, shift):
    rng = np.random.default_rng(seed)
    y = x + rng.normal(size=len(x))
    value = float(ccc(x, y))
    assert float(ccc(y, x)) == pytest.approx(value, abs=1e-12), "symmetric"
    assert float(ccc(x + shift, y + shift)) == pytest.approx(value, abs=1e-9), "a common shift changes nothing"
    order = rng.permutation(len(x))
    assert float(ccc(x[order], y[order])) == pytest.approx(value, abs=1e-12), "order changes nothing"
    assert -1 - 1e-12 <= value <= 1 + 1e-12
    if np.ptp(x) > 1e-3:
        assert abs(value) <= abs(float(pearson(x, y))) + 1e-12, "CCC is bounded by Pearson"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=0, max_size=6), st.floats(-1e4, 1e4))
def test_any_partition_merges_to_one_update(cuts, offset):
    rng = np.random.default_rng(3)
    x, y = offset + rng.normal(size=(60, 2)), offset + rng.normal(size=(60, 2))
    mask = rng.random((60, 2)) > 0.3
    parts = []
    for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 60], strict=True):
        part = CCC(("a", "b"))
        part.update(x[a:b], y[a:b], mask[a:b])
        parts.append(part.stats)
    merged = CCC.reduction(torch.stack(parts))
    whole = CCC(("a", "b"))
    whole.update(x, y, mask)
    assert torch.equal(merged[:, COUNT], whole.stats[:, COUNT]), "counts are exact"
    assert torch.allclose(whole.classes(merged), whole.classes(whole.stats), rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
@pytest.mark.parametrize("masked", [False, True])
def test_kernels_of_both_kinds_of_device_agree(dtype, masked):
    g = torch.Generator().manual_seed(0)
    x, y = ((10 * torch.randn(70_000, 3, generator=g)).to(dtype) for _ in range(2))  # more than one block
    mask = torch.rand(70_000, 3, generator=g) > 0.2 if masked else None
    origin = torch.tensor([[0.5, 1.0], [0.0, -2.0], [3.0, 3.0]], dtype=torch.float64)
    a, b = numpy_sums(x, y, mask, origin), torch_sums(x, y, mask, origin)
    assert torch.equal(a[:, 0], b[:, 0]) and torch.allclose(a, b, rtol=1e-12, atol=1e-6)


def test_a_constant_part_far_from_the_origin_has_no_variance():
    """In the bootstrap all groups share one origin: a draw of only constant rows must still be undefined."""
    x = np.r_[np.full(7, 0.1), np.linspace(0.3, 0.9, 9)]
    y = np.r_[np.linspace(-1, 1, 7), np.linspace(0, 1, 9)]
    metric = Pearson(("v",))
    weigh = metric.weigher(x, y, None, torch.tensor([0] * 7 + [1] * 9), 2)
    first, second, both = metric.finish(weigh(torch.tensor([[3.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).double()))
    assert math.isnan(first) and float(second) == pytest.approx(1.0, abs=1e-12)
    assert float(both) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)


def test_a_sequence_without_labels_is_not_counted_as_undefined():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 2)), rng.normal(size=(10, 2))
    mask = np.ones((10, 2), bool)
    mask[:5, 1] = False  # the second column of the first sequence has no labels at all
    assert ccc_seq(x, y, [0] * 5 + [1] * 5, mask)[1] == 0
    assert ccc_seq(np.where(mask, 0.5, x), np.where(mask, 0.5, y), [0] * 5 + [1] * 5, mask)[1] == 3
