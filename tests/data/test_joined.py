"""Several data sets as one: names, labels, licences, splits, leaks, and what a benchmark sees of it."""

import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from datakit import Model, card
from joinkit import ACTORS, EXPRESSED, ITEMS, NAME, write_corpora

from affectzoo.data.card import corpora, is_joined, join_cards, load_card
from affectzoo.data.datamodule import AffectDataModule
from affectzoo.data.dataset import Dataset, open_dataset
from affectzoo.data.joined import LostLabelWarning, find_folds, identity, joined_parts, own_keys
from affectzoo.data.leaks import check_parts
from affectzoo.data.split import Folds, SplitWarning
from affectzoo.errors import AffectZooError, LeakError, UnknownNameError

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{LostLabelWarning.__module__}.LostLabelWarning"),
    pytest.mark.filterwarnings(f"ignore::{SplitWarning.__module__}.SplitWarning"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def joined(root) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_dataset(NAME, root, label_space="emodb4")


def module(root, **kw):
    return AffectDataModule(NAME, "emodb4", root=root, batch_size=4, cache=False, **kw)


def by_corpus(keys):
    return dict(Counter(k.partition(":")[0] for k in keys))


def test_the_card_says_what_all_have_and_every_licence():
    found = load_card(NAME)
    assert found.name == NAME and found.modalities == ("audio",) and found.splits == {} and found.folder is None
    assert found.groups == ("speaker", "corpus") and found.attributes == ("gender", "duration_s")
    assert found.licence.data == "CC0-1.0 (emodb), CC BY-NC-SA 4.0 (ravdess), CC BY-NC-SA 4.0 (nemo)"
    assert found.items == 535 + 1440 + 823 and found.hours is None
    assert not found.free_for_any_use and join_cards([load_card("emodb"), card()]).free_for_any_use
    assert any(t.startswith("nemo: Speaker MK0") for t in found.traps)
    with pytest.raises(AffectZooError, match="give its label space"):
        _ = found.space


def test_cards_that_do_not_join():
    with pytest.raises(AffectZooError, match="emodb is named twice"):
        load_card("emodb+nemo+emodb")
    with pytest.raises(AffectZooError, match="no modality in common"):
        load_card("emodb+face_synthetic")
    with pytest.raises(UnknownNameError, match="unknown data set 'ravdes'. Did you mean 'ravdess'"):
        load_card("emodb+ravdes")
    with pytest.raises(AffectZooError, match="kit has a group 'corpus' of its own"):
        join_cards([load_card("emodb"), card(groups=("speaker", "corpus"))])


def test_keys_and_groups_never_collide(root, joined):
    alone = {c: open_dataset(c, root) for c in corpora(NAME)}
    assert [s.key for s in joined.samples] == [f"{c}:{s.key}" for c, d in alone.items() for s in d.samples]
    for s in joined.samples:
        corpus = s.groups["corpus"]
        assert s.key.startswith(f"{corpus}:")
        assert all(v.startswith(f"{corpus}:") for g, v in s.groups.items() if g != "corpus")
    speakers = {s.groups["speaker"] for s in joined.samples}
    assert len(speakers) == 4 + 6 + 4  # '1' to '4' are people of all three
    assert {"statement", "speaker", "corpus"} == set(joined.samples[20].groups)
    assert by_corpus(s.key for s in joined.samples) == ITEMS


def test_labels_are_projected_and_what_is_lost_is_counted_by_corpus_and_name(root):
    with pytest.warns(LostLabelWarning, match=r"'emodb4' cannot express are masked: 6 x ravdess:emotion:calm, 6 x"):
        data = open_dataset(NAME, root, label_space="emodb4")
    assert data.lost == {
        **{f"ravdess:emotion:{c}": 6 for c in ("calm", "disgust", "fear", "surprise")},
        **{f"nemo:emotion:{c}": 4 for c in ("fear", "surprise")},
    }
    known = [s for s in data.samples if s.targets["emotion"].mask.all()]
    assert by_corpus(s.key for s in known) == EXPRESSED
    names = {s.key: data.space.names("emotion")[s.targets["emotion"].values.argmax()] for s in known}
    assert names["ravdess:wav/Actor_01/03-01-03-01-01-01-01"] == "happiness"
    assert "ravdess:wav/Actor_01/03-01-02-01-01-01-01" not in names  # calm does not become neutral
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not open_dataset(NAME, root, label_space="ravdess8").lost  # everything has a place there


def test_options_are_by_corpus(root):
    with pytest.raises(AffectZooError, match="classes='all7' needs label_space='emodb7'"):
        open_dataset(NAME, root, label_space="emodb7", emodb={"classes": "all7"})
    assert open_dataset("emodb+nemo", root, label_space="emodb4", emodb={"classes": "clean4"}).samples
    with pytest.raises(UnknownNameError, match="unknown option 'clases'. Did you mean 'classes'"):
        open_dataset(NAME, root, label_space="emodb4", emodb={"clases": "clean4"})
    with pytest.raises(UnknownNameError, match="'ravdes'. Did you mean 'ravdess'"):
        open_dataset(NAME, root, label_space="emodb4", ravdes={})
    with pytest.raises(AffectZooError, match="give the label space that all are projected to"):
        open_dataset(NAME, root)


def test_a_group_without_a_value_stays_without(joined, root, monkeypatch):
    from affectzoo.data import joined as module_under_test

    samples = [replace(s, groups={**s.groups, "speaker": ""}) for s in open_dataset("emodb", root).samples]
    odd = Dataset(load_card("emodb"), samples, load_card("emodb").space)
    monkeypatch.setattr(module_under_test, "open_dataset", lambda name, root, **kw: odd)
    assert {s.groups["speaker"] for s in open_dataset("emodb+nemo", root, label_space="emodb4").samples[:4]} == {""}


@pytest.mark.parametrize(("fold", "tested"), [("ravdess", "ravdess"), (1, "ravdess"), (2, "nemo"), ("emodb", "emodb")])
def test_one_corpus_is_left_out(root, fold, tested):
    data = module(root, split="corpus", fold=fold, val_fraction=0.25)
    data.setup()
    parts = {p: by_corpus(data.parts[p]) for p in ("train", "val", "test")}
    assert parts["test"] == {tested: ITEMS[tested]}  # whole: the benchmark decides what it asks
    others = set(ITEMS) - {tested}
    assert set(parts["train"]) == set(parts["val"]) == others  # val is of every training corpus
    for c in others:
        assert parts["train"][c] + parts["val"][c] == EXPRESSED[c]  # without a label, no part in training
    people = [{s.groups["speaker"] for s in data.samples(p)} for p in ("train", "val", "test")]
    assert not people[0] & people[1] and not people[2] & (people[0] | people[1])


def test_what_is_left_out_is_said(root):
    with pytest.warns(LostLabelWarning, match="without a label, and so left out: 8 of 40 items of train"):
        module(root, split="corpus", fold="ravdess", val_fraction=0).setup()


def test_without_val_everything_trains(root):
    data = module(root, split="corpus", fold="nemo", val_fraction=0)
    data.setup()
    assert by_corpus(data.parts["train"]) == {c: EXPRESSED[c] for c in ("emodb", "ravdess")} and not data.parts["val"]


@pytest.mark.parametrize("fold", range(3))
def test_the_split_of_one_corpus_is_that_corpus_alone_and_the_rest_trains(root, fold):
    data = AffectDataModule(NAME, "ravdess8", split="ravdess/emobox6", fold=fold, root=root, seed=5, cache=False)
    alone = AffectDataModule("ravdess", "ravdess8", split="emobox6", fold=fold, root=root, seed=5, cache=False)
    data.setup()
    alone.setup()
    for part in ("val", "test"):
        assert data.parts[part] == [f"ravdess:{k}" for k in alone.parts[part]] != []
    own = [k for k in data.parts["train"] if k.startswith("ravdess:")]
    assert own == [f"ravdess:{k}" for k in alone.parts["train"]]
    assert by_corpus(data.parts["train"]) == {"ravdess": len(own), "emodb": 16, "nemo": 24}


def test_a_split_by_rule_names_the_corpus_own_values(joined, monkeypatch):
    rule = Folds({str(a): "01"[a > 3] for a in ACTORS}, "folds", ("speaker",), "rule", by="speaker")
    monkeypatch.setattr("affectzoo.data.joined.load_folds", lambda card, name: rule)
    parts, _ = joined_parts(joined.card, "ravdess/rule", 1, joined.samples, val_fraction=0)
    assert {k.split("/")[1] for k in parts["test"]} == {"Actor_04", "Actor_06", "Actor_08"}
    assert by_corpus(parts["train"]) == {**ITEMS, "ravdess": 24}


def test_training_keys_are_the_items_own(root):
    data = module(root, split="corpus", fold="nemo")
    alone = AffectDataModule("ravdess", root=root, split="emobox6", fold=0, cache=False)
    mine = set(data.training_keys())
    assert {k for k in alone.training_keys() if "-03-01-01-01-" in k} <= mine
    assert all(k.partition(":")[0] in ("emodb", "ravdess") for k in mine)
    assert identity("ravdess", "a:b") == "ravdess:a:b" == identity("emodb+ravdess", "ravdess:a:b")


def test_keys_come_and_go_in_one_place():
    plain, both = {"a1": 0, "b:1": 1}, {"emodb:a1": 0, "ravdess:a1": 1}
    assert own_keys(["ravdess:a1", "b:1", "emodb:a1"], "ravdess", plain, []) == {
        "ravdess:a1": "a1", "b:1": "b:1", "emodb:a1": "emodb:a1",  # not an item of ravdess
    }  # fmt: skip
    assert own_keys(["a1", "emodb:a1", "x"], "emodb+ravdess", both, ["ravdess:a1"]) == {
        "a1": "ravdess:a1", "emodb:a1": "emodb:a1", "x": "x",
    }  # fmt: skip
    assert own_keys(["a1"], "emodb+ravdess", both, list(both)) == {"a1": "a1"}  # of which corpus is not known


def test_a_split_into_parts_that_all_have_is_that_of_each():
    card_ = load_card(NAME)
    folds = find_folds(card_, "heldout")
    own = {c: find_folds(load_card(c), "heldout") for c in corpora(NAME)}
    assert (
        folds.kind == "parts"
        and folds.disjoint == ("speaker",)
        and folds.sha256 not in {o.sha256 for o in own.values()}
    )
    assert folds.assignment == {f"{c}:{k}": part for c, o in own.items() for k, part in o.assignment.items()}
    with pytest.raises(UnknownNameError, match="unknown split 'heldoot'. Did you mean 'heldout'"):
        find_folds(card_, "heldoot")
    with pytest.raises(UnknownNameError, match="unknown split 'ablation'"):  # RAVDESS alone has it
        find_folds(card_, "ablation")


def test_parts_of_all_corpora_at_once(root):
    with pytest.warns(SplitWarning):  # the corpora of this test are cut short
        data = module(root, split="heldout")
        data.setup()
    tested = set(data.parts["test"])
    assert tested and tested == {k for k in tested if find_folds(data.card, "heldout").assignment[k] == "test"}
    assert not set(data.parts["train"]) & tested


def test_unknown_splits_and_folds(root, joined):
    found = load_card(NAME)
    with pytest.raises(UnknownNameError, match="data set .ravdess.: unknown split .emobox5.. Did you mean .emobox6"):
        find_folds(found, "ravdess/emobox5")
    with pytest.raises(UnknownNameError, match="unknown split 'emobox6'.*'ravdess/emobox6'"):
        find_folds(found, "emobox6")
    for fold in ("ravdes", 3, -1, None):
        with pytest.raises(UnknownNameError, match="unknown fold"):
            joined_parts(found, "corpus", fold, joined.samples)


def test_a_shared_speaker_is_a_leak(root, joined):
    samples = list(joined.samples)
    parts, disjoint = joined_parts(joined.card, "ravdess/emobox6", 0, samples, 0)
    check_parts(parts, samples, disjoint)
    bad = [replace(s, groups={**s.groups, "speaker": "ravdess:1"}) if s.key.startswith("nemo:wav/S2") else s
           for s in samples]  # fmt: skip
    with pytest.raises(LeakError, match="train and test share speaker ravdess:1"):
        check_parts(parts, bad, disjoint)


def test_a_corpus_without_the_group_is_refused(joined):
    bare = replace(joined.card, groups=("corpus",))
    with pytest.raises(AffectZooError, match="keeps speaker apart, a group that not all of the sets have"):
        joined_parts(bare, "ravdess/emobox6", 0, joined.samples)
    with pytest.raises(AffectZooError, match="no group to draw val by"):
        joined_parts(bare, "corpus", 0, joined.samples)
    assert joined_parts(bare, "corpus", 0, joined.samples, val_fraction=0)[1] == ()


def test_balanced_batches_of_the_module_and_what_they_draw(root):
    data = module(root, split="corpus", fold="emodb", val_fraction=0, balance="corpus").attach(Model())
    loader = data.train_dataloader()
    for epoch in range(3):
        loader.sampler.set_epoch(epoch)
        batches = [list(b.keys) for b in loader]
        assert by_corpus(sum(batches, [])) == {"ravdess": 20, "nemo": 20}  # 24 and 16 items: 40 draws
        assert all(set(by_corpus(b).values()) == {2} for b in batches)
    assert by_corpus(s.key for s in data.drawn()) == {"ravdess": 20, "nemo": 20}
    plain = module(root, split="corpus", fold="emodb", val_fraction=0).attach(Model())
    assert len(plain.drawn()) == 40 and by_corpus(s.key for s in plain.drawn()) == {"ravdess": 24, "nemo": 16}
    by_speaker = module(root, split="corpus", fold="emodb", val_fraction=0, balance="speaker").attach(Model())
    assert set(Counter(s.groups["speaker"] for s in by_speaker.drawn()).values()) == {4}
    with pytest.raises(UnknownNameError, match="unknown group to balance 'corpse'. Did you mean 'corpus'"):
        module(root, split="corpus", fold="emodb", balance="corpse").attach(Model()).train_dataloader()


def test_perturbed_forms_are_balanced_too(root):
    from test_forms import Shift

    data = module(root, split="corpus", fold="emodb", val_fraction=0, balance="corpus", perturb=Shift(copies=2))
    loader = data.attach(Model()).train_dataloader()
    means = {}
    for epoch in range(6):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            assert set(by_corpus(batch.keys).values()) == {2}
            for key, row, mask in zip(batch.keys, *(batch.signals["audio"].data, batch.signals["audio"].mask),
                                      strict=True):  # fmt: skip
                means.setdefault(key, set()).add(round(float(row[mask].mean()) / 2000))
    assert max(map(len, means.values())) == 3 and 0 in set.union(*means.values())


def test_a_drawn_split_is_by_speaker_not_by_corpus(root):
    data = module(root, val_fraction=0.2)
    data.setup()
    people = [{s.groups["speaker"] for s in data.samples(p)} for p in ("train", "val", "test")]
    assert all(people) and len(set.union(*people)) == sum(map(len, people))
    assert set(by_corpus(data.parts["train"])) == set(ITEMS)


def test_one_set_is_no_join():
    assert is_joined(NAME) and not is_joined("emodb") and corpora("emodb") == ("emodb",)


@pytest.mark.data
def test_real_counts(data_root):
    data = open_dataset(NAME, data_root, label_space="emodb4")
    known = [s for s in data.samples if s.targets["emotion"].mask.all()]
    assert by_corpus(s.key for s in known) == {"emodb": 339, "ravdess": 672, "nemo": 564}
    assert data.lost["ravdess:emotion:calm"] == 192 and data.lost["nemo:emotion:surprise"] == 121
    assert np.isclose(sum(s.targets["emotion"].values.sum() for s in known), 1575)
