import facekit as kit
import numpy as np
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import load_folds
from affectzoo.errors import FileError, UnknownNameError
from affectzoo.testing import check_dataset

pytestmark = pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")


def top(sample, data):
    t = sample.targets["emotion"]
    return data.space.names("emotion")[t.values.argmax()] if t.mask.all() else None


@pytest.mark.parametrize("as_text", [True, False])
def test_eight_classes_and_ratings(tmp_path, as_text):
    with pytest.warns(OutsideWarning, match=r"1 x label '10' \(no face\): item left out"):
        data = open_dataset("affectnet", kit.affectnet(tmp_path, as_text=as_text))
    assert {s.key: top(s, data) for s in data.samples} == {
        "train_set/0": "neutral",
        "train_set/17": "happiness",
        "train_set/290": "contempt",
        "train_set/291": "anger",
        "val_set/0": "sadness",
        "val_set/5": "contempt",
        "val_set/7": "surprise",
    }
    found = {s.key: s for s in data.samples}
    vad = found["train_set/17"].targets["vad"]
    assert data.space.names("vad") == ("valence", "arousal", "dominance")
    np.testing.assert_allclose(vad.values, [0.8, 0.3, 0], rtol=1e-6)
    assert vad.mask.tolist() == [True, True, False]
    assert found["val_set/7"].targets["vad"].mask.tolist() == [False] * 3  # -2 is not rated
    s = found["val_set/5"]
    assert s.groups == {"picture": "affectnet_val_set_5"} and s.attributes == {"subset": "val_set"}


def test_seven_classes_leave_contempt_out(tmp_path):
    root = kit.affectnet(tmp_path)
    data = open_dataset("affectnet", root, label_space="ekman7+vad")
    assert sorted(s.key for s in data.samples) == [
        "train_set/0",
        "train_set/17",
        "train_set/291",
        "val_set/0",
        "val_set/7",
    ]
    assert [top(s, data) for s in data.samples] == ["neutral", "happiness", "anger", "sadness", "surprise"]
    masked = open_dataset("affectnet", root, label_space="ekman7+vad", outside="mask")
    assert len(masked) == 8 and top(masked.samples[2], masked) is None
    np.testing.assert_allclose(masked.samples[2].targets["vad"].values[:2], [-0.5, 0.4], rtol=1e-6)


def test_the_ids_are_those_of_the_release():
    card = load_card("affectnet")
    names = [card.native_label(str(i)) for i in range(7)] + [card.outside["7"]]
    assert tuple(names) == card.space.names("emotion")


def test_a_rating_outside_the_scale_is_masked_and_counted(tmp_path):
    root = kit.affectnet(tmp_path, {"train_set": {"1": (0, 1.5, 0.5)}, "val_set": {"2": (1, 0, 0)}})
    with pytest.warns(OutsideWarning, match=r"1 x valence outside \[-1, 1\], masked"):
        data = open_dataset("affectnet", root)
    assert data.samples[0].targets["vad"].mask.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("code", "value", "message"),
    [
        ("exp", "12", "unknown native label '12'"),
        ("exp", "0.7", "unknown native label '0.7'"),
        ("exp", "happy", "291_exp.npy: .*'happy'.* is not a number"),
        ("val", np.zeros(2), "291_val.npy: holds 2 values, not one"),
        ("aro", np.array([{"a": 1}], object), "291_aro.npy: is not a .npy file of one number .*allow_pickle=False"),
        ("val", None, "291_val.npy: no such file"),
        ("val", b"\x93NUMPY", "291_val.npy: is not a .npy file"),
        ("val", b"", "291_val.npy: is not a .npy file"),
    ],
    ids=str,
)
def test_a_wrong_annotation_is_reported_and_skipped(tmp_path, code, value, message):
    root = kit.affectnet(tmp_path)
    path = root / "AffectNet" / "train_set" / "annotations" / f"291_{code}.npy"
    path.unlink()
    if isinstance(value, bytes):
        path.write_bytes(value)
    elif value is not None:
        np.save(path, value)
    with pytest.warns(BrokenRowWarning, match=message):
        assert "train_set/291" not in {s.key for s in open_dataset("affectnet", root).samples}


def test_wrong_places_and_options(tmp_path):
    root = kit.affectnet(tmp_path)
    with pytest.raises(UnknownNameError, match="unknown rule for items outside the space 'drop'"):
        open_dataset("affectnet", root, outside="drop")
    (root / "AffectNet" / "val_set").rename(root / "AffectNet" / "validation_set")
    with pytest.raises(FileError, match="no folder 'val_set'.*'validation_set'"):
        open_dataset("affectnet", root)


def test_the_contract_and_the_parts(tmp_path):
    root = kit.affectnet(tmp_path)
    check_dataset("affectnet", root)
    check_dataset("affectnet", root, label_space="ekman7+va")
    data = open_dataset("affectnet", root)
    parts = load_folds(data.card, "official").parts(None, data.samples, val_fraction=0.25)
    assert parts["test"] == ["val_set/0", "val_set/5", "val_set/7"]
    assert len(parts["val"]) == 1 and len(parts["train"]) == 3
