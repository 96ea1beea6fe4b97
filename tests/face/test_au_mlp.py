"""From action units to emotion: what the input must be, what training exchanges, what is learned."""

import numpy as np
import pytest
import torch

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.au_features import NUMBERS, AuFeatures, generate
from affectzoo.face.discriminant import AddDiscriminant, add_discriminant, discriminant
from affectzoo.face.models.au_mlp import AuMlp, _means_of
from affectzoo.face.openface import COLUMNS, HIGHEST, MODALITY
from affectzoo.face.synthetic import PROTOTYPES
from affectzoo.labels.space import load_space
from affectzoo.structures.signal import Signal

SPACE = load_space("ekman7")


def batch_of(model, samples):
    return collate([model.prepare(s) for s in samples], SPACE)


def test_generated_units_are_those_of_the_prototype():
    samples = generate(84, frames=1)
    data = np.stack([s.signals[MODALITY].data[0] for s in samples])
    assert data.shape == (84, 35) and (data >= 0).all() and (data <= HIGHEST).all()
    labels = [SPACE.names("emotion")[s.targets["emotion"].values.argmax()] for s in samples]
    assert all(labels.count(e) == 12 for e in PROTOTYPES)
    smile = data[np.array(labels) == "happiness"]
    rest = data[np.array(labels) == "neutral"]
    for unit in (6, 12):
        assert (smile[:, unit == NUMBERS].mean(0) > rest[:, unit == NUMBERS].mean(0) + 0.3).all()
    again = generate(3, frames=1)
    assert all(
        np.array_equal(a.signals[MODALITY].data, b.signals[MODALITY].data) for a, b in zip(again, samples, strict=False)
    )


@pytest.mark.parametrize(
    ("data", "names", "mask", "text"),
    [
        (np.zeros((2, 34)), (), None, "35 columns"),
        (np.zeros((2, 35)), COLUMNS[::-1], None, "where 'AU01_r' belongs"),
        (np.full((1, 35), np.nan), (), None, "AU01_r"),
        (np.full((1, 35), 2.0), (), None, "AU01_c leaves 0 to 1"),
        (np.full((1, 35), -1.0), (), None, "AU01_r leaves"),
        (np.zeros((2, 35)), (), np.zeros(2, bool), "no step is valid"),
    ],
)
def test_foreign_input_is_an_error(data, names, mask, text):
    with pytest.raises(AffectZooError, match=text):
        AuFeatures()(Signal(data.astype(np.float32), 1.0, mask=mask, names=names))


def test_masked_steps_have_no_part():
    model = AuMlp(SPACE).eval()
    (sample,) = generate(1, frames=4)
    x = sample.signals[MODALITY]
    data = x.data.copy()
    data[3] = np.nan
    mask = np.array([True, True, True, False])
    found = AuFeatures()(Signal(data, x.rate_hz, mask=mask))
    assert (found.data[3] == 0).all()
    short = AuFeatures()(Signal(x.data[:3], x.rate_hz))
    answers = []
    for signal in (found, short):
        prepared = type(sample)(sample.key, {MODALITY: signal}, sample.targets, sample.groups)
        answers.append(model(collate([prepared], SPACE)).fields["emotion"].values)
    torch.testing.assert_close(*answers)


def test_the_answer_is_that_of_roots_of_means():
    """Oracle in NumPy: sqrt of the mean over steps, standardised, one hidden layer, the head."""
    torch.manual_seed(0)
    model = AuMlp(SPACE, width=8).eval()
    model.norm.running_mean.uniform_(0, 1)
    model.norm.running_var.uniform_(0.5, 2)
    samples = generate(3, frames=5)
    got = model(batch_of(model, samples)).fields["emotion"].values.detach().numpy()
    x = np.sqrt(np.stack([s.signals[MODALITY].data.mean(0) for s in samples]))
    x = (x - model.norm.running_mean.numpy()) / np.sqrt(model.norm.running_var.numpy() + 1e-4)
    first, head = model.hidden[0][0], model.heads.linear["emotion"]
    h = x @ first.weight.detach().numpy().T + first.bias.detach().numpy()
    h = torch.nn.functional.gelu(torch.from_numpy(h)).numpy()
    h = np.concatenate([h, x], 1)
    np.testing.assert_allclose(got, h @ head.weight.detach().numpy().T + head.bias.detach().numpy(), atol=1e-5)


