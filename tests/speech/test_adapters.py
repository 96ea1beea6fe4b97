import csv
from collections import Counter

import numpy as np
import pytest
import soundfile as sf

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, data_folder, open_dataset, summary
from affectzoo.data.leaks import check_parts
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, UnknownNameError

#: The layout of each corpus: columns of one row, and what it must become.
LAYOUTS = {
    "emodb": (
        {"path": "wav/03a01Fa.flac", "speaker": "emodb03", "gender": "m", "age": "31", "emotion": "happiness",
         "text_code": "a01", "source": "original_16k", "duration": "1.9"},
        ("wav/03a01Fa", "happiness", {"speaker": "emodb03", "text": "a01"}),
    ),
    "ravdess": (
        {"path": "wav/Actor_01/03-01-03-01-01-01-01.flac", "speaker": "ravdess01", "gender": "m",
         "emotion": "happy", "intensity": "normal", "statement": "1", "duration": "3.3"},
        ("wav/Actor_01/03-01-03-01-01-01-01", "happiness", {"speaker": "ravdess01", "statement": "1"}),
    ),
    "nemo": (
        {"path": "wav/EB0/EB0_surprised_1.flac", "speaker": "nemo_EB0", "gender": "f", "age": "27",
         "emotion": "surprised", "sentence_id": "1", "duration": "1.9"},
        ("wav/EB0/EB0_surprised_1", "surprise", {"speaker": "nemo_EB0", "sentence": "1"}),
    ),
}  # fmt: skip


