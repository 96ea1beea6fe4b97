"""A stream, a file and a loop over cut-out windows say the same."""

import tracemalloc

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toykit import save, toy_model, write_pulse

from affectzoo.errors import AffectZooError, FileError
from affectzoo.inference.predictor import Predictor, load_predictor
from affectzoo.inference.run import predict_files
from affectzoo.inference.stream import StreamPredictor, predict_recording
from affectzoo.inference.windows import WindowPlan
from affectzoo.speech.synthetic import generate
from affectzoo.zoo.factory import create_model

PLAN = WindowPlan(0.5, 1.0)


@pytest.fixture(scope="module")
def speech():
    torch.manual_seed(0)
    return Predictor(create_model("speech/logmel_cnn", "ekman7+vad", width=8))


@pytest.fixture(scope="module")
def talk():
    """Voices (16 kHz) with two seconds of room between them."""
    rng = np.random.default_rng(0)
    room = [(rng.normal(size=32000) * 1e-3).astype(np.float32) for _ in range(2)]
    voices = [s.signals["audio"].data for s in generate(6, seconds=1.1)]
    return np.concatenate([*voices[:3], room[0], *voices[3:5], room[1], voices[5]])


def fed(predictor, audio, rate, cuts=(), plan=PLAN, **kw):
    stream = StreamPredictor(predictor, rate, plan.window_s, plan.every_s, plan.keep_silence, **kw)
    tables = [stream.feed(p) for p in np.split(audio, sorted(cuts))]
    return stream_table([*tables, stream.finish()])


def stream_table(tables):
    return tables[0].concat([t for t in tables if len(t.frame)])


def same(a, b, atol=1e-5):
    assert a.frame.t_s.tolist() == b.frame.t_s.tolist() and a.frame.error.tolist() == b.frame.error.tolist()
    for field in ("emotion", "vad"):
        np.testing.assert_allclose(a.values(field), b.values(field), rtol=0, atol=atol)


def test_rows_are_those_of_the_windows_cut_out_by_hand(speech, talk):
    table = fed(speech, talk, 16000.0)
    lasts = len(talk) / 16000
    times = np.arange(0.5, lasts, 0.5)
    np.testing.assert_allclose(table.frame.t_s, times)
    assert table.meta.granularity == "step" and table.meta.rate_hz == 2.0
    assert table.meta.notes["windows"] == {"window_s": 1.0, "every_s": 0.5, "t_s": "middle of the window"}
    silent = (table.frame.error == "no speech").to_numpy()
    assert 4 <= silent.sum() <= 8 and np.isnan(table.values("vad")[silent]).all()
    for i in np.flatnonzero(~silent):
        window = talk[int((times[i] - 0.5) * 16000) : int((times[i] + 0.5) * 16000)]
        alone = speech((window, 16000.0))
        np.testing.assert_allclose(table.values("emotion")[i], alone.values("emotion")[0], atol=1e-6)
        np.testing.assert_allclose(table.values("vad")[i], alone.values("vad")[0], atol=1e-6)


@pytest.fixture(scope="module")
def recordings(speech, talk, tmp_path_factory):
    """(rate, channels) -> samples and the table of the file that holds them."""
    out = {}
    for rate, channels in ((8000, 1), (16000, 8), (44100, 2)):
        path = tmp_path_factory.mktemp("wav") / "talk.wav"
        audio = np.stack([np.roll(talk, 40 * c) for c in range(channels)], axis=1)
        sf.write(path, audio, rate, subtype="FLOAT")
        out[rate, channels] = audio, predict_recording(speech, path, PLAN)
    return out


@settings(deadline=None, max_examples=12)
@given(st.sampled_from([(8000, 1), (16000, 8), (44100, 2)]), st.sets(st.integers(0, 140000), max_size=20))
def test_any_chunking_gives_the_rows_of_the_file(speech, recordings, kind, cuts):
    audio, table = recordings[kind]
    same(fed(speech, audio, kind[0], cuts, batch_size=5), table)
    assert ("no speech" in set(table.frame.error)) == (kind[0] < 44100)  # where the pauses are shorter than a window


def test_chunks_of_twenty_milliseconds_in_one_buffer(speech, recordings):
    audio, table = recordings[16000, 8]
    stream = StreamPredictor(speech, 16000, 1.0, 0.5)
    buffer, tables, due = np.empty((320, 8), np.float32), [], []
    for i in range(0, len(audio) - 320, 320):
        buffer[:] = audio[i : i + 320]  # as a sound card does it
        tables.append(stream.feed(buffer))
        due += [(i + 320) / 16000 - t - 0.5 for t in tables[-1].frame.t_s]
    tables.append(stream.feed(audio[i + 320 :]))
    same(stream_table([*tables, stream.finish()]), table)
    assert min(due) >= 0 and max(due) < 0.02  # a row comes with the chunk that ends its window
    assert stream._cutter._kept.nbytes <= 4 * 16000


