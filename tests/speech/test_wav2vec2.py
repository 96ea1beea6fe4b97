"""Self-supervised encoders: torchaudio's results without its padding; frozen, adapted, as small as they should be."""

import numpy as np
import pytest
import torch
import torchaudio.pipelines
from ssl_kit import LENGTHS, SPACE, TINY, adapted, make_batch, make_model, trained_norm

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.speech.models.wav2vec2 import LayerMixture, MaskedMean
from affectzoo.speech.ssl_encoder import ENCODERS, SSLEncoder, masked_channel_norm
from affectzoo.speech.synthetic import generate
from affectzoo.testing import check_model


@pytest.mark.parametrize("kind", TINY)
@torch.no_grad()
def test_each_item_of_a_batch_is_what_torchaudio_makes_of_it_alone(kind):
    torch.manual_seed(0)
    encoder, signal = trained_norm(SSLEncoder(kind, "random")), make_batch().signals["audio"]
    states, valid = encoder(signal.data, signal.mask)
    assert len(states) == 3 and states[0].shape == (3, 29, 16)
    for i, n in enumerate(LENGTHS):
        alone = signal.data[i : i + 1, :n]
        features, _ = encoder.model.feature_extractor(alone, None)
        body = encoder.model.encoder
        expected = [body.transformer._preprocess(body.feature_projection(features))]
        expected += encoder.model.extract_features(alone)[0]
        assert valid[i].sum() == expected[0].shape[1] and valid[i, : valid[i].sum()].all()
        for ours, theirs in zip(states, expected, strict=True):
            torch.testing.assert_close(ours[i][valid[i]], theirs[0], atol=2e-5, rtol=1e-5)


@torch.no_grad()
def test_torchaudio_itself_lets_padding_in():
    """Why its extract_features is not called (pytorch/audio #2242, #3700); when this fails, it has been mended."""
    signal = make_batch().signals["audio"]
    audio, lengths = signal.data.masked_fill(~signal.mask, 0), signal.mask.sum(1)
    torch.manual_seed(0)
    model = SSLEncoder("tiny_wav2vec2", "random").eval().model
    padded, n = model.extract_features(audio, lengths)
    alone, _ = model.extract_features(audio[2:, :1600])
    assert (padded[0][2, : n[2]] - alone[0][0]).abs().max() > 0.01
    with pytest.raises(AssertionError):
        SSLEncoder("tiny_wavlm", "random").eval().model.extract_features(audio, lengths)


def test_channel_norm_is_group_norm_of_each_item():
    torch.manual_seed(0)
    norm, x = torch.nn.GroupNorm(6, 6), 3 * torch.randn(3, 6, 50) + 100
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    length = torch.tensor([50, 31, 2])
    out = masked_channel_norm(x, length, norm)
    for i, n in enumerate(length):
        torch.testing.assert_close(out[i, :, :n], norm(x[i : i + 1, :, :n])[0], atol=2e-4, rtol=1e-4)


@torch.no_grad()
def test_a_hole_is_silence_that_no_frame_attends_to():
    torch.manual_seed(0)
    encoder = SSLEncoder("tiny_wav2vec2", "random").eval()
    audio, mask = torch.randn(1, 9600), torch.ones(1, 9600, dtype=torch.bool)
    mask[:, 3200:6400] = False
    states, valid = encoder(audio, mask)
    middle = torch.arange(29) * 320 + 200
    assert torch.equal(valid[0], mask[0, middle])
    audio[~mask] = 9.0
    torch.testing.assert_close(encoder(audio, mask)[0][-1], states[-1], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("kind", "bundle"),
    [
        ("wav2vec2_base", "WAV2VEC2_BASE"),
        ("wav2vec2_large", "WAV2VEC2_LARGE"),
        ("wav2vec2_large_lv60k", "WAV2VEC2_LARGE_LV60K"),
        ("wav2vec2_large_lv60k", "WAV2VEC2_XLSR53"),
        ("wav2vec2_xlsr_300m", "WAV2VEC2_XLSR_300M"),
        ("hubert_base", "HUBERT_BASE"),
        ("hubert_large", "HUBERT_LARGE"),
        ("wavlm_base", "WAVLM_BASE"),
        ("wavlm_base", "WAVLM_BASE_PLUS"),
        ("wavlm_large", "WAVLM_LARGE"),
    ],
)
def test_full_sizes_are_those_of_torchaudios_bundles(kind, bundle):
    wanted = getattr(torchaudio.pipelines, bundle)
    build = torchaudio.models.wavlm_model if wanted._model_type == "WavLM" else torchaudio.models.wav2vec2_model
    ours = SSLEncoder(kind)
    with torch.device("meta"):
        theirs = build(**wanted._params)
    assert {n: t.shape for n, t in ours.model.state_dict().items()} == {
        n: t.shape for n, t in theirs.state_dict().items()
    }
    assert ENCODERS[kind].normalise == wanted._normalize_waveform and wanted.sample_rate == 16000
    assert (ours.hop, ours.field) == (320, 400)
    assert ours.model.encoder.transformer.layer_norm_first == theirs.encoder.transformer.layer_norm_first


@pytest.mark.parametrize("kind", TINY)
@pytest.mark.parametrize("lora", [False, True])
def test_the_contract_holds_for_every_layout(kind, lora):
    model = adapted(kind, pooling="mean") if lora else make_model(kind)
    trained_norm(model.speech)
    check_model(model, make_batch())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wav2vec2_base", "hubert_base", "wavlm_base"])
