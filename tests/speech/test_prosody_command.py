"""affectzoo prosody: rows, errors, pictures, exit codes."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from prosodykit import RATE, train, white

from affectzoo.cli import main
from affectzoo.speech.prosody.files import COLUMNS, measure_files
from affectzoo.speech.prosody.measures import MEASURES, measure
from affectzoo.speech.prosody.plot import plot_prosody


@pytest.fixture
def folder(tmp_path):
    clips = tmp_path / "clips"
    (clips / "more").mkdir(parents=True)
    up = 150 * 2 ** (np.linspace(0, 8, RATE) / 12)
    soundfile.write(clips / "rise.wav", train(up, 1.0), RATE)
    eight = np.tile(train(220.0, 0.8)[:, None], (1, 8))
    soundfile.write(clips / "more" / "eight.flac", eight, RATE)
    soundfile.write(clips / "phone.wav", train(120.0, 0.9, rate=8000), 8000)
    soundfile.write(clips / "hiss.wav", white(0.5), RATE)
    soundfile.write(clips / "nan.wav", np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    (clips / "broken.wav").write_bytes(b"RIFF....WAVEno audio here")
    return clips


def test_a_table_with_a_row_for_every_file(folder, tmp_path, capsys):
    out = tmp_path / "made" / "prosody.csv"
    assert main(["prosody", str(folder), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "rising" in shown and "4 of 6 files measured" in shown and str(out) in shown.replace("\n", "")
    table = pd.read_csv(out, keep_default_na=False, na_values={m: [""] for m in MEASURES}).set_index("key")
    assert list(table.columns) == list(COLUMNS[1:])
    assert table.loc[["rise", "more/eight", "phone"], "f0_median_hz"].to_numpy() == pytest.approx(
        [150 * 2 ** (4 / 12), 220, 120], rel=0.01
    )
    assert table.loc["rise", "contour"] == "rising" and table.loc["hiss", "contour"] == "too_short"
    assert "NaN or infinite" in table.loc["nan", "error"] and "cannot be decoded" in table.loc["broken", "error"]
    assert table.loc[["rise", "hiss"], "error"].eq("").all() and np.isnan(table.loc["nan", "f0_median_hz"])


def test_strict_and_single_files(folder, capsys):
    good, bad = str(folder / "rise.wav"), str(folder / "broken.wav")
    assert main(["prosody", good, bad]) == 0
    assert main(["prosody", good, bad, "--strict"]) == 1
    assert main(["prosody", good, "--strict"]) == 0
    assert main(["prosody", bad]) == 0 and "0 of 1 files measured" in capsys.readouterr().out


def test_a_wrong_extension_is_a_row(folder, tmp_path, capsys):
    text = tmp_path / "notes.txt"
    text.write_text("no audio")
    assert main(["prosody", str(text), str(folder / "rise.wav")]) == 0
    assert "1 of 2 files measured" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet"])
def test_other_formats(folder, tmp_path, name):
    out = tmp_path / name
    assert main(["prosody", str(folder / "rise.wav"), "--out", str(out)]) == 0
    table = pd.read_json(out, lines=True) if name.endswith("jsonl") else pd.read_parquet(out)
    assert table.loc[0, "f0_median_hz"] == pytest.approx(189, rel=0.01) and list(table.columns) == list(COLUMNS)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--out", "t.xlsx"], "unknown table format '.xlsx'"),
        (["nothing/*.wav"], "matches no file"),
    ],
)
def test_errors_that_stop_all(folder, args, message, capsys):
    assert main(["prosody", str(folder / "rise.wav"), *args]) == 2
    assert message in capsys.readouterr().err


def test_the_file_is_the_array(folder):
    frame = measure_files([folder / "rise.wav"], progress=False)
    audio, rate = soundfile.read(folder / "rise.wav", dtype="float32")
    alone = measure(audio, rate)
    for name in MEASURES:
        assert frame.loc[0, name] == pytest.approx(alone[name], nan_ok=True)


def test_a_bad_neighbour_changes_no_row(folder):
    paths = sorted(folder.rglob("*.*"))
    together = measure_files(paths, progress=False).set_index("source")
    for path in paths:
        alone = measure_files([path], progress=False).loc[0]
        here, there = (row[list(MEASURES)].to_numpy(float) for row in (together.loc[str(path)], alone))
        np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-3)
        assert together.loc[str(path), "error"] == alone["error"]


def test_pictures(folder, tmp_path, capsys):
    assert main(["prosody", str(folder), "--plot", "--plots", str(tmp_path / "pictures")]) == 0
    made = sorted(p.relative_to(tmp_path / "pictures").as_posix() for p in (tmp_path / "pictures").rglob("*.png"))
    assert made == ["hiss.png", "more/eight.png", "phone.png", "rise.png"]
    assert "pictures are in" in capsys.readouterr().out


def test_a_picture_says_what_was_measured(tmp_path):
    audio = np.concatenate([train(np.linspace(150, 240, RATE), 1.0), np.zeros(RATE // 2, np.float32)])
    svg = plot_prosody(audio, RATE, measure(audio, RATE), tmp_path / "p.svg", "clip").read_text()
    comments = {line.strip().removeprefix("<!-- ").removesuffix(" -->") for line in svg.splitlines() if "<!--" in line}
    assert {"clip: rising (confidence 1.00)", "pitch (Hz)", "level (dBFS)", "speech", "time (s)"} <= comments
    assert any(c.startswith("median 19") and c.endswith("semitones") for c in comments)
    none = plot_prosody(white(0.3), RATE, measure(white(0.3), RATE), tmp_path / "n.svg").read_text()
    assert "no voice" in none and "too_short" in none


def test_help_names_it(capsys):
    assert main(["--help"]) == 0
    assert "  prosody " in capsys.readouterr().out
