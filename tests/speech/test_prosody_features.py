"""Prosody as model input: aligned with LogMel, cached, named, and unmoved by gain."""

import numpy as np
import pytest
from prosodykit import RATE, tone, train, white

from affectzoo.data.cache import FeatureCache, prepare_all
from affectzoo.errors import AffectZooError
from affectzoo.speech.features import LogMel
from affectzoo.speech.prosody.features import COLUMNS, LogMelProsody, Prosody
from affectzoo.speech.synthetic import generate
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal


@pytest.fixture(scope="module")
def voice() -> Signal:
    return generate(1, seed=4)[0].signals["audio"]


def column(signal: Signal, name: str) -> np.ndarray:
    return signal.data[:, signal.names.index(name)]


@pytest.mark.parametrize("n", [16000, 16159, 16160, 1600])
@pytest.mark.parametrize("rate", [RATE, 44100])
def test_frames_are_logmels(n, rate):
    signal = Signal(white(1.1)[:n], float(rate), t0_s=2.5)
    if signal.duration_s < 0.1:
        signal = Signal(white(1.1)[: 3 * n], float(rate), t0_s=2.5)
    mel, prosody = LogMel()(signal), Prosody()(signal)
    assert (len(mel), mel.rate_hz, mel.t0_s) == (len(prosody), prosody.rate_hz, prosody.t0_s)
    assert prosody.data.shape[1] == len(COLUMNS) and prosody.data.dtype == np.float32 and prosody.names == COLUMNS
    assert np.isfinite(prosody.data).all()


def test_frames_mean_the_same_moment():
    """A burst of voice lights up the mel bands, the level and the voicing at the same frames."""
    audio = np.concatenate([white(0.4, level=1e-3), train(180.0, 0.3), white(0.4, level=1e-3)])
    both = LogMelProsody()(Signal(audio, RATE))
    loud = both.data[:, :64].mean(1) > both.data[:, :64].mean(1).max() - 4
    for name, least in (("level_db", -10), ("voiced", 0.5)):
        where = np.flatnonzero(column(both, name) > least)
        assert abs(where[0] - np.flatnonzero(loud)[0]) <= 3 and abs(where[-1] - np.flatnonzero(loud)[-1]) <= 3


def test_columns_of_a_known_glide():
    """12 semitones a second, 0.12 a frame, up to 6 above and below the median."""
    seconds = np.arange(RATE) / RATE
    out = Prosody()(Signal(train(120 * 2**seconds, 1.0), RATE))
    tones, inner = column(out, "f0_st"), slice(8, -8)
    np.testing.assert_allclose(tones[inner], 12 * (np.arange(101) / 100 - 0.5)[inner], atol=0.1)
    np.testing.assert_allclose(column(out, "f0_delta")[inner], 0.12, atol=0.03)
    assert (column(out, "voiced")[inner] == 1).all() and (column(out, "voicing")[inner] > 0.9).all()
    assert np.abs(column(out, "level_db")[inner]).max() < 1


def test_unvoiced_frames_are_zero():
    out = Prosody()(Signal(white(0.5), RATE))
    for name in ("f0_st", "f0_delta", "voiced"):
        assert not column(out, name).any()


def test_the_edges_of_a_voice_have_no_change_of_pitch():
    """Where a line through five frames would run from the voice into its absence, at 0."""
    audio = np.concatenate([white(0.3, level=0.01), train(120 * 2 ** (np.arange(8000) / 8000), 0.5)])
    out = Prosody()(Signal(audio, RATE))
    first = int(np.argmax(column(out, "voiced")))
    assert column(out, "f0_st")[first] < -3 and not column(out, "f0_delta")[: first + 2].any()
    assert column(out, "f0_delta")[first + 4 : first + 20] == pytest.approx(0.24, abs=0.05)


def test_level_is_relative_and_has_a_floor():
    audio = np.concatenate([tone(200, 0.5), np.zeros(RATE // 2, np.float32)])
    out = Prosody()(Signal(audio, RATE))
    assert column(out, "level_db")[10:40] == pytest.approx(0, abs=0.2)
    assert column(out, "level_db")[-20:] == pytest.approx(-60)
    step = Prosody()(Signal(np.concatenate([tone(200, 0.5), 0.1 * tone(200, 0.5)]), RATE))
    assert column(step, "level_delta").min() < -5  # 20 dB within the five frames of the line


def test_gain_changes_nothing(voice):
    quiet = Signal(voice.data * np.float32(0.05), voice.rate_hz)
    np.testing.assert_allclose(Prosody()(quiet).data, Prosody()(voice).data, atol=0.01)


def test_both_beside_each_other(voice):
    mel, prosody, both = LogMel()(voice), Prosody()(voice), LogMelProsody()(voice)
    np.testing.assert_array_equal(both.data, np.concatenate([mel.data, prosody.data], axis=1))
    assert both.names[:2] == ("mel00", "mel01") and both.names[64:] == COLUMNS


def test_trim_leaves_out_the_same_frames(voice):
    quiet = np.zeros(8000, np.float32)
    signal = Signal(np.concatenate([quiet, voice.data, quiet]), voice.rate_hz, t0_s=1.0)
    mel, both, prosody = LogMel(trim=True)(signal), LogMelProsody(trim=True)(signal), Prosody()(signal)
    assert (len(both), both.t0_s) == (len(mel), mel.t0_s) and len(both) < len(prosody)
    first = round((both.t0_s - 1.0) * 100)
    np.testing.assert_array_equal(both.data[:, 64:], prosody.data[first : first + len(both)])


def test_masks_follow(voice):
    mask = np.arange(len(voice)) < 8000
    signal = Signal(voice.data, voice.rate_hz, 0.0, mask)
    for transform in (Prosody(), LogMelProsody()):
        np.testing.assert_array_equal(transform(signal).mask, LogMel()(signal).mask)


def test_identity():
    assert Prosody().spec == {"transform": "Prosody", "version": 1}
    spec = LogMelProsody(n_mels=40, trim=True).spec
    assert (spec["n_mels"], spec["trim"], spec["parts"]) == (40, True, [LogMel.version, Prosody.version])


def test_cached_as_every_transform(voice, tmp_path):
    transform, calls = LogMelProsody(), []

    def prepare(sample: AffectSample) -> AffectSample:
        calls.append(sample.key)
        return AffectSample(sample.key, {"audio": transform(sample.signals["audio"])})

    sample = AffectSample("a", {"audio": voice})
    for _ in range(2):
        (done,), failed = prepare_all([sample], prepare, transform.spec, FeatureCache(tmp_path))
        assert not failed and done.signals["audio"].names[-1] == COLUMNS[-1]
    assert calls == ["a"]


@pytest.mark.parametrize("transform", [Prosody(), LogMelProsody()])
@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(RATE, np.float32), "silent"),
        (white(0.05), "too short"),
        (np.full(RATE, np.nan, np.float32), "not finite"),
        (np.zeros((RATE, 2), np.float32), "mono"),
    ],
)
def test_errors_are_logmels(transform, audio, message):
    with pytest.raises(AffectZooError, match=message):
        transform(Signal(audio, RATE))
