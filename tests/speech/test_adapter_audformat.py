import copy

import layoutkit as kit
import numpy as np
import pandas as pd
import pytest

from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.testing import check_dataset

TABLES = ("emotion.train", "emotion.test")
pytestmark = pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")


def options(**changes):
    given = {
        "table": TABLES,
        "label_space": "emodb7",
        "emotion": "emotion",
        "groups": {"speaker": "files/speaker"},
        "attributes": {"gender": "files/speaker/gender", "words": "files/text/words"},
    }
    return {k: v for k, v in {**given, **changes}.items() if v is not ...}


def opened(folder, **changes):
    data = open_dataset("audformat", path=folder, **options(**changes))
    return data, {s.key: s for s in data.samples}


def test_tables_become_samples(tmp_path):
    data, found = opened(kit.audformat(tmp_path / "db"))
    assert list(found) == ["wav/0", "wav/2", "wav/1"] and data.space.name == "emodb7"
    assert [data.space.names("emotion")[s.targets["emotion"].values.argmax()] for s in found.values()] == [
        "anger", "happiness", "boredom",
    ]  # fmt: skip
    assert found["wav/1"].groups == {"speaker": "8"}
    assert found["wav/1"].attributes == {"split": "test", "gender": "female", "words": "two"}
    assert found["wav/0"].attributes == {"split": "train", "gender": "male", "words": "one"}
    assert len(found["wav/0"].load().signals["audio"]) == 16000


def test_the_databases_own_parts(tmp_path):
    data, _ = opened(kit.audformat(tmp_path / "db"))
    parts = load_folds(data.card, "official").parts(None, data.samples, val_fraction=0)
    assert parts == {"train": ["wav/0", "wav/2"], "val": [], "test": ["wav/1"]}


def test_segments_and_ratings(tmp_path):
    folder = kit.audformat(tmp_path / "db")
    segments = {"table": "segments", "label_space": "emodb4+vad", "labels": {"boredom": None}, "valence": "v"}
    with pytest.warns(
        OutsideWarning, match=r"1 x label '' \(no label\): item masked; 1 x label 'boredom' \(declared\)"
    ):
        _, found = opened(folder, **segments, outside="mask")
    assert list(found) == ["wav/0@0-0.5", "wav/0@0.5-", "wav/1@0.25-1"]
    assert [len(s.load().signals["audio"]) for s in found.values()] == [8000, 8000, 12000]
    assert [s.targets["emotion"].mask.all() for s in found.values()] == [True, False, False]
    assert [s.targets["vad"].values[0] for s in found.values()] == [-1, 1, 0]
    assert not found["wav/0@0-0.5"].targets["vad"].mask[1:].any()
    assert found["wav/1@0.25-1"].attributes["gender"] == "female" and found["wav/0@0.5-"].attributes["split"] == "none"
    assert list(opened(folder, **segments)[1]) == ["wav/0@0-0.5"]


def test_segments_are_joined_by_their_times(tmp_path):
    header = changed(["tables", "notes"], {"type": "segmented", "columns": {"note": {}}})
    lines = kit.AUDFORMAT["segments"].splitlines()[1:]
    notes = "".join(f"{','.join(line.split(',')[:3])},n{i}\n" for i, line in enumerate(lines))
    tables = {**kit.AUDFORMAT, "notes": "file,start,end,note\n" + notes}
    folder = kit.audformat(tmp_path / "db", header, tables)
    rated = {"table": "segments", "outside": "mask", "attributes": {"note": "notes/note"}}
    assert [s.attributes["note"] for s in opened(folder, **rated)[1].values()] == ["n0", "n1", "n2"]


def test_a_range_where_the_scheme_has_none(tmp_path):
    folder = kit.audformat(tmp_path / "db")
    rated = {"table": "segments", "label_space": "vad", "emotion": ..., "arousal": "a"}
    with pytest.raises(AffectZooError, match="db.yaml: 'a' has no minimum and maximum; give the option range"):
        opened(folder, **rated)
    _, found = opened(folder, **rated, range=(-4, 4))
    arousal = [s.targets["vad"] for s in found.values()]
    assert [t.values[1] for t in arousal] == [-0.5, 0.5, 0] and [t.mask[1] for t in arousal] == [True, True, False]
    with pytest.warns(BrokenRowWarning, match=r"db.segments.csv, line 2: arousal -2 is outside \[-1, 4\]"):
        assert len(opened(folder, **rated, range=(-1, 4))[1]) == 2


