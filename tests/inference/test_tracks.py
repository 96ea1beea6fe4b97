import cv2
import numpy as np
import pytest
import torch
from trackkit import Blobs, face_predictor, register, save_picture, scene, write_clip

from affectzoo.errors import AffectZooError, FileError
from affectzoo.inference import tracks as tracks_module
from affectzoo.inference.run import predict_files
from affectzoo.inference.tracks import PLACE, TrackPredictor, predict_tracks
from affectzoo.structures.table import PredictionTable


@pytest.fixture(autouse=True)
def detector(monkeypatch):
    register(monkeypatch)


@pytest.fixture
def clip(tmp_path):
    """Two faces; the right one comes at frame 10, both are gone from frame 25 on."""

    def places(i):
        return [] if i >= 25 else [(10 + i, 40)] if i < 10 else [(10 + i, 40), (150 - i, 60)]

    return write_clip(tmp_path / "two.mp4", [scene(places(i)) for i in range(30)])


def columns_of(table):
    return [c for c in table.frame if c.split(".")[0] in table.meta.kinds]


def test_a_row_per_face_and_frame(clip):
    table = predict_tracks(face_predictor(), clip)
    frame = table.frame
    assert len(frame) == 10 + 2 * 15 + 5
    assert frame.groupby("track").size().to_dict() == {"": 5, "face0": 25, "face1": 15}
    assert table.meta.granularity == "step" and table.meta.rate_hz == pytest.approx(25)
    gone = frame[frame.track == ""]
    assert gone.t_s.to_numpy() == pytest.approx(np.arange(25, 30) / 25)
    assert set(gone.error) == {"no face was found"} and gone[[*PLACE, *columns_of(table)]].isna().all(None)
    there = frame[frame.track != ""]
    assert (there.error == "").all() and there[columns_of(table)].notna().all(None)
    first = frame[frame.track == "face0"]
    assert first["box.x"].to_numpy() == pytest.approx(10 + np.arange(25), abs=2)
    assert first[["box.y", "box.w", "box.h"]].to_numpy() == pytest.approx(np.tile([40, 64, 64], (25, 1)), abs=3)
    assert first.t_s.to_numpy() == pytest.approx(np.arange(25) / 25)
    assert set(frame.key) == {"two"} and set(frame.source) == {str(clip)}


