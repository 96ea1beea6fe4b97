"""Masked spectrogram modelling: which places are hidden, what the loss looks at, and that it can be learned."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import load_space
from affectzoo.speech.models.logmel_cnn import LogMelCNN
from affectzoo.speech.models.prosody_tcn import ProsodyTCN
from affectzoo.speech.pretrain import MaskedSpectrogram, draw_places, hidden_error, normalised
from affectzoo.structures.sample import AffectBatch, BatchSignal

SPACE = load_space("emodb4")


def objective(width=4, n_mels=16, seed=0):
    torch.manual_seed(seed)
    return MaskedSpectrogram(LogMelCNN(SPACE, width=width, n_mels=n_mels))


def frames(lengths, total, n_mels=16, fill=50.0):
    """Random frames; what lies beyond an item's length is large."""
    generator = torch.Generator().manual_seed(1)
    data = torch.full((len(lengths), total, n_mels), fill)
    for i, n in enumerate(lengths):
        data[i, :n] = torch.randn(n, n_mels, generator=generator)
    return data, torch.arange(total) < torch.tensor(lengths)[:, None]


def runs(row):
    """(value, length) of consecutive equal places."""
    edges = np.flatnonzero(np.diff(row.astype(int), prepend=1 - row[0], append=1 - row[-1]))
    return [(bool(row[a]), int(b - a)) for a, b in zip(edges[:-1], edges[1:], strict=True)]


spans = st.tuples(st.integers(1, 6), st.integers(0, 5)).map(lambda t: (t[0], t[0] + t[1]))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 90), spans, spans, st.integers(0, 2**31))
def test_spans_are_as_long_as_declared(items, places, hidden, seen, seed):
    torch.manual_seed(seed)
    drawn = draw_places(items, places, hidden, seen)
    assert drawn.shape == (items, places) and drawn.dtype == torch.bool
    for row in drawn.numpy():
        found = runs(row)
        assert sum(n for _, n in found) == places
        for i, (is_hidden, n) in enumerate(found):
            shortest, longest = hidden if is_hidden else seen
            assert n <= longest and (n >= shortest or i in (0, len(found) - 1))  # the ends cut


@settings(max_examples=20, deadline=None)
@given(spans, spans, st.integers(0, 2**31))
def test_the_hidden_share_is_that_of_the_mean_lengths(hidden, seen, seed):
    torch.manual_seed(seed)
    drawn = draw_places(200, 400, hidden, seen).float()
    share = sum(hidden) / (sum(hidden) + sum(seen))
    assert abs(float(drawn.mean()) - share) < 0.02
    assert abs(float(drawn[:, 0].mean()) - share) < 0.25  # the first place is no exception
    lengths = {n for h, n in [r for row in drawn[:40].numpy().astype(bool) for r in runs(row)[1:-1]] if h}
    assert lengths == set(range(hidden[0], hidden[1] + 1))


def test_about_half_is_hidden_as_it_is_configured():
    torch.manual_seed(0)
    model = objective()
    drawn = draw_places(500, 25, model.hidden, model.seen).float()  # an utterance of two seconds
    assert 0.48 < drawn.mean() < 0.52 and (drawn.mean(1) > 0).all() and (drawn.mean(1) < 1).all()


def test_the_error_is_of_hidden_frames():
    predicted, target = torch.zeros(1, 4, 2), torch.tensor([[[1.0, 3.0], [9.0, 9.0], [0.0, 2.0], [9.0, 9.0]]])
    hidden = torch.tensor([[True, False, True, False]])
    assert hidden_error(predicted, target, hidden) == pytest.approx((1 + 9 + 0 + 4) / 4)
    assert hidden_error(predicted, target, torch.zeros_like(hidden)) == 0
    for frame, counts in ((1, False), (3, False), (0, True), (2, True)):
        other = target.clone()
        other[0, frame] += 1
        assert (hidden_error(predicted, other, hidden) != hidden_error(predicted, target, hidden)) == counts


