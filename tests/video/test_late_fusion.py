"""Late fusion: time axis, gradients, padding, missing frames, and that it learns the conflict."""

import pytest
import torch

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import load_space
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.video.models.late_fusion import LateFusion, segment_means
from affectzoo.video.synthetic import generate

SPACE = load_space("ambivalence_hesitancy")


def make_model(**options) -> LateFusion:
    torch.manual_seed(0)
    return LateFusion(SPACE, **({"width": 8, "dim": 16, "face_size": 16} | options)).eval()


def stream(seconds, rate, shape, pad_s, seed=0, t0=0.0) -> BatchSignal:
    """Random frames at `rate` for items of several lengths, padded with large values."""
    lengths = [round(s * rate) for s in seconds]
    total = max(lengths) + round(pad_s * rate)
    data = torch.full((len(lengths), total, *shape), 9.0)
    mask = torch.zeros(len(lengths), total, dtype=torch.bool)
    for i, n in enumerate(lengths):
        data[i, :n] = torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed + i))
        mask[i, :n] = True
    return BatchSignal(data, mask, rate, torch.full((len(lengths),), t0))


def make_batch(seconds, pad_s=0.0, seed=0, t0=0.0) -> AffectBatch:
    return AffectBatch(
        [str(i) for i in range(len(seconds))],
        {
            "face": stream(seconds, 10.0, (16, 16, 3), pad_s, seed, t0),
            "audio": stream(seconds, 100.0, (64,), pad_s, seed + 50, t0),
        },
    )


def run(model, batch):
    with torch.no_grad():
        return model(batch)


def test_one_answer_per_segment_dated_at_its_middle():
    pred = run(make_model(), make_batch([4.0, 2.0], t0=10.0))
    assert pred.state.values.shape == (2, 8, 1) and pred.state.kind == "logits" and pred.rate_hz == 2.0
    assert pred.t0_s.tolist() == [10.25, 10.25]
    assert pred.mask.tolist() == [[True] * 8, [True] * 4 + [False] * 4]


def test_segment_length_is_an_option():
    pred = run(make_model(segment_s=1.0), make_batch([4.0]))
    assert pred.state.values.shape == (1, 4, 1) and pred.rate_hz == 1.0 and pred.t0_s.tolist() == [0.5]
    with pytest.raises(AffectZooError, match="segment_s"):
        make_model(segment_s=0.0)


@pytest.mark.parametrize("pad_s", [0.1, 0.7, 3.0])
def test_padding_and_neighbours_change_nothing(pad_s):
    model, seconds = make_model(), [4.0, 2.3, 1.1]
    plain, padded = run(model, make_batch(seconds)), run(model, make_batch(seconds, pad_s))
    steps = plain.mask.shape[1]
    assert torch.equal(plain.mask, padded.mask[:, :steps]) and not padded.mask[:, steps:].any()
    valid, more = plain.mask, padded.state.values[:, :steps]
    torch.testing.assert_close(plain.state.values[valid], more[valid], atol=1e-5, rtol=0)
    for i, s in enumerate(seconds):
        alone = run(model, make_batch([s], seed=i))
        n = int(alone.mask.sum())
        torch.testing.assert_close(alone.state.values[0, :n], plain.state.values[i, :n], atol=1e-5, rtol=0)


def test_segment_means_against_a_loop():
    signal = stream([3.0, 1.7], 12.5, (5,), 0.4)
    start = torch.zeros(2)
    means, mask = segment_means(signal, start, 0.4, 8)
    for b in range(2):
        for k in range(8):
            inside = [i for i in range(38) if signal.mask[b, i] and i * 80 // 400 == k]
            assert bool(mask[b, k]) == bool(inside)
            expected = signal.data[b, inside].mean(0) if inside else torch.zeros(5)
            torch.testing.assert_close(means[b, k], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("rate, segment_s", [(10.0, 0.1), (30.0, 0.1), (12.5, 0.08)])
def test_a_frame_on_a_boundary_belongs_to_the_later_segment(rate, segment_s):
    signal = stream([6.0], rate, (1,), 0.0)
    signal.data[0, :, 0] = torch.arange(signal.data.shape[1])
    per_segment = round(rate * segment_s)
    steps = signal.data.shape[1] // per_segment
    means, _ = segment_means(signal, torch.zeros(1), segment_s, steps)
    torch.testing.assert_close(means[0, :, 0], torch.arange(steps) * per_segment + (per_segment - 1) / 2)


def test_a_stream_that_ends_early_still_gives_answers():
    batch = make_batch([4.0])
    batch.signals["audio"].mask[:, 200:] = False
    assert run(make_model(), batch).mask.all()
    batch.signals["face"].mask[:, 20:] = False
    assert run(make_model(), batch).mask.tolist() == [[True] * 4 + [False] * 4]


@pytest.mark.parametrize("seconds, answers", [(2.2, 4), (2.3, 5), (0.2, 1)])
def test_a_rest_is_answered_when_it_holds_the_middle_of_its_segment(seconds, answers):
    assert run(make_model(), make_batch([seconds])).mask.sum() == answers


def test_every_parameter_has_a_gradient():
    model = make_model().train()
    model(make_batch([3.0, 2.0])).state.values.square().sum().backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


def test_options_and_weights_rebuild_it():
    model = make_model(segment_s=0.25, dropout=0.1)
    other = LateFusion(SPACE, **model.options).eval()
    other.load_state_dict(model.state_dict(), strict=True)
    batch = make_batch([2.0])
    torch.testing.assert_close(run(model, batch).state.values, run(other, batch).state.values, rtol=0, atol=0)
    for name, transform in model.transforms.items():
        assert transform.spec == other.transforms[name].spec


def test_prepared_samples_go_through_and_meet_the_target():
    model = make_model()
    samples = [model.prepare(s) for s in generate(2, seconds=3.0, size=16)]
    batch = collate(samples, SPACE)
    pred, target = run(model, batch), batch.targets["state"]
    steps = target.values.shape[1]
    assert pred.rate_hz == target.rate_hz and torch.equal(pred.t0_s, target.t0_s)
    assert pred.mask[:, :steps].all() and not pred.mask[:, steps:].any()


def test_both_streams_count():
    model = make_model()
    plain = run(model, make_batch([3.0])).state.values
    for name in ("face", "audio"):
        batch = make_batch([3.0])
        batch.signals[name].data += 1
        assert (run(model, batch).state.values - plain).abs().max() > 1e-4


def test_missing_stream_is_named():
    batch = make_batch([2.0])
    del batch.signals["audio"]
    with pytest.raises(AffectZooError, match="needs audio"):
        run(make_model(), batch)
