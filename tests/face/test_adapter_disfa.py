import facekit as kit
import numpy as np
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.face.adapters.frames import FrameRef, frame_of_video, numbered
from affectzoo.testing import check_dataset

AUS = load_card("disfa").space.names("au")


def column(data, unit, subject="SN001"):
    i = data.space.names("au").index(unit)
    return [float(s.targets["au"].values[i]) for s in data.samples if s.key.startswith(subject)]


def labels(root, subject="SN001", unit=12):
    return root / "DISFA" / "ActionUnit_Labels" / subject / f"{subject}_au{unit}.txt"


def test_presence_is_an_intensity_of_two_or_more(tmp_path):
    data = open_dataset("disfa", kit.disfa(tmp_path))
    assert len(data) == 18 and data.space.name == "disfa8"
    assert column(data, "AU01") == [0, 0, 1, 1, 1, 1] and column(data, "AU12") == [1, 1, 1, 1, 0, 0]
    assert column(data, "AU26") == [0] * 6
    s = data.samples[0]
    assert (s.key, s.groups) == ("SN001/0001", {"subject": "disfa_SN001"}) and s.targets["au"].mask.all()


def test_intensities_as_they_are(tmp_path):
    data = open_dataset("disfa", kit.disfa(tmp_path), label_space="disfa8_intensity")
    assert data.space.au_kind == "intensity" and column(data, "AU12", "SN006") == [5, 4, 3, 2, 1, 0]


def test_frames_come_out_of_the_film_in_any_order(tmp_path):
    data = open_dataset("disfa", kit.disfa(tmp_path))
    for i in (0, 5, 2, 2, 8, 3):  # forward, back, again, another film
        frame = data.samples[i].load().signals["face"].data
        assert frame.shape == (1, 32, 32, 3) and frame.dtype == np.uint8
        assert abs(int(frame.mean()) - 10 * (i % 6 + 1)) <= 2, i
    assert len({(r.path, r.start_s) for r in (s.signals["face"] for s in data.samples)}) == 18  # what a cache sees


def test_a_film_is_opened_once_for_all_its_frames(tmp_path, monkeypatch):
    from affectzoo.face.adapters import frames

    opened = []
    real = frames.cv2.VideoCapture
    monkeypatch.setattr(frames.cv2, "VideoCapture", lambda *a: opened.append(a) or real(*a))
    for s in open_dataset("disfa", kit.disfa(tmp_path, subjects=("SN001",))).samples:
        s.load()
    assert len(opened) == 1


def test_a_film_that_ends_early(tmp_path):
    root = kit.disfa(tmp_path)
    path = kit.video(root / "DISFA" / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", [1, 2, 3, 4])
    with pytest.raises(FileError, match=r"LeftVideoSN001_comp.avi: has no frame 4 .*ends or breaks after 4 frames"):
        open_dataset("disfa", root).samples[4].load()
    assert frame_of_video(path, 3, 20.0).load().data.shape[0] == 1  # and the next request starts afresh
    path.write_bytes(b"not a film")
    with pytest.raises(FileError, match="not a readable video"):
        FrameRef(path, "face", frame=0).load()


def test_pictures_beside_the_labels(tmp_path):
    root = kit.disfa(tmp_path)
    for number in (0, 1, 2, 4, 5):
        kit.picture(root / "DISFA" / "aligned" / "SN001" / f"{number}.png", 40 * number)
    with (
        pytest.warns(BrokenRowWarning, match="SN006: no such folder of pictures"),
        pytest.warns(OutsideWarning, match="left out: 1 x a frame without a picture"),
    ):
        data = open_dataset("disfa", root, pictures="aligned", first=0)
    assert [s.key for s in data.samples] == [f"SN001/000{k}" for k in (1, 2, 3, 5, 6)]
    assert column(data, "AU01") == [0, 0, 1, 1, 1]
    assert [int(s.load().signals["face"].data.mean()) for s in data.samples] == [0, 40, 80, 160, 200]
    wrong = "first: .*picture number 0, below first=1: which one shows frame 1"
    with pytest.warns(BrokenRowWarning), pytest.raises(AffectZooError, match=wrong):
        open_dataset("disfa", root, pictures="aligned")


def test_pictures_are_found_by_number(tmp_path):
    for name in ("0001.jpg", "SN001_02.png", "notes.txt", "cover.jpg"):
        kit.picture(tmp_path / name) if name[-3:] != "txt" else (tmp_path / name).write_text("x")
    assert {n: p.name for n, p in numbered(tmp_path).items()} == {1: "0001.jpg", 2: "SN001_02.png"}
    kit.picture(tmp_path / "1.jpg")
    with pytest.raises(FileError, match="1.jpg: is number 1, and so is 0001.jpg"):
        numbered(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,0\n2,6\n", "line 2: intensity 6 is not 0 to 5"),
        ("1,0\n2,-1\n", "line 2: intensity -1"),
        ("1,0\n2,x\n", "is not lines of frame,intensity"),
        ("1,0.5\n", "is not lines of frame,intensity"),
        ("1\n2\n", "is not lines of frame,intensity"),
        ("1,0\n2,0\n", "has other frames than SN001_au1.txt"),
    ],
)
def test_a_wrong_label_file_takes_its_person_out(tmp_path, content, message):
    root = kit.disfa(tmp_path)
    labels(root).write_text(content)
    with pytest.warns(BrokenRowWarning, match=message):
        data = open_dataset("disfa", root)
    assert {s.groups["subject"] for s in data.samples} == {"disfa_SN003", "disfa_SN006"}


def test_wrong_places_and_options(tmp_path):
    root = kit.disfa(tmp_path)
    labels(root).unlink()
    with pytest.warns(BrokenRowWarning, match="SN001_au12.txt: no such file"):
        assert len(open_dataset("disfa", root)) == 12
    with pytest.warns(BrokenRowWarning), pytest.raises(AffectZooError, match="has no usable sample; 3 rows"):
        open_dataset("disfa", root, camera="right")
    with pytest.raises(UnknownNameError, match="unknown camera 'lef'. Did you mean 'left'"):
        open_dataset("disfa", root, camera="lef")
    with pytest.raises(UnknownNameError, match="unknown action unit 'AU07'"):
        open_dataset("disfa", root, label_space="bp4d12")
    with pytest.raises(AffectZooError, match="'ekman7' has no action units"):
        open_dataset("disfa", root, label_space="ekman7")
    (root / "DISFA" / "ActionUnit_Labels").rename(root / "DISFA" / "ActionUnitLabels")
    with pytest.raises(FileError, match="no folder 'ActionUnit_Labels'. Did you mean 'ActionUnitLabels'"):
        open_dataset("disfa", root)


def test_the_contract_and_the_folds(tmp_path):
    root = kit.disfa(tmp_path)
    check_dataset("disfa", root)
    check_dataset("disfa", root, label_space="disfa8_intensity")
    folds = load_folds(load_card("disfa"), "three_folds")
    members = [{s for s, f in folds.assignment.items() if f == str(i)} for i in range(3)]
    assert [len(m) for m in members] == [9, 9, 9] and folds.by == "subject"
    assert members[0] == {f"disfa_SN{n}" for n in ["001", "002", "009", "010", "016", "026", "027", "030", "032"]}
    assert members[2] == {f"disfa_SN{n}" for n in ["003", "004", "005", "007", "008", "017", "023", "025", "029"]}
    data = open_dataset("disfa", root)
    parts = folds.parts(1, data.samples, val_fraction=0)
    assert {k[:5] for k in parts["test"]} == {"SN006"} and {k[:5] for k in parts["train"]} == {"SN001", "SN003"}
