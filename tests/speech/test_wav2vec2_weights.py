"""Where the weights of self-supervised encoders come from: files in several namings, a checkpoint, or an error."""

import pytest
import torch
from ssl_kit import LICENCES, TINY, TRAINING, encoder_file, make_batch, make_model

from affectzoo.errors import AffectZooError, FileError
from affectzoo.speech.models.wav2vec2 import Wav2Vec2
from affectzoo.speech.ssl_encoder import SSLEncoder
from affectzoo.zoo.config import file_sha256
from affectzoo.zoo.factory import create_model
from affectzoo.zoo.pretrained import load_artefact, save_artefact


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


def test_there_is_no_pretrained_one():
    with pytest.raises(AffectZooError, match="'speech/wav2vec2' has no checkpoint"):
        create_model("speech/wav2vec2", pretrained=True)


def test_new_heads_of_a_model_without_weights_are_real():
    model = make_model(weights=None).reset_head("ravdess8")
    assert not any(p.is_meta for p in model.heads.parameters())


def same_outputs(a: Wav2Vec2, b: Wav2Vec2) -> None:
    with torch.no_grad():
        x, y = (m.eval()(make_batch()).emotion.values for m in (a, b))
    assert torch.equal(x, y)


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
