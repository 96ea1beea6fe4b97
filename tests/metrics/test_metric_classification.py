"""Accuracy, UAR, F1, confusion, AU F1 against scikit-learn and audmetric; counts are exact."""

import math

import audmetric
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.metrics.au import AUF1, au_f1, au_f1_per_unit
from affectzoo.metrics.classification import (
    UAR,
    BinaryAccuracy,
    BinaryF1Macro,
    F1Macro,
    accuracy,
    confusion_matrix,
    f1_binary,
    f1_macro,
    f1_weighted,
    recall_per_class,
    uar,
)
from affectzoo.metrics.counts import count_true


@pytest.mark.parametrize("c", [3, 8, 40])  # below and above the size up to which one joint count is used
def test_against_scikit_learn_and_audmetric(c):
    rng = np.random.default_rng(c)
    t, p = (
        rng.integers(0, c - 1, 700),
        rng.integers(1, c, 700),
    )  # class c-1 never true, class 0 never predicted
    kw = {"n_classes": c}
    present = np.unique(t)
    assert float(accuracy(p, t, **kw)) == pytest.approx(sk.accuracy_score(t, p), abs=1e-12)
    recall = sk.recall_score(t, p, average="macro", labels=present)
    assert float(uar(p, t, **kw)) == pytest.approx(recall, abs=1e-12)
    labels = list(range(c))
    theirs = audmetric.recall_per_class(t, p, labels=labels)
    ours = recall_per_class(p, t, **kw).numpy()
    assert ours[present] == pytest.approx([theirs[i] for i in present], abs=1e-12)
    assert math.isnan(ours[c - 1])
    assert float(f1_macro(p, t, **kw)) == pytest.approx(sk.f1_score(t, p, average="macro"), abs=1e-12)
    assert float(f1_weighted(p, t, **kw)) == pytest.approx(sk.f1_score(t, p, average="weighted"), abs=1e-12)
    assert np.array_equal(confusion_matrix(p, t, **kw).numpy(), sk.confusion_matrix(t, p, labels=labels))


def test_uar_differs_from_averaging_over_all_classes():
    """Audmetric gives an absent class recall 0 (zero_division); we leave it out."""
    t, p = [0, 0, 1], [0, 1, 1]
    assert float(uar(p, t, n_classes=3)) == pytest.approx(0.75)
    assert audmetric.unweighted_average_recall(t, p, labels=[0, 1, 2]) == pytest.approx(0.5)


def test_uar_without_some_classes_still_counts_answers_in_them():
    """Rows 0 0 1 1 2 answered 0 2 1 1 2: recalls .5, 1, 1; without class c the first two are averaged."""
    metric = UAR(("a", "b", "c"), leave_out=["c"])
    metric.update(torch.tensor([0, 2, 1, 1, 2]), torch.tensor([0, 0, 1, 1, 2]))
    assert float(metric.compute()) == pytest.approx(0.75)
    assert metric.result().conventions["left out"] == ["c"] and metric.result().per_class["c"] == 1.0
    assert "left out" not in UAR(("a", "b", "c")).result().conventions


def test_macro_f1_absent_classes_worked_example():
    t, p = [2, 1, 0, 4], [2, 1, 0, 1]
    assert float(f1_macro(p, t, n_classes=5)) == pytest.approx(2 / 3, abs=1e-12)
    assert float(f1_macro(p, t, absent="zero", n_classes=5)) == pytest.approx(0.5333333333333333, abs=1e-12)
    assert sk.f1_score(t, p, average="macro", labels=range(5), zero_division=0) == pytest.approx(0.5333333333333333)
    metric = F1Macro(tuple("abcde"))
    metric.update(p_to_scores(p, 5), p_to_scores(t, 5))
    result = metric.result()
    assert result.per_class["d"] is None and result.per_class["e"] == 0.0 and result.undefined == 1
    assert result.support == {"a": 1, "b": 1, "c": 1, "d": 0, "e": 1} and result.conventions["absent"] == "exclude"
    with pytest.raises(UnknownNameError, match="exclude"):
        F1Macro(("a", "b"), absent="exclud")


def p_to_scores(labels, c):
    return np.eye(c)[labels]


def test_scores_ties_go_to_the_first_and_soft_truth_to_its_largest_class():
    scores = np.array([[0.5, 0.5, 0.0], [0.2, 0.4, 0.4]])
    soft = np.array([[0.6, 0.4, 0.0], [0.1, 0.3, 0.6]])
    assert confusion_matrix(scores, soft).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    logits = np.log(scores + 1e-9) * 3
    assert float(accuracy(logits, soft)) == float(accuracy(scores, soft)) == 0.5


