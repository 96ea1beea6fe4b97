import numpy as np
import pytest
import soundfile as sf

from affectzoo.errors import FileError
from affectzoo.speech.reader import MP3_FRAME, read_audio
from affectzoo.structures.signal import SignalRef, read_file

CASES = [("wav", 8000), ("wav", 44100), ("wav", 48000), ("flac", 16000), ("ogg", 44100), ("mp3", 44100)]


def tone(rate, seconds=0.5):
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize(("suffix", "rate"), CASES)
def test_stereo_of_any_rate_and_format(tmp_path, suffix, rate):
    if suffix.upper() not in sf.available_formats():
        pytest.skip(f"this libsndfile does not write {suffix}")
    x, path = tone(rate), tmp_path / f"a.{suffix}"
    sf.write(path, np.stack([x, -0.5 * x], 1), rate)
    signal = read_audio(path)["audio"]
    assert signal.rate_hz == rate and signal.t0_s == 0 and signal.data.dtype == np.float32
    assert abs(len(signal) - len(x)) <= (MP3_FRAME if suffix == "mp3" else 0)
    tolerance = {"wav": 1e-4, "flac": 1e-4}.get(suffix, 0.02)
    n = min(len(signal), len(x)) - (MP3_FRAME if suffix == "mp3" else 0)
    np.testing.assert_allclose(signal.data[:n], 0.25 * x[:n], atol=tolerance)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_sample_format_gives_the_same_scale(tmp_path, subtype):
    sf.write(tmp_path / "a.wav", tone(8000), 8000, subtype=subtype)
    data = read_audio(tmp_path / "a.wav")["audio"].data
    assert np.abs(data - tone(8000)).max() < (0.01 if subtype == "PCM_U8" else 1e-4)


def test_six_channels_are_averaged(tmp_path):
    channels = np.eye(6)[:, :].repeat(10, 0)
    sf.write(tmp_path / "a.wav", channels, 8000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav")["audio"].data, 1 / 6, atol=1e-7)


def test_the_manifest_leads_here_and_parts_keep_the_clock(tmp_path):
    sf.write(tmp_path / "a.WAV", tone(8000, 2), 8000)
    assert set(read_file(tmp_path / "a.WAV", ("audio",))) == {"audio"}
    part = SignalRef(tmp_path / "a.WAV", "audio", 0.5, 1.0).load()
    assert len(part) == 4000 and part.t0_s == 0.5
    with pytest.raises(FileError, match=r"a.WAV: no samples between 3.0 s and None s"):
        SignalRef(tmp_path / "a.WAV", "audio", 3.0).load()


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_what_is_not_audio(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"these are words, not sound\n" * 40)
    with pytest.raises(FileError, match=rf"a.{suffix}: cannot be decoded as audio") as e:
        read_audio(path)
    assert "exist" not in str(e.value)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_truncated_file(tmp_path, suffix, share):
    path = tmp_path / f"a.{suffix}"
    sf.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 48000), 16000)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(FileError, match=f"a.{suffix}: (is truncated|cannot be decoded)"):
        read_audio(path)


def test_a_wav_from_a_stream_has_no_length_to_break(tmp_path):
    path = tmp_path / "a.wav"
    sf.write(path, tone(8000), 8000)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"data") + 4
    raw[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(raw)
    assert len(read_audio(path)["audio"]) == 4000


def test_a_chunk_before_the_data_is_stepped_over(tmp_path):
    path = tmp_path / "a.wav"
    sf.write(path, tone(8000), 8000)
    raw = path.read_bytes()
    at = raw.index(b"data")
    body = raw[:at] + b"LIST" + (5).to_bytes(4, "little") + b"hello\0" + raw[at:]
    path.write_bytes(body[:4] + (len(body) - 8).to_bytes(4, "little") + body[8:])
    assert len(read_audio(path)["audio"]) == 4000
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileError, match="at least 100 bytes are missing"):
        read_audio(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers(tmp_path, value):
    x = tone(8000)
    x[[5, 9]] = value
    sf.write(tmp_path / "a.wav", x, 8000, subtype="FLOAT")
    with pytest.raises(FileError, match=r"a.wav: holds 2 samples that are NaN or infinite"):
        read_audio(tmp_path / "a.wav")


def test_no_samples_and_no_file(tmp_path):
    sf.write(tmp_path / "a.wav", np.zeros(0), 8000)
    with pytest.raises(FileError, match="holds no samples"):
        read_audio(tmp_path / "a.wav")
    with pytest.raises(FileError, match="no such file"):
        read_audio(tmp_path / "b.wav")
    with pytest.raises(FileError, match="no such file"):
        read_audio(tmp_path)
