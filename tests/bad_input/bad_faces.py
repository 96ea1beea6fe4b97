"""Pictures and films in which faces have to be found: none, many, odd formats, broken ends.

The detector is a stand-in without weights; what is looked at is what a table says of such files.
"""

import cv2
import numpy as np
from badkit import Case, command, scratch

FIND = {"detector": "bright", "every": 1, "geometry": {"size": 64, "eye_y": 0.42, "eye_distance": 0.26}}


class Bright:
    """Every connected area that is not dark, of at least 12 pixels a side, is a face."""

    def __call__(self, frames):
        return [self._faces(frame) for frame in frames]

    def _faces(self, frame):
        from affectzoo.face.detect import Faces, no_faces

        _, _, stats, _ = cv2.connectedComponentsWithStats((frame.max(2) > 60).astype(np.uint8))
        stats = stats[1:][(stats[1:, 2:4] >= 12).all(1)]
        if not len(stats):
            return no_faces()
        low, size = stats[:, :2], stats[:, 2:4]
        points = np.array([[0.37, 0.42], [0.63, 0.42], [0.5, 0.55], [0.42, 0.66], [0.58, 0.66]])
        boxes = np.concatenate([low, low + size], 1).astype(np.float32)
        scores = np.full(len(low), 0.9, np.float32)
        return Faces(boxes, scores, (low[:, None] + points * size[:, None]).astype(np.float32))


def faces(count=1, side=40):
    """A dark picture with bright squares, which is all that the stand-in wants of a face."""
    frame = np.zeros((110, 300, 3), np.uint8)
    for i in range(count):
        y, x = 5 + 55 * (i // 5), 10 + 58 * (i % 5)
        frame[y : y + side, x : x + side] = 120 + 10 * i
    return frame


def picture(name, frame, turned=False):
    """Writes a picture; turned: with an EXIF note that it is to be shown turned by a quarter."""

    def make(folder):
        cv2.imwrite(str(folder / name), frame)
        if turned:
            raw = (folder / name).read_bytes()
            tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
            segment = b"Exif\x00\x00" + tiff
            head = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
            (folder / name).write_bytes(raw[:2] + head + raw[2:])
        return folder / name

    return make


def film(name, frames, share=1.0):
    """Writes a film of JPEG frames, `share` of its bytes."""

    def make(folder):
        path = folder / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, frames[0].shape[1::-1])
        for frame in frames:
            writer.write(frame)
        writer.release()
        raw = path.read_bytes()
        path.write_bytes(raw[: int(len(raw) * share)])
        return path

    return make


def found(make):
    """A trigger: predict one file by a model that finds faces; rows, tracks, answers, and the errors of the others."""

    def trigger(folder):
        import torch

        from affectzoo.face import detect
        from affectzoo.inference.predictor import Predictor
        from affectzoo.inference.run import predict_files
        from affectzoo.zoo.factory import create_model

        detect.DETECTORS["bright"] = "bad_faces.Bright"
        torch.manual_seed(0)
        model = create_model("face/small_cnn", "ekman7", width=8, dim=16)
        model.find = FIND
        path = make(folder)
        frame = predict_files(Predictor(model), [path], folder / "out.csv", progress=False).frame
        errors = frame.error[frame.error != ""].value_counts()
        tracks = frame.track[frame.track != ""].nunique() if "track" in frame else 0
        told = "".join(f"; {n} x {error}" for error, n in errors.items())
        return f"{path}: rows: {len(frame)}, faces: {tracks}, answered: {int((frame.error == '').sum())}{told}"

    return trigger


def seconds_without_faces(folder):
    picture("a.png", faces())(scratch())
    model = "face/small_cnn.synthetic"
    return command("predict", scratch() / "a.png", "--model", model, "--seconds", "2s", "--out", folder / "p.csv")


def case(title, make, message):
    return Case(title, "faces", found(make), message, via="answer")


GREY = faces()[..., 0]
CASES = [
    case("a picture without a face", picture("none.png", faces(0)), r"answered: 0; 1 x no face was found$"),
    case("ten faces", picture("ten.png", faces(10)), r"rows: 10, faces: 10, answered: 10$"),
    case("a picture of 8 x 8 pixels", picture("tiny.png", faces()[:8, :8]), r"answered: 0; 1 x no face was found$"),
    case("a grey picture", picture("grey.png", GREY), r"faces: 1, answered: 1$"),
    case("16 bits a pixel", picture("deep.png", GREY.astype(np.uint16) * 257), r"faces: 1, answered: 1$"),
    case("a picture turned by EXIF", picture("turned.jpg", faces(2), turned=True), r"faces: 2, answered: 2$"),
    case(
        "a film without a face",
        film("none.avi", [faces(0)] * 8),
        r"answered: 0; 1 x no face was found \(in 8 of 8 rows, and none has an answer\)",
    ),
    case(
        "a face that comes and goes",
        film("goes.avi", [faces(int(4 <= i < 10)) for i in range(16)]),
        r"rows: 16, faces: 1, answered: 6; 10 x no face was found$",
    ),
    case(
        "a film that is cut off",
        film("cut.avi", [faces(1, 40 + i % 3) for i in range(40)], 0.5),
        r"faces: 1, answered: \d\d; 1 x is truncated: \d+ of 40 frames can be decoded$",
    ),
    Case("seconds of a model that finds nothing", "faces", seconds_without_faces, r"seconds: only for", via="command"),
]