def test_a_buffer_of_one_channel_at_the_models_rate_may_be_used_again(speech, talk):
    stream = StreamPredictor(speech, 16000, 1.0, 0.5)
    buffer, tables = np.empty(8000, np.float32), []
    for i in range(0, 64000, 8000):
        buffer[:] = talk[i : i + 8000]
        tables.append(stream.feed(buffer))
    same(stream_table([*tables, stream.finish()]), fed(speech, talk[:64000], 16000))


def test_a_chunk_with_nan_is_refused_and_nothing_of_it_is_taken(speech, talk):
    stream = StreamPredictor(speech, 16000, 1.0, 0.5)
    bad = talk[:8000].copy()
    bad[4000] = np.nan
    tables = [stream.feed(talk[:40000])]
    with pytest.raises(AffectZooError, match=r"the sample at 2\.750 s is NaN"):
        stream.feed(bad)
    tables += [stream.feed(talk[40000:]), stream.finish()]
    same(stream_table(tables), fed(speech, talk, 16000))
    with pytest.raises(AffectZooError, match="finished"):
        stream.feed(talk)


def test_silence_is_answered_on_request_but_not_digital_silence(speech, talk):
    audio = np.concatenate([talk, np.zeros(32000, np.float32)])
    table = fed(speech, audio, 16000, plan=WindowPlan(0.5, 1.0, keep_silence=True))
    errors = table.frame.error[table.frame.error != ""]
    assert len(errors) == 3 and errors.str.startswith("audio is silent: RMS").all()
    assert np.isfinite(table.values("vad")[: -len(errors)]).all()


def write(path, audio, rate=16000):
    sf.write(path, audio, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(80000), r"no speech \(in 10 of 10 windows, and none has an answer\)"),
        (
            1e-4 * np.random.default_rng(0).normal(size=80000),
            r"no speech \(in 10 of 10 windows, and none has an answer\)",
        ),
        (0.1 * np.ones(800), r"audio is too short: 0\.050 s, at least 0\.1 s are needed"),
        (np.full(1000, np.nan), r"the sample at 0\.000 s is NaN or infinite"),
        (np.zeros(0), "holds no samples"),
    ],
)
def test_a_file_without_an_answer_is_one_clear_error(speech, tmp_path, audio, message):
    path = write(tmp_path / "a.wav", audio)
    with pytest.raises(FileError, match=f"a.wav: {message}$"):
        predict_recording(speech, path, PLAN)
    table = predict_files(speech, [path], tmp_path / "p.csv", windows=PLAN, progress=False)
    assert len(table.frame) == 1 and np.isnan(table.frame.t_s[0]) and table.frame.error[0] == message.replace("\\", "")


def test_a_file_that_breaks_keeps_its_rows(speech, talk, tmp_path):
    audio = talk.copy()
    audio[56000:56002] = np.nan
    path = write(tmp_path / "nan.wav", audio)
    table = predict_recording(speech, path, PLAN)
    same_part = fed(speech, talk[:56000], 16000)
    last = table.frame.iloc[-1]
    assert last.error == "the sample at 3.500 s is NaN or infinite" and np.isnan(last.t_s)
    np.testing.assert_allclose(table.values("vad")[:-1], same_part.values("vad"), atol=1e-5)
    with pytest.raises(FileError, match=r"nan\.wav: the sample at 3\.500 s"):
        predict_files(speech, [path], tmp_path / "p.csv", windows=PLAN, progress=False, strict=True)


def test_memory_does_not_grow_with_the_recording(speech, talk, tmp_path):
    def peak(minutes):
        path = tmp_path / f"{minutes}.wav"
        with sf.SoundFile(path, "w", 8000, 1, "PCM_16") as f:
            for _ in range(round(minutes * 60 * 8000 / len(talk)) + 1):
                f.write(talk)
        tracemalloc.start()
        table = predict_recording(speech, path, WindowPlan(10.0, 1.0))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size, len(table.frame)

    peak(1)  # what is loaded once
    (short, few), (long, many) = peak(2), peak(30)
    assert many > 10 * few >= 120 and long < short + 1e6 < 20e6  # 30 minutes are 58 MB at 8 kHz, 115 MB at 16 kHz


# The same with a stranger's modality: the core knows no audio.


@pytest.fixture(params=["toy/mean"])
def pulses(request, toy, tmp_path):
    return load_predictor(save(toy_model(request.param), tmp_path / "ckpt"))


