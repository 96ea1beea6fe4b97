from dataclasses import replace

import numpy as np
import pytest
import torch
from toykit import KEYS, save, toy_batch, toy_model, toy_samples, write_pulse

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.inference.predictor import Predictor, calibrate, load_predictor
from affectzoo.structures.signal import Signal


@pytest.fixture
def predictor(shipped):
    shipped(calibration={"emotion": 2.0})
    return load_predictor("toy/mean.first")


def test_every_door_gives_the_same_numbers(predictor, tmp_path):
    values = np.random.default_rng(1).normal(size=19).astype(np.float32)
    path = write_pulse(tmp_path / "x.pulse", values)
    sample = replace(toy_samples()[0], signals={"pulse": Signal(values, 8.0)})
    tables = [predictor(x) for x in (path, str(path), [path], (values, 8.0), Signal(values, 8.0), sample)]
    for t in tables[1:]:
        assert np.array_equal(t.values("emotion"), tables[0].values("emotion"))
        assert np.array_equal(t.values("vad"), tables[0].values("vad"))
    assert [t.frame.key[0] for t in tables] == ["x", "x", "x", "item0", "item0", "k0"]
    assert tables[0].frame.source[0] == str(path) and tables[3].frame.source[0] == ""


def test_numbers_are_those_of_the_model_with_the_temperature_applied(predictor):
    samples = toy_samples()
    with torch.no_grad():
        raw = toy_model().eval()(toy_batch(toy_model()))
    table = predictor(samples)
    logits = raw.emotion.values.double().numpy() / 2.0
    by_hand = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(table.values("emotion"), by_hand, rtol=1e-5)
    np.testing.assert_allclose(table.values("vad"), raw.vad.values.numpy(), rtol=1e-5)


def test_the_table_carries_model_and_training_keys(predictor):
    table = predictor(toy_samples())
    assert table.meta.training_keys == tuple(sorted(KEYS)) and table.meta.model["tag"] == "first"
    assert table.meta.model["sha256"] == predictor.info.sha256 != "" and predictor.info.arch == "toy/mean"
    assert predictor.info.parameters == sum(p.numel() for p in toy_model().parameters())


def test_many_are_answered_in_batches_and_in_order(predictor):
    samples = [replace(s, key=f"n{i}") for i, s in enumerate(toy_samples(tuple(range(4, 44))))]
    table = predictor(samples)
    assert table.frame.key.tolist() == [s.key for s in samples]
    np.testing.assert_allclose(table.values("vad")[37], predictor(samples[37]).values("vad")[0], rtol=1e-4, atol=1e-6)


def test_a_folder_gives_keys_below_it(predictor, tmp_path):
    for name in ("s/b/y.pulse", "s/a/x.pulse"):
        write_pulse(tmp_path / name, [1, 2, 3, 4])
    assert predictor(tmp_path / "s").frame.key.tolist() == ["a/x", "b/y"]


def test_steps_keep_the_recordings_clock(toy, tmp_path):
    predictor = load_predictor(save(toy_model("toy/steps"), tmp_path))
    table = predictor(Signal(np.ones(12, np.float32), 8.0, t0_s=5.0))
    assert table.meta.granularity == "step" and table.meta.rate_hz == 2.0
    assert table.frame.t_s.tolist() == [5.0, 5.5, 6.0]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones(8), "cannot predict from ndarray"),
        ([], "the list is empty"),
        (None, "NoneType"),
        ((np.ones(2, np.float32), 8.0), "too short"),
        ((np.zeros(9, np.float32), 8.0), "silent"),
        ((np.ones(9), 0), "rate_hz"),
    ],
)
def test_bad_input_is_named(predictor, x, message):
    with pytest.raises(AffectZooError, match=message):
        predictor(x)


def test_bad_files_are_named(predictor, tmp_path):
    (tmp_path / "broken.pulse").write_text("8.0 x")
    (tmp_path / "empty.pulse").write_text("")
    (tmp_path / "foreign.wav").write_text("RIFF")
    for name, message in (
        ("broken.pulse", "not a pulse file"),
        ("empty.pulse", "empty"),
        ("foreign.wav", "file type"),
        ("none.pulse", "no such file"),
    ):
        with pytest.raises(FileError, match=f"{name}: .*{message}"):
            predictor(tmp_path / name)


def test_an_answer_that_is_not_finite_says_so(toy):
    model = toy_model()
    torch.nn.init.constant_(model.heads.linear["vad"].bias, float("nan"))
    table = Predictor(model)(toy_samples())
    assert table.frame.error.tolist() == ["the model's output is not finite"] * 2
    assert np.isnan(table.values("emotion")).all()


def test_a_model_of_two_modalities_wants_a_sample(toy):
    model = toy_model()
    model.modalities = ("pulse", "audio")
    with pytest.raises(AffectZooError, match="pulse and audio together"):
        Predictor(model)((np.ones(8, np.float32), 8.0))


def test_unknown_names_are_answered_with_the_nearest(shipped):
    shipped()
    with pytest.raises(UnknownNameError, match="'toy/mean.first'"):
        load_predictor("toy/mean.fist")


def test_calibration_leaves_values_alone(toy):
    model = toy_model()
    with torch.no_grad():
        pred = model.eval()(toy_batch(model))
    out = calibrate(pred, {"emotion": 4.0, "vad": 4.0})
    assert torch.equal(out.emotion.values, pred.emotion.values / 4) and torch.equal(out.vad.values, pred.vad.values)
