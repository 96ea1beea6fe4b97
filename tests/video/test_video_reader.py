"""Readers of clips with face and sound: what was written comes back, and what is wrong is named."""

import builtins

import cv2
import numpy as np
import pytest
import soundfile

from affectzoo.errors import FileError
from affectzoo.structures.signal import read_file
from affectzoo.video.reader import read_npz, read_video
from affectzoo.video.synthetic import generate, write_files

BOTH = ("face", "audio")


def arrays(**change) -> dict:
    face = np.zeros((10, 16, 16, 3), np.uint8)
    audio = np.full(16000, 0.1, np.float32)
    return {"face": face, "face_rate_hz": 10.0, "audio": audio, "audio_rate_hz": 16000.0} | change


def film(path, frames=20, rate=10.0):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate, (32, 32))
    for i in range(frames):
        writer.write(np.full((32, 32, 3), 10 * i, np.uint8))
    writer.release()
    return path


def tone(seconds: float, rate: int = 16000, start: float = 0.0) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 440 * t) * (t >= start)).astype(np.float32)


def test_npz_round_trip(tmp_path):
    (path,) = write_files(tmp_path, 1, seed=2, seconds=2.0)
    (sample,) = generate(1, seed=2, seconds=2.0)
    signals = read_file(path, BOTH)
    for name in BOTH:
        np.testing.assert_array_equal(signals[name].data, sample.signals[name].data)
        assert signals[name].rate_hz == sample.signals[name].rate_hz and signals[name].t0_s == 0


def test_film_with_side_car_round_trip(tmp_path):
    (path,) = write_files(tmp_path, 1, seed=2, seconds=2.0, suffix=".mp4")
    (sample,) = generate(1, seed=2, seconds=2.0)
    signals = read_file(path, BOTH)
    np.testing.assert_allclose(signals["audio"].data, sample.signals["audio"].data, atol=1 / 32000)
    face = sample.signals["face"].data.astype(float)
    assert signals["face"].rate_hz == 10 and signals["face"].data.shape == face.shape
    assert np.abs(signals["face"].data - face).mean() < 12  # a lossy codec; red and blue are not swapped
    assert np.abs(signals["face"].data[..., ::-1] - face).mean() > 12


def test_side_car_needs_no_pyav(tmp_path, monkeypatch):
    without_pyav(monkeypatch)
    soundfile.write(tmp_path / "a.wav", tone(2.0), 16000)
    assert read_video(film(tmp_path / "a.mp4"))["audio"].duration_s == 2.0


def test_without_pyav_and_side_car_the_extra_is_named(tmp_path, monkeypatch):
    without_pyav(monkeypatch)
    with pytest.raises(FileError, match=r"a\.mp4: .*affectzoo\[video\].*a\.wav"):
        read_video(film(tmp_path / "a.mp4"))


def without_pyav(monkeypatch):
    real = builtins.__import__

    def fake(name, *args, **kw):
        if name == "av":
            raise ModuleNotFoundError("No module named 'av'", name="av")
        return real(name, *args, **kw)

    monkeypatch.setattr(builtins, "__import__", fake)


def muxed(path, sound: np.ndarray, delay_s: float = 0.0, frames: int = 20):
    """A film with picture and sound written by PyAV."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as out:
        picture = out.add_stream("mpeg4", rate=10)
        picture.width = picture.height = 32
        track = out.add_stream("pcm_s16le" if path.suffix == ".mkv" else "aac", rate=16000, layout="mono")
        for i in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 10 * i, np.uint8), format="rgb24")
            out.mux(picture.encode(frame))
        out.mux(picture.encode())
        data = np.round(sound * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16000, round(delay_s * 16000)
        out.mux(track.encode(frame))
        out.mux(track.encode())
    return path


def test_sound_track_of_a_film(tmp_path):
    signals = read_file(muxed(tmp_path / "a.mkv", tone(2.0, start=0.5)), BOTH)
    audio = signals["audio"]
    assert audio.rate_hz == 16000 and audio.duration_s == pytest.approx(2.0, abs=0.01)
    np.testing.assert_allclose(audio.data[:32000], tone(2.0, start=0.5), atol=1e-3)
    assert len(signals["face"]) == 20


def test_late_sound_is_put_on_the_clock_of_the_picture(tmp_path):
    audio = read_video(muxed(tmp_path / "a.mkv", tone(1.5), delay_s=0.5))["audio"]
    assert audio.duration_s == pytest.approx(2.0, abs=0.01) and audio.t0_s == 0
    assert np.flatnonzero(np.abs(audio.data) > 1e-3)[0] == pytest.approx(8000, abs=40)


def test_compressed_sound_track(tmp_path):
    audio = read_video(muxed(tmp_path / "a.mp4", tone(2.0)))["audio"]
    assert audio.duration_s == pytest.approx(2.0, abs=0.2)
    spectrum = np.abs(np.fft.rfft(audio.data[4000:20000]))
    assert spectrum.argmax() == pytest.approx(440, abs=1)


def test_film_without_sound(tmp_path):
    pytest.importorskip("av")
    path = film(tmp_path / "a.mp4")
    assert set(read_video(path)) == {"face"}
    with pytest.raises(FileError, match="has no audio stream"):
        read_file(path, BOTH)


def test_sound_and_picture_that_do_not_belong_together(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(4.0), 16000)
    with pytest.raises(FileError, match=r"sound \(4\.00 s\) and picture \(2\.00 s\)"):
        read_video(film(tmp_path / "a.mp4"))
    np.savez(tmp_path / "a.npz", **arrays(audio=np.zeros(64000, np.float32)))
    with pytest.raises(FileError, match="differ by"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"face": np.zeros((10, 16, 16), np.uint8)}, "'face' must be"),
        ({"face": np.zeros((10, 16, 16, 3), np.float32)}, "'face' must be"),
        ({"face": np.zeros((0, 16, 16, 3), np.uint8)}, "'face' must be"),
        ({"audio": np.zeros((16000, 2), np.float32)}, "'audio' must be"),
        ({"audio": np.zeros(16000, np.int16)}, "'audio' must be"),
        ({"audio": np.zeros(0, np.float32)}, "'audio' must be"),
        ({"face_rate_hz": -1.0}, "'face_rate_hz' must be"),
        ({"audio_rate_hz": np.nan}, "'audio_rate_hz' must be"),
        ({"audio_rate_hz": "fast"}, "'audio_rate_hz' must be"),
        ({"face": np.array([{"a": 1}], dtype=object)}, "pickled"),
    ],
)
def test_bad_npz(tmp_path, change, reason):
    path = tmp_path / "clip.npz"
    np.savez(path, **arrays(**change))
    with pytest.raises(FileError, match=reason) as error:
        read_npz(path)
    assert str(error.value).startswith(str(path))


def test_missing_array_names_the_nearest(tmp_path):
    full = arrays()
    full["audio_rate"] = full.pop("audio_rate_hz")
    np.savez(tmp_path / "a.npz", **full)
    with pytest.raises(FileError, match="missing array 'audio_rate_hz'.*'audio_rate'"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"not a zip at all", b"PK\x03\x04 cut"])
def test_broken_npz(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(FileError, match="not a readable npz"):
        read_npz(tmp_path / "a.npz")
