import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from affectzoo.engine.align import align_targets
from affectzoo.labels.space import load_space
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.sample import AffectBatch, BatchTarget
from affectzoo.structures.time import read_at

SPACE = load_space("vad")


def predict(n, steps, rate, t0):
    field = PredictionField(torch.zeros(n, steps, 3), "value")
    return AffectPrediction(
        [str(i) for i in range(n)],
        SPACE,
        {"vad": field},
        rate,
        torch.as_tensor(t0, dtype=torch.float32),
        torch.ones(n, steps, dtype=torch.bool),
    )


@settings(max_examples=200, deadline=None)
@example(seed=0, pred_rate=5.0, label_rate=10.0, t0=-1.0)  # -1 + 7 / 5 is a step of 10 Hz but for rounding
@given(
    st.integers(0, 9999),
    st.sampled_from([1.0, 2.0, 4.0, 5.0]),
    st.sampled_from([1.0, 2.0, 4.0, 10.0]),
    st.sampled_from([-1.0, 0.0, 0.25, 3.0]),
)
def test_batch_reading_equals_the_reference(seed, pred_rate, label_rate, t0):
    rng = np.random.default_rng(seed)
    values, mask = rng.normal(size=(2, 7, 3)).astype(np.float32), rng.random((2, 7, 3)) > 0.2
    pred = predict(2, 9, pred_rate, [t0, 0.5])
    target = BatchTarget(torch.tensor(values), torch.tensor(mask), label_rate, torch.tensor([0.0, 0.25]))
    got = align_targets(pred, AffectBatch(["0", "1"], {}, {"vad": target}))["vad"]
    for i, (start, label_start) in enumerate(((t0, 0.0), (0.5, 0.25))):
        want, ok = read_at(values[i], mask[i], label_rate, label_start, start + np.arange(9) / pred_rate, "linear")
        np.testing.assert_array_equal(got.mask[i].numpy(), ok)
        np.testing.assert_allclose(got.values[i].numpy()[ok], want[ok], atol=1e-5)


def test_clip_label_holds_for_every_unpadded_step():
    pred = predict(1, 3, 1.0, [0.0])
    pred.mask[0, 2] = False
    target = BatchTarget(torch.tensor([[0.5, -0.5, 0.0]]), torch.ones(1, 3, dtype=torch.bool))
    got = align_targets(pred, AffectBatch(["a"], {}, {"vad": target}))["vad"]
    assert got.values.shape == (1, 3, 3) and got.mask[0, :2].all() and not got.mask[0, 2].any()


def test_timed_label_becomes_its_mean_for_a_clip():
    field = PredictionField(torch.zeros(1, 3), "value")
    pred = AffectPrediction(["a"], SPACE, {"vad": field})
    mask = torch.tensor([[[1, 1, 0], [1, 0, 0]]]).bool()
    target = BatchTarget(torch.tensor([[[0.2, 0.4, 9.0], [0.6, 9.0, 9.0]]]), mask, 1.0, torch.zeros(1))
    got = align_targets(pred, AffectBatch(["a"], {}, {"vad": target}))["vad"]
    assert got.values[0, 0].item() == pytest.approx(0.4) and got.values[0, 1].item() == pytest.approx(0.4)
    assert got.mask.tolist() == [[True, True, False]]
