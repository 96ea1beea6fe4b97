"""Recordings that are odd rather than broken, as one clip and over time: an answer, or an error that says why."""

import numpy as np
import soundfile
from badkit import Case, command, good_checkpoint, good_files, small_model

RATE = 16000


def voice(seconds=6.0):
    """Voices one after the other."""
    parts = [soundfile.read(f, dtype="float32")[0] for f in good_files("speech/logmel_cnn")]
    return np.resize(np.concatenate(parts), int(seconds * RATE))


def whisper():
    """A voice's envelope over noise: nothing periodic is left."""
    envelope = np.sqrt(np.convolve(voice() ** 2, np.ones(400) / 400, "same"))
    return 0.05 * envelope * np.random.default_rng(0).normal(size=len(envelope))


def half_hour():
    """Thirty minutes at 2 kHz, so that the file stays small; the same minute again and again."""
    return np.tile(np.int16(8000 * voice(60.0)[::8]), 30)


def sound(make, rate=RATE):
    """Writes a sound of that rate, as 16 bit or float, and gives its path."""

    def write(folder):
        samples = make()
        subtype = "PCM_16" if samples.dtype == np.int16 else "FLOAT"
        soundfile.write(folder / "sound.wav", samples, rate, subtype=subtype)
        return folder / "sound.wav"

    return write


def called(name):
    """Writes a good wav under another name."""

    def write(folder):
        (folder / name).write_bytes(good_files("speech/logmel_cnn")[0].read_bytes())
        return folder / name

    return write


def answer(write, plan):
    """A trigger: predict the recording; how many rows have an answer, and what the others say."""

    def trigger(folder):
        from affectzoo.inference.predictor import Predictor
        from affectzoo.inference.run import predict_files
        from affectzoo.inference.windows import WindowPlan

        path, windows = write(folder), WindowPlan(*plan) if plan else None
        predictor = Predictor(small_model("speech/logmel_cnn"))
        table = predict_files(predictor, [path], folder / "p.csv", progress=False, windows=windows)
        values, fine = table.values("emotion"), (table.frame.error == "").to_numpy()
        np.testing.assert_allclose(values[fine].sum(1), 1, atol=1e-5)
        assert np.isnan(values[~fine]).all()
        counts = table.frame.error[~fine].value_counts(sort=False)
        others = [f"{n} without: {error}" for error, n in counts.items()]
        return "; ".join([f"{path}: {fine.sum()} rows with an answer", *others])

    return trigger


def odd(title, write, clip, windows, plan=(1.0,)):
    """The recording as one clip and over time."""
    return [
        Case(title, "odd recording", answer(write, None), clip, via="answer"),
        Case(f"{title}, --every {plan[0]:g}s", "odd recording", answer(write, plan), windows, via="answer"),
    ]


def told(*words):
    """A trigger: predict a good recording with these words."""

    def trigger(folder):
        sound = good_files("speech/logmel_cnn")[0]
        return command("predict", sound, "--model", good_checkpoint(), "--out", folder / "p.csv", *words)

    return trigger


def word(title, message, *words):
    return Case(title, "odd recording", told(*words), message, via="command")


def pause():
    return np.concatenate([voice(), np.zeros(10 * RATE), voice()])


def with_nan():
    return np.where(np.arange(6 * RATE) == 72000, np.nan, voice())


ONE, SOME, NONE = ": 1 rows with an answer$", r": \d+ rows with an answer$", ": 0 rows with an answer; 1 without: "
SHORT, TYPE = NONE + r"audio is too short: 0\.050 s", NONE + r"unknown file type for audio '\.txt'.*\.wav"
CASES = [
    *odd("silence", sound(lambda: np.zeros(6 * RATE)), NONE + "audio is silent", NONE + "no speech .in 5 of 5 windows"),
    *odd(
        "a pause of ten seconds in a talk", sound(pause), ONE, r": \d+ rows with an answer; [789] without: no speech$"
    ),
    *odd("a whisper", sound(whisper), ONE, SOME),
    *odd("a clipped voice", sound(lambda: np.clip(100 * voice(), -1, 1)), ONE, SOME),
    *odd("50 ms", sound(lambda: voice(0.05)), SHORT, SHORT),
    *odd("30 minutes", sound(half_hour, 2000), NONE + "lasts 1800 s; .*--every", ": 60 rows with an", (30.0, 1.0)),
    *odd("8 channels", sound(lambda: np.stack([voice()] * 8, axis=1)), ONE, SOME),
    *odd(
        "NaN after 4.5 s",
        sound(with_nan),
        NONE + "holds 1 samples that are NaN",
        "4 rows .*; 1 without: .*4.500 s is NaN",
    ),
    *odd("a telephone's 8 kHz", sound(lambda: voice()[::2], 8000), ONE, SOME),
    *odd("a wav called .mp3", called("a.mp3"), ONE, ONE),
    *odd("a wav called .txt", called("a.txt"), TYPE, TYPE),
    word("--every often", "--every: 'often' is not a time; write 1s", "--every", "often"),
    word("--every 0", "every: 0 s is not possible, at least 0.01 s", "--every", "0"),
    word("--window 50ms", r"window: 0\.05 s is not possible, at least 0\.1 s", "--every", "1s", "--window", "50ms"),
    word("--window without --every", "give --every too", "--window", "2s"),
]