VALUES = np.concatenate([np.sin(np.arange(60)), np.zeros(32), np.sin(np.arange(40))])


def test_a_strangers_modality_has_windows_too(pulses, tmp_path):
    plan = WindowPlan(1.0, 2.0)
    path = write_pulse(tmp_path / "x.pulse", VALUES)
    table = predict_recording(pulses, path, plan, key="mine")
    same(table, fed(pulses, VALUES, 8.0, {3, 50, 51, 99}, plan))
    assert set(table.frame.key) == {"mine"} and set(table.frame.source) == {str(path)}
    assert table.frame.t_s[table.frame.error == "flat"].tolist() == [9.0, 10.0]
    alone = pulses((VALUES[16:32].astype(np.float32), 8.0))
    np.testing.assert_allclose(table.values("vad")[2], alone.values("vad")[0], rtol=1e-5)
    assert table.meta.model["tag"] == "first" and table.meta.training_keys == pulses.training_keys


def test_a_window_that_breaks_the_model_does_not_take_the_others_with_it(pulses, monkeypatch):
    inner, plan = pulses.model.forward, WindowPlan(1.0, 2.0)
    clean = fed(pulses, VALUES, 8.0, plan=plan)

    def forward(batch):
        if (batch.signals["pulse"].t0_s == 3.0).any():
            raise RuntimeError("kernel larger than input")
        return inner(batch)

    monkeypatch.setattr(pulses.model, "forward", forward)
    table = fed(pulses, VALUES, 8.0, plan=plan)
    wrong = table.frame.error.ne(clean.frame.error)
    assert table.frame.error[wrong].tolist() == ["RuntimeError: kernel larger than input"]
    assert table.frame.t_s[wrong].tolist() == [4.0]
    np.testing.assert_allclose(table.values("vad")[~wrong], clean.values("vad")[~wrong], rtol=1e-5, atol=1e-6)


def test_models_without_windows_say_so_before_anything_is_written(toy, tmp_path):
    steps = load_predictor(save(toy_model("toy/steps"), tmp_path / "ckpt"))
    path = write_pulse(tmp_path / "x.pulse", VALUES)
    with pytest.raises(AffectZooError, match=r"toy/steps answers over time by itself \(2 Hz\): predict without"):
        predict_files(steps, [path], tmp_path / "p.csv", windows=PLAN, progress=False)
    assert not (tmp_path / "p.csv").exists()
    for arch, what in (("face/small_cnn", "face"), ("video/late_fusion", "face.audio"), ("eeg/band_tcn", "eeg")):
        space = "ambivalence_hesitancy" if what == "face.audio" else "ekman7+vad"
        with pytest.raises(AffectZooError, match=f"no reader takes {what} piece by piece.*possible for: audio"):
            predict_files(Predictor(create_model(arch, space)), [path], tmp_path / "p.csv", windows=PLAN)
    assert not (tmp_path / "p.csv.partial.jsonl").exists() or (tmp_path / "p.csv.partial.jsonl").stat().st_size == 0


class Stop(BaseException):
    """Stands for Ctrl-C."""


def test_an_interrupted_run_goes_on_with_the_next_file(pulses, tmp_path, monkeypatch):
    plan, seen = WindowPlan(1.0, 2.0), []
    paths = [write_pulse(tmp_path / f"{n}.pulse", VALUES + (VALUES != 0) * n) for n in range(3)]
    (tmp_path / "bad.pulse").write_text("8.0 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 x")
    paths.insert(1, tmp_path / "bad.pulse")

    def go(out, stop=9):
        def counted(predictor, path, *a, **kw):
            if len(seen) == stop:
                raise Stop
            seen.append(path.stem)
            return predict_recording(predictor, path, *a, **kw)

        monkeypatch.setattr("affectzoo.inference.run.predict_recording", counted)
        return predict_files(pulses, paths, out, windows=plan, progress=False)

    whole = go(tmp_path / "whole.csv")
    seen.clear()
    with pytest.raises(Stop):
        go(tmp_path / "p.csv", stop=3)
    seen.clear()
    table = go(tmp_path / "p.csv")
    assert seen == ["bad", "2"]  # silent windows are no failure, a broken file is
    assert table.frame.equals(whole.frame) and table.meta == whole.meta
    bad = table.frame[table.frame.key == "bad"]
    assert bad.error.tolist() == ["", "ValueError: could not convert string to float: 'x'"]
    seen.clear()
    with pytest.raises(Stop):
        go(tmp_path / "p.csv", stop=3)
    plan = WindowPlan(1.0, 1.0)
    seen.clear()
    go(tmp_path / "p.csv")
    assert len(seen) == 4  # other windows are another answer
