"""Every picture is written, holds what was given, and leaves nothing behind."""

import gc
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.plots import plane
from affectzoo.plots.confusion import plot_confusion
from affectzoo.plots.plane import plot_space, table_points
from affectzoo.plots.reliability import plot_reliability, reliability_bins
from affectzoo.plots.size import plot_sizes
from affectzoo.plots.timeline import plot_timeline
from affectzoo.plots.wheel import plot_wheel
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.table import PredictionTable

SPACE = load_space("ravdess8+vad")
RNG = np.random.default_rng(0)
POINTS = RNG.uniform(-1, 1, (20, 3))


def step_table(keys=("a", "b"), steps=12, tracks=None):
    g = torch.Generator().manual_seed(0)
    n = len(keys)
    fields = {
        "emotion": PredictionField(torch.randn(n, steps, 8, generator=g), "logits"),
        "vad": PredictionField(torch.rand(n, steps, 3, generator=g), "value", torch.full((n, steps, 3), 0.1)),
    }
    mask = torch.ones(n, steps, dtype=torch.bool)
    mask[0, 4:7] = False
    pred = AffectPrediction(list(keys), SPACE, fields, rate_hz=5.0, mask=mask, tracks=list(tracks or []))
    return PredictionTable.from_prediction(pred)


DRAWINGS = {
    "plane": lambda path: plot_space("ravdess8", path=path),
    "plane_points": lambda path: plot_space("wheel3", POINTS, [f"c{i % 9}" for i in range(20)], path),
    "plane_bare": lambda path: plot_space("vad", POINTS, path=path),
    "wheel": lambda path: plot_wheel("wheel2", path=path),
    "wheel_values": lambda path: plot_wheel("wheel1", RNG.random(42), path),
    "petals": lambda path: plot_wheel("plutchik", path=path),
    "timeline": lambda path: plot_timeline(step_table(), path),
    "timeline_one_step": lambda path: plot_timeline(step_table(("a",), 1), path),
    "confusion": lambda path: plot_confusion(["x", "y", "z"], [[3, 1, 0], [0, 0, 0], [2, 2, 5]], path),
    "sizes": lambda path: plot_sizes(["a", "b"], [10, 1000], [0.5, 0.6], [(0.4, 0.6), None], path),
    "reliability": lambda path: plot_reliability(RNG.random(50), RNG.random(50) < 0.5, path),
}


def read_png(path):
    from matplotlib.image import imread

    return imread(path)[..., :3]


@pytest.mark.parametrize("name", DRAWINGS)
def test_picture_is_written_and_no_figure_leaks(name, tmp_path):
    from matplotlib.figure import Figure

    path = DRAWINGS[name](tmp_path / "new folder" / "picture.png")
    pixels = read_png(path)
    assert pixels.shape[1] >= 1000, "readable at 1000 px"
    assert 0.002 < (pixels.min(-1) < 0.97).mean() < 0.95, "neither empty nor full"
    gc.collect()
    assert not any(type(o) is Figure for o in gc.get_objects())
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()


def test_wheel_values_change_the_picture_and_scale_does_not(tmp_path):
    values = RNG.random(42)
    given = (values, 3 * values, values[::-1])
    drawn = [read_png(plot_wheel("wheel1", v, tmp_path / "w.png")) for v in given]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])


def test_reliability_bins_by_hand():
    n, accuracy, mean = reliability_bins(np.array([0, 0.5, 0.51, 1]), np.array([True, False, True, True]), 2)
    assert n.tolist() == [2, 2]  # bins are (low, high], 0 belongs to the first
    np.testing.assert_allclose(accuracy, [0.5, 1])
    np.testing.assert_allclose(mean, [0.25, 0.755])


def test_svg_says_what_is_in_it(tmp_path):
    text = plot_confusion(["x", "y"], [[3, 1], [2, 2]], tmp_path / "c.svg").read_text()
    assert "UAR 0.625" in text and "8 items" in text
    text = plot_reliability([0.8, 0.6], [True, True], tmp_path / "r.svg", n_bins=5).read_text()
    assert "ECE 0.300" in text
    text = plot_timeline(step_table(("k1", "k2", "k3", "k4")), tmp_path / "t.svg").read_text()
    assert "k3" in text and "k4" not in text and "1 more recordings or tracks" in text
    assert "(2 more not shown)" in text


