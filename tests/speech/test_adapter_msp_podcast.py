import layoutkit as kit
import numpy as np
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import SplitWarning, load_folds
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.testing import check_dataset

KEYS = [row[0].removesuffix(".wav") for row in kit.MSP]
pytestmark = pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")


def opened(root, **options):
    return {s.key: s for s in open_dataset("msp_podcast", root, **options).samples}


def shares(sample, space="affectnet8"):
    t, names = sample.targets["emotion"], load_space(space).names("emotion")
    return {n: round(float(v), 4) for n, v in zip(names, t.values, strict=True) if v} if t.mask.all() else None


def test_a_row_becomes_a_sample(tmp_path):
    root = kit.msp_podcast(tmp_path)
    with pytest.warns(
        OutsideWarning, match=r"'' \(no label\): item left out; 1 x label 'O' \(other\): item left out; 1 x"
    ):
        found = opened(root)
    assert list(found) == KEYS[:3]
    s = found[KEYS[0]]
    assert s.groups == {"speaker": "msp_97", "podcast": "MSP-PODCAST_0001"}
    assert s.attributes == {"gender": "f", "split_set": "Test1"} and shares(s) == {"neutral": 1}
    np.testing.assert_allclose(s.targets["vad"].values, [0, 0, -1])  # valence 4, arousal 4, dominance 1 of 1 to 7
    np.testing.assert_allclose(found[KEYS[1]].targets["vad"].values, [-1, 1, 0.5])
    assert found[KEYS[2]].groups["speaker"] == "msp_unknown_MSP-PODCAST_0003"
    assert len(s.load().signals["audio"]) == 800


def test_masked_segments_keep_their_ratings(tmp_path):
    found = opened(kit.msp_podcast(tmp_path), outside="mask")
    assert list(found) == KEYS and shares(found[KEYS[3]]) is None
    assert found[KEYS[3]].targets["vad"].mask.all() and not found[KEYS[5]].targets["vad"].mask.any()


def test_other_is_a_class_where_the_space_has_it(tmp_path):
    found = opened(kit.msp_podcast(tmp_path), label_space="msppodcast9")
    assert list(found) == [*KEYS[:3], KEYS[4]] and shares(found[KEYS[4]], "msppodcast9") == {"other": 1}
    assert "vad" not in found[KEYS[4]].targets


@pytest.mark.parametrize("packed", [True, False])
def test_votes_in_both_forms_of_the_table(tmp_path, packed):
    root = kit.msp_podcast(tmp_path, packed=packed)
    with pytest.warns(OutsideWarning, match=r"1 x no vote in the space: item left out; 6 x votes outside"):
        found = opened(root, targets="votes")
    assert list(found) == [*KEYS[:4], KEYS[5]]
    assert shares(found[KEYS[0]]) == {"neutral": 0.75, "happiness": 0.25}
    assert shares(found[KEYS[1]]) == {"anger": 0.6, "contempt": 0.2, "disgust": 0.2}
    assert shares(found[KEYS[3]]) == {"happiness": 0.4, "surprise": 0.4, "neutral": 0.2}
    nine = opened(root, targets="votes", label_space="msppodcast9")
    assert shares(nine[KEYS[0]], "msppodcast9") == {"neutral": 0.6, "happiness": 0.2, "other": 0.2}
    assert list(opened(root, targets="votes", outside_votes="drop_item")) == [*KEYS[1:4], KEYS[5]]


def test_the_old_spelling_of_the_table(tmp_path):
    assert len(opened(kit.msp_podcast(tmp_path, name="labels_concensus.csv"))) == 3


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (1, "Q", "line 3: .*unknown native label 'Q'"),
        (1, "Angrry", "line 3: .*unknown native label 'Angrry'. Did you mean 'Angry'"),
        (2, "high", "line 3: could not convert string to float: 'high'"),
        (6, "Femal", "line 3: .*unknown gender 'Femal'. Did you mean 'Female'"),
    ],
)
def test_a_wrong_cell_is_reported_with_its_line(tmp_path, column, value, message):
    rows = [list(r) for r in kit.MSP]
    rows[1][column] = value
    with pytest.warns(BrokenRowWarning, match=f"labels_consensus.csv, {message}"):
        assert list(opened(kit.msp_podcast(tmp_path, rows))) == [KEYS[0], KEYS[2]]


