import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.engine.losses import MultiTaskLoss, ccc_loss, masked_bce, masked_mse, soft_cross_entropy
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import load_space
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.sample import BatchTarget, Target

SPACE = load_space("ravdess8+vad")


def rows(n, k, seed=0):
    return torch.randn(n, k, generator=torch.Generator().manual_seed(seed))


def test_cross_entropy_equals_torch_on_hard_labels():
    logits, labels = rows(6, 8), torch.tensor([0, 3, 7, 2, 2, 5])
    onehot, mask = F.one_hot(labels, 8).float(), torch.ones(6, 8, dtype=torch.bool)
    torch.testing.assert_close(soft_cross_entropy(logits, onehot, mask), F.cross_entropy(logits, labels))
    weights = torch.linspace(0.5, 2, 8)
    torch.testing.assert_close(
        soft_cross_entropy(logits, onehot, mask, weights), F.cross_entropy(logits, labels, weights)
    )
    torch.testing.assert_close(
        soft_cross_entropy(logits, onehot, mask, smoothing=0.1),
        F.cross_entropy(logits, labels, label_smoothing=0.1),
    )


def test_masked_rows_have_no_part():
    logits, onehot = rows(6, 8), F.one_hot(torch.arange(6), 8).float()
    mask = torch.ones(6, 8, dtype=torch.bool)
    mask[4:] = False
    torch.testing.assert_close(
        soft_cross_entropy(logits, onehot, mask), soft_cross_entropy(logits[:4], onehot[:4], mask[:4])
    )
    logits[4:] = 1e6
    assert torch.isfinite(soft_cross_entropy(logits, onehot, mask))


def test_ccc_loss_is_one_minus_lin():
    p, t = rows(50, 3).double(), rows(50, 3, 1).double()
    x, y = p.numpy(), t.numpy()
    lin = 2 * ((x - x.mean(0)) * (y - y.mean(0))).mean(0) / (x.var(0) + y.var(0) + (x.mean(0) - y.mean(0)) ** 2)
    assert float(ccc_loss(p, t, torch.ones_like(p))) == pytest.approx(1 - lin.mean(), abs=1e-6)
    sample = (
        2
        * np.cov(x[:, 0], y[:, 0])[0, 1]
        / (x[:, 0].var(ddof=1) + y[:, 0].var(ddof=1) + (x[:, 0].mean() - y[:, 0].mean()) ** 2)
    )
    assert abs(sample - lin[0]) > 1e-6  # the sample-moment form is another number


def test_ccc_loss_without_labels_is_zero_and_has_a_gradient_path():
    p = rows(4, 3).requires_grad_()
    loss = ccc_loss(p, torch.zeros(4, 3), torch.zeros(4, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0 and torch.all(p.grad == 0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_padding_changes_no_loss(seed, extra):
    p, t, m = rows(5, 3, seed), rows(5, 3, seed + 1), rows(5, 3, seed + 2) > 0
    pad = torch.full((extra, 3), 9.0)
    no = torch.zeros(extra, 3, dtype=torch.bool)
    for loss in (ccc_loss, masked_mse, masked_bce):
        target = (t > 0).float() if loss is masked_bce else t
        torch.testing.assert_close(
            loss(p, target, m), loss(torch.cat([p, pad]), torch.cat([target, pad]), torch.cat([m, no]))
        )


def prediction(n=4):
    fields = {
        "emotion": PredictionField(rows(n, 8), "logits"),
        "vad": PredictionField(rows(n, 3).tanh(), "value"),
    }
    return AffectPrediction([str(i) for i in range(n)], SPACE, fields)


def test_multitask_weights_and_missing_fields():
    pred = prediction()
    targets = {"emotion": BatchTarget(F.one_hot(torch.arange(4), 8).float(), torch.ones(4, 8, dtype=torch.bool))}
    losses = MultiTaskLoss({"emotion": 2.0})(pred, targets)
    torch.testing.assert_close(losses["total"], 2 * losses["emotion"])
    assert set(losses) == {"emotion", "total"}
    assert MultiTaskLoss()(pred, {})["total"] == 0


@pytest.mark.parametrize(("balance", "ratio"), [(True, 3.0), (0.5, 3.0**0.5)])
def test_balance_counts_training_targets(balance, ratio):
    loss = MultiTaskLoss(balance=balance)
    known = np.ones(8, bool)
    targets = [{"emotion": Target(np.eye(8, dtype=np.float32)[i], known)} for i in (0, 0, 0, 1)]
    loss.fit_balance(SPACE, targets)
    w = loss.balance_emotion
    assert w[1] / w[0] == pytest.approx(ratio) and w[2] == 0


def test_balance_is_a_power_from_0_to_1():
    with pytest.raises(AffectZooError, match=r"loss\.balance"):
        MultiTaskLoss(balance=2)


def test_unknown_field_names_the_nearest():
    with pytest.raises(AffectZooError, match="Did you mean 'emotion'"):
        MultiTaskLoss({"emotions": 1.0})
