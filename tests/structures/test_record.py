"""Records are read strictly, and those of an older schema step by step."""

import json

import pytest

from affectzoo.errors import FileError
from affectzoo.structures import record as module
from affectzoo.structures.record import BenchmarkRef, EvalRecord, ModelRef, Score


@pytest.fixture
def path(tmp_path):
    score = Score(0.5, 0.4, 0.6, None, (0.4, None), {"calm": None}, 8, {"calm": 0}, 1, {"ddof": 0})
    reference = BenchmarkRef("b", "set", "1", "loso", "ab" * 32, "emodb4", "cd" * 8, "emotion/uar")
    return EvalRecord(ModelRef("a"), reference, {"emotion/uar": score}, n=8, seeds=(1, 2)).write(tmp_path / "r.json")


def change(path, **parts):
    path.write_text(json.dumps({**json.loads(path.read_text()), **parts}))


def test_what_is_written_is_read(path):
    read = EvalRecord.read(path)
    assert EvalRecord.read(read.write(path.with_name("again.json"))) == read
    assert read.scores["emotion/uar"].per_fold == (0.4, None) and read.seeds == (1, 2)


@pytest.mark.parametrize("version", [0, -1, 2, True, "1", None])
def test_no_other_schema_is_read(path, version):
    change(path, schema_version=version)
    with pytest.raises(FileError, match=f"record schema {version!r} is not known here"):
        EvalRecord.read(path)


def test_an_old_record_is_migrated_step_by_step(path, monkeypatch):
    def rename(old, new):
        return lambda data: {new if k == old else k: v for k, v in data.items()}

    change(path, schema_version=1, old_name=["kept"])
    monkeypatch.setattr(module, "SCHEMA_VERSION", 3)
    monkeypatch.setattr(module, "MIGRATIONS", {1: rename("old_name", "middle"), 2: rename("middle", "remarks")})
    data = json.loads(path.read_text())
    del data["remarks"]
    path.write_text(json.dumps(data))
    read = EvalRecord.read(path)
    assert read.remarks == ("kept",) and read.schema_version == 3


def test_every_older_version_has_its_step():
    assert sorted(module.MIGRATIONS) == list(range(1, module.SCHEMA_VERSION))