@pytest.mark.parametrize("bad", [-1, 3])
def test_codes_for_missing_labels_are_refused(bad):
    with pytest.raises(AffectZooError, match="mask missing labels"):
        uar([0, 1, 2], [0, bad, 1], n_classes=3)
    assert float(uar([0, 1, 2], [0, bad, 1], np.array([True, False, True]), n_classes=3)) == 0.5


def test_target_that_is_no_distribution_is_refused():
    with pytest.raises(AffectZooError, match="sums to 0"):
        uar(np.eye(3), np.array([[1.0, 0, 0], [0, 0, 0], [0, 0, 1]]))
    with pytest.raises(AffectZooError, match="n_classes"):
        uar([0, 1], [0, 1])


def test_au_f1_unit_without_positives_is_undefined_and_listed():
    t = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 0]])
    p = np.array([[0.9, 0.8, 0.5], [0.6, 0.1, 0.2], [0.4, 0.2, 0.49]])
    per = au_f1_per_unit(p, t)
    assert per[[0, 2]].numpy() == pytest.approx([sk.f1_score(t[:, k], p[:, k] >= 0.5) for k in (0, 2)], abs=1e-12)
    assert math.isnan(per[1]) and float(au_f1(p, t)) == pytest.approx(float(per[[0, 2]].mean()))
    metric = AUF1(("AU01", "AU02", "AU04"))
    metric.update(p, t)
    assert metric.result().per_class["AU02"] is None and metric.result().undefined == 1
    assert abs(float(au_f1(p, t)) - float(per.nan_to_num(0).mean())) > 0.1, "never 0 by stealth"


def test_au_f1_accumulates_over_folds():
    rng = np.random.default_rng(0)
    t, p = rng.integers(0, 2, (90, 4)), rng.random((90, 4))
    metric = AUF1(tuple("abcd"))
    for fold in range(3):
        metric.update(p[fold * 10 : 30 + fold * 30], t[fold * 10 : 30 + fold * 30])
    rows = np.r_[0:30, 10:60, 20:90]
    assert float(metric.compute()) == pytest.approx(
        np.mean([sk.f1_score(t[rows, k], p[rows, k] >= 0.5) for k in range(4)]), abs=1e-12
    )


def test_binary_forms_against_scikit_learn():
    rng = np.random.default_rng(1)
    t, p = rng.integers(0, 2, 200), rng.random(200)
    d = p >= 0.5
    assert float(f1_binary(p, t)) == pytest.approx(sk.f1_score(t, d), abs=1e-12)
    for cls, truth in (
        (BinaryF1Macro, sk.f1_score(t, d, average="macro")),
        (BinaryAccuracy, sk.accuracy_score(t, d)),
    ):
        metric = cls(("ah",))
        metric.update(p, t)
        assert float(metric.compute()) == pytest.approx(truth, abs=1e-12)


def test_bah_constant_predictors():
    """318 of 525 test videos are positive: always "no" scores 0.2828, always "yes" 0.3772."""
    t = np.r_[np.ones(318), np.zeros(207)]
    for p, golden in ((np.zeros(525), 0.2828), (np.ones(525), 0.3772)):
        metric = BinaryF1Macro(("ah",))
        metric.update(p, t)
        assert round(float(metric.compute()), 4) == golden


def test_binary_refuses_logits_and_intensities():
    with pytest.raises(AffectZooError, match="not probabilities"):
        f1_binary([2.0, -1.0], [1, 0])
    with pytest.raises(AffectZooError, match="must be 0 or 1"):
        au_f1([0.2, 0.7], [3, 0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1300), st.integers(1, 4), st.integers(0, 2**31))
def test_byte_counting_is_exact(n, k, seed):
    flags = torch.rand(n, k, generator=torch.Generator().manual_seed(seed)) > 0.01  # nearly full bytes
    assert torch.equal(count_true(flags), flags.long().sum(0))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=5), st.integers(0, 2**31))
def test_partitions_and_order_change_nothing(cuts, seed):
    rng = np.random.default_rng(seed)
    t, p, order = rng.integers(0, 4, 50), rng.integers(0, 4, 50), rng.permutation(50)
    metric = UAR(tuple("abcd"))
    for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 50], strict=True):
        metric.update(p[a:b], t[a:b])
    shuffled = UAR(tuple("abcd"))
    shuffled.update(p[order], t[order])
    assert torch.equal(metric.stats, shuffled.stats)
