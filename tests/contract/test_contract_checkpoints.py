"""Every shipped checkpoint proves itself, is small, says its three licences and what it may be used for."""

import pytest

from affectzoo.data.card import load_card
from affectzoo.structures.record import EvalRecord
from affectzoo.zoo.card import write_card
from affectzoo.zoo.catalogue import checkpoints, find_checkpoint, list_models, model_entry
from affectzoo.zoo.config import RECORD, RESEARCH
from affectzoo.zoo.pretrained import load_artefact

NAMES = sorted(checkpoints())
MAX_BYTES = 8_000_000


@pytest.mark.parametrize("name", NAMES)
def test_it_proves_itself_and_is_small(name):
    folder = find_checkpoint(name)
    model, config = load_artefact(name)  # hashes, label space, tensors, transforms, golden outputs
    assert config.name == name and folder.name == config.folder_name and not model.training
    size = sum(p.stat().st_size for p in folder.iterdir())
    assert size < MAX_BYTES, f"{size} bytes"
    assert "=/" not in config.training.command and " /" not in config.training.command, "names a machine's folder"
    assert config.training_keys, "what it was trained on is not recorded, so a leak cannot be seen"


@pytest.mark.parametrize("name", NAMES)
def test_its_licences_and_its_card(name):
    folder = find_checkpoint(name)
    _, config = load_artefact(name, check=False)
    card = load_card(config.training.dataset)
    assert card.licence.data.split()[0] in config.licences.data, "the licence of the data is not its data card's"
    if not card.free_for_any_use:
        assert config.tag.endswith(RESEARCH), f"trained on {card.name}, which is not free for any use"
    record = EvalRecord.read(folder / RECORD) if (folder / RECORD).is_file() else None
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text == write_card(config, model_entry(config.arch).card, record), "README.md is not what write_card gives"
    assert all(v in text for v in (config.licences.code, config.licences.weights, config.licences.data))


@pytest.mark.parametrize("name", NAMES)
def test_its_record_is_its_own(name):
    record = EvalRecord.read(find_checkpoint(name) / RECORD)
    _, config = load_artefact(name, check=False)
    assert (record.model.arch, record.model.sha256) == (config.arch, config.weights_sha256)
    assert record.benchmark.label_space_hash == config.space.hash or record.remarks
    assert record.controls, "a score stands beside its controls"


@pytest.mark.parametrize("family", sorted({model_entry(n).family for n in list_models()}))
def test_every_family_ships_weights_that_anyone_may_use(family):
    free = [n for n in NAMES if n.startswith(f"{family}/") and not n.endswith(RESEARCH)]
    assert free, f"no checkpoint of {family} without '{RESEARCH}'"
