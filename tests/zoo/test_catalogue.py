import json
import sys

import pytest

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.plugins import plugins
from affectzoo.zoo.catalogue import (
    checkpoints,
    find_checkpoint,
    list_models,
    model_entry,
    model_files,
    split_name,
)


def test_a_strangers_models_stand_beside_ours_and_nothing_is_imported(toy):
    assert [n for n in list_models() if n.startswith("toy/")] == ["toy/mean", "toy/steps"]
    assert list_models("toy/m*") == ["toy/mean"]
    assert list_models(family="toy", modality="pulse") == ["toy/mean", "toy/steps"]
    assert list_models("toy/mean", modality="pulse", pretrained=True) == []
    assert "toyzoo" not in sys.modules


def test_every_builtin_entry_is_well_formed():
    for name in model_files():
        entry = model_entry(name)
        assert entry.card.name == name and entry.card.modalities and entry.card.summary
        assert entry.target.split(".")[0] in {p.package for p in plugins()}


def test_entry_has_target_options_and_card(toy):
    entry = model_entry("toy/steps")
    assert (entry.target, entry.options) == ("toyzoo.models.Mean", {"dim": 5, "steps": True})
    assert entry.card.modalities == ("pulse",) and entry.family == "toy"


def test_an_unknown_name_offers_the_nearest(toy):
    with pytest.raises(UnknownNameError, match="Did you mean 'toy/mean'"):
        model_entry("toy/meen")
    with pytest.raises(UnknownNameError, match="modality 'puls'.*'pulse'"):
        list_models(modality="puls")
    with pytest.raises(UnknownNameError, match="family"):
        list_models(family="tay")


@pytest.mark.parametrize(
    "name",
    [
        "./toy/mean",
        "/toy/mean",
        "~/toy/mean",
        "hf-hub:org/name",
        "toy/mean@main",
        "toy/mean.safetensors",
        "toy/mean.PT",
        "a\\b",
        "toy/mean/",
        "",
        None,
        3,
    ],
)
def test_paths_and_hub_ids_are_refused(toy, name):
    with pytest.raises(AffectZooError, match="path or a hub id|is a string"):
        model_entry(name)


def write_yaml(toy, text):
    (toy / "toyzoo" / "configs" / "model" / "toy" / "odd.yaml").write_text(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dim: 3\n", "needs _target_"),
        (
            "_target_: toyzoo.models.Mean\ncard: {name: toy/else, modalities: [pulse], summary: s}\n",
            "'toy/else'.*'toy/odd'",
        ),
        (
            "_target_: toyzoo.models.Mean\ncard: {name: toy/odd, modality: [pulse], summary: s}\n",
            "'modality'.*modalities",
        ),
        (
            "_target_: t.M\ndefaults: [mean]\ncard: {name: toy/odd, modalities: [pulse], summary: s}\n",
            "defaults",
        ),
    ],
)
def test_a_wrong_yaml_names_file_and_fault(toy, text, message):
    write_yaml(toy, text)
    with pytest.raises(AffectZooError, match=message) as e:
        model_entry("toy/odd")
    assert "odd.yaml" in str(e.value)


def test_checkpoints_are_listed_and_filtered(shipped):
    shipped(tag="first")
    shipped(tag="two-research", licences={"code": "MIT", "weights": "CC-BY-NC-4.0", "data": "EULA"}, space="vad")
    assert list_models("toy/*", pretrained=True) == ["toy/mean.first", "toy/mean.two-research"]
    assert list_models(family="toy", pretrained=False) == ["toy/steps"]
    assert list_models(label_space="ravdess8*", family="toy") == ["toy/mean"]
    assert list_models(label_space="vad", pretrained=True, family="toy") == ["toy/mean.two-research"]
    assert list_models(licence="CC0*", pretrained=True, family="toy") == ["toy/mean.first"]
    assert list_models(licence="GPL*", family="toy") == []


def test_a_bare_name_means_the_one_free_checkpoint_or_is_refused(shipped):
    shipped(tag="a-research")
    assert find_checkpoint("toy/mean") == checkpoints()["toy/mean.a-research"]
    shipped(tag="b")
    assert find_checkpoint("toy/mean") == checkpoints()["toy/mean.b"]
    shipped(tag="c")
    with pytest.raises(AffectZooError, match="several checkpoints: toy/mean.a-research, toy/mean.b, toy/mean.c"):
        find_checkpoint("toy/mean")
    with pytest.raises(AffectZooError, match="'toy/steps' has no checkpoint"):
        find_checkpoint("toy/steps")
    with pytest.raises(UnknownNameError, match="'toy/mean.b'"):
        find_checkpoint("toy/mean.bb")


def test_names_split_at_the_first_dot_of_the_last_part():
    assert split_name("speech/logmel_cnn.synth-1") == ("speech/logmel_cnn", "synth-1")
    assert split_name("a/b/c") == ("a/b/c", "")


def test_listing_with_a_filter_reads_configs_strictly(shipped):
    folder = shipped()
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**data, "licence": "CC0"}))
    with pytest.raises(FileError, match="config.json.*'licence'.*licences"):
        list_models(licence="CC0*")
