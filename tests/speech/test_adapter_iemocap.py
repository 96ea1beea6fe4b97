import layoutkit as kit
import numpy as np
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.testing import check_dataset

NAMES = [f"Ses01F_impro01_{n}" for n in ("F000", "M000", "F001", "M001")]
ANGER, HAPPINESS, SADNESS, NEUTRAL = range(4)
pytestmark = pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")


def opened(root, **options):
    return {s.key: s for s in open_dataset("iemocap", root, **options).samples}


def emotion(sample):
    t = sample.targets["emotion"]
    return t.values if t.mask.all() else None


def test_four_classes_by_default(tmp_path):
    root = kit.iemocap(tmp_path)
    with pytest.warns(OutsideWarning) as caught:
        data = open_dataset("iemocap", root)
    found = {s.key: s for s in data.samples}
    assert list(found) == NAMES[:2] and data.space.name == "iemocap4+vad" and not data.broken
    (said,) = [str(w.message) for w in caught if w.category is OutsideWarning]
    assert "1 x label 'fru' (frustration): item left out" in said and "1 x label 'xxx' (no majority): item left" in said
    assert emotion(found[NAMES[0]]).argmax() == NEUTRAL and emotion(found[NAMES[1]]).argmax() == HAPPINESS
    s = found[NAMES[1]]
    assert s.groups == {"session": "Ses01", "speaker": "iemocap_Ses01M", "dialog": "Ses01F_impro01"}
    assert s.attributes == {"gender": "m", "style": "improvised", "duration_s": pytest.approx(1.3825)}
    np.testing.assert_allclose(s.targets["vad"].values, [0.5, 1, 0])  # valence 4, arousal 5, dominance 3 of 1 to 5
    assert len(s.load().signals["audio"]) == 800


def test_masked_instead_of_left_out(tmp_path):
    root = kit.iemocap(tmp_path)
    with pytest.warns(
        OutsideWarning, match=r"1 x label 'xxx' \(no majority\): item masked; 1 x valence outside \[1, 5\]"
    ):
        found = opened(root, outside="mask")
    assert list(found) == NAMES and emotion(found[NAMES[2]]) is None
    np.testing.assert_allclose(found[NAMES[2]].targets["vad"].values, [-0.5, 0, 0])
    odd = found[NAMES[3]].targets["vad"]  # a mean of 5.5, as it stands in the file
    assert odd.mask.tolist() == [False, True, True] and odd.values[0] == 0


def test_votes_of_the_annotators(tmp_path):
    found = opened(kit.iemocap(tmp_path), targets="votes", outside="mask")
    # neutral; neutral or anger (half a vote each); frustration, which has no place
    np.testing.assert_allclose(emotion(found[NAMES[0]]), [0.25, 0, 0, 0.75])
    np.testing.assert_allclose(emotion(found[NAMES[1]]), [0, 1, 0, 0])
    assert emotion(found[NAMES[2]]) is None
    np.testing.assert_allclose(emotion(found[NAMES[3]]), [1, 0, 0, 0])
    with pytest.warns(
        OutsideWarning, match=r"1 x no vote in the space: item left out; .*5 x votes outside .*drop_vote"
    ):
        assert list(opened(kit.iemocap(tmp_path), targets="votes")) == [NAMES[0], NAMES[1], NAMES[3]]


def test_the_fate_of_votes_outside_is_declared(tmp_path):
    root = kit.iemocap(tmp_path)
    found = opened(root, targets="votes", outside_votes="drop_item")
    assert list(found) == [NAMES[1]]
    with pytest.raises(AffectZooError, match="other"):
        opened(root, targets="votes", outside_votes="other")
    with pytest.raises(UnknownNameError, match="'frustration'"):
        opened(root, targets="votes", outside_votes="error")
    with pytest.raises(UnknownNameError, match="'drop_votes'. Did you mean 'drop_vote'"):
        opened(root, targets="votes", outside_votes="drop_votes")


def test_the_actors_themselves(tmp_path):
    root = kit.iemocap(tmp_path)
    found = opened(root, targets="votes", raters="self", outside="mask")
    assert emotion(found[NAMES[0]]).argmax() == SADNESS and emotion(found[NAMES[2]]) is None
    vad = found[NAMES[0]].targets["vad"]  # val 5, act 1, no dom
    assert vad.mask.tolist() == [True, True, False]
    np.testing.assert_allclose(vad.values, [1, -1, 0])
    assert not found[NAMES[2]].targets["vad"].mask.any()
    assert emotion(opened(root, raters="self")[NAMES[0]]).argmax() == NEUTRAL  # the consensus is not theirs
    both = opened(root, targets="votes", raters="all", outside="mask")
    np.testing.assert_allclose(emotion(both[NAMES[0]]), [0.5 / 3, 0, 1 / 3, 1.5 / 3], rtol=1e-6)
    np.testing.assert_allclose(both[NAMES[0]].targets["vad"].values, [1 / 6, -0.5, -0.25], atol=1e-6)


def test_another_space_may_have_more_of_the_labels(tmp_path):
    root = kit.iemocap(tmp_path)
    found = opened(root, label_space="ekman7", targets="votes", outside="mask")
    space = load_space("ekman7")
    expected = np.zeros(7)
    expected[[space.index("emotion", "surprise"), space.index("emotion", "anger")]] = 0.5
    np.testing.assert_allclose(emotion(found[NAMES[3]]), expected)
    assert "vad" not in found[NAMES[3]].targets
    with pytest.raises(UnknownNameError, match="label space 'seed3'"):
        opened(root, label_space="seed3")