def test_answers_are_those_to_the_crops_alone(clip):
    predictor = face_predictor()
    finder = TrackPredictor(predictor)
    table = finder(clip)
    _, _, pieces = finder.tracks(clip).open(clip)
    from affectzoo.structures.signal import Signal

    crops = [(t, x) for p in pieces for t, x in zip(p.tracks, p.signals.get("face", []), strict=False)]
    alone = predictor([Signal(x[None], 25.0) for _, x in crops])
    there = table.frame[table.frame.track != ""]
    assert there.track.tolist() == [t for t, _ in crops]
    assert there[columns_of(table)].to_numpy() == pytest.approx(alone.frame[columns_of(table)].to_numpy(), abs=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_batches_make_no_difference(clip, batch):
    whole, parts = (predict_tracks(face_predictor(), clip, batch_size=b) for b in (1000, batch))
    columns = ["t_s", *PLACE, *columns_of(whole)]
    assert parts.frame.track.tolist() == whole.frame.track.tolist()
    assert parts.frame[columns].to_numpy() == pytest.approx(whole.frame[columns].to_numpy(), abs=1e-5, nan_ok=True)


def over_time(reach, context):
    """Stands in for a causal temporal head: a step's features are the mean of its own and `reach` before."""
    predictor = face_predictor("frame")
    model = predictor.model
    plain = model.forward_head

    def forward_head(encoded, keys):
        x = encoded.values
        low = [max(0, i - reach) for i in range(x.shape[1])]
        encoded.values = torch.stack([x[:, lo : i + 1].mean(1) for i, lo in enumerate(low)], 1)
        return plain(encoded, keys)

    model.forward_head, model.context_steps = forward_head, context
    return predictor


def test_a_model_over_time_answers_in_pieces_as_to_whole_tracks(clip):
    whole = predict_tracks(over_time(6, 6), clip, batch_size=1000)
    parts = predict_tracks(over_time(6, 6), clip, batch_size=4)
    columns = columns_of(whole)
    assert parts.frame.track.tolist() == whole.frame.track.tolist()
    assert parts.frame[columns].to_numpy() == pytest.approx(whole.frame[columns].to_numpy(), abs=1e-5, nan_ok=True)
    forgets = predict_tracks(over_time(6, 0), clip, batch_size=4)
    assert np.nanmax(np.abs(forgets.frame[columns].to_numpy() - whole.frame[columns].to_numpy())) > 1e-4


@pytest.mark.parametrize(("reach", "batch"), [(6, 32), (1, 4)])
def test_a_track_that_was_away_begins_anew(tmp_path, reach, batch):
    frames = [scene([(30, 40)] if i < 8 or i > 10 else []) for i in range(20)]
    clip = write_clip(tmp_path / "a.mp4", frames)
    table = predict_tracks(over_time(reach, reach), clip, batch_size=batch)
    alone = predict_tracks(over_time(0, 0), clip)
    again = (table.frame.t_s - 11 / 25).abs() < 1e-6
    columns = columns_of(table)
    assert set(table.frame.track[again]) == {"face0"}
    assert table.frame[again][columns].to_numpy() == pytest.approx(alone.frame[again][columns].to_numpy(), abs=1e-5)


def test_pictures_have_one_step_at_zero(tmp_path):
    path = save_picture(tmp_path / "ten.png", scene([(70 * (i % 5), 80 * (i // 5)) for i in range(10)], (160, 360)))
    table = predict_tracks(face_predictor(), path)
    assert table.frame.track.tolist() == [f"face{i}" for i in range(10)]
    assert (table.frame.t_s == 0).all() and table.meta.granularity == "step" and table.meta.rate_hz is None


def test_nothing_found_is_one_error(tmp_path):
    empty = save_picture(tmp_path / "no.png", np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(FileError, match=r"no\.png: no face was found$"):
        predict_tracks(face_predictor(), empty)
    film = write_clip(tmp_path / "no.mp4", [np.zeros((40, 40, 3), np.uint8)] * 9)
    with pytest.raises(FileError, match=r"no\.mp4: no face was found \(in 9 of 9 rows, and none has an answer\)"):
        predict_tracks(face_predictor(), film)


def test_a_mixed_folder_resumes_and_keeps_going(tmp_path, clip):
    save_picture(tmp_path / "one.png", scene([(20, 20)]))
    save_picture(tmp_path / "none.jpg", np.zeros((8, 8, 3), np.uint8))
    cut = tmp_path / "cut.avi"
    write_clip(cut, [scene([(20 + i, 20)], seed=i) for i in range(40)], codec="MJPG")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (tmp_path / "void.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no film")
    paths = sorted(p for p in tmp_path.iterdir() if p.suffix in (".png", ".jpg", ".avi", ".mp4"))
    out = tmp_path / "out.csv"
    table = predict_files(face_predictor(), paths, out, progress=False)
    errors = table.frame[table.frame.error != ""].groupby("key").error.first().to_dict()
    assert "is truncated" in errors.pop("cut")
    assert {k: v for k, v in errors.items() if k != "text"} == {
        "none": "no face was found",
        "two": "no face was found",
        "void": "is empty (0 bytes)",
    }
    assert "is not a readable video" in errors["text"]
    answered = table.frame[table.frame.error == ""].groupby("key").size()
    assert answered["one"] == 1 and answered["two"] == 40 and 10 < answered["cut"] < 30
    assert PredictionTable.read(out).frame["box.x"].notna().sum() == answered.sum()
    with pytest.raises(FileError, match="is truncated"):
        predict_files(face_predictor(), [cut], out, strict=True, progress=False)


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    paths = [save_picture(tmp_path / f"p{i}.png", scene([(20, 20)], seed=i)) for i in range(4)]
    real, seen = TrackPredictor.__call__, []

    def call(self, path, *a, **kw):
        seen.append(path.name)
        if seen.count("p2.png") == 1 and path.name == "p2.png":
            raise KeyboardInterrupt
        return real(self, path, *a, **kw)

    monkeypatch.setattr(tracks_module.TrackPredictor, "__call__", call)
    with pytest.raises(KeyboardInterrupt):
        predict_files(face_predictor(), paths, tmp_path / "o.csv", progress=False)
    table = predict_files(face_predictor(), paths, tmp_path / "o.csv", progress=False)
    assert seen == ["p0.png", "p1.png", "p2.png", "p2.png", "p3.png"]
    assert table.frame.key.tolist() == ["p0", "p1", "p2", "p3"] and (table.frame.error == "").all()
    predict_files(face_predictor(), paths[:1], tmp_path / "o.csv", progress=False, whole=True)


def test_whole_is_as_before_and_seconds_cut(clip, tmp_path):
    predictor = face_predictor()
    whole = predict_files(predictor, [clip], tmp_path / "w.csv", progress=False, whole=True)
    assert len(whole.frame) == 1 and whole.meta.granularity == "clip" and "box.x" not in whole.frame
    short = predict_files(predictor, [clip], tmp_path / "s.csv", progress=False, seconds=0.4)
    assert short.frame.t_s.max() == pytest.approx(0.36)
    with pytest.raises(AffectZooError, match="seconds"):
        predict_files(predictor, [clip], tmp_path / "s.csv", progress=False, whole=True, seconds=0.4)


class Camera:
    """Endless faces at 25 frames a second, in no time."""

    def __init__(self, index):
        self.count = 0

    def isOpened(self):  # OpenCV's name
        return True

    def get(self, what):
        return 25.0

    def read(self):
        self.count += 1
        return True, scene([(20 + self.count % 50, 30)])[..., ::-1]

    def release(self):
        pass


def test_a_camera_for_some_seconds_and_until_it_is_interrupted(monkeypatch, tmp_path):
    from affectzoo.face import video

    monkeypatch.setattr(video.cv2, "VideoCapture", Camera)
    table = predict_files(face_predictor(), [tracks_module.Path("camera:0")], tmp_path / "c.csv", seconds=0.3)
    assert set(table.frame.key) == {"camera:0"} and len(table.frame) > 0 and table.frame.t_s.max() < 0.3
    finder = TrackPredictor(face_predictor())
    real = finder._batches

    def batches(pieces, live):
        for i, batch in enumerate(real(pieces, live)):
            if i == 3:
                raise KeyboardInterrupt
            yield batch

    finder._batches = batches
    assert len(finder("camera:0").frame) == 3


def test_faces_that_the_model_refuses_are_rows_with_an_error(clip):
    predictor = face_predictor()
    real, count = predictor.model.prepare, []

    def prepare(sample):
        count.append(1)
        if len(count) == 3:
            raise AffectZooError("too dark")
        return real(sample)

    predictor.model.prepare = prepare
    frame = predict_tracks(predictor, clip).frame
    assert frame.error[2] == "too dark" and (frame.error == "too dark").sum() == 1
    assert np.isfinite(frame["box.x"][2]) and (frame.error == "").sum() == 39


def test_models_without_a_policy_have_no_tracks(clip):
    predictor = face_predictor()
    predictor.model.find = None
    with pytest.raises(AffectZooError, match="find"):
        TrackPredictor(predictor)


def test_every_other_frame_is_enough_for_the_detector(clip):
    predict_tracks(face_predictor(), clip)
    assert Blobs.calls == 30
    Blobs.calls = 0
    table = predict_tracks(face_predictor(every=5), clip)
    assert Blobs.calls <= 6 + 8
    first = table.frame[table.frame.track == "face0"]
    assert first["box.x"].to_numpy()[:24] == pytest.approx(10 + np.arange(24), abs=3)


def test_odd_pictures(tmp_path):
    grey = cv2.cvtColor(scene([(20, 20)]), cv2.COLOR_RGB2GRAY)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "deep.png"), grey.astype(np.uint16) * 257)
    for name in ("grey.png", "deep.png"):
        frame = predict_tracks(face_predictor(), tmp_path / name).frame
        assert frame[["box.x", "box.y", "box.w"]].to_numpy()[0] == pytest.approx([20, 20, 64], abs=1)


def test_a_predictor_that_is_called_with_files_finds_faces_unless_told_otherwise(clip, tmp_path):
    predictor = face_predictor()
    save_picture(tmp_path / "one.png", scene([(20, 40)]))
    table = predictor([clip, tmp_path / "one.png"])
    columns = columns_of(table)
    assert set(table.frame.key) == {"two", "one"} and table.meta.granularity == "step"
    np.testing.assert_allclose(table.frame[columns][:-1], predict_tracks(predictor, clip).frame[columns], atol=1e-5)
    whole = predictor(tmp_path / "one.png", whole=True)
    assert whole.meta.granularity == "clip" and len(whole.frame) == 1
    assert not np.allclose(whole.frame[columns], table.frame[columns][-1:], atol=1e-4)
