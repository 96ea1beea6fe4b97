import csv
import gzip
import os
from collections import Counter

import layoutkit as kit
import numpy as np
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.leaks import check_parts
from affectzoo.data.split import SplitWarning, load_folds
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.speech.adapters.crema_d import LETTERS, MODALITIES, vote_counts
from affectzoo.testing import check_dataset

CLASSES = load_card("crema_d").space.names("emotion")
TABLE = "processedResults/tabulatedVotes.csv"


def by_key(data):
    return {s.key: s for s in data.samples}


def edit(root, name, old, new):
    path = root / "CREMA-D" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def test_a_file_becomes_a_sample(tmp_path):
    data = open_dataset("crema_d", kit.crema_d(tmp_path))
    found = by_key(data)
    assert list(found) == list(kit.CREMA_D) and data.space.name == "cremad6"
    s = found["1002_IEO_HAP_HI"]
    assert s.groups == {"speaker": "cremad1002", "sentence": "IEO"}
    assert s.attributes == {"gender": "f", "age": 21.0, "level": "high"}
    assert CLASSES[s.targets["emotion"].values.argmax()] == "happiness"
    assert len(s.load().signals["audio"]) == 800
    renamed = found["1040_ITH_SAD_XX"]
    assert renamed.signals["audio"].path.name == "1040_ITH_SAD_X.wav" and renamed.attributes["level"] == "unspecified"


@pytest.mark.parametrize("modality", MODALITIES)
def test_votes_are_shares(tmp_path, modality):
    found = by_key(open_dataset("crema_d", kit.crema_d(tmp_path), targets="votes", modality=modality))
    for clip, counts in kit.CREMA_D.items():
        votes = np.array(counts[MODALITIES.index(modality)])
        target = found[clip].targets["emotion"]
        np.testing.assert_allclose(target.values, votes / votes.sum(), rtol=1e-6)
        assert target.mask.all()


def test_the_letters_are_in_the_order_of_the_space(tmp_path):
    card = load_card("crema_d")
    assert tuple(card.native_label(c) for c in LETTERS) == CLASSES


def test_tables_may_lie_elsewhere_and_have_named_columns(tmp_path):
    root = kit.crema_d(tmp_path / "data")
    rows = [
        {"clip": clip, "modality": m, "n": sum(counts[i])}
        | {f"votes_{c}": v for c, v in zip(LETTERS, counts[i], strict=True)}
        for clip, counts in kit.CREMA_D.items()
        for i, m in enumerate(MODALITIES)
    ]
    text = kit.table(tmp_path / "votes.csv", rows).read_bytes()
    (tmp_path / "votes.csv.gz").write_bytes(gzip.compress(text))
    people = [{"actor": f"cremad{a}", "age": age, "sex": s} for a, age, s in kit.ACTORS]
    actors = kit.table(root / "CREMA-D" / "actors.csv", people)
    expected = open_dataset("crema_d", root, targets="votes")
    for votes in (tmp_path / "votes.csv.gz", str(tmp_path / "votes.csv")):
        data = open_dataset("crema_d", root, targets="votes", votes=votes, actors="actors.csv")
        for a, b in zip(data.samples, expected.samples, strict=True):
            assert np.array_equal(a.targets["emotion"].values, b.targets["emotion"].values)
            assert a.attributes == b.attributes
    assert actors.is_file()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1001_DFA_ANG.wav", "1001_DFA_ANG.wav: is not named like 1001_DFA_ANG_XX.wav"),
        ("1001_DFA_ANX_XX.wav", r"1001_DFA_ANX_XX.wav: .*unknown native label 'ANX'. Did you mean 'ANG'"),
        ("1003_DFA_ANG_XX.wav", "1003_DFA_ANG_XX.wav: unknown actor '1003'. Did you mean .*'1001'"),
        ("1001_DFA_ANG_LW.wav", "unknown level 'LW'. Known: HI, LO, MD, XX"),
    ],
)
def test_a_wrong_file_is_reported_and_skipped(tmp_path, name, message):
    root = kit.crema_d(tmp_path)
    kit.recording(root / "CREMA-D" / "AudioWAV" / name)
    with pytest.warns(BrokenRowWarning, match=message):
        assert len(open_dataset("crema_d", root)) == 3