def test_the_encoder_does_not_see_what_is_hidden():
    model = objective().eval()
    data, mask = frames([64], 64)
    places = torch.tensor([[False, True, True, False, False, True, True, False]])
    hidden = places.repeat_interleave(8, dim=1)
    seen = []
    model.decode.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.no_grad():
        model.loss(data, mask, places)
        model.loss(torch.where(hidden[..., None], 7.0, data), mask, places)  # another truth
        model.loss(torch.where(hidden[..., None], data, data + 1), mask, places)  # another context
    assert torch.equal(seen[0], seen[1]) and not torch.allclose(seen[0], seen[2])


def test_hidden_places_and_predictions_lie_over_the_same_frames(monkeypatch):
    """A decoder that gives each vector's number, eight times: frame t must be held against vector t // 8."""
    model = objective().eval()
    data, mask = frames([60], 60)
    found = {}
    monkeypatch.setattr("affectzoo.speech.pretrain.hidden_error", lambda p, t, h: found.update(p=p, t=t, h=h))
    number = torch.arange(8.0).view(1, 8, 1, 1) + torch.arange(8.0).view(1, 1, 8, 1) / 10
    model.decode = torch.nn.Module()
    model.decode.forward = lambda x: number.expand(1, 8, 8, 16)
    model.loss(data, mask, torch.arange(8)[None] % 3 == 1)
    assert found["p"].shape == found["t"].shape == (1, 60, 16)
    t = torch.arange(60)
    torch.testing.assert_close(found["p"][0, :, 3], t // 8 + (t % 8) / 10)
    assert torch.equal(found["h"][0], (t // 8) % 3 == 1)


def test_targets_have_mean_0_and_variance_1_over_valid_frames():
    data, mask = frames([50, 20], 60)
    x = normalised(3 * data + 5, mask)[mask]
    assert x.mean(0).abs().max() < 1e-5 and (x.var(0, correction=0) - 1).abs().max() < 1e-4


@pytest.mark.parametrize("extra", [1, 8, 27])
def test_padding_has_no_part_in_the_loss(extra):
    model = objective().eval()
    lengths = [61, 40, 17]
    torch.manual_seed(0)
    places = draw_places(3, 12, (2, 5), (2, 5))
    data, mask = frames(lengths, 64 + extra)
    losses = []
    with torch.no_grad():
        losses.append(model.loss(data[:, :61], mask[:, :61], places[:, :8]))
        losses.append(model.loss(data, mask, places[:, : -(-(64 + extra) // 8)]))
        data[~mask] = -9.0
        losses.append(model.loss(data, mask, places[:, : -(-(64 + extra) // 8)]))
    assert losses[0] > 0
    torch.testing.assert_close(losses[1], losses[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(losses[2], losses[0], atol=1e-5, rtol=0)


def test_gradients_reach_the_encoder_and_the_decoder_and_nothing_else():
    torch.manual_seed(0)
    model = LogMelCNN(SPACE, width=4, n_mels=16)
    training = MaskedSpectrogram(model)
    data, mask = frames([64, 50], 64)
    training(AffectBatch(["a", "b"], {"audio": BatchSignal(data, mask, 100.0, torch.zeros(2))})).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in training.parameters())
    assert {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None} == {"encoder"}


def test_what_can_be_foretold_is_learned():
    """A tone that glides through the bands: its neighbours tell where it is, the mean does not."""
    model = objective(width=8).train()
    t, band = torch.arange(160), torch.arange(16)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def batch(n=8):
        phase = torch.rand(n, 1, 1) * 2 * math.pi
        data = torch.sin(2 * math.pi * (t[:, None] / 64 + band / 16) + phase)
        return AffectBatch(["x"] * n, {"audio": BatchSignal(data, torch.ones(n, 160).bool(), 100.0, torch.zeros(n))})

    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(model(batch()))
        losses[-1].backward()
        optimizer.step()
    assert losses[0] > 0.9 and torch.stack(losses[-5:]).mean() < 0.3  # 1 is the error of the mean


def test_what_cannot_be_pretrained():
    with pytest.raises(AffectZooError, match=r"ProsodyTCN has no LogMelEncoder.*speech/logmel_cnn has"):
        MaskedSpectrogram(ProsodyTCN(SPACE))
    for hidden in ([0, 3], [4, 3], [2]):
        with pytest.raises(AffectZooError, match=r"pretrain\.hidden: must be \[shortest, longest\]"):
            MaskedSpectrogram(LogMelCNN(SPACE, width=4), hidden=hidden)
