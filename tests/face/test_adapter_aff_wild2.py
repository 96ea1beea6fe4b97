import facekit as kit
import numpy as np
import pytest

from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.metrics.abaw import EXPRESSIONS, UNITS
from affectzoo.testing import check_dataset

pytestmark = pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")


def opened(root, **options):
    return {s.key: s for s in open_dataset("aff_wild2", root, **options).samples}


def test_valence_and_arousal(tmp_path):
    with pytest.warns(OutsideWarning) as caught:
        found = opened(kit.aff_wild2(tmp_path))
    assert "left out: 4 x a frame without a valid label; 4 x a labelled frame without a crop" in str(caught[0].message)
    assert [k for k in found if k.startswith("video2")] == ["video2/00001", "video2/00002"] and len(found) == 8
    s = found["7-60_left/00002"]
    np.testing.assert_allclose(s.targets["vad"].values, [0.1, 0.2], rtol=1e-6)
    assert s.targets["vad"].mask.all() and set(s.targets) == {"vad"}
    assert s.groups == {"video": "affwild2_7-60"} and s.attributes == {"subset": "Train_Set"}
    assert s.signals["face"].path.name == "00002.jpg" and s.load().signals["face"].data.shape == (1, 16, 16, 3)


def test_an_extreme_label_is_valid(tmp_path):
    found = opened(kit.aff_wild2(tmp_path, missing=()))
    assert found["video2/00004"].targets["vad"].values.tolist() == [-1, 1] and "video2/00003" not in found


def test_expressions_in_the_order_of_the_challenge(tmp_path):
    lines = [str(i) for i in range(8)] + ["-1"]
    found = opened(kit.aff_wild2(tmp_path, "expr", lines, missing=()), challenge="expr")
    values = np.stack([found[f"video2/0000{k}"].targets["emotion"].values for k in range(1, 9)])
    assert np.array_equal(values, np.eye(8)) and "video2/00009" not in found
    assert open_dataset("aff_wild2", tmp_path, challenge="expr").space.names("emotion") == EXPRESSIONS


def test_the_older_name_of_the_folder(tmp_path):
    root = kit.aff_wild2(tmp_path, "expr")
    (root / "Aff-Wild2" / "EXPR_Recognition_Challenge").rename(root / "Aff-Wild2" / "EXPR_Classification_Challenge")
    assert len(opened(root, challenge="expr")) == 8


def test_action_units_of_a_frame_with_one_invalid_code_are_left_out(tmp_path):
    found = opened(kit.aff_wild2(tmp_path, "au", missing=()), challenge="au")
    data = open_dataset("aff_wild2", tmp_path, challenge="au")
    assert data.space.names("au") == UNITS
    sums = [found[f"video2/0000{k}"].targets["au"].values.sum() for k in (1, 2, 4)]
    assert sums == [2, 0, 12] and "video2/00003" not in found
    first = found["video2/00001"].targets["au"].values
    assert [n for n, v in zip(UNITS, first, strict=True) if v] == ["AU01", "AU26"]


def test_three_tasks_with_three_masks(tmp_path):
    found = opened(kit.abaw_mtl(tmp_path), challenge="mtl")
    masks = {k: [bool(s.targets[f].mask.all()) for f in ("vad", "emotion", "au")] for k, s in found.items()}
    assert masks == {
        "1-30-1280x720/00002": [False, False, True],
        "1-30-1280x720/00010": [True, True, True],
        "7-60_left/00001": [True, False, False],
        "video2/00003": [True, True, True],
    }
    s = found["1-30-1280x720/00010"]
    assert EXPRESSIONS[s.targets["emotion"].values.argmax()] == "happiness" and s.targets["au"].values.sum() == 2
    assert not found["1-30-1280x720/00002"].targets["vad"].values.any()
    assert found["video2/00003"].attributes == {"subset": "Validation_Set"}


def test_fewer_training_frames_and_all_of_validation(tmp_path):
    root = kit.aff_wild2(tmp_path, lines=[f"0.{k},0" for k in range(1, 10)], missing=())
    found = opened(root, train_every=4)
    assert [k[-5:] for k in found if k.startswith("7-60_left")] == ["00001", "00005", "00009"]
    assert sum(k.startswith("video2") for k in found) == 9
    with pytest.raises(AffectZooError, match="train_every must be 1 or more, got 0"):
        opened(root, train_every=0)


