import math

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from affectzoo.engine.losses import MultiTaskLoss, ccc_loss
from affectzoo.engine.terms import AsymmetricAu, AuConcordance, FocalConflict, VadLikelihood
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.plugins import resource_files
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.sample import BatchTarget, Target

SPACE = load_space("ekman7+vad+abaw12")
CONFIGS = resource_files("configs", "loss")["multitask"].parents[1]


def logits(*p):
    p = torch.tensor(p, dtype=torch.float64)
    return torch.log(p / (1 - p))


def target(values, mask=None):
    values = torch.as_tensor(values, dtype=torch.float64)
    return BatchTarget(values, torch.ones_like(values, dtype=torch.bool) if mask is None else torch.tensor(mask))


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_asymmetric_loss_by_hand():
    """One positive at p .8, one easy negative at .1, one hard negative at .9."""
    field = PredictionField(logits(0.8, 0.1, 0.9)[None], "logits")
    expected = -(math.log(0.8) + 0.1 * math.log(0.9) + 0.9 * math.log(0.1)) / 3
    assert float(AsymmetricAu()(field, target([[1, 0, 0]]), SPACE)) == pytest.approx(expected, rel=1e-6)
    masked = AsymmetricAu()(field, target([[1, 0, 0]], [[True, True, False]]), SPACE)
    assert float(masked) == pytest.approx(-(math.log(0.8) + 0.1 * math.log(0.9)) / 2, rel=1e-6)


def test_asymmetric_weights_are_inverse_frequencies_with_mean_one():
    loss = AsymmetricAu()
    loss.fit(SPACE, torch.tensor([10.0, 400.0, 1.0, 0.0]), torch.tensor([100.0, 1000.0, 1000.0, 90.0]))
    inverse = np.array([10, 2.5, 100])  # shares .1, .4 and, for one in a thousand, the least share of .01
    np.testing.assert_allclose(loss.weight.numpy(), [*(inverse / inverse.mean()), 1], rtol=1e-6)
    field = PredictionField(logits(0.8, 0.1, 0.9, 0.5)[None], "logits")
    rows = -np.array([math.log(0.8), 0.1 * math.log(0.9), 0.9 * math.log(0.1), 0.5 * math.log(0.5)])
    expected = (rows * loss.weight.numpy()).mean()
    assert float(loss(field, target([[1, 0, 0, 0]]), SPACE)) == pytest.approx(expected, rel=1e-6)


def test_the_damping_is_part_of_the_gradient():
    """d/dx [-p log(1 - p)] = p (1 - p) (-log(1 - p)) + p^2, of a negative with p = sigmoid(x)."""
    x = torch.tensor([[-1.0]], requires_grad=True)
    AsymmetricAu()(PredictionField(x, "logits"), target([[0.0]]), SPACE).backward()
    p = 1 / (1 + math.e)
    assert float(x.grad) == pytest.approx(p * (1 - p) * -math.log(1 - p) + p * p, rel=1e-5)


def test_focal_conflict_equals_a_numpy_oracle():
    x, y = draw(5, 7), draw(5, 7, seed=1).softmax(-1)
    loss = FocalConflict([["happy", "sad"], ["neutral", "anger"]], gamma=2, alpha=0.25, conflict=0.5)
    p = np.exp(x.double().numpy())
    p /= p.sum(1, keepdims=True)
    b = -(y.numpy() * np.log(p) + (1 - y.numpy()) * np.log(1 - p))
    names = SPACE.names("emotion")
    at = {n: names.index(n) for n in ("happiness", "sadness", "neutral", "anger")}
    pairs = p[:, at["happiness"]] * p[:, at["sadness"]] + p[:, at["neutral"]] * p[:, at["anger"]]
    rows = (0.25 * (1 - np.exp(-b)) ** 2 * b).mean(1) + 0.5 * pairs
    known = np.array([True, True, False, True, False])
    got = loss(PredictionField(x, "logits"), target(y, np.repeat(known[:, None], 7, 1).tolist()), SPACE)
    assert float(got) == pytest.approx(rows[known].mean(), rel=1e-5)


def test_focal_conflict_stays_finite_and_needs_known_classes():
    sure = PredictionField(torch.eye(7) * 200, "logits")
    assert torch.isfinite(FocalConflict([["happy", "sad"]])(sure, target(torch.eye(7).flip(0)), SPACE))
    with pytest.raises(UnknownNameError, match="contempt"):
        FocalConflict([["happy", "contempt"]])(sure, target(torch.eye(7)), SPACE)
    with pytest.raises(AffectZooError, match="pairs"):
        FocalConflict([["happy"]])


def test_vad_likelihood_by_hand():
    m, y = torch.tensor([[0.1, -0.2], [0.4, 0.0]]), torch.tensor([[0.3, -0.2], [0.1, 0.5]])
    s = torch.tensor([[0.5, 0.1], [0.2, 1.0]])
    field, known = PredictionField(m, "value", s), torch.tensor([[True, True], [True, False]])
    rows = [math.log(0.5) + 0.04 / 0.5, math.log(0.1), math.log(0.2) + 0.09 / 0.08]
    plain = VadLikelihood(beta=0, ccc=0)(field, BatchTarget(y, known), SPACE)
    assert float(plain) == pytest.approx(sum(rows) / 3, rel=1e-5)
    half = VadLikelihood(beta=0.5, ccc=0)(field, BatchTarget(y, known), SPACE)
    assert float(half) == pytest.approx(sum(w * r for w, r in zip((0.5, 0.1, 0.2), rows, strict=True)) / 3, rel=1e-5)
    both = VadLikelihood(beta=0.5, ccc=2.0)(field, BatchTarget(y, known), SPACE)
    assert float(both) == pytest.approx(float(half + 2 * ccc_loss(m, y, known)), rel=1e-5)


