import dataclasses
import hashlib

import pytest

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.leaderboard.trained import join_folds, key_hash, trained_on

from .tiny import ANSWERS, table


def keys(*names: str) -> tuple[str, ...]:
    return tuple(key_hash("tiny_set", n) for n in names)


def test_hash_is_what_the_meta_data_declare():
    assert key_hash("emodb", "03a01Fa") == hashlib.sha256(b"emodb:03a01Fa").hexdigest()[:16]


def test_unknown_training_is_not_the_same_as_clean(exam):
    assert trained_on(table(ANSWERS), exam).items is None
    clean = trained_on(table(ANSWERS, training_keys=keys("elsewhere")), exam)
    assert clean.items == 0 and clean.reasons == () and len(clean.sha256) == 1


def test_one_trained_item_is_found_and_its_speaker_too(exam):
    found = trained_on(table(ANSWERS, training_keys=keys("a1", "elsewhere")), exam)
    assert (found.items, found.sharing) == (1, 2)  # a2 and a3 are by the same speaker
    assert "trained on 1 of the tested items" in found.reasons[0]


def test_folds_are_held_against_their_own_model(exam):
    folds = {f.name: table({k: ANSWERS[k] for k in f.test}, training_keys=keys(*f.train)) for f in exam.folds}
    assert trained_on(join_folds(folds), exam).reasons == ()
    swapped = {"0": folds["1"], "1": folds["0"]}
    assert trained_on(join_folds(swapped), exam).items == 8


def test_one_list_for_all_folds_is_one_model(exam):
    """A plain concat loses which model answered, so that all its training keys count against every item."""
    found = trained_on(table(ANSWERS, training_keys=keys(*exam.index)), exam)
    assert found.items == 8


def test_a_fold_without_its_list_is_named(exam):
    folds = {f.name: table({k: ANSWERS[k] for k in f.test}, training_keys=keys(*f.train)) for f in exam.folds}
    joined = join_folds(folds)
    notes = {"training_keys_by_fold": {"0": [], "one": []}}
    bad = dataclasses.replace(joined, meta=dataclasses.replace(joined.meta, notes=notes))
    with pytest.raises(UnknownNameError, match="fold among the joined tables '1'"):
        trained_on(bad, exam)


def test_training_keys_must_be_hashes(exam):
    with pytest.raises(AffectZooError, match="16 hex digits"):
        trained_on(table(ANSWERS, training_keys=("a1",)), exam)
