"""The front door: truth of the synthetic voice, what must not change an answer, and input that holds no voice."""

import re
import resource
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prosodykit import RATE, tone, train, whisper, white

from affectzoo.errors import AffectZooError
from affectzoo.speech.prosody.contour import CLASSES
from affectzoo.speech.prosody.measures import MEASURES, ProsodyBatch, measure, measure_batch, measure_tensor
from affectzoo.speech.synthetic import generate

#: Of values: how much of a change is none, relative to the size of the value or to 1.
SAME = 2e-3


@pytest.fixture(scope="module")
def voices():
    return generate(24, seed=5, seconds=2.0)


@pytest.fixture(scope="module")
def found(voices) -> ProsodyBatch:
    return measure_batch([s.signals["audio"].data for s in voices], RATE)


def assert_same(a, b, but: tuple[str, ...] = (), within: float = SAME):
    """Equal values of two ProsodyMeasures, and pitch in all but 2 % of frames."""
    assert a.contour == b.contour
    for name in set(MEASURES) - set(but):
        x, y = a[name], b[name]
        assert x == y or np.isnan([x, y]).all() or abs(x - y) <= within * max(1, abs(x)), name
    f, g = a.tracks.f0_hz.numpy(), b.tracks.f0_hz.numpy()
    assert f.shape == g.shape and (np.isfinite(f) == np.isfinite(g)).mean() > 0.98
    both = np.isfinite(f) & np.isfinite(g)
    assert np.mean(np.abs(f[both] / g[both] - 1) < 0.01) > 0.98


def test_every_measure_is_there_in_order(found):
    assert list(found.values) == list(MEASURES)
    assert len(found) == 24 and all(v.shape == (24,) and v.dtype == torch.float32 for v in found.values.values())
    assert set(found.contours) <= set(CLASSES)


def test_the_page_explains_every_measure():
    page = (Path(__file__).parents[2] / "docs" / "prosody.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+ \| .+) \|$", page, re.M))
    assert rows == {name: f"{unit} | {text}" for name, (unit, text) in MEASURES.items()}
    assert all(kind in page for kind in CLASSES)


def test_truth_of_the_synthetic_voice(voices, found):
    """Their pitch is a mean over samples that are loud enough, ours over voiced frames: a little lower on the whole."""

    def pair(ours, theirs):
        return found.values[ours].numpy(), np.array([s.attributes[theirs] for s in voices])

    pitch, truth = pair("f0_mean_hz", "f0_mean_hz")
    assert np.median(np.abs(pitch / truth - 1)) < 0.04 and np.corrcoef(pitch, truth)[0, 1] > 0.999
    assert np.corrcoef(*pair("f0_range_st", "f0_range_st"))[0, 1] > 0.95
    rate, truth = pair("syllable_rate_hz", "rate_hz")
    assert np.median(np.abs(rate / truth - 1)) < 0.05
    level, truth = pair("level_dbfs", "level_dbfs")
    assert np.abs(level - truth).max() < 0.5


@settings(max_examples=8, deadline=None)
@given(gain=st.floats(0.01, 2.0))
def test_gain_changes_the_level_only(found, gain):
    audio = generate(1, seed=5, seconds=2.0)[0].signals["audio"].data
    louder = measure(audio * np.float32(gain), RATE)
    assert_same(louder, found[0], but=("level_dbfs", "clipped_share"))
    assert louder["level_dbfs"] == pytest.approx(found[0]["level_dbfs"] + 20 * np.log10(gain), abs=0.01)


@settings(max_examples=4, deadline=None)
@given(offset=st.floats(-0.2, 0.2))
def test_a_constant_offset_changes_nothing(found, offset):
    audio = generate(1, seed=5, seconds=2.0)[0].signals["audio"].data
    shifted = measure(audio + np.float32(offset), RATE)
    assert_same(shifted, found[0], but=("clipped_share",))


def test_company_and_padding_change_nothing(voices, found):
    for row in (0, 7, 15):
        assert_same(measure(voices[row].signals["audio"].data, RATE), found[row])


def test_what_lies_in_the_padding_is_not_read(voices):
    audio = torch.from_numpy(voices[1].signals["audio"].data)[None]
    lengths = torch.tensor([audio.shape[1]])
    clean = measure_tensor(audio, lengths)[0]
    dirty = torch.cat([audio, torch.full((1, 9999), float("nan"))], 1)
    assert_same(measure_tensor(dirty, lengths)[0], clean, within=1e-6)


@pytest.mark.parametrize("pad", [0.1, 1.0])
def test_silence_around_speech_changes_nothing(voices, pad):
    """Beside 40 dB of room, digital silence; the utterance's percentiles move, its measures hardly."""
    audio = voices[2].signals["audio"].data
    room = white(pad, level=float(audio.std()) / 3000)
    alone, around = measure(audio, RATE), measure(np.concatenate([room, audio, room]), RATE)
    for name in ("f0_median_hz", "f0_range_st", "level_dbfs", "jitter", "alpha_ratio_db"):
        assert around[name] == pytest.approx(alone[name], rel=0.05), name
    assert around["syllable_count"] == pytest.approx(alone["syllable_count"], abs=1)
    assert around.contour == alone.contour


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_the_sample_rate_changes_nothing(voices, rate):
    audios = [s.signals["audio"].data for s in voices[:6]]
    here = measure_batch(audios, RATE)
    there = measure_batch([soxr.resample(a, RATE, rate, quality="VHQ") for a in audios], rate)
    # at 8 kHz the noise between syllables is gone with the upper half of its band, and fewer frames are voiced
    for name, within in (("f0_median_hz", 0.02), ("f0_range_st", 0.15), ("syllable_rate_hz", 0.1)):
        np.testing.assert_allclose(there.values[name], here.values[name], rtol=within)
    np.testing.assert_allclose(there.values["level_dbfs"], here.values["level_dbfs"], atol=0.3)
    if rate > RATE:
        np.testing.assert_allclose(
            there.values["spectral_slope_db_oct"], here.values["spectral_slope_db_oct"], atol=0.2
        )