def test_parquet_gives_the_same(tmp_path):
    folder = kit.audformat(tmp_path / "db")
    rated = {"table": "segments", "label_space": "emodb7+vad", "valence": "v", "outside": "mask"}
    expected = opened(folder, **rated)[1]
    for name in ("segments", "files", "speaker"):
        frame = pd.read_csv(folder / f"db.{name}.csv")
        for column in ("start", "end"):
            if column in frame:
                frame[column] = pd.to_timedelta(frame[column])
        frame.to_parquet(folder / f"db.{name}.parquet")
        (folder / f"db.{name}.csv").unlink()
    found = opened(folder, **rated)[1]
    assert list(found) == list(expected)
    for key, s in found.items():
        assert (s.groups, s.attributes, s.signals) == (
            expected[key].groups, expected[key].attributes, expected[key].signals,
        )  # fmt: skip
        for field, t in s.targets.items():
            assert np.array_equal(t.values, expected[key].targets[field].values)


def changed(path, value):
    header = copy.deepcopy(kit.HEADER)
    *parents, last = path
    node = header
    for key in parents:
        node = node[key]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return header


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": "emotions.train"}, "db.yaml: unknown table 'emotions.train'. Did you mean 'emotion.train'"),
        ({"emotion": "emotoin"}, "db.emotion.train.csv: unknown column 'emotoin'. Did you mean 'emotion'"),
        ({"groups": {"speaker": "files/speakr"}}, "db.files.csv: unknown column 'speakr'. Did you mean 'speaker'"),
        (
            {"groups": {"speaker": "file/speaker"}},
            "'file/speaker': unknown table or column 'file'. Did you mean 'files'",
        ),
        (
            {"attributes": {"g": "files/speaker/gendr"}},
            "db.speaker.csv: unknown property 'gendr'. Did you mean 'gender'",
        ),
        ({"attributes": {"g": "files/text/word"}}, "column 'text': unknown property 'word'. Did you mean 'words'"),
        ({"attributes": {"g": "files/speaker/gender/x"}}, "is not column, table/column or"),
        ({"attributes": {"g": "segments/v"}}, "db.segments.csv: cannot be joined to table 'emotion.train'"),
        ({"labels": {"anger": "angr"}}, "'angr'.*'anger'"),
        ({"label_space": ...}, "needs the options path, table and label_space"),
        ({"outside": "drop"}, "unknown rule for items outside the space 'drop'"),
    ],
)
def test_a_wrong_reference_offers_the_nearest(tmp_path, changes, message):
    with pytest.raises(AffectZooError, match=message):
        opened(kit.audformat(tmp_path / "db"), **changes)


def test_wrong_rows_are_reported_with_their_line(tmp_path):
    tables = {
        **kit.AUDFORMAT,
        "emotion.train": "file,emotion\nwav/0.wav,anger\nwav/2.wav,angr\nwav/9.wav,anger\n",
        "files": "file,speaker,text\nwav/0.wav,3,a01\nwav/1.wav,,a02\nwav/2.wav,3,a02\n",
    }
    with pytest.warns(BrokenRowWarning) as caught:
        _, found = opened(kit.audformat(tmp_path / "db", tables=tables))
    said = " ".join(str(w.message) for w in caught)
    assert list(found) == ["wav/0"]
    assert (
        "db.emotion.train.csv, line 3: data set 'audformat': unknown native label 'angr'. Did you mean 'angry', 'anger"
        in said
    )
    assert "line 4" in said and "wav/9.wav: no such file" in said
    assert "db.emotion.test.csv, line 2: group 'speaker' is empty" in said


def test_wrong_files(tmp_path):
    with pytest.raises(FileError, match="db.yaml: no such file"):
        opened(tmp_path)
    folder = kit.audformat(tmp_path / "db", header=changed(["tables"], {}))
    with pytest.raises(FileError, match="db.yaml: is not the header of a database"):
        opened(folder)
    kit.audformat(folder)
    (folder / "db.emotion.train.csv").rename(folder / "db.emotion.train.pkl")
    with pytest.raises(FileError, match="db.emotion.train.csv: is there as a pickle only, which is not read"):
        opened(folder)
    (folder / "db.emotion.train.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(FileError, match="db.emotion.train.parquet: is not readable as parquet"):
        opened(folder)
    kit.audformat(folder, header=changed(["schemes", "speaker"], ...))
    (folder / "db.emotion.train.parquet").unlink()
    with pytest.raises(UnknownNameError, match="db.yaml: unknown scheme 'speaker'"):
        opened(folder)


def test_tags_of_python_in_the_header_are_refused(tmp_path):
    folder = kit.audformat(tmp_path / "db")
    (folder / "db.yaml").write_text("tables: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(FileError, match="db.yaml: is not valid YAML"):
        opened(folder)


def test_the_contract(tmp_path):
    folder = kit.audformat(tmp_path / "db")
    check_dataset("audformat", path=folder, **options())
    with pytest.raises(AffectZooError, match="audformat' needs the options path"):
        open_dataset("audformat", table="files", label_space="vad")
