"""The column `warning`: codes of the checks that a modality's plug-in declares, from every door."""

import numpy as np
import pandas as pd
import pytest
from toykit import save, toy_model, write_pulse

from affectzoo.cli import main
from affectzoo.inference.predictor import Predictor
from affectzoo.inference.run import predict_files
from affectzoo.inference.stream import StreamPredictor
from affectzoo.inference.windows import WindowPlan
from affectzoo.structures.signal import Signal
from affectzoo.structures.table import PredictionTable

LOUD, FAINT = np.sin(np.arange(40)), 1e-4 * np.sin(np.arange(40))


@pytest.fixture
def predictor(toy):
    return Predictor(toy_model())


@pytest.fixture
def files(tmp_path):
    broken = tmp_path / "c.pulse"
    broken.write_text("8.0 1 x")
    return [write_pulse(tmp_path / "a.pulse", LOUD), write_pulse(tmp_path / "b.pulse", FAINT), broken]


def test_files_and_arrays(predictor, files, tmp_path):
    table = predict_files(predictor, files, tmp_path / "p.csv", progress=False)
    assert table.frame["warning"].tolist() == ["", "faint", ""]
    assert (table.frame["error"] != "").tolist() == [False, False, True]
    assert PredictionTable.read(tmp_path / "p.csv").frame["warning"].tolist() == ["", "faint", ""]
    doubtful = predictor([(LOUD, 8.0), Signal(FAINT, 8.0)]).frame
    assert doubtful["warning"].tolist() == ["", "faint"]


def test_a_run_that_goes_on_keeps_them(predictor, files, tmp_path, monkeypatch):
    monkeypatch.setattr(PredictionTable, "write", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        predict_files(predictor, files, tmp_path / "p.csv", progress=False)
    monkeypatch.undo()
    monkeypatch.setattr(Predictor, "prepare", lambda *_: pytest.fail("read again"))
    table = predict_files(predictor, files[:2], tmp_path / "p.csv", progress=False)
    assert table.frame["warning"].tolist() == ["", "faint"]


def test_each_window_has_its_own(predictor, tmp_path):
    pulse = np.concatenate([LOUD, FAINT, np.zeros(40)])
    stream = StreamPredictor(predictor, 8.0, window_s=2.0, every_s=2.5)
    frame = pd.concat([stream.feed(pulse).frame, stream.finish().frame])
    assert frame["warning"].tolist() == ["", "", "faint", "faint", "", ""]
    assert frame["error"].tolist() == [""] * 4 + ["flat"] * 2
    path = write_pulse(tmp_path / "a.pulse", pulse)
    path.write_text(path.read_text() + " x")
    table = predict_files(predictor, [path], tmp_path / "p.csv", progress=False, windows=WindowPlan(2.5, 2.0))
    assert table.frame["warning"].tolist() == ["", "", "faint", "faint", "", "", ""]
    assert table.pool().frame["warning"].tolist() == ["faint"]


def test_the_row_of_a_file_that_breaks_has_none(predictor, tmp_path):
    path = write_pulse(tmp_path / "a.pulse", FAINT)
    path.write_text(path.read_text() + " x")
    table = predict_files(predictor, [path], tmp_path / "p.csv", progress=False, windows=WindowPlan(2.5, 2.0))
    assert table.frame["warning"].tolist() == ["faint", "faint", ""] and table.frame["error"].iloc[-1]


def test_an_old_table_has_none(predictor, files, tmp_path):
    predict_files(predictor, files, tmp_path / "p.csv", progress=False)
    old = pd.read_csv(tmp_path / "p.csv", keep_default_na=False).drop(columns="warning")
    old.to_csv(tmp_path / "p.csv", index=False)
    assert PredictionTable.read(tmp_path / "p.csv").frame["warning"].tolist() == ["", "", ""]


def test_the_command_says_them(toy, files, tmp_path, capsys):
    words = ["--model", str(save(toy_model(), tmp_path / "ckpt")), "--out", str(tmp_path / "p.csv")]
    assert main(["predict", *map(str, files), *words]) == 0
    text = capsys.readouterr().out
    assert "doubtful, see the column warning: faint (1 of 3 rows)" in text and text.count("faint") == 2
    assert main(["predict", str(files[0]), *words]) == 0
    assert "warning" not in capsys.readouterr().out
