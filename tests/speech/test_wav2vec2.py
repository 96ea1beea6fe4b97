"""Self-supervised encoders: torchaudio's results without its padding; frozen, adapted, never random unasked."""

import numpy as np
import pytest
import torch
import torchaudio.pipelines
from safetensors.torch import save_file

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.speech.models.wav2vec2 import LayerMixture, MaskedMean, Wav2Vec2
from affectzoo.speech.ssl_audio import Waveform
from affectzoo.speech.ssl_encoder import ENCODERS, SSLEncoder, masked_channel_norm
from affectzoo.speech.synthetic import generate
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.structures.signal import Signal
from affectzoo.testing import check_model
from affectzoo.zoo.factory import create_model
from affectzoo.zoo.pretrained import load_artefact, save_artefact

SPACE = load_space("ekman7+vad")
TINY = ("tiny_wav2vec2", "tiny_large", "tiny_wavlm")
LENGTHS = [9600, 5003, 1600]
SMALL = {"weights": "random", "hidden": 8}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The tensors are tiny: threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_batch(lengths=LENGTHS, total=None) -> AffectBatch:
    """Noise with an offset, padded with large values that a leak would show."""
    total = total or max(lengths)
    data = torch.full((len(lengths), total), 50.0)
    mask = torch.arange(total) < torch.tensor(lengths)[:, None]
    for i, n in enumerate(lengths):
        data[i, :n] = 0.1 * torch.randn(n, generator=torch.Generator().manual_seed(i)) + 0.05 * i
    signal = BatchSignal(data, mask, 16000.0, torch.zeros(len(lengths)))
    return AffectBatch([str(i) for i in range(len(lengths))], {"audio": signal})


def make_model(encoder="tiny_wav2vec2", seed=0, **options) -> Wav2Vec2:
    torch.manual_seed(seed)
    return create_model("speech/wav2vec2", SPACE, encoder=encoder, **{**SMALL, **options})


def adapted(encoder="tiny_wav2vec2", **options) -> Wav2Vec2:
    """With adapters that have learned something: `up` is 0 in a new one."""
    model = make_model(encoder, **{"lora_rank": 2, "lora_on": "all", **options})
    for name, p in model.named_parameters():
        if name.endswith(".up"):
            torch.nn.init.normal_(p, std=0.1)
    return model


def trained_norm(encoder: SSLEncoder) -> SSLEncoder:
    """Norms as after training: weights that are not 1 and biases that are not 0."""
    for module in encoder.modules():
        if isinstance(module, (torch.nn.GroupNorm, torch.nn.LayerNorm)):
            torch.nn.init.normal_(module.weight, 1, 0.3)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    return encoder.eval()


# --- the encoder ---------------------------------------------------------------------------------------------------


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


# --- the model -----------------------------------------------------------------------------------------------------


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


# --- adapters ------------------------------------------------------------------------------------------------------


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


# --- no weights ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda m, path: m(make_batch()),
        lambda m, path: m.train()(make_batch()),
        lambda m, path: m.to("cpu"),
        lambda m, path: save_artefact(m, path, tag="x", golden=make_batch(), licences=LICENCES, training=TRAINING),
    ],
    ids=["predict", "train", "move", "save"],
)
@pytest.mark.parametrize("encoder", ["tiny_wav2vec2", "hubert_base"])
def test_without_weights_nothing_works_and_the_error_says_what_to_give(encoder, use, tmp_path):
    model = make_model(encoder, weights=None)
    with pytest.raises(AffectZooError, match=f"{encoder} has no weights: give weights=FILE.safetensors"):
        use(model, tmp_path)
    assert not list(tmp_path.glob("speech*"))


LICENCES = dict.fromkeys(("code", "weights", "data"), "none: a test")
TRAINING = {"dataset": "none"}


def test_there_is_no_pretrained_one():
    with pytest.raises(AffectZooError, match="'speech/wav2vec2' has no checkpoint"):
        create_model("speech/wav2vec2", pretrained=True)


def test_new_heads_of_a_model_without_weights_are_real():
    model = make_model(weights=None).reset_head("ravdess8")
    assert not any(p.is_meta for p in model.heads.parameters())


# --- weights from files --------------------------------------------------------------------------------------------


def same_outputs(a: Wav2Vec2, b: Wav2Vec2) -> None:
    with torch.no_grad():
        x, y = (m.eval()(make_batch()).emotion.values for m in (a, b))
    assert torch.equal(x, y)


