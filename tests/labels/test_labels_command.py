"""affectzoo labels, through its parser."""

import argparse

import pytest
from labelkit import prediction

from affectzoo.commands import labels
from affectzoo.errors import AffectZooError, UndefinedMappingError, UnknownNameError
from affectzoo.labels.space import list_spaces, load_space
from affectzoo.structures.table import PredictionTable


def run(*words):
    parser = argparse.ArgumentParser()
    labels.add_arguments(parser)
    return labels.run(parser.parse_args(words))


def test_list_names_every_space_with_its_hash(capsys):
    assert run("list") == 0
    out = capsys.readouterr().out
    assert all(n in out and load_space(n).hash in out for n in list_spaces())
    assert "au 17 (intensity)" in out


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        (
            "rm8",
            [
                "happiness",
                "fearful",
                "-0.43 ± 0.30",
                "contempt",
                "Russell & Mehrabian",
                load_space("rm8").hash,
            ],
        ),
        ("disfa8", ["AU12", "lip corner puller", "presence"]),
        ("ambivalence_hesitancy+va", ["ambivalence_hesitancy", "A/H", "arousal"]),
        ("plutchik", ["serenity", "90", "joy"]),
        ("wheel5", ["(terms: 3)", "(of its parent)", "sector's valence"]),
    ],
)
def test_show(capsys, name, texts):
    assert run("show", name) == 0
    out = capsys.readouterr().out
    assert [t for t in texts if t not in out] == []


def test_map_shows_rows_losses_and_what_is_never_reached(capsys):
    assert run("map", "ravdess8", "affectnet8") == 0
    out = capsys.readouterr().out
    assert "no counterpart of calm" in out and "7 exact, 0 lossy, 1 undefined; never reached: contempt" in out
    run("map", "ravdess8", "vad+ambivalence_hesitancy")
    out = capsys.readouterr().out
    assert "only the mean of relaxed is kept" in out and "state: 'ravdess8' (emotion) cannot be mapped" in out
    run("map", "ravdess8+vad", "ekman7+vad", "--field", "emotion")
    out = capsys.readouterr().out
    assert "emotion: lossy" in out and "valence" not in out


def test_plot_space_and_table(capsys, tmp_path):
    pytest.importorskip("affectzoo.plots.plane")
    run("plot", "rm8", "--out", str(tmp_path / "plane.png"))
    run("plot", "plutchik", "--out", str(tmp_path / "wheel.png"))
    source = tmp_path / "p.csv"
    PredictionTable.from_prediction(prediction("plutchik")).write(source)
    run("plot", str(source), "--out", str(tmp_path / "points.png"))
    run("plot", str(source), "--view", "wheel", "--out", str(tmp_path / "mean.png"))
    for name in ("plane", "wheel", "points", "mean"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    assert capsys.readouterr().out.count("wrote") == 4


def test_bad_names():
    with pytest.raises(UnknownNameError, match="ravdess8"):
        run("show", "ravdes8")
    with pytest.raises(UndefinedMappingError, match="not a feeling"):
        run("map", "disfa8", "ekman7")
    with pytest.raises(AffectZooError, match="no emotion or vad"):
        run("plot", "disfa8")
    with pytest.raises(AffectZooError, match="no such file"):
        run("plot", "missing.csv")
    with pytest.raises(SystemExit):
        run()
