"""Recordings that are odd rather than broken: as one clip, over time, and their prosody.

Each has an answer, with a warning where it is doubtful, or an error that says why.
"""

from functools import cache

import numpy as np
import soundfile
from badkit import Case, command, good_checkpoint, good_files

RATE = 16000
#: The shipped model of clean speech; the answers are looked at, not their truth.
MODEL = "speech/logmel_cnn.emodb4"


def voice(seconds=6.0):
    """Voices one after the other."""
    parts = [soundfile.read(f, dtype="float32")[0] for f in good_files("speech/logmel_cnn")]
    return np.resize(np.concatenate(parts), int(seconds * RATE))


def syllables(seconds=6.0):
    """Four swells a second, with a pause each two seconds."""
    t = np.arange(int(seconds * RATE)) / RATE
    return np.sin(np.pi * 4 * t) ** 2 * (t % 2 < 1.5)


def whisper():
    """Noise through three formants in syllables, as loud as speech: nothing periodic, and some breath above 4 kHz."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(0)
    noise = rng.normal(size=6 * RATE)
    for hz, width in ((600, 150), (1400, 200), (2600, 250)):
        r = np.exp(-np.pi * width / RATE)
        noise = lfilter([1], [1, -2 * r * np.cos(2 * np.pi * hz / RATE), r * r], noise)
    sound = noise / noise.std() + 0.05 * rng.normal(size=6 * RATE)
    return 0.1 * syllables() * sound / sound.std()


def unvoiced():
    """Nothing but s and sh: noise above 2 kHz in syllables."""
    from scipy.signal import butter, sosfilt

    noise = np.random.default_rng(1).normal(size=6 * RATE)
    return 0.05 * syllables() * sosfilt(butter(4, 2000, "high", fs=RATE, output="sos"), noise)


def telephone():
    """300-3400 Hz at 8 kHz."""
    from scipy.signal import butter, decimate, sosfilt

    return decimate(sosfilt(butter(6, (300, 3400), "band", fs=RATE, output="sos"), voice()), 2)


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


def letter(name):
    """Writes a text under the name of a sound."""

    def write(folder):
        (folder / name).write_text("this is a letter, not a recording\n" * 20)
        return folder / name

    return write


@cache
def predictor():
    from affectzoo.inference.predictor import load_predictor

    return load_predictor(MODEL)


def answer(write, plan):
    """A trigger: predict the recording; how many rows have an answer, how many are doubtful, what the others say."""

    def trigger(folder):
        from affectzoo.inference.run import predict_files
        from affectzoo.inference.windows import WindowPlan

        path, windows = write(folder), WindowPlan(*plan) if plan else None
        table = predict_files(predictor(), [path], folder / "p.csv", progress=False, windows=windows)
        values, fine = table.values("emotion"), (table.frame.error == "").to_numpy()
        np.testing.assert_allclose(values[fine].sum(1), 1, atol=1e-5)
        assert np.isnan(values[~fine]).all() and (table.frame.warning[~fine] == "").all()
        doubts = table.frame.warning[fine & (table.frame.warning != "")].value_counts(sort=False)
        counts = table.frame.error[~fine].value_counts(sort=False)
        others = [f"{n} doubtful: {codes}" for codes, n in doubts.items()]
        others += [f"{n} without: {error}" for error, n in counts.items()]
        return "; ".join([f"{path}: {fine.sum()} rows with an answer", *others])

    return trigger


def prosody(write):
    """A trigger: what `affectzoo prosody` measures of the recording, or its error."""

    def trigger(folder):
        from affectzoo.speech.prosody.files import measure_files

        path = write(folder)
        row = measure_files([path], progress=False).iloc[0]
        if row.error:
            return f"{path}: {row.error}"
        assert np.isfinite(row.duration_s) and (np.isnan(row.f0_median_hz) or 60 < row.f0_median_hz < 450)
        known = f"{row.f0_median_hz:.0f} Hz{'' if row.pitch_reliable else ', not reliable'}"
        pitch = "no pitch" if np.isnan(row.f0_median_hz) else known
        doubt = f"; doubtful: {row.warning}" if row.warning else ""
        return f"{path}: {row.duration_s:g} s, {row.speech_s:.1f} s of speech, {pitch}, contour {row.contour}{doubt}"

    return trigger


def odd(title, write, clip, windows, measures, plan=(1.0,)):
    """The recording as one clip, over time, and measured."""
    return [
        Case(title, "odd recording", answer(write, None), clip, via="answer"),
        Case(f"{title}, --every {plan[0]:g}s", "odd recording", answer(write, plan), windows, via="answer"),
        Case(f"{title}, prosody", "odd recording", prosody(write), measures, via="prosody"),
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
SHORT, TYPE = r"audio is too short: 0\.050 s", r"unknown file type for audio '\.txt'.*\.wav"
PITCH = r"s of speech, \d+ Hz, contour [a-z-]+"


def doubt(*codes):
    """One clip and five windows, all of them doubtful."""
    words = ", ".join(codes)
    return f": 1 rows with an answer; 1 doubtful: {words}$", f": 5 rows with an answer; 5 doubtful: {words}$"


CASES = [
    *odd(
        "silence",
        sound(lambda: np.zeros(6 * RATE)),
        NONE + "audio is silent",
        NONE + "no speech .in 5 of 5 windows",
        r"6 s, 0\.0 s of speech, no pitch, contour too_short$",
    ),
    *odd(
        "a pause of ten seconds in a talk",
        sound(pause),
        ONE,
        r": \d+ rows with an answer; [789] without: no speech$",
        PITCH + "$",
    ),
    *odd("a whisper", sound(whisper), *doubt("no_voicing"), r"no pitch, contour too_short; doubtful: no_voicing$"),
    *odd(
        "nothing but s and sh",
        sound(unvoiced),
        *doubt("no_voicing"),
        r"no pitch, contour too_short; doubtful: no_voicing$",
    ),
    *odd(
        "a clipped voice",
        sound(lambda: np.clip(100 * voice(), -1, 1)),
        *doubt("clipped"),
        PITCH + "; doubtful: clipped$",
    ),
    *odd("50 ms", sound(lambda: voice(0.05)), NONE + SHORT, NONE + SHORT, "contour too_short; doubtful: short$"),
    *odd(
        "0.3 s",
        sound(lambda: voice(0.6)[RATE // 5 : RATE // 2]),
        ": 1 rows with an answer; 1 doubtful: short$",
        ": 1 rows with an answer; 1 doubtful: short$",
        "; doubtful: short$",
    ),
    *odd(
        "30 minutes",
        sound(half_hour, 2000),
        NONE + "lasts 1800 s; .*--every",
        ": 60 rows with an",
        "1800 s, .*; doubtful: narrowband$",
        (30.0, 1.0),
    ),
    *odd("8 channels", sound(lambda: np.stack([voice()] * 8, axis=1)), ONE, SOME, PITCH + "$"),
    *odd(
        "NaN after 4.5 s",
        sound(with_nan),
        NONE + "holds 1 samples that are NaN",
        "4 rows .*; 1 without: .*4.500 s is NaN",
        "holds 1 samples that are NaN or infinite, the first at 4.500 s",
    ),
    *odd("a telephone's 8 kHz", sound(telephone, 8000), *doubt("narrowband"), PITCH + "; doubtful: narrowband$"),
    *odd("a wav called .mp3", called("a.mp3"), ONE, ONE, PITCH),
    *odd("a wav called .txt", called("a.txt"), NONE + TYPE, NONE + TYPE, TYPE),
    *odd("a letter called .mp3", letter("a.mp3"), *[NONE + "cannot be decoded"] * 2, "cannot be decoded as audio"),
    word("--every often", "--every: 'often' is not a time; write 1s", "--every", "often"),
    word("--every 0", "every: 0 s is not possible, at least 0.01 s", "--every", "0"),
    word("--window 50ms", r"window: 0\.05 s is not possible, at least 0\.1 s", "--every", "1s", "--window", "50ms"),
    word("--window without --every", "give --every too", "--window", "2s"),
]
