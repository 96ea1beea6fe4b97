import numpy as np
import pytest

from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.face.openface import COLUMNS, DERIVED, au_columns, read_openface
from affectzoo.labels.space import load_space

META = ("frame", "face_id", "timestamp", "confidence", "success")


def write(path, rows, meta=META, columns=COLUMNS):
    """Rows of (meta..., value): the value is in all intensities, and its half in all presences. Blanks after commas."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [", ".join((*meta, *columns))]
    for *head, value in rows:
        lines.append(", ".join(map(str, (*head, *(value if c.endswith("_r") else value / 2 for c in columns)))))
    path.write_text("\n".join(lines) + "\n")
    return path


def clip(values, rate=25, face=0, **changed):
    return [
        (i + 1, face, round(i / rate, 3), changed.get("confidence", 0.98), changed.get("success", {}).get(i, 1), v)
        for i, v in enumerate(values)
    ]


def test_columns_are_those_of_openface():
    assert len(COLUMNS) == 35 and COLUMNS[:3] == ("AU01_r", "AU02_r", "AU04_r") and "AU28_r" not in COLUMNS
    assert au_columns("openface18")[-2:] == ("AU28_c", "AU45_c")
    with pytest.raises(UnknownNameError, match="'openface'.*'openface1"):
        au_columns("openface")


def test_signal_and_targets(tmp_path):
    (track,) = read_openface(write(tmp_path / "a.csv", clip([0.0, 1.0, 2.0])))
    assert track.rate_hz == pytest.approx(25) and track.t0_s == 0 and track.mask.all()
    assert track.signal.names == COLUMNS and track.signal.data[:, 0].tolist() == [0, 1, 2]
    intensity, presence = track.target("openface17"), track.target("openface18")
    assert intensity.values.shape == (3, 17) and intensity.values[2].tolist() == [2.0] * 17
    assert presence.values.shape == (3, 18) and presence.values[2].tolist() == [1.0] * 18
    assert intensity.derived == DERIVED and intensity.rate_hz == track.rate_hz


def test_failed_frames_are_masked_and_their_values_never_read(tmp_path):
    rows = clip([1.0, 9.0, 1.0], success={1: 0})  # 9 is out of range, but the row says that it failed
    (track,) = read_openface(write(tmp_path / "a.csv", rows))
    assert track.mask.tolist() == [True, False, True] and not track.values[1].any()
    assert track.target("openface17").mask[:, 0].tolist() == [True, False, True]
    nan = write(tmp_path / "n.csv", clip([1.0, float("nan")], success={1: 0}))
    assert read_openface(nan)[0].mask.tolist() == [True, False] and not read_openface(nan)[0].values[1].any()
    low = write(tmp_path / "b.csv", clip([1.0, 1.0], confidence=0.5))
    assert read_openface(low)[0].mask.all() and not read_openface(low, min_confidence=0.6)[0].mask.any()


def test_several_faces_and_lost_frames(tmp_path):
    """Face 10 has no row in the frame at 0.08 s: its clock goes on."""
    first, second = clip([0, 1, 0.5, 1], face=2), clip([1, 1, 1, 2, 0], face=10)
    rows = sorted([*first, *second[:2], *second[3:]], key=lambda r: (r[0], r[1]))
    two, ten = read_openface(write(tmp_path / "a.csv", rows))
    assert (two.face, ten.face) == ("2", "10") and len(two.values) == 4  # 10 after 2, not between 1 and 2
    assert ten.mask.tolist() == [True, True, False, True, True] and ten.values[3, 0] == 2
    data = open_dataset("openface_csv", path=tmp_path)
    assert [s.key for s in data.samples] == ["a#2", "a#10"] and data.samples[1].attributes["found"] == 0.8
    assert data.samples[0].groups == {"recording": "a"}


def test_a_single_picture(tmp_path):
    meta = ("face", "confidence")
    tracks = read_openface(write(tmp_path / "p.csv", [(0, 0.9, 1.0), (1, 0.8, 2.0)], meta))
    assert [t.values.shape for t in tracks] == [(1, 35)] * 2 and tracks[1].values[0, 0] == 2 and tracks[0].rate_hz == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (clip([0, 6.0]), r"line 3: AU01_r is 6, outside \[0, 5\]"),
        (clip([0, -1.0]), "line 3: AU01_r is -1"),
        (clip([0, float("nan")]), "line 3: AU01_r 'nan' is not a number"),
        ([*clip([0, 1]), (3, 0, 0.04, 0.9, 1, 1)], r"line 4: timestamp does not rise \(face 0\)"),
        ([*clip([0, 1, 1, 1]), (5, 0, 1e7, 0.9, 1, 1)], "times are broken"),
        ([(1, 0, 0.0, "high", 1, 1)], "line 2: confidence 'high' is not a number"),
        ([], "has no rows"),
    ],
)
def test_files_that_are_refused(tmp_path, rows, said):
    with pytest.raises(FileError, match=said):
        read_openface(write(tmp_path / "a.csv", rows))


def test_missing_columns_name_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="'AU28_c'"):
        read_openface(write(tmp_path / "a.csv", clip([1]), columns=[c for c in COLUMNS if c != "AU28_c"]))
    with pytest.raises(UnknownNameError, match="'success'"):
        read_openface(write(tmp_path / "b.csv", [r[:4] + r[5:] for r in clip([1])], meta=META[:4]))


def test_a_folder_of_files(tmp_path):
    write(tmp_path / "x" / "one.csv", clip([1, 2]))
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.warns(BrokenRowWarning, match="notes.csv"):
        data = open_dataset("openface_csv", path=tmp_path, label_space="openface18")
    (s,) = data.samples
    assert s.key == "x/one" and data.space == load_space("openface18") and s.targets["au"].values.shape == (2, 18)
    assert s.signals["au_features"].data.shape == (2, 35) and np.isfinite(s.signals["au_features"].data).all()
    with pytest.raises(AffectZooError, match="needs the option path"):
        open_dataset("openface_csv")
    with pytest.raises(FileError, match="no such folder"):
        open_dataset("openface_csv", path=tmp_path / "none")
    with pytest.warns(BrokenRowWarning, match="'vad'"), pytest.raises(AffectZooError, match="no usable sample"):
        open_dataset("openface_csv", path=tmp_path / "x", label_space="vad")


@pytest.mark.data
def test_the_real_file(data_root):
    (track,) = read_openface(data_root / "openface_sample" / "OpenFace_Test.csv")
    assert track.values.shape == (100, 35) and track.mask.all() and track.rate_hz == pytest.approx(1000)
    assert track.values[0, :2].tolist() == pytest.approx([0.6773, 0.4275])  # 1st line, AU01_r and AU02_r
