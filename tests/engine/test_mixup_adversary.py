"""Mixup and the group adversary: what they compute, and that training with both runs."""

import numpy as np
import pytest
import torch

from affectzoo.engine.adversary import GroupAdversary
from affectzoo.engine.mixup import mixup
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch, BatchSignal, BatchTarget

SPACE = load_space("emodb4")


def batch(rate_hz=None):
    data = torch.arange(1.0, 4).view(3, 1, 1).expand(3, 6, 2).clone()
    mask = torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] * 2 + [0] * 4]).bool()
    values = torch.eye(4)[:3]
    known = torch.tensor([[True] * 4, [True] * 4, [False] * 4])
    if rate_hz:
        values, known = values[:, None], known[:, None]
    target = BatchTarget(values, known, rate_hz, torch.zeros(3) if rate_hz else None)
    signal = BatchSignal(data * mask[..., None], mask, 100.0, torch.zeros(3))
    return AffectBatch(["a", "b", "c"], {"audio": signal}, {"emotion": target}, [{}] * 3)


@pytest.mark.parametrize("seed", range(8))
def test_an_item_keeps_half_and_lone_frames_stand_alone(seed):
    torch.manual_seed(seed)
    old, new = batch(), mixup(batch(), 0.4)
    labels = new.targets["emotion"].values
    assert torch.allclose(labels.sum(1), torch.ones(3))
    own = labels.diagonal()[:3]
    assert (own >= 0.5).all()
    for i in range(3):
        others = [j for j in range(3) if j != i and labels[i, j] > 0]
        j = others[0] if others else i
        before, x, m = old.signals["audio"], new.signals["audio"].data[i, :, 0], new.signals["audio"].mask[i]
        assert torch.equal(m, before.mask[i] | before.mask[j])
        for t in range(6):
            a, b = before.mask[i, t], before.mask[j, t]
            want = own[i] * (i + 1) + (1 - own[i]) * (j + 1) if a and b else (i + 1) * a + (j + 1) * (b & ~a)
            assert x[t] == pytest.approx(float(want), abs=1e-5)
        assert new.targets["emotion"].mask[i].all() == (i != 2 and j != 2)


def test_pictures_of_bytes_become_floats_in_0_to_1():
    torch.manual_seed(0)
    bytes_ = batch()
    signal = bytes_.signals["audio"]
    floats = BatchSignal(signal.data * 50 / 255, signal.mask, 100.0, signal.t0_s)
    bytes_.signals["audio"] = BatchSignal((signal.data * 50).to(torch.uint8), signal.mask, 100.0, signal.t0_s)
    mixed = mixup(bytes_, 0.4).signals["audio"].data
    torch.manual_seed(0)
    bytes_.signals["audio"] = floats
    assert torch.allclose(mixed, mixup(bytes_, 0.4).signals["audio"].data, atol=1e-6) and float(mixed.max()) < 1


def test_labels_over_time_are_refused():
    with pytest.raises(AffectZooError, match=r"task\.mixup: labels over time.*emotion"):
        mixup(batch(rate_hz=10.0), 0.4)


def test_the_adversarys_gradient_is_turned_and_scaled_for_the_encoder_only():
    torch.manual_seed(0)
    items = [{"speaker": s} for s in "aabb"]
    adversary = GroupAdversary(5, "speaker", items, 0.25)
    grads = {}
    for weight in (0.25, -1.0):  # -1 turns it twice: the plain gradient
        adversary.weight = weight
        adversary.zero_grad()
        x = torch.randn(4, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
        adversary(AffectPrediction(list("wxyz"), SPACE, {}, embedding=x), items).backward()
        grads[weight] = (x.grad, adversary.classify[0].weight.grad.clone())
    torch.testing.assert_close(grads[0.25][0], -0.25 * grads[-1.0][0])
    torch.testing.assert_close(grads[0.25][1], grads[-1.0][1])
    assert grads[-1.0][0].abs().sum() > 0


def test_groups_that_cannot_be_told():
    with pytest.raises(AffectZooError, match=r"1 value"):
        GroupAdversary(5, "speaker", [{"speaker": "a"}] * 3, 0.1)
    with pytest.raises(UnknownNameError, match="speaker"):
        GroupAdversary(5, "speakr", [{"speaker": "a"}] * 3, 0.1)


def test_a_run_with_both(tmp_path):
    from test_runs import train, weights

    plain = ["trainer.max_epochs=1"]
    train(tmp_path / "plain", *plain)
    train(tmp_path / "both", *plain, "task.mixup=0.4", "+task.adversary.speaker=0.1")
    a, b = weights(tmp_path / "plain"), weights(tmp_path / "both")
    assert a.keys() == b.keys()  # the adversary stays behind
    assert any(not np.array_equal(a[n].numpy(), b[n].numpy()) for n in a)
