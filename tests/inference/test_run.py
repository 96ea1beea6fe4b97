import json
import os
from pathlib import Path

import numpy as np
import pytest
from toykit import save, toy_model, write_pulse

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.inference import run
from affectzoo.inference.predictor import load_predictor
from affectzoo.inference.run import predict_files
from affectzoo.inference.sources import batches_of_like_size
from affectzoo.structures.table import PredictionTable


@pytest.fixture(params=["toy/mean", "toy/steps"])
def predictor(request, toy, tmp_path):
    return load_predictor(save(toy_model(request.param), tmp_path / "ckpt"))


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    return [write_pulse(tmp_path / "in" / f"f{i}.pulse", rng.normal(size=4 + 7 * i)) for i in (3, 0, 6, 1, 9, 2, 4)]


def go(predictor, files, out, **kw):
    return predict_files(predictor, files, out, **{"batch_size": 2, "progress": False, **kw})


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_rows_come_in_the_order_of_the_files_and_are_the_predictors(predictor, files, tmp_path, suffix):
    out = tmp_path / "out" / f"p{suffix}"
    table = go(predictor, files, out)
    assert list(dict.fromkeys(table.frame.key)) == [f.stem for f in files]
    for f in files:
        alone = predictor(f)
        mine = table.frame[table.frame.key == f.stem]
        np.testing.assert_allclose(mine[table.columns("vad")], alone.values("vad"), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(mine.t_s, alone.frame.t_s)
    back = PredictionTable.read(out)
    assert back.frame.key.tolist() == table.frame.key.tolist() and back.meta == table.meta
    np.testing.assert_array_equal(back.values("emotion"), table.values("emotion"))
    assert sorted(p.name for p in out.parent.iterdir()) == sorted(
        [out.name] + ([] if suffix == ".parquet" else [f"{out.name}.meta.json"])
    )


@pytest.fixture
def bad(tmp_path):
    """Name -> words of the error."""
    write_pulse(tmp_path / "in" / "silent.pulse", np.zeros(9))
    write_pulse(tmp_path / "in" / "short.pulse", [1, 2])
    (tmp_path / "in" / "empty.pulse").write_text("")
    (tmp_path / "in" / "broken.pulse").write_text("8.0 x")
    (tmp_path / "in" / "binary.pulse").write_bytes(b"\xff\xfe\x00\x81")
    (tmp_path / "in" / "foreign.wav").write_text("RIFF")
    return {
        "silent.pulse": "silent",
        "short.pulse": "too short",
        "empty.pulse": "empty",
        "broken.pulse": "not a pulse",
        "binary.pulse": "decode",
        "foreign.wav": "file type",
        "gone.pulse": "no such file",
    }


def test_bad_files_get_a_row_and_the_run_goes_on(predictor, files, bad, tmp_path):
    paths = [*(tmp_path / "in" / n for n in bad), *files]
    table = go(predictor, paths, tmp_path / "p.csv")
    clean = go(predictor, files, tmp_path / "clean.csv")
    for name, words in bad.items():
        rows = table.frame[table.frame.source == str(tmp_path / "in" / name)]
        assert len(rows) == 1 and words in rows.error.iloc[0], (name, rows.error.tolist())
        assert rows[table.columns("emotion")].isna().all(axis=None) and str(tmp_path) not in rows.error.iloc[0]
    good = table.frame[table.frame.error == ""]
    np.testing.assert_array_equal(good[table.columns("vad")], clean.values("vad"))
    assert PredictionTable.read(tmp_path / "p.csv").frame.error.ne("").sum() == len(bad)


def test_strict_stops_at_a_bad_file(predictor, files, bad, tmp_path):
    with pytest.raises(FileError, match="silent.pulse: silent"):
        go(predictor, [*files, tmp_path / "in" / "silent.pulse"], tmp_path / "p.csv", strict=True)
    assert not (tmp_path / "p.csv").exists()


def test_when_nothing_can_be_predicted_there_is_still_a_table(predictor, bad, tmp_path):
    paths = [tmp_path / "in" / n for n in bad]
    table = go(predictor, paths, tmp_path / "p.parquet")
    assert len(table.frame) == len(bad) and table.values("vad").shape == (len(bad), 3)
    assert PredictionTable.read(tmp_path / "p.parquet").meta.kinds == {
        "vad": "value",
        "emotion": "probabilities",
    }


class Stop(BaseException):
    """Stands for Ctrl-C."""


def break_after(monkeypatch, predictor, n):
    seen, inner = [], predictor.predict

    def predict(samples, sources=None):
        if len(seen) == n:
            raise Stop
        seen.append(sources)
        return inner(samples, sources)

    monkeypatch.setattr(predictor, "predict", predict)
    return seen


def test_an_interrupted_run_goes_on_where_it_stopped(predictor, files, tmp_path, monkeypatch):
    whole = go(predictor, files, tmp_path / "whole.csv")
    with monkeypatch.context() as m:
        break_after(m, predictor, 2)
        with pytest.raises(Stop):
            go(predictor, files, tmp_path / "p.csv")
    partial = tmp_path / "p.csv.partial.jsonl"
    assert partial.exists() and not (tmp_path / "p.csv").exists()
    with partial.open("a") as f:
        f.write('{"id": "cut off in the mid')
    with monkeypatch.context() as m:
        seen = break_after(m, predictor, 99)
        table = go(predictor, files, tmp_path / "p.csv")
    assert sum(map(len, seen)) == len(files) - 4
    assert table.frame.equals(whole.frame) and table.meta == whole.meta
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes() and not partial.exists()


def test_a_run_that_is_interrupted_twice_loses_nothing(predictor, files, tmp_path, monkeypatch):
    for _ in range(2):
        with monkeypatch.context() as m:
            break_after(m, predictor, 1)
            with pytest.raises(Stop):
                go(predictor, files, tmp_path / "p.csv")
        with (tmp_path / "p.csv.partial.jsonl").open("a") as f:
            f.write('{"id": "cut off')
    with monkeypatch.context() as m:
        seen = break_after(m, predictor, 99)
        go(predictor, files, tmp_path / "p.csv")
    assert sum(map(len, seen)) == len(files) - 4


def test_a_file_that_failed_is_tried_again(toy, files, tmp_path, monkeypatch):
    predictor = load_predictor(save(toy_model(), tmp_path / "ckpt"))
    inner = predictor.read

    def read(path, key=None):
        raise OSError("the disk is away")

    with monkeypatch.context() as m:
        m.setattr(predictor, "read", read)
        m.setattr(run, "_assemble", lambda *a: (_ for _ in ()).throw(Stop))
        with pytest.raises(Stop):
            go(predictor, files, tmp_path / "p.csv")
    monkeypatch.setattr(predictor, "read", inner)
    assert go(predictor, files, tmp_path / "p.csv").frame.error.eq("").all()


@pytest.mark.parametrize("change", ["file", "model", "no resume", "nothing"])
def test_what_has_changed_is_done_again(toy, files, tmp_path, monkeypatch, change):
    predictor = load_predictor(save(toy_model(), tmp_path / "ckpt"))
    with monkeypatch.context() as m:
        break_after(m, predictor, 2)
        with pytest.raises(Stop):
            go(predictor, files, tmp_path / "p.csv")
    smallest = sorted(files, key=lambda p: p.stat().st_size)[0]
    if change == "file":
        s = smallest.stat()
        os.utime(smallest, ns=(s.st_atime_ns, s.st_mtime_ns + 1))
    if change == "model":
        predictor = load_predictor(save(toy_model(), tmp_path / "ckpt", tag="other", dtype="float16"))
    with monkeypatch.context() as m:
        seen = break_after(m, predictor, 99)
        go(predictor, files, tmp_path / "p.csv", resume=change != "no resume")
    assert sum(map(len, seen)) == {"file": 4, "model": 7, "no resume": 7, "nothing": 3}[change]


def test_a_file_that_breaks_a_batch_does_not_take_the_others_with_it(predictor, files, tmp_path, monkeypatch):
    inner = predictor.model.forward

    def forward(batch):
        if any("f9" in k for k in batch.keys):
            raise RuntimeError("kernel larger than input")
        return inner(batch)

    monkeypatch.setattr(predictor.model, "forward", forward)
    table = go(predictor, files, tmp_path / "p.csv", batch_size=10)
    assert table.frame[table.frame.error != ""].key.tolist() == ["f9"]
    assert table.frame[table.frame.key == "f9"].error.iloc[0] == "RuntimeError: kernel larger than input"
    with pytest.raises(FileError, match="f9.pulse: RuntimeError"):
        go(predictor, files, tmp_path / "q.csv", strict=True)


def test_batches_hold_one_type_and_similar_sizes(files, tmp_path):
    other = write_pulse(tmp_path / "in" / "x.puls", [1])
    found = list(batches_of_like_size([*files, other], 3, 1 << 20))
    assert [len(b) for b in found] == [1, 3, 3, 1] and found[0] == [other]
    sizes = [p.stat().st_size for b in found[1:] for p in b]
    assert sizes == sorted(sizes)
    assert all(len(b) == 1 for b in batches_of_like_size(files, 3, 1))


def test_the_same_file_named_twice_is_one_row(predictor, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    twice = [files[0], Path("in") / files[0].name, files[1]]
    table = go(predictor, twice, "p.csv")
    assert list(dict.fromkeys(table.frame.key)) == [files[0].stem, files[1].stem]
    assert not table.frame.duplicated(["key", "t_s"]).any()


@pytest.mark.parametrize(
    ("kw", "out", "error"),
    [
        ({}, "p.txt", UnknownNameError),
        ({"batch_size": 0}, "p.csv", AffectZooError),
        ({"files": []}, "p.csv", AffectZooError),
    ],
)
def test_wrong_calls(toy, files, tmp_path, kw, out, error):
    predictor = load_predictor(save(toy_model(), tmp_path / "ckpt"))
    kw = {"files": files, **kw}
    with pytest.raises(error):
        go(predictor, kw.pop("files"), tmp_path / out, **kw)


def test_partial_lines_are_json(predictor, files, tmp_path, monkeypatch):
    with monkeypatch.context() as m:
        break_after(m, predictor, 1)
        with pytest.raises(Stop):
            go(predictor, files, tmp_path / "p.csv")
    lines = [json.loads(line) for line in (tmp_path / "p.csv.partial.jsonl").read_text().splitlines()]
    assert len(lines) == 2 and lines[0]["meta"] and lines[1]["meta"] is None
