import cv2
import numpy as np
import pytest
from trackkit import face_predictor, register, save_picture, scene, write_clip

from affectzoo.errors import AffectZooError, FileError
from affectzoo.face.annotate import MOST_WIDTH, annotate, draw_recording
from affectzoo.face.panels import PANEL, Panels, colour_of
from affectzoo.face.video import open_frames
from affectzoo.inference.tracks import predict_tracks


@pytest.fixture(autouse=True)
def detector(monkeypatch):
    register(monkeypatch)


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "a.mp4", [scene([(10 + i, 40), (150, 60)] if i < 10 else []) for i in range(15)])


def test_a_film_has_all_frames_with_boxes_where_the_faces_are(clip, tmp_path):
    table, seen = predict_tracks(face_predictor(), clip), []
    path = draw_recording(clip, table, "a", str(tmp_path / "out"), lambda *a: seen.append(a))
    assert path == tmp_path / "out.mp4"
    frames = [f for f, _ in open_frames(path).frames]
    plain = [f for f, _ in open_frames(clip).frames]
    assert len(frames) == len(plain) == len(seen) == 15 and seen[-1] == pytest.approx((14 / 25, 15 / 25))
    scale = 360 / 160
    assert frames[0].shape == (360, 540 + PANEL, 3)
    edge = frames[3][round((40 + 32) * scale), round(13 * scale) - 3 : round(13 * scale) + 4].astype(int)
    assert np.abs(edge - colour_of("face0")).sum(1).min() < 90
    assert frames[3][:, 540:].std() > 2 * frames[13][:, 540:].std()


def test_a_picture_becomes_a_picture(tmp_path):
    path = save_picture(tmp_path / "p.png", scene([(20, 30)]))
    table = predict_tracks(face_predictor(), path)
    out = draw_recording(path, table, "p", str(tmp_path / "x.csv.p"))
    assert out.name == "x.csv.p.png" and cv2.imread(str(out)).shape == (360, 540 + PANEL, 3)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1500, 3000), (720, 1280), (37, 51)])
def test_sides_are_even_and_not_too_large(height, width, clip):
    table = predict_tracks(face_predictor(), clip)
    view = annotate(np.zeros((height, width, 3), np.uint8), table.frame.iloc[:2], Panels(table))
    assert view.shape[0] % 2 == 0 and view.shape[1] % 2 == 0 and view.shape[1] <= MOST_WIDTH + PANEL


def test_uneven_times_keep_the_length_of_the_film(tmp_path, monkeypatch, clip):
    from affectzoo.face import annotate as module
    from affectzoo.face.video import Frames

    table = predict_tracks(face_predictor(), clip)
    frames = [(scene([(20, 30)]), t) for t in (0.0, 0.04, 0.4, 0.44)]
    monkeypatch.setattr(module, "open_frames", lambda path: Frames(iter(frames), 25.0, 4))
    path = draw_recording("any", table, "a", str(tmp_path / "v"))
    assert sum(1 for _ in open_frames(path).frames) == 12


def test_more_faces_than_room_and_models_with_few_fields(tmp_path):
    path = save_picture(tmp_path / "ten.png", scene([(70 * (i % 5), 80 * (i // 5)) for i in range(10)], (160, 360)))
    table = predict_tracks(face_predictor(), path)
    assert draw_recording(path, table, "ten", str(tmp_path / "o")).exists()
    from dataclasses import replace

    only = replace(table, meta=replace(table.meta, kinds={"emotion": "probabilities"}))
    row = table.frame.iloc[0].to_dict()
    name, value = Panels(only).headline(row).split()
    values = table.values("emotion")[0]
    assert name == table.space.names("emotion")[values.argmax()] and float(value) == pytest.approx(
        values.max(), abs=0.006
    )
    assert Panels(only).column(table.frame, 360, 0.0).shape == (360, PANEL, 3)


def test_what_cannot_be_drawn_says_so(clip, tmp_path):
    table = predict_tracks(face_predictor(), clip)
    with pytest.raises(AffectZooError, match="b: the table has no faces"):
        draw_recording(clip, table, "b", str(tmp_path / "o"))
    (tmp_path / "file").write_text("")
    with pytest.raises((FileError, OSError)):
        draw_recording(clip, table, "a", str(tmp_path / "file" / "o"))


def test_a_timeline_shows_the_tracks_with_the_most_answers_and_none_of_nobody(tmp_path):
    from affectzoo.plots.timeline import _choose, plot_timeline

    lasting = (4, 12, 7, 15, 2)
    frames = [scene([(72 * k, 40) for k, n in enumerate(lasting) if i < n], (120, 360)) for i in range(18)]
    table = predict_tracks(face_predictor(), write_clip(tmp_path / "five.mp4", frames))
    shown, left_out = _choose(table, None)
    assert shown == [("five", "face3"), ("five", "face1"), ("five", "face2")] and left_out == 2
    assert plot_timeline(table, tmp_path / "t.png").stat().st_size > 10_000
