import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError, FileError
from affectzoo.labels.space import load_space
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.sample import Target, class_target
from affectzoo.structures.signal import Signal, SignalRef, read_file
from affectzoo.structures.time import read_at


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.sampled_from([0.5, 1.0, 25.0, 100.0]), st.floats(-5, 5), st.data())
def test_a_slice_keeps_the_recordings_clock(n, rate, t0, data):
    signal = Signal(np.arange(n, dtype=float), rate, t0)
    lo = data.draw(st.integers(0, n - 1))
    hi = data.draw(st.integers(lo + 1, n))
    part = signal.slice_s(t0 + lo / rate, t0 + hi / rate)
    np.testing.assert_array_equal(part.data, signal.data[lo:hi])
    np.testing.assert_allclose(part.times_s, signal.times_s[lo:hi])


def test_slice_outside_and_bad_signals_are_errors():
    with pytest.raises(AffectZooError, match="no samples between 3 s and 4 s"):
        Signal(np.zeros(10), 10.0).slice_s(3, 4)
    with pytest.raises(AffectZooError, match="rate_hz"):
        Signal(np.zeros(10), 0.0)
    with pytest.raises(AffectZooError, match="mask has shape"):
        Signal(np.zeros(10), 1.0, mask=np.ones(9, bool))


def test_files_that_cannot_be_read_are_named(tmp_path):
    empty = tmp_path / "empty.wav"
    empty.touch()
    with pytest.raises(FileError, match=r"empty\.wav: is empty"):
        SignalRef(empty, "audio").load()
    with pytest.raises(FileError, match=r"none\.wav: no such file"):
        read_file(tmp_path / "none.wav", ("audio",))
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(FileError, match=r"a\.xyz: unknown file type for audio '\.xyz'.*\.wav"):
        read_file(tmp_path / "a.xyz", ("audio",))


def test_linear_reading_is_numpy_interp_inside_and_masked_outside():
    values = np.random.default_rng(0).normal(size=(9, 2))
    times = np.linspace(-1, 5, 41)
    got, ok = read_at(values, None, 2.0, 0.5, times, "linear")
    known = 0.5 + np.arange(9) / 2.0
    for k in range(2):
        np.testing.assert_allclose(got[ok[:, k], k], np.interp(times, known, values[:, k])[ok[:, k]], atol=1e-12)
    np.testing.assert_array_equal(ok[:, 0], (times >= 0.25 - 1e-12) & (times <= 4.75 + 1e-12))


def test_linear_reading_needs_both_neighbours():
    mask = np.array([True, False, True])
    values, ok = read_at(np.array([[0.0], [9.0], [2.0]]), mask, 1.0, 0.0, np.array([0.0, 0.5, 1.0, 1.5, 2.0]), "linear")
    assert ok[:, 0].tolist() == [True, False, False, False, True] and values[0, 0] == 0 and values[4, 0] == 2


def test_nearest_reading_takes_the_nearest_step():
    got, ok = read_at(np.arange(4.0)[:, None], None, 1.0, 0.0, np.array([-0.6, -0.4, 1.4, 1.6, 3.4, 3.6]), "nearest")
    assert ok[:, 0].tolist() == [False, True, True, True, True, False]
    assert got[1:5, 0].tolist() == [0, 1, 2, 3]
    with pytest.raises(AffectZooError, match="unknown resampling 'cubic'"):
        read_at(np.zeros((2, 1)), None, 1.0, 0.0, np.zeros(1), "cubic")


def test_targets_say_whether_they_have_a_time_axis():
    space = load_space("ekman7")
    happy = class_target(space, "happy")
    assert happy.values.argmax() == space.index("emotion", "happiness") and happy.mask.all()
    assert not class_target(space, None).mask.any()
    with pytest.raises(AffectZooError, match="differ in shape"):
        Target(np.zeros(3), np.ones(2, bool))
    with pytest.raises(AffectZooError, match="rate_hz"):
        Target(np.zeros((4, 3)), np.ones((4, 3), bool))


def test_predictions_convert_logits_once_and_only_by_kind():
    space = load_space("ekman7+ambivalence_hesitancy+vad")
    logits = torch.randn(2, 7)
    fields = {
        "emotion": PredictionField(logits, "logits"),
        "state": PredictionField(torch.randn(2, 1), "logits"),
        "vad": PredictionField(torch.rand(2, 3) * 0.5, "value"),
    }
    probs = AffectPrediction(["a", "b"], space, fields).probabilities()
    torch.testing.assert_close(probs.emotion.values, logits.softmax(-1))
    torch.testing.assert_close(probs.state.values, fields["state"].values.sigmoid())
    assert probs.vad.values is fields["vad"].values
    twice = probs.probabilities()
    torch.testing.assert_close(twice.emotion.values, probs.emotion.values)
    with pytest.raises(AffectZooError, match="kind must be 'value'"):
        AffectPrediction(["a"], space, {"vad": PredictionField(torch.zeros(1, 3), "logits")}).probabilities()
    with pytest.raises(AffectZooError, match="do not fit 7 names"):
        AffectPrediction(["a"], space, {"emotion": PredictionField(torch.zeros(1, 6), "logits")})