def encoder_file(path, kind="tiny_wav2vec2", names=lambda t: t, seed=5):
    torch.manual_seed(seed)
    tensors = SSLEncoder(kind, "random").model.state_dict()
    save_file({n: t.contiguous().clone() for n, t in names(tensors).items()}, path)
    return tensors


def hugging_face(tensors, prefix="wav2vec2."):
    """Names as transformers has them, with what its checkpoints hold beside the encoder."""
    out = {"masked_spec_embed": torch.zeros(16), f"{prefix}masked_spec_embed": torch.zeros(16)}
    out |= {
        "lm_head.weight": torch.zeros(3, 16),
        "quantizer.codevectors": torch.zeros(1),
        "project_q.bias": torch.zeros(1),
    }
    for name, t in tensors.items():
        name = name.replace("encoder.feature_projection", "feature_projection").replace(
            "encoder.transformer", "encoder"
        )
        name = name.replace("parametrizations.weight.original0", "weight_g")
        name = prefix + name.replace("parametrizations.weight.original1", "weight_v")
        if "in_proj" in name:
            for letter, part in zip("qkv", t.chunk(3), strict=True):
                out[name.replace("attention.in_proj_", f"{letter}_proj.")] = part
        else:
            out[name.replace("attention.attention.out_proj", "attention.out_proj")] = t
    return out


WRAPPED = {
    "torchaudio": lambda t: t,
    "normalising bundle": lambda t: {f"model.{n}": x for n, x in t.items()},
    "recogniser": lambda t: {**t, "aux.weight": torch.zeros(29, 16), "aux.bias": torch.zeros(29)},
    "half": lambda t: {n: x.half() for n, x in t.items()},
    "hugging face": hugging_face,
    "hugging face, bare": lambda t: hugging_face(t, ""),
}


@pytest.mark.parametrize("kind", TINY)
@pytest.mark.parametrize("names", WRAPPED)
def test_files_in_every_naming_fill_the_encoder(kind, names, tmp_path):
    tensors = encoder_file(tmp_path / "e.safetensors", kind, WRAPPED[names])
    model = make_model(kind, weights=str(tmp_path / "e.safetensors"))
    for name, t in model.speech.model.state_dict().items():
        torch.testing.assert_close(t, tensors[name], atol=1e-3 if names == "half" else 0, rtol=0)
        assert t.dtype == torch.float32
    assert not any(p.requires_grad for p in model.speech.parameters())
    model(make_batch())


def test_joined_projections_agree_with_torchaudios_import(tmp_path):
    from torchaudio.models.wav2vec2.utils.import_huggingface import transform_wavlm_encoder_state

    torch.manual_seed(0)
    ours = SSLEncoder("tiny_wavlm", "random").model.state_dict()
    theirs = {n.removeprefix("encoder."): t for n, t in hugging_face(ours, "").items() if n.startswith("encoder.")}
    transform_wavlm_encoder_state(theirs, 2)
    for name in [n for n in theirs if "proj" in n]:
        assert torch.equal(theirs[name], ours[f"encoder.transformer.{name}"])


def test_a_model_remembers_which_file_and_not_where(tmp_path):
    path = tmp_path / "e.safetensors"
    encoder_file(path)
    from affectzoo.zoo.config import file_sha256

    model = make_model(weights=str(path), lora_rank=2)
    assert model.options["weights"] is None and model.options["weights_sha256"] == file_sha256(path)
    artefact = save_artefact(model, tmp_path, tag="x", golden=make_batch(), licences=LICENCES, training=TRAINING)
    path.unlink()
    assert str(tmp_path) not in (artefact / "config.json").read_text()
    back, config = load_artefact(artefact)
    same_outputs(model, back)
    assert back.options == config.options == model.options
    assert {n for n, p in back.named_parameters() if p.requires_grad} == {
        n for n, p in model.named_parameters() if p.requires_grad
    }


def test_a_state_dict_fills_a_model_without_weights():
    source, empty = make_model(seed=1), make_model(weights=None, seed=2)
    empty.load_state_dict(source.state_dict(), strict=True)
    same_outputs(source, empty)


