"""affectzoo predict --every: the command, its picture, and what it refuses."""

import numpy as np
import pytest
import soundfile as sf
import torch
from toykit import save, toy_model, write_pulse

from affectzoo.cli import main
from affectzoo.errors import FileError
from affectzoo.inference.predictor import Predictor
from affectzoo.inference.run import predict_files
from affectzoo.plots import timeline
from affectzoo.structures.table import PredictionTable
from affectzoo.zoo.factory import create_model


@pytest.fixture
def checkpoint(toy, tmp_path):
    return save(toy_model(), tmp_path / "ckpt")


@pytest.fixture
def talk(tmp_path):
    values = np.concatenate([np.sin(np.arange(60)), np.zeros(32), np.sin(np.arange(40))])
    return write_pulse(tmp_path / "talk.pulse", values)


def run(*words, code=0):
    assert main(["predict", *map(str, words)]) == code


def test_a_table_over_time_and_its_picture(checkpoint, talk, tmp_path, monkeypatch, capsys):
    shaded, inner = [], timeline._shade

    def shade(axes, times, step):
        shaded.append((times.tolist(), step))
        inner(axes, times, step)

    monkeypatch.setattr(timeline, "_shade", shade)
    (tmp_path / "bad.pulse").write_text("8.0 " + "1 2 3 4 5 " * 8 + "x")
    out = tmp_path / "p.parquet"
    words = ["--every", "1s", "--window", "2000ms", "--plot", "--out"]
    run(talk, tmp_path / "bad.pulse", "--model", checkpoint, *words, out)
    text = capsys.readouterr().out
    assert "1 of 2 files predicted" in text and "2 of them without an answer: flat" in text
    assert "could not convert" in text and str(out) in text
    table = PredictionTable.read(out)
    assert table.meta.rate_hz == 1.0 and table.meta.granularity == "step"
    rows = table.frame[table.frame.key == "talk"]
    np.testing.assert_array_equal(rows.t_s, np.arange(1.0, 17.0))
    assert rows.t_s[rows.error != ""].tolist() == [9.0, 10.0]
    assert shaded == [([9.0, 10.0], 1.0), ([], 1.0)] * 2  # two fields, each with the recordings side by side
    assert (tmp_path / "p.parquet.timeline.png").stat().st_size > 5000


def test_strict_is_about_files_not_about_silence(checkpoint, talk, tmp_path):
    words = ["--model", checkpoint, "--every", "1", "--out", tmp_path / "p.csv", "--strict"]
    run(talk, *words)
    (tmp_path / "bad.pulse").write_text("8.0 " + "1 2 3 4 5 " * 8 + "x")
    run(talk, tmp_path / "bad.pulse", *words, code=1)


def test_in_another_label_space(checkpoint, talk, tmp_path):
    run(talk, "--model", checkpoint, "--every", "1", "--out", tmp_path / "p.csv", "--to", "ekman7")
    table = PredictionTable.read(tmp_path / "p.csv")
    silent = (table.frame.error == "flat").to_numpy()
    assert silent.any() and (np.isnan(table.values("emotion")).all(1) == silent).all()
    assert table.meta.notes["windows"]["every_s"] == 1.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--every", "often"], "--every: 'often' is not a time; write 1s, 500ms, 2min or 0.5"),
        (["--every", "0"], "every: 0 s is not possible, at least 0.01 s are needed"),
        (["--every", "1", "--window", "50ms"], "window: 0.05 s is not possible, at least 0.1 s are needed"),
        (["--window", "2s"], "--window and --keep-silence are for answers over time: give --every too"),
        (["--keep-silence"], "--window and --keep-silence are for answers over time: give --every too"),
    ],
)
def test_wrong_words_are_one_line(checkpoint, talk, capsys, words, message):
    run(talk, "--model", checkpoint, *words, code=2)
    assert capsys.readouterr().err == f"affectzoo: error: {message}\n"


def test_a_long_recording_is_not_taken_as_one_utterance(tmp_path):
    torch.manual_seed(0)
    predictor = Predictor(create_model("speech/logmel_cnn", "ekman7", width=8))
    path = tmp_path / "long.wav"
    sf.write(path, np.tile(np.int16([500, -500]), 250 * 601), 500)
    message = r"lasts 601 s; one answer is given to at most 600 s: ask for answers over time \(--every 1s\)"
    path.write_bytes(path.read_bytes() + bytes(1 << 20))  # what is small is not asked
    with pytest.raises(FileError, match=message):
        predictor.read(path)
    table = predict_files(predictor, [path], tmp_path / "p.csv", progress=False)
    assert table.frame.error[0] == message.replace("\\", "")
