"""list, info and predict from the outside."""

import json

import numpy as np
import pytest
from toykit import LICENCES, cli, write_pulse

from affectzoo.cli import main
from affectzoo.structures.table import PredictionTable


def out(capsys, *args, code=0):
    assert main([str(a) for a in args]) == code
    return capsys.readouterr().out


def test_list_models_and_checkpoints(shipped, capsys):
    shipped(licences={**LICENCES, "data": "EULA of the pulses"})
    rows = json.loads(out(capsys, "list", "toy/*", "--json"))
    assert [(r["name"], r["reads"], r["checkpoints"]) for r in rows] == [
        ("toy/mean", "pulse", "first"),
        ("toy/steps", "pulse", ""),
    ]
    text = out(capsys, "list", "--kind", "checkpoints", "--family", "toy")
    assert all(w in text for w in ("toy/mean.first", "ravdess8+vad", "pulses", "CC0-1.0", "EULA of the pulses"))
    assert out(capsys, "list", "nothing*") == "no models match\n"


@pytest.mark.parametrize(("kind", "name"), [("datasets", "speech_synthetic"), ("label-spaces", "ravdess8")])
def test_list_other_kinds(capsys, kind, name):
    assert name in [r["name"] for r in json.loads(out(capsys, "list", "--kind", kind, "--json"))]
    assert [r["name"] for r in json.loads(out(capsys, "list", name, "--kind", kind, "--json"))] == [name]
    assert main(["list", "--kind", kind, "--family", "speech"]) == 2


def test_info_of_a_model_a_checkpoint_a_folder_and_a_data_set(shipped, capsys):
    folder = shipped(calibration={"emotion": 1.5}, notes="A note.")
    text = out(capsys, "info", "toy/mean")
    assert all(
        w in text
        for w in (
            "Mean of encoded blocks.",
            "dim: 5",
            "parameters: 43 ",
            "toyzoo.models.Mean",
            "toy/mean.first",
        )
    )
    text = out(capsys, "info", "toy/mean.first")
    for word in (
        "reads: pulse",
        "dim: 5",
        "emotion: neutral, calm",
        "licence of the code: Apache-2.0",
        "licence of the weights: CC0-1.0",
        "licence of the data: synthetic",
        "trained on: pulses 1",
        "emotion 1.5",
        "2 items",
        "A note.",
    ):
        assert word in text, word
    assert out(capsys, "info", folder) == text
    assert "licence of the data: CC0-1.0" in out(capsys, "info", "speech_synthetic")


@pytest.fixture
def clips(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a/x", "a/y", "z"):
        write_pulse(tmp_path / "clips" / f"{name}.pulse", rng.normal(size=20))
    return tmp_path / "clips"


def test_predict_in_a_process_of_its_own(shipped, toy, clips, tmp_path):
    shipped()
    (clips / "broken.pulse").write_text("8 x")
    (clips / "a" / "voice.m4a").write_text("")
    result = cli("predict", clips, "--model", "toy/mean.first", site=toy, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "3 of 4 files predicted; written to predictions.csv" in result.stdout and "not a pulse file" in result.stdout
    assert "left out of the folders" in result.stdout and "1 .m4a" in result.stdout
    table = PredictionTable.read(tmp_path / "predictions.csv")
    assert table.frame.key.tolist() == ["a/x", "a/y", "broken", "z"]
    assert not list(tmp_path.glob("*.partial*"))


def test_predict_from_stdin_list_folder_of_weights_and_other_space(shipped, clips, tmp_path, capsys, monkeypatch):
    folder = shipped()
    monkeypatch.setattr("sys.stdin", iter([f"{clips / 'z.pulse'}\n"]))
    target = tmp_path / "p.jsonl"
    text = out(capsys, "predict", "-", "--model", folder, "--out", target, "--to", "ekman7+vad")
    assert "1 of 1 files predicted" in text
    table = PredictionTable.read(target)
    assert table.frame.key.tolist() == ["z"] and table.space.name == "ekman7+vad"


def test_predict_over_time_shows_means(shipped, clips, tmp_path, capsys):
    shipped(arch="toy/steps")
    text = out(capsys, "predict", clips / "a", "--model", "toy/steps", "--out", tmp_path / "p.parquet")
    assert "means over time; the table has 10 rows" in text and "valence" in text


@pytest.mark.parametrize("arch", ["toy/mean", "toy/steps"])
def test_predict_draws(shipped, clips, tmp_path, capsys, arch):
    shipped(arch=arch)
    (clips / "a" / "broken.pulse").write_text("8 x")
    out(capsys, "predict", clips / "a", "--model", arch, "--out", tmp_path / "p.csv", "--plot")
    pictures = list(tmp_path.glob("p.csv.*.png"))
    assert len(pictures) == 1 and pictures[0].stat().st_size > 5000


def test_a_table_that_cannot_be_drawn_is_still_written(shipped, clips, tmp_path, capsys):
    shipped(space="disfa8")
    assert main(["predict", str(clips), "--model", "toy/mean", "--out", str(tmp_path / "p.csv"), "--plot"]) == 0
    assert "no picture: " in capsys.readouterr().err and (tmp_path / "p.csv").exists()


def test_predict_errors(shipped, clips, tmp_path, capsys):
    shipped()
    (clips / "broken.pulse").write_text("8 x")
    model = ["--model", "toy/mean.first", "--out", str(tmp_path / "p.csv")]
    assert main(["predict", str(clips / "broken.pulse"), *model]) == 0
    assert main(["predict", str(clips), "--strict", *model]) == 1
    assert "is not a pulse file" in capsys.readouterr().out
    assert main(["predict", str(clips / "none*"), *model]) == 2
    assert main(["predict", str(clips), "--model", "toy/mean.frist"]) == 2
    assert "toy/mean.first" in capsys.readouterr().err
    assert main(["predict", str(clips), "--model", "toy/mean", "--out", str(tmp_path / "p.xls")]) == 2
    assert main(["predict", str(clips), *model, "--batch-size", "0"]) == 2