def test_an_address_needs_its_sha256_and_goes_through_download(tmp_path, monkeypatch):
    tensors = encoder_file(tmp_path / "e.safetensors")
    with pytest.raises(AffectZooError, match="sha256"):
        make_model(weights="https://example.org/e.safetensors")
    from affectzoo.zoo.config import file_sha256

    sha, asked = file_sha256(tmp_path / "e.safetensors"), []
    monkeypatch.setattr(
        "affectzoo.speech.ssl_weights.download", lambda *a: asked.append(a) or tmp_path / "e.safetensors"
    )
    model = make_model(weights="https://example.org/e.safetensors", weights_sha256=sha)
    assert asked == [("https://example.org/e.safetensors", sha)] and model.weights_sha256 == sha
    assert all(torch.equal(t, tensors[n]) for n, t in model.speech.model.state_dict().items())


def bad_file(tmp_path, kind):
    path = tmp_path / "e.safetensors"
    encoder_file(path)
    if kind == "gone":
        path.unlink()
    elif kind == "pickle":
        path = tmp_path / "e.pth"
        path.write_bytes(b"\x80\x02")
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:500])
    elif kind == "lacking":
        encoder_file(path, names=lambda t: {n: x for n, x in t.items() if "layers.1.feed_forward" not in n})
    elif kind == "more":
        encoder_file(path, names=lambda t: {**t, "encoder.extra": torch.zeros(2)})
    elif kind == "another":
        encoder_file(path, "tiny_large")
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("gone", "no such file"),
        ("pickle", "no .safetensors file; pickles are not read"),
        ("cut", "not a readable safetensors file"),
        ("lacking", r"does not hold the encoder tiny_wav2vec2 \(.*feed_forward.*missing, wanted .*; 1 more"),
        ("more", r"encoder.transformer.extra: \(2,\), wanted no such tensor"),
        ("another", "does not hold the encoder tiny_wav2vec2"),
    ],
)
def test_bad_files_are_named(tmp_path, kind, message):
    path = bad_file(tmp_path, kind)
    with pytest.raises(FileError, match=message) as e:
        make_model(weights=str(path))
    assert path.name in str(e.value)


def test_another_file_than_was_meant_is_refused(tmp_path):
    encoder_file(tmp_path / "e.safetensors")
    with pytest.raises(FileError, match="sha256 is .*expected 0000"):
        make_model(weights=str(tmp_path / "e.safetensors"), weights_sha256="0" * 64)


# --- the waveform --------------------------------------------------------------------------------------------------


def noise(n, rate, **more):
    return Signal((0.1 * np.random.default_rng(0).normal(size=n) + 0.02).astype(np.float32), rate, **more)


def test_audio_at_16_khz_passes_and_is_normalised_as_the_bundle_does_it():
    signal = noise(4000, 16000.0, t0_s=2.5)
    plain = Waveform()(signal)
    assert np.array_equal(plain.data, signal.data) and (plain.rate_hz, plain.t0_s) == (16000, 2.5)
    x = torch.from_numpy(signal.data)[None]
    expected = torch.nn.functional.layer_norm(x, x.shape)[0].numpy()
    np.testing.assert_allclose(Waveform(normalise=True)(signal).data, expected, atol=1e-5)


@pytest.mark.parametrize("rate", [8000.0, 44100.0])
def test_a_tone_keeps_its_pitch_and_length(rate):
    t = np.arange(int(rate)) / rate
    out = Waveform()(Signal(np.sin(2 * np.pi * 440 * t).astype(np.float32), rate))
    assert abs(len(out) - 16000) <= 1 and out.data.dtype == np.float32
    assert abs(int(np.abs(np.fft.rfft(out.data[:16000], 16000)).argmax()) - 440) <= 1


def test_masked_samples_are_left_out():
    mask = np.ones(8000, bool)
    mask[2000:4000] = False
    loud = noise(8000, 8000.0, mask=mask)
    loud.data[2000:4000] = 1.0
    out = Waveform(normalise=True)(loud)
    assert out.mask.shape == out.data.shape == (16000,) and not out.data[~out.mask].any()
    assert abs(out.mask.mean() - 0.75) < 1e-3
    heard = out.data[out.mask][1000:]
    assert abs(heard.mean()) < 0.1 and 0.7 < heard.std() < 1.1


@pytest.mark.parametrize(("data", "message"), [(np.zeros(16000), "silent"), (np.ones(100), "too short")])
def test_bad_audio_is_refused(data, message):
    with pytest.raises(AffectZooError, match=message):
        Waveform()(Signal(data.astype(np.float32), 16000.0))


def test_a_model_normalises_as_its_encoder_was_trained():
    assert [make_model(k).transforms["audio"].normalise for k in TINY] == [False, True, False]
    assert make_model(normalise=True).transforms["audio"].normalise and make_model().options["normalise"] is None