@pytest.fixture
def corpus(tmp_path):
    """A made-up copy of a corpus in its layout."""

    def make(name, *more):
        rows = [LAYOUTS[name][0], *more]
        folder = tmp_path / load_card(name).folder
        for row in rows:
            (folder / row["path"]).parent.mkdir(parents=True, exist_ok=True)
            if "gone" not in row["path"]:
                sf.write(folder / row["path"], np.full(800, 0.1), 16000)
        with (folder / "metadata.csv").open("w", newline="") as f:
            writer = csv.DictWriter(f, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path

    return make


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_row_becomes_a_sample(corpus, name):
    data = open_dataset(name, corpus(name))
    (s,) = data.samples
    key, emotion, groups = LAYOUTS[name][1]
    assert s.key == key and s.groups == groups
    assert data.space.names("emotion")[s.targets["emotion"].values.argmax()] == emotion
    assert set(s.groups) == set(data.card.groups) and set(s.attributes) == set(data.card.attributes)
    assert len(s.load().signals["audio"]) == 800


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_broken_row_is_skipped(corpus, name):
    row = LAYOUTS[name][0]
    root = corpus(name, {**row, "path": "wav/gone.flac"}, {**row, "path": "wav/odd.flac", "emotion": "angerr"})
    with pytest.warns(BrokenRowWarning) as caught:
        data = open_dataset(name, root)
    said = " ".join(str(w.message) for w in caught)
    assert len(data) == 1 and "line 3" in said and "gone.flac: no such file" in said
    assert "line 4" in said and "'angerr'" in said and "Did you mean" in said


def test_emodb_leaves_the_resampled_clips_out_by_default(corpus):
    row = {**LAYOUTS["emodb"][0], "path": "wav/03a01La.flac", "emotion": "boredom", "source": "first2s_22k05"}
    root = corpus("emodb", row)
    assert len(open_dataset("emodb", root)) == 1
    data = open_dataset("emodb", root, classes="all7", label_space="emodb7")
    assert len(data) == 2 and data.space.name == "emodb7"
    with pytest.raises(AffectZooError, match="needs label_space='emodb7', not 'emodb4'"):
        open_dataset("emodb", root, classes="all7")
    with pytest.raises(UnknownNameError, match="'clean'.*'clean4'"):
        open_dataset("emodb", root, classes="clean")


FOLDS = {("emodb", "loso4"): (10, 339), ("ravdess", "emobox6"): (6, 1440), ("nemo", "loso"): (9, 823)}
RAVDESS_TEST = [
    (1, 11, 20, 21),
    (4, 10, 12, 14),
    (8, 9, 19, 23),
    (3, 5, 7, 24),
    (2, 15, 16, 18),
    (6, 13, 17, 22),
]


@pytest.mark.parametrize(("name", "split"), FOLDS)
def test_the_split_files_of_the_repository(name, split):
    folds = load_folds(load_card(name), split)
    assert (folds.n, len(folds.assignment)) == FOLDS[name, split] and folds.disjoint == ("speaker",)


def test_ravdess_folds_are_those_of_emobox():
    folds = load_folds(load_card("ravdess"), "emobox6")
    for k, actors in enumerate(RAVDESS_TEST):
        keys = [key for key, f in folds.assignment.items() if f == str(k)]
        assert {int(key.rsplit("-", 1)[1]) for key in keys} == set(actors) and len(keys) == 240


def test_emodb_heldout_speakers():
    folds = load_folds(load_card("emodb"), "heldout")
    found = {p: {k[4:6] for k, v in folds.assignment.items() if v == p} for p in ("train", "val", "test")}
    assert found == {"train": {"11", "12", "13", "14", "15", "16"}, "val": {"09", "10"}, "test": {"03", "08"}}
    assert folds.assignment["wav/03a01Fa"] == "test"


@pytest.mark.parametrize(
    ("name", "speaker", "val", "test"),
    [
        ("ravdess", lambda k: k.rsplit("-", 1)[1], {"17", "18", "19", "20"}, {"21", "22", "23", "24"}),
        ("nemo", lambda k: k.split("/")[1], {"IC0", "TP0"}, {"KD0", "WR0"}),
    ],
)
def test_heldout_speakers(name, speaker, val, test):
    folds = load_folds(load_card(name), "heldout")
    found = {p: {speaker(k) for k, v in folds.assignment.items() if v == p} for p in ("train", "val", "test")}
    assert found["val"] == val and found["test"] == test and not found["train"] & (val | test)
    assert len(folds.assignment) == load_card(name).items


SEVEN = ("calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
NEMO = {"anger": 138, "fear": 138, "happiness": 142, "neutral": 144, "sadness": 140, "surprise": 121}
COUNTS = {
    "emodb": ({"anger": 127, "happiness": 71, "neutral": 79, "sadness": 62}, 10),
    "ravdess": ({"neutral": 96} | dict.fromkeys(SEVEN, 192), 24),
    "nemo": (NEMO, 9),
}


@pytest.mark.data
@pytest.mark.parametrize("name", COUNTS)
def test_real_counts(name, data_root):
    counts = summary(open_dataset(name, data_root))
    classes, n = COUNTS[name]
    assert counts["classes"] == classes and len(counts["groups"]["speaker"]) == n and counts["broken"] == 0
    if name == "emodb":  # published counts of the whole corpus, by speaker
        full = open_dataset(name, data_root, classes="all7", label_space="emodb7")
        by_speaker = Counter(s.groups["speaker"] for s in full.samples)
        assert [by_speaker[k] for k in sorted(by_speaker)] == [49, 58, 43, 38, 55, 35, 61, 69, 56, 71]
        assert len(full) == full.card.items
    else:
        assert counts["items"] == load_card(name).items
        assert counts["seconds"] / 3600 == pytest.approx(load_card(name).hours, abs=0.005)


@pytest.mark.data
@pytest.mark.parametrize(("name", "split"), [*FOLDS, *((name, "heldout") for name in ("emodb", "ravdess", "nemo"))])
def test_real_folds_are_disjoint_and_complete(name, split, data_root):
    data = open_dataset(name, data_root)
    folds = load_folds(data.card, split)
    tested = []
    for fold in range(folds.n):
        parts = folds.parts(fold, data.samples)
        check_parts(parts, data.samples, ["speaker"])
        assert all(parts.values())
        tested += parts["test"]
    if folds.kind == "folds":
        assert sorted(tested) == sorted(s.key for s in data.samples)


@pytest.mark.data
def test_a_real_recording(data_root):
    data = open_dataset("emodb", data_root)
    s = next(s for s in data.samples if s.key == "wav/03a01Fa")
    audio = s.load().signals["audio"]
    assert audio.rate_hz == 16000 and audio.duration_s == pytest.approx(s.attributes["duration_s"], abs=0.001)
    assert 0.05 < np.abs(audio.data).max() <= 1
    assert data_folder(data.card, data_root).name == "emodb"
