import time
from contextlib import closing
from fractions import Fraction

import cv2
import numpy as np
import pytest

from affectzoo.errors import AffectZooError, FileError
from affectzoo.face import video
from affectzoo.face.video import open_frames
from affectzoo.inference.ahead import run_ahead


def grey_levels(values, height=32, width=48):
    return np.broadcast_to(np.asarray(values, np.uint8)[:, None, None, None], (len(values), height, width, 3))


def write_film(path, frames, times_ms):
    """An H.264 file whose frames have these times."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for image, t in zip(frames, times_ms, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
            frame.pts, frame.time_base = int(t), Fraction(1, 1000)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


def times_of(source):
    with closing(source.ahead()) as frames:
        return [t for _, t in frames]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_are_the_files_own_at_a_variable_frame_rate(tmp_path, suffix):
    times = np.cumsum([0, 40, 40, 10, 200, 33, 33, 500, 20, 40])
    source = open_frames(write_film(tmp_path / f"a{suffix}", grey_levels(range(0, 200, 20)), times))
    with closing(source.ahead()) as frames:
        seen = [(image.mean(), t) for image, t in frames]
    assert [t for _, t in seen] == pytest.approx(times / 1000, abs=2e-3)
    assert [round(m / 20) for m, _ in seen] == list(range(10))


def test_even_times_rate_and_length(tmp_path):
    source = open_frames(write_film(tmp_path / "a.mp4", grey_levels(range(50)), np.arange(50) * 40))
    assert source.rate_hz == pytest.approx(25) and source.seconds == pytest.approx(2.0) and not source.live
    assert times_of(source) == pytest.approx(np.arange(50) / 25, abs=1e-6)


def test_a_truncated_film_gives_its_frames_and_then_the_error(tmp_path):
    rng = np.random.default_rng(0)
    path = write_film(tmp_path / "a.mkv", rng.integers(0, 255, (60, 64, 64, 3), np.uint8), np.arange(60) * 40)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    source, seen = open_frames(path), []
    if not source.count:
        pytest.skip("this container does not say how many frames there should be")
    with pytest.raises(FileError, match=r"a\.mkv: is truncated: \d+ of \d+ frames"):
        for frame in source.ahead():
            seen.append(frame)
    assert 10 < len(seen) < 50


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"#EXTM3U\nx.mp4", "is a playlist"), (b"hello " * 99, "is not a readable video")],
)
def test_what_is_no_film(tmp_path, content, message):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(FileError, match=rf"a\.mp4: {message}"):
        open_frames(tmp_path / "a.mp4")


def test_times_that_do_not_go_on_are_made_up(tmp_path, monkeypatch):
    path = write_film(tmp_path / "a.mp4", grey_levels(range(6)), np.arange(6) * 40)
    real = cv2.VideoCapture

    class Stuck:
        def __init__(self, *arguments):
            self.capture = real(*arguments)

        def __getattr__(self, name):
            return getattr(self.capture, name)

        def get(self, what):
            return 0.0 if what == cv2.CAP_PROP_POS_MSEC else self.capture.get(what)

    monkeypatch.setattr(video.cv2, "VideoCapture", Stuck)
    assert times_of(open_frames(path)) == pytest.approx(np.arange(6) / 25)


class FakeCamera:
    """Gives frames at once, until it is released."""

    def __init__(self, index):
        self.index, self.frames, self.released = index, 0, False
        FakeCamera.last = self

    def isOpened(self):  # OpenCV's name
        return self.index == 0

    def get(self, what):
        return 0.0

    def read(self):
        self.frames += 1
        return self.frames < 1000, np.full((8, 8, 3), min(self.frames, 255), np.uint8)

    def release(self):
        self.released = True


def test_a_slow_consumer_misses_frames_of_a_camera_but_none_of_a_film(monkeypatch):
    monkeypatch.setattr(video.cv2, "VideoCapture", FakeCamera)
    source = open_frames("camera:0")
    assert source.live and source.rate_hz == 30.0
    frames = source.ahead()
    _, first = next(frames)
    time.sleep(0.05)
    frames.close()
    assert first >= 0 and FakeCamera.last.released and FakeCamera.last.frames > 20
    with pytest.raises(AffectZooError, match="camera:3 cannot be opened"):
        open_frames("camera:3")


def test_running_ahead_keeps_order_bounds_and_errors():
    made = []

    def source():
        for i in range(50):
            made.append(i)
            yield i
        raise ValueError("the end is broken")

    items, seen = run_ahead(source(), 3), []
    with pytest.raises(ValueError, match="the end is broken"):
        for i in items:
            assert len(made) <= i + 1 + 3 + 2
            seen.append(i)
    assert seen == list(range(50))


def test_closing_ends_the_thread_and_the_source():
    closed = []

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    items = run_ahead(endless(), 2)
    assert next(items) == 1
    items.close()
    assert closed == [True]


def picture(tmp_path, name, mode, **save):
    image = pytest.importorskip("PIL.Image")
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[:, :30] = (200, 40, 40)
    image.fromarray(rgb).convert(mode).save(tmp_path / name, **save)
    return tmp_path / name, rgb


def test_cmyk_and_rotated_jpegs(tmp_path):
    pytest.importorskip("PIL.Image")
    path, rgb = picture(tmp_path, "cmyk.jpg", "CMYK")
    ((image, t_s),) = open_frames(path).ahead()
    assert t_s == 0.0 and np.abs(image.astype(int) - rgb).mean() < 12
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    path, rgb = picture(tmp_path, "turned.jpg", "RGB", exif=exif, quality=95)
    ((image, _),) = open_frames(path).ahead()
    assert image.shape == (60, 40, 3) and np.abs(image.astype(int) - np.rot90(rgb, -1)).mean() < 6


def test_sixteen_bits_grey_and_tiny(tmp_path):
    deep = np.linspace(0, 65535, 8 * 8).reshape(8, 8).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    ((image, _),) = open_frames(tmp_path / "a.png").ahead()
    assert image.shape == (8, 8, 3) and image.dtype == np.uint8
    assert np.abs(image[..., 0].astype(int) - deep / 257).max() <= 1
