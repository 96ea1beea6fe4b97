"""The network: shapes, gradients, padding, augmentation, and that it learns."""

import numpy as np
import pytest
import torch

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import load_space
from affectzoo.speech.augment import SpecAugment, stretch_time
from affectzoo.speech.models.logmel_cnn import FrameNorm, LogMelCNN
from affectzoo.speech.synthetic import generate
from affectzoo.structures.sample import AffectBatch, BatchSignal

SPACE = load_space("ekman7+vad")


def make_batch(lengths, total=None, seed=0, n_mels=64) -> AffectBatch:
    """Random frames, padded with large values that a leak would show."""
    total = total or max(lengths)
    data = torch.full((len(lengths), total, n_mels), 50.0)
    mask = torch.zeros(len(lengths), total, dtype=torch.bool)
    for i, n in enumerate(lengths):
        data[i, :n] = torch.randn(n, n_mels, generator=torch.Generator().manual_seed(seed + i))
        mask[i, :n] = True
    signal = BatchSignal(data, mask, 100.0, torch.zeros(len(lengths)))
    return AffectBatch([str(i) for i in range(len(lengths))], {"audio": signal})


def trained_norms(model: LogMelCNN) -> LogMelCNN:
    """Batch statistics as after training: a bias that survives in padding is then not 0."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.bias.data.normal_()
    return model.eval()


def values(model, batch):
    with torch.no_grad():
        return {n: f.values for n, f in model(batch).fields.items()}


def test_shapes_size_and_kinds():
    model = LogMelCNN(SPACE)
    pred = model.eval()(make_batch([120, 80]))
    assert pred.rate_hz is None and pred.emotion.values.shape == (2, 7) and pred.vad.values.shape == (2, 3)
    assert 1.0e6 < sum(p.numel() for p in model.parameters()) < 1.1e6


@pytest.mark.parametrize("lengths", [[97, 41, 12], [64, 63, 11], [101]])
@pytest.mark.parametrize("extra", [1, 7, 40])
def test_padding_changes_nothing(lengths, extra):
    model = trained_norms(LogMelCNN(SPACE, width=8))
    plain, padded = (values(model, make_batch(lengths, t)) for t in (max(lengths), max(lengths) + extra))
    for name in plain:
        torch.testing.assert_close(plain[name], padded[name], atol=1e-5, rtol=0)


def test_neighbours_change_nothing():
    model = trained_norms(LogMelCNN(SPACE, width=8))
    together = values(model, make_batch([97, 41, 12]))
    for i, n in enumerate([97, 41, 12]):
        alone = values(model, make_batch([n], seed=i))
        torch.testing.assert_close(together["emotion"][i], alone["emotion"][0], atol=1e-5, rtol=0)


def test_every_parameter_has_a_gradient():
    model = LogMelCNN(SPACE, width=8).train()
    pred = model(make_batch([120, 90, 70]))
    sum(f.values.square().sum() for f in pred.fields.values()).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not without


def test_options_and_weights_rebuild_it():
    options = {
        "width": 8,
        "blocks": 2,
        "n_mels": 40,
        "level": "absolute",
        "trim": True,
        "dropout": 0.1,
        "spec_augment": False,
    }
    model = trained_norms(LogMelCNN(SPACE, **options))
    assert model.options == options
    other = LogMelCNN(SPACE, **model.options).eval()
    other.load_state_dict(model.state_dict(), strict=True)
    batch = make_batch([50, 33], n_mels=40)
    torch.testing.assert_close(values(model, batch)["vad"], values(other, batch)["vad"], rtol=0, atol=0)
    assert other.transforms["audio"].spec == model.transforms["audio"].spec


def test_frame_norm_ignores_padding_in_training():
    norm = FrameNorm(4)
    x = torch.randn(2, 10, 4)
    mask = torch.ones(2, 10, dtype=torch.bool)
    mask[1, 5:] = False
    x[1, 5:] = 1e4
    out = norm(x, mask)
    torch.testing.assert_close(out[mask].mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(norm.norm.running_mean, 0.1 * x[mask].mean(0))
    assert not out[~mask].any()


def test_augmentation_acts_in_training_only_and_follows_the_seed():
    augment, x, mask = SpecAugment(), torch.ones(4, 100, 64), torch.ones(4, 100, dtype=torch.bool)
    assert augment.eval()(x, mask)[0] is x
    augment.train()
    torch.manual_seed(1)
    a, _ = augment(x, mask)
    torch.manual_seed(1)
    b, _ = augment(x, mask)
    torch.manual_seed(2)
    c, _ = augment(x, mask)
    assert torch.equal(a, b) and (a.shape != c.shape or not torch.equal(a, c))


def test_masks_stay_within_their_widths():
    augment = SpecAugment(n_bands=10, share=0.1, stretch=0.0, masks=1).train()
    mask = torch.zeros(64, 200, dtype=torch.bool)
    mask[:, :100] = True
    out, _ = augment(torch.ones(64, 200, 64), mask)
    bands = (out[:, 150] == 0).sum(1)  # no time mask reaches the padding
    frames = (out[:, :, :].sum(2) == 0).sum(1)
    assert bands.max() <= 10 and bands.float().mean() > 2 and frames.max() <= 10 and frames.float().mean() > 2


def test_stretch_keeps_the_shape_of_a_ramp():
    x = torch.linspace(0, 1, 100).view(1, 100, 1).expand(2, 100, 3)
    y, mask = stretch_time(x, torch.ones(2, 100, dtype=torch.bool), 1.1)
    assert y.shape == (2, 110, 3) and mask.all()
    expected = ((torch.arange(110) + 0.5) / 1.1 - 0.5) / 99
    torch.testing.assert_close(y[0, 5:-5, 0], expected[5:-5], atol=1e-5, rtol=0)


def test_bad_audio_names_the_sample():
    sample = generate(1, seconds=0.5)[0]
    model = LogMelCNN(SPACE, width=8)
    prepared = model.prepare(sample)
    assert prepared.signals["audio"].data.shape[1] == 64 and prepared.targets.keys() == sample.targets.keys()
    sample.signals["audio"].data[:] = 0
    with pytest.raises(AffectZooError, match="silent"):
        model.prepare(sample)


def test_sixty_steps_beat_chance_on_unseen_speakers():
    torch.manual_seed(1)
    model = LogMelCNN(SPACE, width=8, dropout=0.0, spec_augment=False)
    samples = [model.prepare(s) for s in generate(256, seed=0, seconds=0.6, speakers=16)]
    train = [s for s in samples if int(s.groups["speaker"][-2:]) < 12]
    test = collate([s for s in samples if int(s.groups["speaker"][-2:]) >= 12], SPACE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    order = np.random.default_rng(0)
    for _ in range(60):
        batch = collate([train[i] for i in order.choice(len(train), 16, replace=False)], SPACE)
        pred = model.train()(batch)
        loss = torch.nn.functional.cross_entropy(pred.emotion.values, batch.targets["emotion"].values)
        loss = loss + (pred.vad.values - batch.targets["vad"].values).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    out, truth = values(model.eval(), test), test.targets
    hits = (out["emotion"].argmax(1) == truth["emotion"].values.argmax(1)).float().mean()
    arousal = torch.corrcoef(torch.stack([out["vad"][:, 1], truth["vad"].values[:, 1]]))[0, 1]
    assert hits > 0.25 and arousal > 0.5  # chance: 0.14 (sd 0.04), and 0 (sd 0.13)
