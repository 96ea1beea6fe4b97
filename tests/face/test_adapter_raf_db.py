import facekit as kit
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError
from affectzoo.testing import check_dataset

CLASSES = load_card("raf_db").space.names("emotion")


def top(sample):
    return CLASSES[sample.targets["emotion"].values.argmax()]


def test_a_line_becomes_a_sample(tmp_path):
    data = open_dataset("raf_db", kit.raf_db(tmp_path))
    assert {s.key: top(s) for s in data.samples} == {
        "train_00001": "sadness",
        "train_00002": "surprise",
        "train_00003": "neutral",
        "test_0001": "happiness",
        "test_0002": "fear",
    }
    s = data.samples[3]
    assert s.groups == {"picture": "rafdb_test_0001"} and s.attributes == {"subset": "test"}
    assert s.signals["face"].path.name == "test_0001_aligned.jpg" and len(s.load().signals["face"]) == 1


def test_the_ids_are_those_of_the_release():
    names = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
    assert [load_card("raf_db").native_label(str(i)) for i in range(1, 8)] == names


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train_00009.jpg 8", "line 6: .*unknown native label '8'"),
        ("train_00009.jpg 0", "unknown native label '0'"),
        ("train_00009.jpg", "line 6: 'train_00009.jpg' is not a picture and its class"),
        ("train_00009.png 3", "is not a picture and its class"),
        ("val_00009.jpg 3", "val_00009.jpg is neither train_... nor test_"),
    ],
)
def test_a_wrong_line_is_reported_and_skipped(tmp_path, line, message):
    root = kit.raf_db(tmp_path, (*kit.RAF_DB, line))
    with pytest.warns(BrokenRowWarning, match=message):
        assert len(open_dataset("raf_db", root)) == 5


def test_missing_files(tmp_path):
    root = kit.raf_db(tmp_path)
    home = root / "RAF-DB" / "basic"
    (home / "Image" / "aligned" / "train_00002_aligned.jpg").unlink()
    with pytest.warns(BrokenRowWarning, match="line 2: .*train_00002_aligned.jpg: no such file"):
        assert len(open_dataset("raf_db", root)) == 4
    (home / "EmoLabel" / "list_patition_label.txt").rename(home / "EmoLabel" / "list_partition_label.txt")
    with pytest.raises(FileError, match="'list_patition_label.txt'. Did you mean 'list_partition_label.txt'"):
        open_dataset("raf_db", root)
    with pytest.raises(FileError, match="expected here .* How to obtain it: By e-mail"):
        open_dataset("raf_db", tmp_path / "RAF-DB")


@pytest.mark.filterwarnings("ignore::affectzoo.data.split.SplitWarning")
def test_the_contract_and_the_parts(tmp_path):
    root = kit.raf_db(tmp_path)
    check_dataset("raf_db", root)
    data, folds = open_dataset("raf_db", root), load_folds(load_card("raf_db"), "official")
    parts = folds.parts(None, data.samples, val_fraction=0.4)
    assert parts["test"] == ["test_0001", "test_0002"] and len(parts["val"]) == 1 and len(parts["train"]) == 2
    assert sum(folds.items.values()) == data.card.items == 15339
    with pytest.raises(AffectZooError, match="3 items of subset train, not 12271; 2 items of subset test, not 3068"):
        folds.resolve(data.samples, complete=True)
