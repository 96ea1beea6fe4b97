import cv2
import numpy as np
import pytest

from affectzoo.errors import FileError
from affectzoo.face.drawing import au_matrix, draw_faces
from affectzoo.face.reader import read_image, read_video
from affectzoo.structures.signal import read_file


def picture(height=48, width=64):
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0] = 200  # red in RGB
    frame[: height // 2, :, 2] = np.arange(width) * 3
    return frame


def save(path, rgb):
    assert cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def write_video(path, frames, fps=25.0, codec="mp4v"):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, frames.shape[2:0:-1])
    if not writer.isOpened():
        pytest.skip(f"this OpenCV writes no {codec}")
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    au = au_matrix({12: np.linspace(0, 5, 30)}, 30)
    return write_video(tmp_path_factory.mktemp("clip") / "a.mp4", draw_faces(au, 1)), au


@pytest.mark.parametrize("ext", ["png", "bmp"])
def test_lossless_pictures_come_back_exactly(tmp_path, ext):
    signal = read_image(save(tmp_path / f"a.{ext}", picture()))["face"]
    assert signal.data.dtype == np.uint8 and signal.rate_hz == 1.0 and signal.t0_s == 0.0
    assert np.array_equal(signal.data, picture()[None])


def test_jpeg_is_close_and_in_rgb_order(tmp_path):
    data = read_image(save(tmp_path / "a.jpg", picture()))["face"].data
    assert data.shape == (1, 48, 64, 3)
    assert np.abs(data[0].astype(int) - picture()).mean() < 6
    assert data[..., 0].mean() > 180


def test_grey_and_transparent_pictures_become_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), picture()[..., 2])
    grey = read_image(tmp_path / "grey.png")["face"].data
    assert grey.shape == (1, 48, 64, 3) and np.ptp(grey, axis=-1).max() == 0
    layers = np.dstack([picture()[..., ::-1], np.full((48, 64), 9, np.uint8)])
    cv2.imwrite(str(tmp_path / "alpha.png"), layers)
    assert np.array_equal(read_image(tmp_path / "alpha.png")["face"].data[0], picture())


def cut(path, share):
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    return path


@pytest.mark.parametrize("ext", ["png", "jpg", "bmp"])
@pytest.mark.parametrize("share", [0.4, 0.95])
def test_truncated_picture(tmp_path, ext, share):
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    with pytest.raises(FileError, match=rf"a\.{ext}: the picture is truncated"):
        read_image(cut(save(tmp_path / f"a.{ext}", noise), share))


def test_truncated_jpeg_with_a_whole_thumbnail_inside(tmp_path):
    raw = save(tmp_path / "a.jpg", picture()).read_bytes()
    segment = b"Exif\x00\x00" + raw  # an APP1 segment that holds a whole JPEG with its own end mark
    both = raw[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + raw[2:]
    (tmp_path / "b.jpg").write_bytes(both)
    assert read_image(tmp_path / "b.jpg")["face"].data.shape == (1, 48, 64, 3)
    (tmp_path / "b.jpg").write_bytes(both[:-30])
    with pytest.raises(FileError, match="the picture is truncated"):
        read_image(tmp_path / "b.jpg")


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x00" * 500, b"RIFF....AVI "])
def test_not_a_picture(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.png.*not a readable picture"):
        read_image(tmp_path / "a.png")


def test_missing_empty_and_foreign_files_are_named(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    for name, text in (("none.png", "no such file"), ("empty.png", "0 bytes"), ("a.gif", r"\.gif")):
        with pytest.raises(FileError, match=text):
            read_file(tmp_path / name, ("face",))


@pytest.mark.parametrize("read", [read_image, read_video])
def test_a_folder_or_nothing_where_a_file_should_be(tmp_path, read):
    for path in (tmp_path, tmp_path / "none.png"):
        with pytest.raises(FileError, match=path.name):
            read(path)


def test_video_frames_rate_and_content(clip):
    path, au = clip
    signal = read_file(path, ("face",))["face"]
    assert signal.data.shape == (30, 64, 64, 3) and signal.rate_hz == pytest.approx(25.0)
    drawn = draw_faces(au, 1).astype(int)
    assert np.abs(signal.data.astype(int) - drawn).mean() < 12  # RGB order; compression loses a little
    assert np.abs(signal.data[..., ::-1].astype(int) - drawn).mean() > 12


def test_large_frames_are_scaled_to_the_bound_and_keep_their_aspect(tmp_path):
    frames = np.full((3, 120, 400, 3), 90, np.uint8)
    path = write_video(tmp_path / "wide.avi", frames, codec="MJPG")
    assert read_video(path)["face"].data.shape == (3, 77, 256, 3)
    assert read_video(path, max_side=100)["face"].data.shape == (3, 30, 100, 3)
    assert read_video(path, max_side=1000)["face"].data.shape == (3, 120, 400, 3)


def test_too_many_frames(clip):
    assert len(read_video(clip[0], max_frames=30)["face"]) == 30
    with pytest.raises(FileError, match="more than 29 frames"):
        read_video(clip[0], max_frames=29)


@pytest.mark.parametrize("content", [b"", b"not a video" * 50, b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 200])
def test_not_a_video(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.mp4.*(not a readable video|no frames)"):
        read_video(tmp_path / "a.mp4")


def test_a_broken_video_leaves_no_lines_of_the_decoder_on_stderr(tmp_path, capfd):
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(range(200)))
    with pytest.raises(FileError):
        read_video(tmp_path / "a.mp4")
    assert capfd.readouterr().err == ""


def test_a_playlist_does_not_open_other_files(tmp_path, clip):
    (tmp_path / "other.mp4").write_bytes(clip[0].read_bytes())
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile other.mp4\n")
    with pytest.raises(FileError, match="playlist"):
        read_video(tmp_path / "a.mp4")


def test_truncated_mp4(tmp_path, clip):
    copy = tmp_path / "cut.mp4"
    copy.write_bytes(clip[0].read_bytes())
    with pytest.raises(FileError, match=r"cut\.mp4"):
        read_video(cut(copy, 0.6))


def test_truncated_avi(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8)
    path = write_video(tmp_path / "cut.avi", frames, codec="MJPG")
    assert len(read_video(path)["face"]) == 40
    with pytest.raises(FileError, match=r"is truncated: \d+ of 40 frames"):
        read_video(cut(path, 0.5))


def test_zero_frames(tmp_path):
    path = write_video(tmp_path / "none.avi", np.zeros((0, 64, 64, 3), np.uint8), codec="MJPG")
    with pytest.raises(FileError, match=r"none\.avi"):
        read_video(path)


@pytest.mark.data
def test_real_pictures_and_videos(data_root):
    faces = sorted((data_root / "face_london" / "img").rglob("*.jpg"))[:3]
    assert all(read_image(p)["face"].data.shape == (1, 224, 224, 3) for p in faces) and faces
    signal = read_video(data_root / "video_samples" / "single_face.mp4")["face"]
    assert max(signal.data.shape[1:3]) <= 256 and len(signal) > 1 and 5 < signal.rate_hz < 120
