"""Every model of every plug-in keeps the contract of affectzoo.testing.check_model, because it is listed."""

import pytest
import torch

from affectzoo.data.collate import collate
from affectzoo.data.dataset import open_dataset
from affectzoo.testing import check_model
from affectzoo.zoo.catalogue import list_models, model_entry
from affectzoo.zoo.factory import create_model

#: What a model reads -> a generated data set that has it, and two lots of options that give unequal lengths.
SYNTHETIC = {
    ("audio",): ("speech_synthetic", {"n": 2, "seconds": 0.6}, {"n": 1, "seed": 1, "seconds": 0.9}),
    ("face",): ("face_synthetic", {"n": 2}, {"n": 1, "seed": 1}),
    ("face", "blendshapes"): ("face_synthetic_units", {"n": 2}, {"n": 1, "seed": 1}),
    ("blendshapes",): ("face_synthetic_units", {"n": 2}, {"n": 1, "seed": 1}),
    ("eeg",): ("eeg_synthetic", {"n": 2, "seconds": 4.0}, {"n": 1, "seed": 1, "seconds": 6.0}),
    ("au_features",): ("au_synthetic", {"n": 2, "frames": 3}, {"n": 1, "seed": 1, "frames": 5}),
    ("face", "audio"): ("video_synthetic", {"n": 2, "seconds": 2.0}, {"n": 1, "seed": 1, "seconds": 3.0}),
}
#: Every field at once, so that every kind of head is tried.
SPACE = "ekman7+vad+abaw12+ambivalence_hesitancy"
#: A model that speaks of fixed units -> a space of those.
SPACES = dict.fromkeys(("face/emotion_au", "face/blendshape_au"), "ekman7+vad+arkit_au")
#: A model whose default is too large for this suite or has no weights of its own -> options that keep its architecture.
#: Its own tests run the same checks at full size (marked slow).
SMALL = {
    "face/face_net_ensemble": {"members": 2},
    "speech/wav2vec2": {"encoder": "tiny_wav2vec2", "weights": "random", "hidden": 8},
    "face/convnext": {"backbone": "test_convnext", "size": 64},
    "face/swin": {
        "backbone": "swin_tiny_patch4_window7_224",
        "backbone_options": {"embed_dim": 16, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4},
        "size": 32,
        "relation": 16,
    },
    "face/vit": {"backbone": "test_vit", "size": 64},
}


def batch_for(model):
    """Three prepared items, not all of one length where the modality has one."""
    assert tuple(model.modalities) in SYNTHETIC, f"{model.arch}: say which generated data set has {model.modalities}"
    name, *lots = SYNTHETIC[tuple(model.modalities)]
    samples = [s for options in lots for s in open_dataset(name, **options).samples]
    return collate([model.prepare(s) for s in samples], open_dataset(name, **lots[0]).space)


@pytest.mark.parametrize("name", list_models())
def test_every_listed_model_keeps_the_contract(name):
    torch.manual_seed(0)
    model = create_model(name, label_space=SPACES.get(name, SPACE), **SMALL.get(name, {}))
    entry = model_entry(name)
    assert model.arch == name and tuple(model.modalities) == entry.card.modalities
    assert entry.card.summary and entry.card.source, f"{name}: its card has no summary or no source"
    batch = batch_for(model)
    check_model(model, batch)
    lengths = {m: int(s.mask.sum(1).min()) < s.mask.shape[1] for m, s in batch.signals.items()}
    assert any(lengths.values()) or batch.signals.keys() <= {"face", "blendshapes"}, (
        "no item is padded, so padding is not seen"
    )


@pytest.mark.parametrize("name", list_models())
def test_yaml_options_are_the_models_options(name):
    """A YAML that leaves an option out would change when the default in the code does."""
    assert set(model_entry(name).options) == set(create_model(name, "vad", **SMALL.get(name, {})).options)
