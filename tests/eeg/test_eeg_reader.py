import numpy as np
import pytest

from affectzoo.eeg.reader import read_npz
from affectzoo.errors import FileError
from affectzoo.structures.signal import read_file

NAMES = np.array(["F3", "F4", "Fz"])


def recording():
    return np.random.default_rng(0).normal(0, 12, (640, 3)).astype(np.float32)


def save(folder, **changes):
    arrays = {"data": recording(), "rate_hz": 128.0, "channels": NAMES} | changes
    np.savez(folder / "a.npz", **{k: v for k, v in arrays.items() if v is not None})
    return folder / "a.npz"


def test_a_good_file(tmp_path):
    signal = read_file(save(tmp_path, subject="s1"), ("eeg",))["eeg"]  # other arrays are none of our business
    assert np.array_equal(signal.data, recording()) and signal.data.dtype == np.float32
    assert (signal.rate_hz, signal.t0_s, signal.names) == (128.0, 0.0, ("F3", "F4", "Fz"))


def test_integers_and_array_rates_are_fine(tmp_path):
    path = save(tmp_path, data=recording().round().astype(np.int16), rate_hz=np.array([250]))
    assert read_npz(path)["eeg"].rate_hz == 250.0


def holed(value):
    data = recording()
    data[5, 1] = value
    return data


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"data": None}, "no array 'data' .found rate_hz, channels"),
        ({"rate_hz": None, "rate": 128.0}, "no array 'rate_hz'.*rate"),
        ({"channels": None}, "no array 'channels'"),
        ({"data": recording()[:, 0]}, r"must be \(T, C\).*\(640,\)"),
        ({"data": recording()[None]}, r"must be \(T, C\)"),
        ({"data": recording()[:0]}, r"must be \(T, C\)"),
        ({"data": recording().T}, "looks transposed"),
        ({"data": recording()[:, :2]}, "has 3 names"),
        ({"data": recording() * 1j}, "real numbers"),
        ({"data": recording().astype(str)}, "real numbers"),
        ({"data": holed(np.nan)}, "1 values that are NaN"),
        ({"data": holed(np.inf)}, "infinite"),
        ({"data": recording() * 1e-6}, "volts or millivolts"),
        ({"data": recording() * 1e-3}, "volts or millivolts"),
        ({"data": recording() * 1e3}, "raw counts or nanovolts"),
        ({"data": np.full((640, 3), 7.0)}, "all 3 channels are flat"),
        ({"rate_hz": 0.0}, "rate_hz must be one positive"),
        ({"rate_hz": -128.0}, "rate_hz must be one positive"),
        ({"rate_hz": np.nan}, "rate_hz must be one positive"),
        ({"rate_hz": np.array([128.0, 128.0, 128.0])}, "rate_hz must be one positive"),
        ({"rate_hz": "128"}, "rate_hz must be one positive"),
        ({"channels": np.array(["F3", "F4", "F3"])}, "occur twice: F3"),
        ({"channels": np.arange(3)}, "list of names"),
    ],
)
def test_bad_arrays(tmp_path, changes, text):
    with pytest.raises(FileError, match=r"a\.npz: .*" + text):
        read_npz(save(tmp_path, **changes))


def test_a_large_offset_and_drift_are_not_mistaken_for_a_wrong_unit(tmp_path):
    drift = np.linspace(0, 300, 640)[:, None]
    assert read_npz(save(tmp_path, data=recording() + 40_000 + drift))["eeg"].data.mean() > 40_000


def test_one_flat_channel_is_allowed(tmp_path):
    data = recording()
    data[:, 2] = 0
    assert read_npz(save(tmp_path, data=data))["eeg"].data.shape == (640, 3)


def test_pickled_objects_are_never_loaded(tmp_path):
    path = save(tmp_path, channels=np.array(["F3", "F4", None], dtype=object))
    with pytest.raises(FileError, match="without pickled objects"):
        read_npz(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really a zip", b"text", b"\x80\x04K\x01."])
def test_not_an_archive(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.npz: is not a readable .npz"):
        read_npz(tmp_path / "a.npz")


def test_truncated_archive(tmp_path):
    raw = save(tmp_path).read_bytes()
    (tmp_path / "a.npz").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(FileError, match="is not a readable .npz"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_damaged_member(tmp_path, write):
    write(tmp_path / "a.npz", data=recording(), rate_hz=128.0, channels=NAMES)
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    raw[2000:2100] = bytes(100)  # inside `data`
    (tmp_path / "a.npz").write_bytes(bytes(raw))
    with pytest.raises(FileError, match="is not a readable .npz"):
        read_npz(tmp_path / "a.npz")


def test_single_array_file(tmp_path):
    np.save(tmp_path / "a.npy", recording())
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(FileError, match="single array"):
        read_npz(tmp_path / "a.npz")