def test_a_clip_without_votes_is_reported(tmp_path):
    root = kit.crema_d(tmp_path)
    kit.recording(root / "CREMA-D" / "AudioWAV" / "1001_DFA_FEA_XX.wav")
    with pytest.warns(BrokenRowWarning, match=r"tabulatedVotes.csv: unknown clip '1001_DFA_FEA_XX'.*'1001_DFA_ANG_XX'"):
        assert len(open_dataset("crema_d", root, targets="votes")) == 3
    assert len(open_dataset("crema_d", root)) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("6,2,0,0,1,0", "6,2,0,0,9,0", r"line 2: 1001_DFA_ANG_XX \(voice\): votes are no counts that add up"),
        ("0,0,0,5,5,0", "0,0,0,few,5,0", r"line 3: 1002_IEO_HAP_HI \(voice\): votes are no counts"),
        ("0,0,0,5,5,0", "0,0,0,-5,15,0", "line 3: 1002_IEO_HAP_HI"),
        ("0,0,0,5,5,0", "0,0,0,4.5,5.5,0", "line 3: 1002_IEO_HAP_HI"),
        ("0,0,0,5,5,0,1002_IEO_HAP_HI", "0,0,0,5,5,0,1001_DFA_ANG_XX", r"line 3: .*\(voice\): occurs twice"),
        ("numResponses", "num", "unknown column 'numResponses'.*'num'"),
    ],
)
def test_a_wrong_table_of_votes_names_the_line(tmp_path, old, new, message):
    root = kit.crema_d(tmp_path)
    edit(root, TABLE, old, new)
    with pytest.raises(AffectZooError, match=f"tabulatedVotes.csv: .*{message}"):
        open_dataset("crema_d", root, targets="votes")


def test_a_wrong_place_or_option_offers_the_nearest(tmp_path):
    root = kit.crema_d(tmp_path)
    with pytest.raises(UnknownNameError, match="unknown targets 'vote'. Did you mean 'votes'"):
        open_dataset("crema_d", root, targets="vote")
    with pytest.raises(UnknownNameError, match="unknown modality 'voices'. Did you mean 'voice'"):
        open_dataset("crema_d", root, targets="votes", modality="voices")
    with pytest.raises(FileError, match=r"none.csv: no such file"):
        open_dataset("crema_d", root, targets="votes", votes="none.csv")
    edit(root, "VideoDemographics.csv", "21,Female", "old,Female")
    with pytest.raises(FileError, match=r"VideoDemographics.csv: line 3: age 'old' or sex 'Female' cannot be read"):
        open_dataset("crema_d", root)
    edit(root, "VideoDemographics.csv", "old,Female", "21,Female")
    (root / "CREMA-D" / "AudioWAV").rename(root / "CREMA-D" / "AudioWav")
    with pytest.raises(FileError, match="no folder 'AudioWAV'. Did you mean 'AudioWav'"):
        open_dataset("crema_d", root)


@pytest.mark.filterwarnings("ignore::affectzoo.data.split.SplitWarning")
@pytest.mark.parametrize("targets", ["intended", "votes"])
def test_the_contract(tmp_path, targets):
    folds = load_folds(load_card("crema_d"), "speakers5").assignment
    actors = {fold: name.removeprefix("cremad") for name, fold in folds.items()}.values()
    votes = {f"{a}_TIE_DIS_XX": kit.CREMA_D["1001_DFA_ANG_XX"] for a in actors}
    check_dataset("crema_d", kit.crema_d(tmp_path, votes, [(a, 30, "Male") for a in actors]), targets=targets)