def test_the_likelihood_is_least_at_the_true_spread():
    y = 0.3 * draw(4000, 1)
    found = [
        float(
            VadLikelihood(0, 0)(PredictionField(torch.zeros_like(y), "value", torch.full_like(y, s)), target(y), SPACE)
        )
        for s in (0.2, 0.28, 0.3, 0.32, 0.45)
    ]
    assert min(found) == found[2]


def test_beta_weights_carry_no_gradient():
    s = torch.tensor([[0.5]], requires_grad=True)
    VadLikelihood(0.5, 0)(PredictionField(torch.zeros(1, 1), "value", s), target([[0.4]]), SPACE).backward()
    assert float(s.grad) == pytest.approx(0.5 * (1 / 0.5 - 0.16 / 0.125), rel=1e-5)


def prediction(n=6, seed=0, space=SPACE):
    fields = {
        "vad": PredictionField(draw(n, 3, seed=seed).tanh(), "value", draw(n, 3, seed=seed + 1).exp()),
        "emotion": PredictionField(draw(n, 7, seed=seed + 2), "logits"),
        "au": PredictionField(draw(n, 12, seed=seed + 3), "logits"),
    }
    if space.au_kind == "intensity":
        fields["au"] = PredictionField(5 * draw(n, 17, seed=seed + 3).sigmoid(), "value")
    return AffectPrediction([f"k{i}" for i in range(n)], space, fields)


def all_targets(n=6, units=12):
    return {
        "vad": target(draw(n, 3, seed=9).tanh()),
        "emotion": target(draw(n, 7, seed=10).softmax(-1)),
        "au": target((draw(n, units, seed=11) > 0).float()),
    }


def rows_of(pred, part):
    fields = {
        n: PredictionField(f.values[part], f.kind, None if f.uncertainty is None else f.uncertainty[part])
        for n, f in pred.fields.items()
    }
    return AffectPrediction(pred.keys[part], pred.space, fields)


def case_for(name):
    """A prediction and labels that a loss config is for."""
    intensities = name == "au_intensity"
    space = load_space("ekman7+vad+openface17") if intensities else SPACE
    return prediction(space=space), all_targets(units=space.size("au"))


LOSSES = sorted(resource_files("configs", "loss"))


def loss_named(name):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return instantiate(compose("train", overrides=[f"loss={name}", "run_dir=none"]).loss)


@pytest.mark.parametrize("name", LOSSES)
def test_sets_with_different_labels_train_together(name):
    """Half of the batch has action units only, half emotion only: the loss is the sum of the two halves' losses."""
    loss, (pred, known) = loss_named(name), case_for(name)
    units = pred.fields["au"].values.shape[-1]
    first, second = slice(0, 3), slice(3, 6)
    half = torch.arange(6)[:, None] < 3
    joint = {
        "au": BatchTarget(known["au"].values, half.expand(-1, units)),
        "emotion": BatchTarget(known["emotion"].values, (~half).expand(-1, 7)),
    }
    apart = [
        loss(rows_of(pred, part), {f: BatchTarget(known[f].values[part], known[f].mask[part])})["total"]
        for part, f in ((first, "au"), (second, "emotion"))
    ]
    torch.testing.assert_close(loss(pred, joint)["total"], sum(apart), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_no_labels_no_loss_but_a_gradient_path(name):
    loss, (pred, known) = loss_named(name), case_for(name)
    leaves = [f.values.requires_grad_() for f in pred.fields.values()]
    none = {f: BatchTarget(t.values, torch.zeros_like(t.mask)) for f, t in known.items()}
    total = loss(pred, none)["total"]
    total.backward()
    assert total.item() == 0 and all(x.grad is None or not x.grad.any() for x in leaves)


def test_terms_take_the_place_of_the_usual_loss_and_are_fitted():
    loss, pred, known = loss_named("au_asymmetric"), prediction(), all_targets()
    usual = MultiTaskLoss()(pred, known)
    ones = np.ones(12, np.float32)
    rare = ones * 0
    rare[0] = 1
    loss.fit_balance(SPACE, [{"au": Target(v, np.ones(12, bool))} for v in (ones, rare, rare, rare)])
    weight = loss.terms["au"].weight
    assert weight[1] / weight[0] == pytest.approx(4) and float(weight.mean()) == pytest.approx(1)
    losses = loss(pred, known)
    assert losses["emotion"] == usual["emotion"] and losses["au"] != usual["au"]


def test_concordance_of_intensities_by_hand():
    x, y = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [2.0], [3.0]])
    found = AuConcordance()(PredictionField(x, "value"), target(y), load_space("openface17"))
    assert float(found) == pytest.approx(1 - 2 * (2 / 3) / (4 / 3 + 1) + 1 / 25, rel=1e-5)
    with pytest.raises(AffectZooError, match="presence"):
        AuConcordance()(PredictionField(x, "logits"), target(y), SPACE)


def test_errors_say_what_to_change():
    pred, known = prediction(), all_targets()
    pred.fields["vad"].uncertainty = None
    with pytest.raises(AffectZooError, match="model.uncertainty=true"):
        loss_named("vad_likelihood")(pred, known)
    intensities = PredictionField(torch.ones(2, 17), "value")
    with pytest.raises(AffectZooError, match="intensity"):
        AsymmetricAu()(intensities, target(torch.ones(2, 17)), load_space("openface17"))
    with pytest.raises(UnknownNameError, match="aus"):
        MultiTaskLoss(terms={"aus": AsymmetricAu()})
