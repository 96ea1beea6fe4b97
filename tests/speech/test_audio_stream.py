"""Audio piece by piece is the audio: mixed, resampled, and its faults named by second."""

import numpy as np
import pytest
import soundfile as sf
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError, FileError
from affectzoo.speech.features import LogMel
from affectzoo.speech.reader import read_audio
from affectzoo.speech.stream import AudioStream
from affectzoo.zoo.base import Transform

LOGMEL = LogMel()
NOISE = 0.1 * np.random.default_rng(0).normal(size=(44100, 3)).astype(np.float32)


def streamed(audio, rate, cuts=(), transform=LOGMEL):
    stream = AudioStream(rate, transform)
    parts = [stream.feed(p) for p in np.split(audio, sorted(cuts))]
    return np.concatenate([*parts, stream.finish()]), stream.rate_hz


@settings(deadline=None, max_examples=50)
@given(st.sets(st.integers(0, 44100), max_size=8), st.sampled_from([8000, 16000, 22050, 44100, 48000]))
def test_pieces_give_the_numbers_of_the_whole(cuts, rate):
    got, out = streamed(NOISE, rate, cuts)
    mono = NOISE.mean(axis=1, dtype=np.float32)
    expected = mono if rate == 16000 else soxr.resample(mono, rate, 16000, quality="HQ")
    assert out == 16000 and len(got) == len(expected)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_a_transform_that_names_no_rate_keeps_the_rate():
    got, out = streamed(NOISE[:, 0], 22050, transform=Transform())
    assert out == 22050 and np.array_equal(got, NOISE[:, 0])


def test_integers_are_shares_of_full_scale():
    steps = np.array([[-32768, -32768], [0, 16384], [32767, 32767]], np.int16)
    assert streamed(steps, 16000)[0].tolist() == [-1.0, 0.25, 32767 / 32768]


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (np.zeros((2, 1000), np.float32), r"\(N, channels\), time first; got \(2, 1000\)"),
        (np.zeros((4, 2, 2), np.float32), r"got \(4, 2, 2\)"),
        (np.zeros((4, 0), np.float32), r"got \(4, 0\)"),
        (np.float32(1), r"got \(\)"),
        (np.zeros(4, np.uint8), "not uint8"),
        (np.zeros(4, complex), "not complex128"),
        (np.array([0, np.inf]), r"at 2\.001 s is NaN or infinite"),
        (np.array([[0, 0], [0, 0], [np.nan, 0]]), r"at 2\.002 s is NaN or infinite"),
    ],
)
def test_a_bad_chunk_is_refused_and_the_stream_goes_on(chunk, message):
    stream = AudioStream(1000.0, Transform())
    stream.feed(np.ones(2000))
    with pytest.raises(AffectZooError, match=message):
        stream.feed(chunk)
    assert stream.feed(np.ones(3)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_rates_that_are_none(rate):
    with pytest.raises(AffectZooError, match="rate_hz must be positive"):
        AudioStream(rate, LOGMEL)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_file_in_pieces_is_the_file(tmp_path, suffix):
    audio = np.tile(NOISE[:16000, :2], (25, 1))
    path = tmp_path / f"a{suffix}"
    sf.write(path, audio, 16000)
    rate, seconds, chunks = AudioStream.open(path)
    chunks = list(chunks)
    whole = read_audio(path)["audio"]
    assert rate == 16000 and seconds == pytest.approx(25, abs=0.2) and max(map(len, chunks)) <= 160000
    atol = 1e-6 if suffix == ".mp3" else 0  # its decoder rounds by how much it is asked for
    np.testing.assert_allclose(np.concatenate(chunks).mean(axis=1, dtype=np.float32), whole.data, rtol=0, atol=atol)


def broken(path):
    """What a file gives before its error, in seconds, and the error."""
    n = 0
    try:
        rate, _, chunks = AudioStream.open(path)
        for chunk in chunks:
            n += len(chunk)
    except FileError as e:
        return n / rate if n else 0.0, str(e)
    raise AssertionError("no error")


def test_faults_come_after_what_could_be_read(tmp_path):
    audio = np.tile(NOISE[:8000, :1], (30, 1))
    sf.write(tmp_path / "a.wav", audio, 8000)
    raw = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(raw[: len(raw) // 2])
    seconds, text = broken(tmp_path / "cut.wav")
    assert seconds == pytest.approx(15, abs=0.01) and "cut.wav: is truncated at 15.0 s: at least 240022 bytes" in text
    sf.write(tmp_path / "b.flac", audio, 8000)
    raw = (tmp_path / "b.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(raw[: len(raw) // 2])
    seconds, text = broken(tmp_path / "cut.flac")
    assert seconds == 10 and "cut.flac: cannot be decoded as audio" in text and text.endswith("after 10 s")
    audio[8000 * 12 + 4] = np.nan
    sf.write(tmp_path / "nan.wav", audio, 8000, subtype="FLOAT")
    assert broken(tmp_path / "nan.wav") == (
        12.0005,
        f"{tmp_path / 'nan.wav'}: the sample at 12.001 s is NaN or infinite",
    )
    (tmp_path / "letter.wav").write_text("a letter")
    assert broken(tmp_path / "letter.wav")[0] == 0 and "cannot be decoded" in broken(tmp_path / "letter.wav")[1]
    sf.write(tmp_path / "none.wav", audio[:0], 8000)
    assert broken(tmp_path / "none.wav") == (0.0, f"{tmp_path / 'none.wav'}: holds no samples")