def test_chunks_leave_no_seams(voices):
    """Frames of one recording pass in pieces of 2,000, those of a batch of 40 in pieces of 50."""
    audio = torch.from_numpy(np.concatenate([s.signals["audio"].data for s in voices])[: 30 * RATE])
    n = len(audio)
    one = measure_tensor(audio[None], torch.tensor([n]))[0]
    many = measure_tensor(audio.repeat(40, 1), torch.full((40,), n))[39]
    assert_same(one, many)


def test_frames_are_centred_on_their_time():
    audio = np.concatenate([white(0.5, level=1e-4), tone(200, 0.5), white(0.5, level=1e-4)])
    tracks = measure(audio, RATE).tracks
    assert len(tracks.f0_hz) == 1 + len(audio) // 160
    voiced = np.flatnonzero(tracks.f0_hz.isfinite()) / 100
    assert voiced[0] == pytest.approx(0.5, abs=0.03) and voiced[-1] == pytest.approx(1.0, abs=0.03)
    loud = np.flatnonzero(tracks.level_db > -20) / 100
    assert loud[0] == pytest.approx(0.5, abs=0.02) and loud[-1] == pytest.approx(1.0, abs=0.02)


NO_VOICE = {
    "silence": np.zeros(RATE, np.float32),
    "a constant": np.full(RATE, 0.4, np.float32),
    "one sample": np.full(1, 0.5, np.float32),
    "dither": np.sign(white(1.0)) / 32768,
    "white noise": white(1.0),
    "whisper": whisper(1.0),
    "50 ms of voice": train(150.0, 0.05),
    "a click": np.eye(1, RATE, 8000, dtype=np.float32)[0],
}


@pytest.mark.parametrize("name", NO_VOICE)
def test_without_voice_there_is_no_pitch(name):
    found = measure(NO_VOICE[name], RATE)
    assert found.contour == "too_short" and found["contour_confidence"] == 0 and found["pitch_reliable"] == 0
    for value in ("f0_median_hz", "f0_range_st", "contour_change_st", "jitter", "hnr_db"):
        assert np.isnan(found[value]), value
    assert found["syllable_count"] <= 1


def test_silence_has_no_speech():
    found = measure(NO_VOICE["silence"], RATE)
    assert found["speech_s"] == 0 and np.isnan([found["level_dbfs"], found["syllable_rate_hz"]]).all()


def test_clipping_is_told_and_leaves_the_pitch():
    audio = np.clip(6 * train(140.0, 0.8), -1, 1)
    found = measure(audio, RATE)
    assert found["clipped_share"] > 0.05 and found["f0_median_hz"] == pytest.approx(140, rel=0.01)
    assert measure(train(140.0), RATE)["clipped_share"] == 0


def test_a_telephone_has_a_pitch(voices):
    audio = voices[3].signals["audio"].data
    spectrum = np.fft.rfft(soxr.resample(audio, RATE, 8000))
    hz = np.fft.rfftfreq(2 * len(spectrum) - 2, 1 / 8000)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    line = np.fft.irfft(spectrum).astype(np.float32)
    line = (np.round(line * 128) / 128).astype(np.float32)  # eight bits
    assert measure(line, 8000)["f0_median_hz"] == pytest.approx(measure(audio, RATE)["f0_median_hz"], rel=0.05)


@pytest.mark.parametrize(
    ("audio", "rate", "message"),
    [
        (np.zeros((100, 8), np.float32), RATE, r"mono, shape \(N,\); got \(100, 8\)"),
        (np.zeros(0, np.float32), RATE, "no samples"),
        (np.array([0, np.nan, 1], np.float32), RATE, "not finite: sample 1 is nan"),
        (np.zeros(10, np.float32), 0, "rate must be positive"),
    ],
)
def test_errors(audio, rate, message):
    with pytest.raises(AffectZooError, match=message):
        measure(audio, rate)


def test_errors_of_a_batch_name_the_recording():
    bad = np.array([0, np.inf], np.float32)
    with pytest.raises(AffectZooError, match="recording 1: audio is not finite: sample 1 is inf"):
        measure_batch([tone(100), bad], RATE)
    with pytest.raises(AffectZooError, match="one rate each, got 1 and 2"):
        measure_batch([tone(100)], [RATE, RATE])
    with pytest.raises(AffectZooError, match="at least one recording"):
        measure_batch([], RATE)


def test_memory_does_not_hold_the_spectra():
    """Ten minutes: the spectra of all frames would be 380 MB, and the products of them more."""
    audio = np.tile(train(150.0, 5.0), 120)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = measure(audio, RATE)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert found["f0_median_hz"] == pytest.approx(150, rel=0.01)
    assert grown < 6 * audio.nbytes
