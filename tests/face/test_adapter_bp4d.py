import facekit as kit
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.testing import check_dataset

pytestmark = pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")
AUS = load_card("bp4d").space.names("au")


def present(sample):
    t = sample.targets["au"]
    return [n for n, v, m in zip(AUS, t.values, t.mask, strict=True) if m and v], [
        n for n, m in zip(AUS, t.mask, strict=True) if not m
    ]


@pytest.mark.parametrize("inside", [True, False])
def test_a_row_becomes_a_frame(tmp_path, inside):
    with pytest.warns(OutsideWarning, match="left out: 3 x a frame in which no unit was coded"):
        data = open_dataset("bp4d", kit.bp4d(tmp_path, inside=inside))
    found = {s.key: s for s in data.samples}
    assert len(found) == 9 and [k for k in found if k.startswith("F001")] == [
        "F001/T1/2440",
        "F001/T1/2441",
        "F001/T1/12443",
    ]
    assert present(found["F001/T1/2440"]) == (["AU01", "AU12"], [])
    assert present(found["F001/T1/2441"]) == ([], ["AU12"])
    assert present(found["F001/T1/12443"]) == (["AU24"], [])
    s = found["M002/T1/2440"]
    assert s.groups == {"subject": "bp4d_M002"} and s.attributes == {"task": "T1", "gender": "m"}
    assert s.load().signals["face"].data.shape == (1, 16, 16, 3)


def test_999_is_not_coded_either_and_numbers_may_have_any_zeros(tmp_path):
    root = kit.bp4d(tmp_path, rows=((7, {1: 999, 2: 1}),), subjects=("F001",))
    folder = root / "BP4D" / "BP4D-training" / "F001" / "T1"
    (folder / "0007.jpg").rename(folder / "007.jpg")
    (sample,) = open_dataset("bp4d", root).samples
    assert present(sample) == (["AU02"], ["AU01"])


def test_a_frame_without_a_picture_is_counted(tmp_path):
    root = kit.bp4d(tmp_path, rows=((7, {}), (8, {})), subjects=("F001",))
    (root / "BP4D" / "BP4D-training" / "F001" / "T1" / "0008.jpg").unlink()
    with pytest.warns(OutsideWarning, match="left out: 1 x a frame without a picture$"):
        assert len(open_dataset("bp4d", root)) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2440,1", "2440,2", "F001_T1.csv: line 2: 2440, 2, .* is not a frame and 0, 1, 9 or 999"),
        ("2440,1", "2440,x", "line 2: 2440, x"),
        ("2440,1", "frame,1", "line 2: frame, 1"),
        ("2441,", "2440,", "a frame is coded twice"),
        ("0,1,2,4", "0,1,2,44", "unknown column '4'"),
    ],
)
def test_a_wrong_file_is_reported_and_skipped(tmp_path, old, new, message):
    root = kit.bp4d(tmp_path)
    path = root / "BP4D" / "AUCoding" / "AU_OCC" / "F001_T1.csv"
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    with pytest.warns(BrokenRowWarning, match=message):
        assert len(open_dataset("bp4d", root)) == 6


def test_wrong_places_and_options(tmp_path):
    root = kit.bp4d(tmp_path)
    home = root / "BP4D"
    (home / "AUCoding" / "AU_OCC" / "F001_T1.csv").rename(home / "AUCoding" / "AU_OCC" / "F001T1.csv")
    with pytest.warns(BrokenRowWarning, match="F001T1.csv: is not named like F001_T1.csv"):
        assert len(open_dataset("bp4d", root)) == 6
    with pytest.raises(AffectZooError, match="'disfa8_intensity' has no action units as presence"):
        open_dataset("bp4d", root, label_space="disfa8_intensity")
    with pytest.warns(BrokenRowWarning), pytest.raises(AffectZooError, match="has no usable sample"):
        open_dataset("bp4d", root, pictures="aligned")
    (home / "AUCoding").rename(home / "AUCodings")
    with pytest.raises(FileError, match="no folder 'AUCoding'. Did you mean 'AUCodings'"):
        open_dataset("bp4d", root)
    (home / "AUCoding").mkdir()
    with pytest.raises(FileError, match="holds no coding file"):
        open_dataset("bp4d", root)
    with pytest.raises(UnknownNameError, match="label_space"):
        open_dataset("bp4d", root, labelspace="bp4d12")


def test_the_contract_and_the_folds(tmp_path):
    root = kit.bp4d(tmp_path, tasks=("T1", "T8"))
    check_dataset("bp4d", root)
    folds = load_folds(load_card("bp4d"), "three_folds")
    sizes = [sum(f == str(i) for f in folds.assignment.values()) for i in range(3)]
    assert sizes == [14, 14, 13]
    assert {folds.assignment[f"bp4d_{s}"] for s in ("F001", "M014", "F023", "M008")} == {"0"}
    assert {folds.assignment[f"bp4d_{s}"] for s in ("F007", "M015", "F021")} == {"2"}
    parts = folds.parts(0, open_dataset("bp4d", root).samples, val_fraction=0)
    assert {k.split("/")[0] for k in parts["test"]} == {"F001"} and len(parts["train"]) == 12