def test_means_by_person():
    x = torch.tensor([[1.0, 0.0], [3.0, 2.0], [10.0, 10.0]])
    torch.testing.assert_close(_means_of(x, ["a", "a", "b"]), torch.tensor([[2.0, 1.0], [2.0, 1.0], [10.0, 10.0]]))


def test_a_whole_swap_leaves_nothing_of_the_own_persons_mean():
    """With swap 1 and two persons, every item lies about its own or the other's mean by its own deviation."""
    torch.manual_seed(1)
    model = AuMlp(SPACE, noise=0, swap=1.0, person="subject")
    batch = batch_of(model, generate(24, subjects=2))
    x = torch.randn(24, 35)
    means = _means_of(x, [g["subject"] for g in batch.groups])
    moved = model._perturb(x, batch) - (x - means)  # the mean that each item lies about now
    distance = torch.cdist(moved, means.unique(dim=0)).min(1).values
    assert float(distance.max()) < 1e-4
    assert float((moved - means).abs().sum(1).gt(1e-3).float().mean()) > 0.2, "no item changed its person"


def test_training_needs_the_persons_and_says_so():
    model = AuMlp(SPACE).train()
    with pytest.raises(UnknownNameError, match="person.*speaker"):
        model(batch_of(model, generate(4)))
    AuMlp(SPACE, swap=0).train()(batch_of(model, generate(1)))  # one item alone
    with pytest.raises(AffectZooError, match="noise"):
        AuMlp(SPACE, noise=-1)


def test_generated_faces_are_learned_across_persons():
    torch.manual_seed(0)
    model = AuMlp(SPACE, width=32, person="subject").train()
    samples = generate(336, subjects=12)
    train = batch_of(model, [s for s in samples if not s.groups["subject"].endswith(("p10", "p11"))])
    test = batch_of(model, [s for s in samples if s.groups["subject"].endswith(("p10", "p11"))])
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    model.norm.momentum = 0.2
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(train).fields["emotion"].values, train.targets["emotion"].values)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    right = model.eval()(test).fields["emotion"].values.argmax(1) == test.targets["emotion"].values.argmax(1)
    assert float(right.float().mean()) > 0.9


def test_discriminant_is_that_of_scikit_learn():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    x = rng.normal(size=(120, 5)) @ rng.normal(size=(5, 5)) + labels[:, None]
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2, priors=np.ones(3) / 3).fit(x, labels)
    weight, bias = discriminant(torch.from_numpy(x), torch.from_numpy(labels), 3, 0.2)
    np.testing.assert_allclose(weight.numpy(), oracle.coef_, rtol=1e-9)
    np.testing.assert_allclose(bias.numpy() - np.log(3), oracle.intercept_, rtol=1e-9)
    with pytest.raises(AffectZooError, match="class 3 has fewer"):
        discriminant(torch.from_numpy(x), torch.from_numpy(labels), 4, 0.2)


def test_the_head_becomes_the_mean_with_the_discriminant():
    model = AuMlp(SPACE, person="subject").eval()
    batch = batch_of(model, generate(84))
    before = model(batch).fields["emotion"].values.detach()
    x = model.forward_features(batch).values[:, -35:]
    weight, bias = discriminant(x, batch.targets["emotion"].values.argmax(1), 7, 0.1)
    add_discriminant(model, [batch], 0.5, 0.1)
    want = (before + 0.5 * (x.double() @ weight.T + bias).float()) / 1.5
    torch.testing.assert_close(model(batch).fields["emotion"].values, want, rtol=1e-4, atol=1e-3)
    assert not model.training
    with pytest.raises(AffectZooError, match="no emotion head"):
        add_discriminant(AuMlp("vad"), [batch], 0.5, 0.1)
    with pytest.raises(AffectZooError, match="shrinkage"):
        AddDiscriminant(shrinkage=2)