def test_without_votes_of_anybody(tmp_path):
    text = "\n".join(line for line in kit.TURNS.split("\n") if not line.startswith(("C-", "A-")))
    found = opened(kit.iemocap(tmp_path, text), targets="votes", raters="self", outside="mask")
    assert len(found) == 4 and all(emotion(s) is None for s in found.values())


@pytest.mark.parametrize(
    ("old", "new", "message", "left"),
    [
        ("[6.2901 - 8.2357]", "[6.2901 to 8.2357]", r"line 3: .*is not \[start - end\] name label", [NAMES[1]]),
        ("\tneu\t", "\tnue\t", "line 3: .*unknown native label 'nue'. Did you mean 'neu'", [NAMES[1]]),
        ("C-E2:\tNeutral;", "Z-E2:\tNeutral;", "line 4: 'Z-E2:.*is neither C-rater", NAMES[:2]),
        ("val 3; act 2", "val three; act 2", "line 8: 'A-E3:.*is neither", NAMES[:2]),
        ("impro01_F000", "improv1-F000", "line 3", [NAMES[1]]),
        ("Ses01F_impro01_F000", "Ses02F_impro01_F000", "line 3: .*Session1: holds Ses02F_impro01_F000", [NAMES[1]]),
    ],
)
def test_a_line_that_cannot_be_read_is_reported(tmp_path, old, new, message, left):
    assert old in kit.TURNS
    root = kit.iemocap(tmp_path, kit.TURNS.replace(old, new, 1))
    with pytest.warns(BrokenRowWarning, match=f"Ses01F_impro01.txt, {message}"):
        assert list(opened(root)) == left


def test_the_raters_of_a_lost_head_are_not_the_next_ones(tmp_path):
    text = kit.TURNS.replace("[10.0100 - 11.3925]", "[10.0100]")
    with pytest.warns(BrokenRowWarning):
        found = opened(kit.iemocap(tmp_path, text), targets="votes", outside="mask")
    assert list(found) == [NAMES[0], *NAMES[2:]]
    np.testing.assert_allclose(emotion(found[NAMES[0]]), [0.25, 0, 0, 0.75])


def test_an_unknown_category_of_a_rater_matters_to_votes_only(tmp_path):
    root = kit.iemocap(tmp_path, kit.TURNS.replace("C-E2:\tNeutral;", "C-E2:\tNeutrall;"))
    with pytest.warns(BrokenRowWarning, match="line 3: .*unknown native label 'neutrall'. Did you mean 'neutral'"):
        assert NAMES[0] not in opened(root, targets="votes")
    assert NAMES[0] in opened(root)


def test_a_missing_recording_is_reported(tmp_path):
    root = kit.iemocap(tmp_path)
    next(root.rglob("*_M000.wav")).unlink()
    with pytest.warns(BrokenRowWarning, match=r"line 12: .*Ses01F_impro01_M000.wav: no such file"):
        assert list(opened(root)) == NAMES[:1]


def test_a_wrong_folder_or_file_is_an_error(tmp_path):
    root = kit.iemocap(tmp_path)
    labels = next(p for p in root.rglob("Ses*.txt"))
    labels.write_text("nothing here\n")
    with (
        pytest.warns(BrokenRowWarning, match="line 1: holds no utterance"),
        pytest.raises(AffectZooError, match="no usable sample; 1 rows are broken, the first: .*holds no utterance"),
    ):
        open_dataset("iemocap", root)
    (labels.parents[1] / "EmoEvaluation").rename(labels.parents[1] / "EmoEvaluations")
    with pytest.raises(FileError, match="no folder 'dialog/EmoEvaluation'"):
        open_dataset("iemocap", root)
    (root / "IEMOCAP_full_release" / "Session1").rename(root / "IEMOCAP_full_release" / "session1")
    with pytest.raises(FileError, match="no folder 'Session1'. Did you mean 'session1'"):
        open_dataset("iemocap", root)
    with pytest.raises(UnknownNameError, match="unknown raters 'selfs'. Did you mean 'self'"):
        open_dataset("iemocap", root, raters="selfs")
    with pytest.raises(UnknownNameError, match="unknown rule for items outside the space 'drop'"):
        open_dataset("iemocap", root, outside="drop")


@pytest.mark.filterwarnings("ignore::affectzoo.data.split.SplitWarning")
def test_the_contract_and_the_sessions(tmp_path):
    for session in range(1, 6):
        kit.iemocap(tmp_path, session=session)
    check_dataset("iemocap", tmp_path)
    check_dataset("iemocap", tmp_path, targets="votes", raters="all", outside="mask")
    data = open_dataset("iemocap", tmp_path)
    folds = load_folds(data.card, "sessions5")
    assert sum(folds.items.values()) == data.card.items == load_card("iemocap").items == 5531
    parts = folds.parts(2, data.samples)
    assert {k[:5] for k in parts["test"]} == {"Ses03"} and len({k[:5] for k in parts["val"]}) == 1
    with pytest.raises(AffectZooError, match="2 items of session Ses01, not 1085"):
        folds.resolve(data.samples, complete=True)
