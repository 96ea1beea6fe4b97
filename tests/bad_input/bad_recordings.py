"""Recordings that cannot be used. Each is predicted between two good ones, which must survive."""

import numpy as np
import soundfile
from badkit import Case, command, good_checkpoint, good_files, row

RATE = 16000
TONE = 0.3 * np.sin(np.arange(RATE) / 20).astype(np.float32)
FACE, EEG, VIDEO = "face/small_cnn", "eeg/band_tcn", "video/late_fusion"


def missing(folder):
    return folder / "missing.wav"


def empty(folder):
    path = folder / "empty.wav"
    path.touch()
    return path


def sound(samples, name="sound.wav"):
    def make(folder):
        soundfile.write(folder / name, samples, RATE, subtype="FLOAT")
        return folder / name

    return make


def text(name):
    def make(folder):
        (folder / name).write_text("this is a letter, not a recording\n" * 20)
        return folder / name

    return make


def cut(arch, share, name=None):
    """A good file without its end."""

    def make(folder):
        good = good_files(arch)[0]
        path = folder / f"cut{good.suffix}"
        raw = good.read_bytes()
        path.write_bytes(raw[: int(len(raw) * share)])
        return path

    return make


def eeg(**changes):
    """A good EEG file with arrays changed (None: left out)."""

    def make(folder):
        with np.load(good_files(EEG)[0]) as f:
            arrays = {**f, **{k: v(f) if callable(v) else v for k, v in changes.items()}}
        path = folder / "odd.npz"
        np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
        return path

    return make


def video_without_frames(folder):
    import av

    path = folder / "noframes.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("aac", rate=RATE)
        frame = av.AudioFrame.from_ndarray(TONE[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            film.mux(packet)
    return path


def clip_with_long_sound(folder):
    with np.load(good_files(VIDEO)[0]) as f:
        arrays = dict(f)
    arrays["audio"] = np.tile(arrays["audio"], 4)
    np.savez(folder / "long.npz", **arrays)
    return folder / "long.npz"


def folder_of_letters(folder):
    (folder / "letters").mkdir()
    text("letters/a.txt")(folder)
    return command("predict", folder / "letters", "--model", good_checkpoint(), "--out", folder / "p.csv")


def bad(title, make, message, arch="speech/logmel_cnn"):
    return Case(title, "recording", row(make, arch), message, via="row")


CASES = [
    bad("a file that is not there", missing, r"missing\.wav: no such file"),
    bad("an empty file", empty, r"empty\.wav: is empty \(0 bytes\)"),
    bad("silence", sound(np.zeros(RATE, np.float32)), r"sound\.wav: audio is silent: RMS"),
    bad("a sound that is too short", sound(TONE[:100]), r"sound\.wav: .*too short"),
    bad("a wav that is cut off", cut("speech/logmel_cnn", 0.5), r"cut\.wav: is truncated: at least \d+ bytes"),
    bad("text under the name of a wav", text("letter.wav"), r"letter\.wav: cannot be decoded as audio"),
    bad("an unknown type of file", text("letter.doc"), r"letter\.doc: unknown file type for audio '\.doc'.*\.wav"),
    bad(
        "NaN among the samples",
        sound(np.where(np.arange(RATE) == 7, np.nan, TONE).astype(np.float32)),
        r"sound\.wav: holds 1 samples that are NaN",
    ),
    bad("EEG without its rate", eeg(rate_hz=None), r"odd\.npz: has no array 'rate_hz' \(found data", EEG),
    bad("EEG with time last", eeg(data=lambda f: f["data"][:40].T), r"odd\.npz: data is \(T, C\).*channels has", EEG),
    bad("EEG in volts", eeg(data=lambda f: f["data"] * 1e-6), r"odd\.npz: channel spread.*is it in volts", EEG),
    bad("EEG with NaN", eeg(data=lambda f: f["data"] * np.nan), r"odd\.npz: data holds \d+ values that are NaN", EEG),
    bad(
        "EEG with pickled objects",
        eeg(channels=lambda f: f["channels"].astype(object)),
        r"odd\.npz: is not a readable \.npz without pickled objects",
        EEG,
    ),
    bad("EEG that is too short", eeg(data=lambda f: f["data"][:20]), r"odd\.npz: EEG lasts .* less than one", EEG),
    bad("a picture that is cut off", cut(FACE, 0.5), r"cut\.png: the picture is truncated", FACE),
    bad("text under the name of a picture", text("letter.jpg"), r"letter\.jpg: is not a readable picture", FACE),
    bad("a video with sound and no frames", video_without_frames, r"noframes\.mp4: .*(frames|video)", FACE),
    bad("text under the name of a video", text("letter.mp4"), r"letter\.mp4: is not a readable video", FACE),
    bad("sound far longer than the picture", clip_with_long_sound, r"long\.npz: sound .* and picture .* differ", VIDEO),
    Case(
        "a folder without recordings",
        "recording",
        folder_of_letters,
        r"letters: the folder holds no file with \.wav",
        via="command",
    ),
]