def test_the_contract_holds_at_full_size(kind):
    check_model(make_model(kind, hidden=256), make_batch([9600, 5003]))


def test_what_is_trained():
    model = make_model("tiny_wavlm")
    trained = {n.split(".")[0] for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {"mixture", "project", "pool", "heads"}
    other = adapted("tiny_wavlm", lora_on="attention")
    new = {n: p for n, p in other.named_parameters() if p.requires_grad and n.startswith("speech.")}
    # two layers; query, key and value as one matrix (48 x 16) and the output (16 x 16); rank 2
    assert sum(p.numel() for p in new.values()) == 2 * 2 * ((48 + 16) + (16 + 16))


def test_the_frozen_encoder_draws_nothing_in_training():
    model = make_model(dropout=0.0).train()
    assert model.training and model.project.training and not any(m.training for m in model.speech.modules())
    batch = make_batch()
    a, b = (model(batch).emotion.values for _ in range(2))
    assert torch.equal(a, b)
    c, d = (make_model(dropout=0.5).train()(batch).emotion.values for _ in range(2))
    assert torch.equal(c, d)  # the same seed
    model = make_model(dropout=0.5).train()
    assert not torch.equal(model(batch).emotion.values, model(batch).emotion.values)


@pytest.mark.parametrize("rank", [0, 2])
def test_the_engine_leaves_frozen_what_the_model_froze(rank):
    from affectzoo.engine.losses import MultiTaskLoss
    from affectzoo.engine.task import AffectTask

    model = make_model(lora_rank=rank)
    before = {n: p.clone() for n, p in model.named_parameters()}
    task = AffectTask(model, MultiTaskLoss(), lambda groups: torch.optim.AdamW(groups, lr=0.1), seed=0)
    task._freeze()
    optimizer = torch.optim.AdamW([{"params": list(task._encoder_parameters())}, {"params": model.heads.parameters()}])
    for _ in range(2):  # the first step moves `up` away from 0, the second `down`
        optimizer.zero_grad()
        sum(f.values.square().sum() for f in task(make_batch()).fields.values()).backward()
        optimizer.step()
    still = {n for n, p in model.named_parameters() if torch.equal(p, before[n])}
    assert still == {n for n in before if n.startswith("speech.") and not n.endswith((".up", ".down"))}


def test_mixture_and_mean_are_what_they_say():
    states = [torch.randn(2, 5, 8) * s for s in (1, 10, 100)]
    mix = LayerMixture(3)
    mix.scores.data = torch.tensor([0.0, 1.0, 2.0])
    e = np.exp([0, 1, 2])
    normal = [(s - s.mean(-1, keepdim=True)) / s.std(-1, correction=0, keepdim=True) for s in states]
    expected = sum(float(w) * s for w, s in zip(e / e.sum(), normal, strict=True))
    torch.testing.assert_close(mix(states).detach(), expected, atol=1e-4, rtol=1e-4)
    x, mask = states[0], torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]]).bool()
    torch.testing.assert_close(MaskedMean()(x, mask), torch.stack([x[0, :2].mean(0), x[1].mean(0)]))


def test_a_few_steps_fit_a_few_clips():
    model = make_model("tiny_wavlm", dropout=0.0, hidden=32, lora_rank=4, lora_on="all")
    batch = collate([model.prepare(s) for s in generate(12, seed=3, seconds=0.5)], SPACE)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(35):
        loss = torch.nn.functional.cross_entropy(model.train()(batch).emotion.values, batch.targets["emotion"].values)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 < 1.5 < losses[0]


@pytest.mark.parametrize("kind", TINY)
@torch.no_grad()
def test_new_adapters_change_nothing_and_learned_ones_are_added_to_the_weight(kind):
    plain, batch = make_model(kind).eval(), make_batch()
    fresh = make_model(kind, lora_rank=2, lora_alpha=6.0, lora_on="all").eval()
    own = {n.replace(".parametrizations.weight.original", ".weight"): t for n, t in fresh.state_dict().items()}
    own = {n.replace(".parametrizations.in_proj_weight.original", ".in_proj_weight"): t for n, t in own.items()}
    both = {n: own.get(n, t) for n, t in plain.state_dict().items()}
    plain.load_state_dict(both, strict=True)
    torch.testing.assert_close(plain(batch).emotion.values, fresh(batch).emotion.values, rtol=0, atol=0)
    state = fresh.state_dict()
    for name in [n for n in state if n.endswith(".up")]:
        state[name].normal_(std=0.1)
        stem, kept = name.removesuffix(".0.up"), name.removesuffix(".0.up").replace(".parametrizations", "")
        both[kept] = state[f"{stem}.original"] + 6.0 / 2 * state[name] @ state[f"{stem}.0.down"]
    assert sum(n.endswith(".up") for n in state) == 2 * (4 if kind == "tiny_wavlm" else 6)
    changed = fresh(batch).emotion.values
    assert not torch.allclose(changed, plain(batch).emotion.values)
    plain.load_state_dict(both, strict=True)
    torch.testing.assert_close(plain(batch).emotion.values, changed, atol=1e-6, rtol=1e-5)


def test_wrong_options_are_named():
    with pytest.raises(UnknownNameError, match="lora_on 'atention'.*'attention'"):
        make_model(lora_rank=2, lora_on="atention")
    with pytest.raises(AffectZooError, match="lora_rank must be 0"):
        make_model(lora_rank=-1)
    with pytest.raises(UnknownNameError, match="encoder 'wavlm'.*wavlm_base"):
        make_model("wavlm")
    with pytest.raises(UnknownNameError, match="pooling"):
        make_model(pooling="max")