def test_a_rating_outside_the_scale_is_masked_and_counted(tmp_path):
    rows = [list(r) for r in kit.MSP]
    rows[1][3] = "7.4"
    root = kit.msp_podcast(tmp_path, rows)
    with pytest.warns(OutsideWarning, match=r"1 x valence outside \[1, 7\], masked"):
        assert opened(root)[KEYS[1]].targets["vad"].mask.tolist() == [False, True, True]


def test_missing_files_and_columns(tmp_path):
    root = kit.msp_podcast(tmp_path)
    home = root / "MSP-Podcast"
    (home / "Audios" / f"{KEYS[0]}.wav").unlink()
    with pytest.warns(BrokenRowWarning, match=f"line 2: .*{KEYS[0]}.wav: no such file"):
        assert list(opened(root)) == KEYS[1:3]
    detailed = home / "Labels" / "labels_detailed.csv"
    text = detailed.read_text()
    detailed.write_text(text.replace("; Happy;", "; Hapy;", 1))
    with pytest.raises(
        FileError, match="labels_detailed.csv: line 4: .*unknown native label 'Hapy'. Did you mean 'Happy'"
    ):
        opened(root, targets="votes")
    detailed.write_text(text.replace("WORKER00000001; Neutral; Concerned,Amused; A:4", "WORKER00000001 A:4", 1))
    with pytest.raises(FileError, match="line 3: 'WORKER00000001 A:4.*is not rater; emotion"):
        opened(root, targets="votes")
    detailed.write_text(text.replace("EmoDetail", "Details"))
    with pytest.raises(UnknownNameError, match="unknown column 'EmoClass_Major'"):
        opened(root, targets="votes")
    kit.recording(home / "Audios" / f"{KEYS[0]}.wav")
    detailed.write_text("\n".join(text.splitlines()[:6]) + "\n")
    with pytest.warns(BrokenRowWarning, match=f"line 3: {KEYS[1]}.wav has no votes in .*labels_detailed.csv"):
        assert list(opened(root, targets="votes")) == [KEYS[0]]


def test_wrong_places(tmp_path):
    root = kit.msp_podcast(tmp_path)
    home = root / "MSP-Podcast"
    (home / "Labels" / "labels_consensus.csv").rename(home / "Labels" / "label_consensus.csv")
    with pytest.raises(FileError, match="has no file 'labels_consensus.csv'. Did you mean 'label_consensus.csv'"):
        opened(root)
    (home / "Labels").rename(home / "labels")
    with pytest.raises(FileError, match="has no file 'labels_consensus.csv'; there is no folder"):
        opened(root)


def test_the_parts_are_the_releases(tmp_path):
    root = kit.msp_podcast(tmp_path)
    data = open_dataset("msp_podcast", root, outside="mask")
    with pytest.warns(SplitWarning, match="2 samples are not in the split"):
        parts = load_folds(data.card, "test1").parts(None, data.samples)
    assert parts == {"train": KEYS[1:3], "val": [KEYS[3]], "test": [KEYS[0]]}
    old = [(*row[:-1], row[-1].replace("Development", "Validation")) for row in kit.MSP]
    data = open_dataset("msp_podcast", kit.msp_podcast(tmp_path / "old", old), outside="mask")
    assert load_folds(data.card, "test1").parts(None, data.samples)["val"] == [KEYS[3]]


def test_the_contract(tmp_path):
    root = kit.msp_podcast(tmp_path)
    check_dataset("msp_podcast", root)
    check_dataset("msp_podcast", root, targets="votes", outside="mask")
    assert set(load_card("msp_podcast").outside.values()) == {"other", "no agreement", "no label"}


def test_nothing_usable_is_an_error(tmp_path):
    with pytest.raises(AffectZooError, match="has no usable sample"):
        open_dataset("msp_podcast", kit.msp_podcast(tmp_path, kit.MSP[3:]))
