import warnings

import pytest
import torch
from omegaconf import OmegaConf
from toykit import toy_batch, toy_model

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.zoo.catalogue import find_checkpoint
from affectzoo.zoo.factory import build_model, create_model
from affectzoo.zoo.pretrained import load_artefact


def test_options_override_those_of_the_yaml(toy):
    model = create_model("toy/mean", "vad", dropout=0.5)
    assert model.options == {"dim": 5, "size": 4, "dropout": 0.5, "steps": False}
    assert model.arch == "toy/mean" and model.label_space.name == "vad"


def test_an_unknown_option_offers_the_nearest(toy):
    with pytest.raises(UnknownNameError, match="toy/mean: unknown option 'dropuot'.*'dropout'"):
        create_model("toy/mean", "vad", dropuot=0.5)
    with pytest.raises(AffectZooError, match="'_target_'"):
        create_model("toy/mean", "vad", _target_="os.system")


def test_the_label_space_is_needed_and_a_tag_means_pretrained(toy):
    with pytest.raises(AffectZooError, match="needs a label_space"):
        create_model("toy/mean")
    with pytest.raises(AffectZooError, match="pretrained=True"):
        create_model("toy/mean.first", "vad")
    with pytest.raises(AffectZooError, match="path or a hub id"):
        create_model("./toy/mean.first", "vad", pretrained=True)


def test_a_hydra_node_is_built_with_its_interpolations(toy):
    node = OmegaConf.create(
        {
            "width": 7,
            "model": {
                "_target_": "toyzoo.models.Mean",
                "dim": "${width}",
                "card": {"name": "toy/mean", "modalities": ["pulse"], "summary": ""},
            },
        }
    )
    model = build_model(node.model, "vad")
    assert model.dim == 7 and model.arch == "toy/mean"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("os.system", "unknown target package"),
        ("toyzoo.models.NotAModel", "not an AffectModel"),
        ("toyzoo.models.Absent", "cannot be imported"),
        (None, "needs _target_"),
        ("toyzoo.models.torch", "not an AffectModel"),
    ],
)
def test_only_models_of_plugins_are_built(toy, target, message):
    with pytest.raises(AffectZooError, match=message):
        build_model({"_target_": target}, "vad")


def test_pretrained_weights_come_back_exactly(shipped):
    shipped()
    reference = toy_model()
    model = create_model("toy/mean.first", pretrained=True)
    assert not model.training
    for (name, a), b in zip(model.state_dict().items(), reference.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_another_label_space_resets_the_heads_and_says_so(shipped):
    shipped()
    with pytest.warns(UserWarning, match=r"'ravdess8\+vad'.*'vad' are new and random: vad \(3\)"):
        model = create_model("toy/mean.first", "vad", pretrained=True)
    assert model.label_space == load_space("vad") and list(model.heads.linear) == ["vad"]
    assert torch.equal(model.encode[0].weight, toy_model().encode[0].weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        create_model("toy/mean.first", "ravdess8+vad", pretrained=True)


def test_options_with_pretrained_weights_must_fit_them(shipped):
    shipped()
    model = create_model("toy/mean.first", pretrained=True, dropout=0.4)
    assert model.dropout == 0.4 and not model.training
    assert torch.equal(
        model(toy_batch(model)).vad.values,
        create_model("toy/mean", pretrained=True)(toy_batch(model)).vad.values,
    )
    with pytest.raises(FileError, match=r"encode.0.weight has shape \(5, 4\), the model \(9, 4\)"):
        create_model("toy/mean.first", pretrained=True, dim=9)


def test_a_checkpoint_with_untrained_heads_needs_a_label_space(shipped):
    shipped(trained="encoder")
    with pytest.raises(AffectZooError, match="only its encoder is trained"):
        create_model("toy/mean.first", pretrained=True)
    with pytest.warns(UserWarning, match="trained for no labels; the heads for 'ravdess8.vad' are new and random"):
        model = create_model("toy/mean.first", "ravdess8+vad", pretrained=True)
    stored = load_artefact(find_checkpoint("toy/mean.first"))[0].state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, stored[name]) != name.startswith("heads."), name


def test_what_is_trained_has_two_values(shipped):
    with pytest.raises(UnknownNameError, match="unknown trained part 'encodr'. Did you mean 'encoder'"):
        shipped(trained="encodr")