def test_timeline_breaks_at_masked_steps(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    lines = []
    plot = Axes.plot
    monkeypatch.setattr(Axes, "plot", lambda self, *a, **k: lines.append(a[1]) or plot(self, *a, **k))
    plot_timeline(step_table(), tmp_path / "t.png", ["a"])
    assert all(np.isnan(y).sum() == 1 for y in lines), "one gap where steps 4 to 6 are missing"


def test_bad_input(tmp_path):
    path = tmp_path / "x.png"
    deep = LabelSpace.from_dict({"name": "d", "version": "1", "categories": [
        {"name": "a", "angle_deg": 0.0}, {"name": "b", "parents": ["a"], "angle_deg": 0.0},
        {"name": "c", "parents": ["b"], "angle_deg": 0.0}]})  # fmt: skip
    cases = [
        (lambda: plot_space("ravdess8", POINTS[0], path=path), r"\(N, 2\) or \(N, 3\)"),
        (lambda: plot_space("ravdess8", POINTS, ["a"], path), "1 labels for 20 points"),
        (lambda: plot_space("ravdess8", path=tmp_path / "x.gif"), "picture format"),
        (lambda: plot_wheel("ravdess8", path=path), "no angles"),
        (lambda: plot_wheel(deep, path=path), "more than two levels"),
        (lambda: plot_wheel("wheel1", np.full(42, -1), path), "42 numbers"),
        (lambda: plot_timeline(step_table().pool(), path), "step-level"),
        (lambda: plot_timeline(step_table(), path, ["aa"]), "key of the table"),
        (lambda: plot_confusion(["a"], [[1, 2]], path), "1 x 1"),
        (lambda: plot_sizes(["a"], [1, 2], [0.5], [None], path), "a name, a size, a score"),
        (lambda: plot_sizes(["a", "b"], [1, 0], [0.5, 0.6], [None, None], path), "b: a model of 0 parameters"),
        (lambda: plot_reliability([0.5], [True, False], path), "1 confidences for 2"),
        (lambda: plot_reliability([1.5], [True], path), "outside"),
        (lambda: plot_reliability([0.5], [True], path, n_bins=0), "n_bins"),
    ]
    for call, text in cases:
        with pytest.raises(AffectZooError, match=text):
            call()
    assert not path.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        plot_space("ravdess8", path=tmp_path / "file" / "x.png")


def run_plot(*argv):
    import argparse

    from affectzoo.commands import plot

    parser = argparse.ArgumentParser()
    plot.add_arguments(parser)
    return plot.run(parser.parse_args([str(a) for a in argv]))


def record(tmp_path, **extra):
    names = "name dataset revision split split_sha256 label_space label_space_hash main"
    benchmark = dict.fromkeys(names.split(), "x")
    data = {"model": {"arch": "m"}, "benchmark": benchmark, "scores": {}, "schema_version": 1, **extra}
    path = tmp_path / "record.json"
    path.write_text(json.dumps(data))
    return path


def test_command_draws_tables_and_records(tmp_path, capsys):
    steps = step_table().write(tmp_path / "steps.parquet")
    clips = step_table().pool().write(tmp_path / "clips.csv")
    truth = tmp_path / "truth.csv"
    truth.write_text("key,label\na,happy\nb,sad\nzz,calm\n")
    found = record(tmp_path, confusion={"labels": ["a", "b"], "counts": [[1, 0], [2, 3]]})
    calls = {
        (steps,): "steps.parquet.timeline.png",
        (clips,): "clips.csv.plane.png",
        (steps, "--kind", "plane", "--out", tmp_path / "o.svg"): "o.svg",
        (clips, "--truth", truth): "clips.csv.confusion.png",
        (clips, "--truth", truth, "--kind", "reliability"): "clips.csv.reliability.png",
        (found,): "record.json.confusion.png",
    }
    for argv, name in calls.items():
        assert run_plot(*argv) == 0
        assert Path(capsys.readouterr().out.strip()) == tmp_path / name
        assert (tmp_path / name).stat().st_size > 5000


def test_command_says_what_is_missing(tmp_path):
    steps = step_table().write(tmp_path / "steps.csv")
    clips = step_table().pool().write(tmp_path / "clips.csv")
    truth = tmp_path / "truth.csv"
    truth.write_text("key,label\na,hapy\n")
    other = tmp_path / "other.csv"
    other.write_text("key,label\nq,sad\n")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("id,label\nq,sad\n")
    cases = [
        ((tmp_path / "none.csv",), "no such file"),
        ((clips, "--kind", "confusion"), "--truth"),
        ((steps, "--kind", "confusion", "--truth", truth), "one row a recording"),
        ((clips, "--truth", wrong), "columns key and label"),
        ((clips, "--truth", other), "shares no key"),
        ((record(tmp_path),), "no confusion matrix"),
        ((record(tmp_path), "--kind", "timeline"), "record holds no timeline"),
    ]
    for argv, text in cases:
        with pytest.raises(AffectZooError, match=text):
            run_plot(*argv)
    with pytest.raises(UnknownNameError, match="happiness"):
        run_plot(clips, "--truth", truth)


def test_importing_plots_does_not_import_matplotlib():
    import subprocess

    names = "plane, wheel, timeline, confusion, reliability"
    code = f"import sys; from affectzoo.plots import {names}; from affectzoo.commands import plot; "
    code += "sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_label_modules_import_neither_torch_nor_pandas():
    import subprocess

    code = "import sys; from affectzoo.labels import wheel, wheel_vad, raters; "
    code += "sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_points_of_a_table_without_axes_come_from_its_classes(tmp_path, capsys):
    p = torch.eye(8)[[0, 1, 2]].log().clamp(min=-1e4)
    pred = AffectPrediction(["x", "y", "z"], load_space("rm8"), {"emotion": PredictionField(p, "logits")})
    table = PredictionTable.from_prediction(pred)
    table.frame.loc[2, table.columns("emotion")] = np.nan
    points, names = table_points(table)
    np.testing.assert_allclose(points, [[0.81, 0.51], [-0.23, 0.31], [np.nan, np.nan]], atol=1e-6)
    assert names[:2] == ["happiness", "contempt"]
    assert run_plot(table.write(tmp_path / "t.csv")) == 0
    assert (tmp_path / "t.csv.plane.png").stat().st_size > 5000


@pytest.mark.parametrize(("space", "note"), [("goemotions28", "14 of 28 classes have no measured term"), ("rm8", None)])
def test_the_plane_says_which_classes_it_cannot_draw(space, note, monkeypatch):
    monkeypatch.setattr(plane, "save_figure", lambda figure, path: figure)
    (axes,) = plane.plot_space(space).axes
    found = [t.get_text() for t in axes.texts if "no measured term" in t.get_text()]
    assert [t.startswith(note) for t in found] == [True] if note else found == []
