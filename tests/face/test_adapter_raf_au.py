import facekit as kit
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import load_folds
from affectzoo.errors import FileError, UnknownNameError
from affectzoo.testing import check_dataset

quiet = pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")


def units(sample, space):
    return [n for n, v in zip(space.names("au"), sample.targets["au"].values, strict=True) if v]


def test_a_line_becomes_a_sample(tmp_path):
    with pytest.warns(OutsideWarning, match="1 x code '99', which rafau24 lacks"):
        data = open_dataset("raf_au", kit.raf_au(tmp_path))
    assert {s.key: units(s, data.space) for s in data.samples} == {
        "0001": ["AU01", "AU02", "AU25"],
        "0002": [],
        "0010": ["AU04", "AU12", "AU14"],
        "0023": ["AU12"],
        "0035": ["AU06", "AU12"],
    }
    s = data.samples[2]
    assert s.groups == {"picture": "rafau_0010"} and s.attributes == {"digit": "0"} and s.targets["au"].mask.all()
    assert s.signals["face"].path.name == "0010_aligned.jpg"


@quiet
def test_null_and_other_spaces(tmp_path):
    root = kit.raf_au(tmp_path)
    assert "0002" not in {s.key for s in open_dataset("raf_au", root, null="leave_out").samples}
    with pytest.warns(OutsideWarning, match="1 x a picture labelled 'null'"):
        open_dataset("raf_au", root, null="leave_out")
    data = open_dataset("raf_au", root, label_space="disfa8")
    assert units(data.samples[2], data.space) == ["AU04", "AU12"]
    with pytest.warns(OutsideWarning, match="code 'R14', which disfa8 lacks"):
        open_dataset("raf_au", root, label_space="disfa8")
    with pytest.raises(UnknownNameError, match="unknown rule for null 'leaveout'. Did you mean 'leave_out'"):
        open_dataset("raf_au", root, null="leaveout")


@quiet
@pytest.mark.parametrize(
    "line", ["0007.jpg", "0007.jpg ", "0007.png 1+2", "face.jpg 1+2", "1+2 0007.jpg"], ids=lambda s: s.replace(" ", "_")
)
def test_a_wrong_line_is_reported_and_skipped(tmp_path, line):
    root = kit.raf_au(tmp_path)
    with (root / "RAF-AU" / "RAFAU_label.txt").open("a") as f:
        f.write(line + "\n")
    with pytest.warns(BrokenRowWarning, match="RAFAU_label.txt, line 6: .*is not a picture and its units"):
        assert len(open_dataset("raf_au", root)) == 5


@quiet
def test_missing_files(tmp_path):
    root = kit.raf_au(tmp_path)
    (root / "RAF-AU" / "aligned" / "0001_aligned.jpg").unlink()
    with pytest.warns(BrokenRowWarning, match="line 1: .*0001_aligned.jpg: no such file"):
        assert len(open_dataset("raf_au", root)) == 4
    (root / "RAF-AU" / "RAFAU_label.txt").unlink()
    with pytest.raises(FileError, match="has no file 'RAFAU_label.txt'"):
        open_dataset("raf_au", root)


@quiet
def test_the_contract_and_the_folds(tmp_path):
    lines = [f"{n:04d}.jpg {n % 2 + 1}+12" for n in range(1, 21)]
    root = kit.raf_au(tmp_path, lines)
    check_dataset("raf_au", root)
    folds = load_folds(load_card("raf_au"), "digits5")
    parts = folds.parts(2, open_dataset("raf_au", root).samples, val_fraction=0)
    assert parts["test"] == ["0004", "0005", "0014", "0015"] and len(parts["train"]) == 16