def test_annotations_and_crops_in_other_folders(tmp_path):
    root = kit.aff_wild2(tmp_path)
    home = root / "Aff-Wild2"
    (home / "6th ABAW Annotations").mkdir()
    (home / "VA_Estimation_Challenge").rename(home / "6th ABAW Annotations" / "VA_Estimation_Challenge")
    (home / "cropped_aligned_new_50_vids").mkdir()
    (home / "cropped_aligned" / "video2").rename(home / "cropped_aligned_new_50_vids" / "video2")
    assert len(opened(root, annotations="6th ABAW Annotations")) == 8
    with pytest.raises(FileError, match="holds no folder VA_Estimation_Challenge; name its place by `annotations`"):
        opened(root)


@pytest.mark.parametrize(
    ("challenge", "line", "message"),
    [
        ("va", "1.5,0", r"line 3: vad \[1.5, 0.0\] is neither in its range nor -5"),
        ("va", "0.5", "is not a header and then 2 numbers a line"),
        ("va", "x,0", "is not a header and then 2 numbers a line"),
        ("va", "nan,0", r"line 3: vad \[nan, 0.0\]"),
        ("expr", "8", r"line 3: emotion \[8.0\] is neither in its range nor -1"),
        ("expr", "0.5", r"line 3: emotion \[0.5\]"),
        ("au", ",".join(["2"] * 12), r"line 3: au \[2.0, "),
        ("au", ",".join(["0"] * 11), "is not a header and then 12 numbers a line"),
    ],
)
def test_a_wrong_line_takes_its_video_out(tmp_path, challenge, line, message):
    root = kit.aff_wild2(tmp_path, challenge)
    path = root / "Aff-Wild2" / kit.ABAW_FOLDERS[challenge] / "Train_Set" / "7-60_left.txt"
    kit.text(path, [kit.ABAW_HEADERS[challenge], kit.ABAW_LINES[challenge][0], line])
    with pytest.warns(BrokenRowWarning, match=f"7-60_left.txt: {message}"):
        assert {k.split("/")[0] for k in opened(root, challenge=challenge)} == {"1-30-1280x720", "7-60_right", "video2"}


def test_wrong_mtl_lines_and_places(tmp_path):
    root = kit.abaw_mtl(tmp_path)
    with pytest.raises(UnknownNameError, match="unknown challenge 'exp'. Did you mean 'expr'"):
        opened(root, challenge="exp")
    with pytest.raises(FileError, match="holds no folder AU_Detection_Challenge"):
        opened(root, challenge="au")
    path = root / "Aff-Wild2" / "MTL_Challenge" / "train_set.txt"
    kit.text(path, ["header", f"00010.jpg,0,0,0,{kit.VALID_AU}"])
    with pytest.raises(FileError, match="train_set.txt: line 2: '00010.jpg' is not <video>/00001.jpg"):
        opened(root, challenge="mtl")
    kit.text(path, ["header", "video/00010.jpg,0,0,0"])
    with pytest.raises(FileError, match="train_set.txt: is not a header and then 15 numbers a line"):
        opened(root, challenge="mtl")
    path.unlink()
    with pytest.raises(FileError, match="has no file 'train_set.txt'"):
        opened(root, challenge="mtl")


@pytest.mark.parametrize("challenge", ["va", "expr", "au", "mtl"])
def test_the_contract_and_the_parts(tmp_path, challenge):
    root = kit.abaw_mtl(tmp_path) if challenge == "mtl" else kit.aff_wild2(tmp_path, challenge)
    check_dataset("aff_wild2", root, challenge=challenge)
    data = open_dataset("aff_wild2", root, challenge=challenge)
    parts = load_folds(data.card, "official").parts(None, data.samples, val_fraction=0.3)
    assert {k.split("/")[0] for k in parts["test"]} == {"video2"}
    whole = {k.removesuffix("_left").removesuffix("_right") for k in (x.split("/")[0] for x in parts["val"])}
    assert whole and not whole & {k.split("/")[0].split("_")[0] for k in parts["train"]}