def test_a_few_actors_do_not_fill_the_folds(tmp_path):
    data = open_dataset("crema_d", kit.crema_d(tmp_path))
    with pytest.raises(AffectZooError, match=r"split 'speakers5': no item has speaker cremad.* \(fold \d\)"):
        load_folds(data.card, "speakers5").parts(0, data.samples)


def test_the_folds_are_of_91_actors():
    folds = load_folds(load_card("crema_d"), "speakers5")
    assert (folds.by, folds.n, len(folds.assignment), sum(folds.items.values())) == ("speaker", 5, 91, 7442)
    assert Counter(folds.assignment.values()) == {"0": 18, "1": 18, "2": 19, "3": 18, "4": 18}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The real names of all clips, with one made-up recording behind them, and the real crowd table."""
    if "AFFECTZOO_DATA" not in os.environ:
        pytest.skip("set AFFECTZOO_DATA to the folder that holds cremad_crowd_labels")
    folder = os.path.join(os.environ["AFFECTZOO_DATA"], "cremad_crowd_labels")
    if not os.path.isdir(folder):
        pytest.skip(f"{folder} is not there")
    with gzip.open(os.path.join(folder, "votes.csv.gz"), "rt", newline="") as f:
        rows = list(csv.DictReader(f))
    root = tmp_path_factory.mktemp("cremad")
    wav = kit.recording(root / "one.wav")
    (root / "CREMA-D" / "AudioWAV").mkdir(parents=True)
    for clip in {r["clip"] for r in rows}:
        (root / "CREMA-D" / "AudioWAV" / f"{clip}.wav").symlink_to(wav)
    return root, folder, rows


def options(folder):
    return {"votes": os.path.join(folder, "votes.csv.gz"), "actors": os.path.join(folder, "actors.csv")}


@pytest.mark.data
def test_real_votes_in_all_three_modalities(real):
    _, folder, rows = real
    totals = {"voice": 68568, "face": 71654, "both": 71778}
    for modality in MODALITIES:
        clips, counts = vote_counts(options(folder)["votes"], modality)
        mine = [r for r in rows if r["modality"] == modality]
        assert clips == [r["clip"] for r in mine] and len(set(clips)) == 7442
        assert counts.sum() == totals[modality] == sum(int(r["n"]) for r in mine)
        agreement = np.array([float(r["agreement"]) for r in mine])
        np.testing.assert_allclose(counts.max(1) / counts.sum(1), agreement, atol=6e-5)


@pytest.mark.data
def test_real_soft_labels_agree_with_the_majority_column(real):
    root, folder, rows = real
    data = open_dataset("crema_d", root, targets="votes", modality="voice", **options(folder))
    assert len(data) == data.card.items and not data.broken
    values = np.stack([s.targets["emotion"].values for s in data.samples])
    np.testing.assert_allclose(values.sum(1), 1, atol=1e-6)
    vote = {r["clip"]: r["vote"] for r in rows if r["modality"] == "voice"}
    top = values == values.max(1, keepdims=True)
    found = [":".join(np.array(LETTERS)[row]) for row in top]
    assert found == [vote[s.key] for s in data.samples]  # ties included: they are written A:D
    assert sum(":" not in v for v in found) == 6798


@pytest.mark.data
def test_real_names_fill_the_folds(real):
    root, folder, _ = real
    data = open_dataset("crema_d", root, actors=options(folder)["actors"])
    folds = load_folds(data.card, "speakers5").resolve(data.samples, complete=True)
    counts = Counter(CLASSES[s.targets["emotion"].values.argmax()] for s in data.samples)
    assert counts == dict.fromkeys(CLASSES, 1271) | {"neutral": 1087}
    tested = []
    for fold in range(5):
        parts = folds.parts(fold, data.samples)
        check_parts(parts, data.samples, ["speaker"])
        tested += parts["test"]
    assert sorted(tested) == sorted(s.key for s in data.samples)
    with pytest.warns(SplitWarning, match="81 items of speaker cremad1001, not 82"):
        load_folds(data.card, "speakers5").resolve(data.samples[1:])
