import numpy as np
import pytest
import torch

from affectzoo.data.collate import collate
from affectzoo.eeg.models.band_tcn import BandTcn
from affectzoo.eeg.synthetic import generate
from affectzoo.errors import AffectZooError
from affectzoo.plugins import import_target, resource_files
from affectzoo.schema import read_yaml
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.testing import check_model


def batch(b=3, t=20, lengths=(20, 11, 15), channels=8, seed=0):
    data = torch.randn(b, t, channels * 5, generator=torch.Generator().manual_seed(seed)) + 2
    mask = torch.arange(t)[None] < torch.tensor(lengths)[:, None]
    signal = BatchSignal(data * mask[..., None], mask, 1.0, torch.arange(b) + 1.0)
    return AffectBatch([f"k{i}" for i in range(b)], {"eeg": signal})


@pytest.fixture
def net():
    torch.manual_seed(0)
    model = BandTcn("vad").train()
    model(batch(seed=9))  # running statistics that are not 0 and 1
    return model.eval()


def vad(model, item):
    return model(item).vad.values


def test_contract(net):
    recordings = [net.prepare(generate(1, seed=i, seconds=8.0 + i)[0]) for i in range(3)]
    check_model(net, collate(recordings, net.label_space))


def test_steps_keep_the_batchs_clock(net):
    item = batch()
    out = net(item)
    assert out.vad.values.shape == (3, 20, 3) and out.rate_hz == 1.0 and out.vad.kind == "value"
    assert out.t0_s.equal(item.signals["eeg"].t0_s) and out.mask.equal(item.signals["eeg"].mask)
    assert out.vad.values.abs().max() <= 1


def test_padding_and_company_do_not_matter(net):
    item = batch()
    whole, signal = vad(net, item), item.signals["eeg"]
    for i, n in enumerate((20, 11, 15)):
        one = BatchSignal(signal.data[i : i + 1, :n], signal.mask[i : i + 1, :n], 1.0, signal.t0_s[i : i + 1])
        assert torch.allclose(vad(net, AffectBatch(["k"], {"eeg": one}))[0], whole[i, :n], atol=1e-5)
    dirty = batch()
    dirty.signals["eeg"].data[~signal.mask] = 1e6
    assert torch.allclose(vad(net, dirty)[signal.mask], whole[signal.mask], atol=1e-6)


@pytest.mark.parametrize("step", [0, 7, 19])
def test_answers_never_depend_on_later_steps(net, step):
    item, changed = batch(lengths=(20, 20, 20)), batch(lengths=(20, 20, 20))
    changed.signals["eeg"].data[:, step] += 3
    a, b = vad(net, item), vad(net, changed)
    assert torch.equal(a[:, :step], b[:, :step])
    assert (a[:, step] - b[:, step]).abs().max() > 1e-3
    reach = 1 + sum(2 * 2 * d for d in net.dilations)  # two convolutions of kernel 3 a block
    assert torch.allclose(a[:, step + reach :], b[:, step + reach :], atol=1e-6)


def test_padding_takes_no_part_in_the_training_statistics():
    short, padded = batch(1, 11, (11,)), batch(1, 11, (11,))
    signal = padded.signals["eeg"]
    pad = torch.full((1, 30, 40), 50.0)
    padded.signals["eeg"] = BatchSignal(
        torch.cat([signal.data, pad], 1),
        torch.cat([signal.mask, torch.zeros(1, 30, dtype=torch.bool)], 1),
        1.0,
        signal.t0_s,
    )
    means = []
    for item in (short, padded):
        torch.manual_seed(0)
        model = BandTcn("vad").train()
        model(item)
        means.append(model.norm.running_mean)
    assert torch.allclose(*means)


def test_one_recordings_statistics_do_not_change_anothers_answer(net):
    """Evaluation: an extreme companion in the batch leaves the first recording's answers as they were."""
    item, extreme = batch(), batch()
    extreme.signals["eeg"].data[1:] *= 100
    assert torch.allclose(vad(net, item)[0], vad(net, extreme)[0], atol=1e-6)


def test_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    model = BandTcn("vad").train()
    vad(model, batch()).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_channel_mismatch_is_explained(net):
    with pytest.raises(AffectZooError, match="built for 8 channels, the recording has 6"):
        net(batch(channels=6))
    assert vad(BandTcn("vad", n_channels=6).eval(), batch(channels=6)).shape == (3, 20, 3)


def test_missing_modality_is_named(net):
    with pytest.raises(AffectZooError, match="needs eeg; the batch has audio"):
        net(AffectBatch(["k"], {"audio": batch().signals["eeg"]}))


def test_raw_signal_to_answer_is_causal(net):
    sample = generate(1, seed=1, seconds=20.0)[0]
    raw = sample.signals["eeg"]
    later = raw.data.copy()
    later[10 * 128 :] = np.random.default_rng(0).normal(0, 80, later[10 * 128 :].shape)
    outs = []
    for data in (raw.data, later):
        signal = net.transforms["eeg"](type(raw)(data, raw.rate_hz))
        one = BatchSignal(torch.from_numpy(signal.data)[None], torch.ones(1, 20).bool(), 1.0, torch.ones(1))
        outs.append(vad(net, AffectBatch(["k"], {"eeg": one}))[0])
    assert torch.equal(outs[0][:10], outs[1][:10]) and not torch.allclose(outs[0][10:], outs[1][10:])


def test_the_catalogue_entry_builds_this_model():
    config = read_yaml(resource_files("configs", "model")["eeg/band_tcn"])
    card = config.pop("card")
    assert set(card) == {"name", "modalities", "summary", "source"} and card["name"] == "eeg/band_tcn"
    model = import_target(config.pop("_target_"))("vad", **config)
    assert isinstance(model, BandTcn) and model.options == config
    assert tuple(card["modalities"]) == model.modalities


def ccc(a, b):
    return 2 * ((a - a.mean()) * (b - b.mean())).mean() / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)


def test_learns_trajectories_of_unseen_subjects():
    torch.manual_seed(0)
    model = BandTcn("vad")
    samples = [model.prepare(s) for s in generate(24, seed=0)]
    seen = [s for s in samples if s.groups["subject"] not in ("s0_p06", "s0_p07")]
    new = [s for s in samples if s not in seen]
    (item, truth), (test, test_truth) = stack(seen), stack(new)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        loss = (vad(model.train(), item) - truth).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.35 * losses[0]
    with torch.no_grad():
        said = vad(model.eval(), test).numpy()
    assert min(ccc(said[..., k], test_truth[..., k].numpy()) for k in range(3)) > 0.6  # a constant has 0


def stack(samples):
    data = torch.from_numpy(np.stack([s.signals["eeg"].data for s in samples]))
    signal = BatchSignal(data, torch.ones(data.shape[:2]).bool(), 1.0, torch.ones(len(samples)))
    truth = torch.from_numpy(np.stack([s.targets["vad"].values for s in samples]))
    return AffectBatch([s.key for s in samples], {"eeg": signal}), truth
