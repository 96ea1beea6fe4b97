import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.errors import AffectZooError, FileError, UnknownNameError


@pytest.fixture
def table(tmp_path):
    """Write two wavs and a table; open it."""
    (tmp_path / "wav").mkdir()
    for name in "ab":
        sf.write(tmp_path / "wav" / f"{name}.wav", np.linspace(-0.5, 0.5, 800), 8000)

    def make(frame, suffix=".csv", **options):
        path = tmp_path / f"table{suffix}"
        frame = pd.DataFrame(frame)
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        options = {"modality": "audio", "label_space": "ravdess8", **options}
        return open_dataset("table", path=str(path), **{k: v for k, v in options.items() if v is not ...})

    return make


FILES = ["wav/a.wav", "wav/b.wav"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_classes_groups_and_attributes(table, suffix):
    frame = {
        "path": FILES,
        "emotion": ["happy", None],
        "speaker": [1, 2],
        "age": [30.5, None],
        "note": ["x", "y"],
    }
    data = table(frame, suffix, groups=["speaker"])
    a, b = data.samples
    assert [a.key, b.key] == ["wav/a", "wav/b"] and a.groups == {"speaker": "1"}
    assert a.attributes == {"age": 30.5, "note": "x"} and b.attributes == {"note": "y"}
    assert data.space.names("emotion")[a.targets["emotion"].values.argmax()] == "happiness"
    assert "emotion" not in b.targets  # an empty cell is a missing label
    assert len(a.load().signals["audio"]) == 800


def test_parts_of_files(table):
    frame = {"path": FILES[:1] * 2, "start_s": [0, 0.05], "stop_s": [0.05, None], "emotion": ["sad"] * 2}
    data = table(frame)
    assert [s.key for s in data.samples] == ["wav/a@0", "wav/a@0.05"]
    assert [len(s.load().signals["audio"]) for s in data.samples] == [400, 400]
    assert data.samples[1].load().signals["audio"].t0_s == 0.05


def test_vad_in_its_declared_range(table):
    frame = {"path": FILES, "valence": [1, 5], "arousal": [9, None], "dominance": [3, 3]}
    a, b = table(frame, label_space="va", range=[1, 9]).samples
    assert a.targets["vad"].values.tolist() == [-1, 1] and b.targets["vad"].values.tolist() == [0, 0]
    assert b.targets["vad"].mask.tolist() == [True, False]
    with pytest.raises(AffectZooError, match="declare their option range"):
        table(frame, label_space="va")
    with pytest.raises(AffectZooError, match=r"range must be \[lowest, highest\], got \[9, 1\]"):
        table(frame, label_space="va", range=[9, 1])
    with pytest.warns(BrokenRowWarning, match=r"line 2: column 'valence': 1 is outside \[2, 9\]"):
        assert len(table(frame, label_space="va", range=[2, 9])) == 1


def test_action_units_and_states(table):
    a, _ = table({"path": FILES, "AU12": [1, 0], "AU04": [0, None]}, label_space="abaw12").samples
    assert a.targets["au"].mask.sum() == 2 and a.targets["au"].values.sum() == 1
    from affectzoo.labels.space import load_space

    state = load_space("ambivalence_hesitancy").names("state")[0]
    a, b = table({"path": FILES, state: [1, 0]}, label_space="ambivalence_hesitancy").samples
    assert (a.targets["state"].values[0], b.targets["state"].values[0]) == (1, 0)
    with pytest.raises(UnknownNameError, match="unknown action unit 'AU99'"):
        table({"path": FILES, "AU12": [1, 0], "AU99": [0, 1]}, label_space="abaw12")


def test_one_column_a_modality(table):
    a, b = table({"audio": FILES, "face": [None, "wav/a.wav"], "emotion": ["sad", "sad"]}, modality=...).samples
    assert set(a.signals) == {"audio"} and set(b.signals) == {"audio", "face"} and a.key == "wav/a"
    both = table({"path": FILES, "emotion": ["sad", "sad"]}, modality=["face", "audio"]).samples[0]
    assert both.signals["face"].modalities == ("face", "audio")


def test_keys_are_kept_and_must_be_unique(table):
    assert table({"key": ["007", "b"], "path": FILES, "emotion": ["sad", "sad"]}).samples[0].key == "007"
    with pytest.raises(AffectZooError, match="1 keys occur twice, such as x"):
        table({"key": ["x", "x"], "path": FILES, "emotion": ["sad", "sad"]})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"emotion": "hapiness"},
            "column 'emotion': .*unknown emotion label 'hapiness'. Did you mean 'happiness'",
        ),
        ({"path": "wav/c.wav"}, r"column 'path': .*wav/c.wav: no such file"),
        ({"path": None}, "column 'path' is empty"),
        ({"start_s": "soon"}, "column 'start_s': 'soon' is not a number"),
        ({"start_s": 2, "stop_s": 1}, "2 to 1.0 is not a part of a recording"),
        ({"speaker": None}, "column 'speaker' is empty"),
    ],
)
def test_a_broken_row_names_file_line_and_column(table, row, message):
    good = {"path": FILES[0], "emotion": "sad", "start_s": None, "stop_s": None, "speaker": "x"}
    with pytest.warns(BrokenRowWarning, match=f"table.csv, line 3: .*{message}"):
        data = table([good, {**good, "path": FILES[1], **row}], groups=["speaker"])
    assert [s.key for s in data.samples] == ["wav/a"] and len(data.broken) == 1


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        ({"paht": FILES, "emotion": ["sad"] * 2}, {}, "unknown column 'path'.*'paht'"),
        (
            {"path": FILES, "emotoin": ["sad"] * 2},
            {},
            "no label column of 'ravdess8'; it needs one of emotion",
        ),
        ({"path": FILES, "emotion": ["sad"] * 2}, {"groups": ["speakr"]}, "groups: unknown column 'speakr'"),
        ({"path": FILES, "emotion": ["sad"] * 2}, {"modality": "audi"}, "unknown modality 'audi'.*'audio'"),
        ({"path": FILES, "emotion": ["sad"] * 2}, {"modality": ...}, "say what its column 'path' holds"),
        (
            {"path": FILES, "emotion": ["sad"] * 2},
            {"label_space": "ravdes"},
            "label space 'ravdes'.*'ravdess8'",
        ),
        (
            {"path": FILES, "emotion": ["sad"] * 2},
            {"label_space": ...},
            "needs the options path and label_space",
        ),
        ({"path": [], "emotion": []}, {}, "has no rows"),
    ],
)
def test_a_wrong_table_stops(table, frame, options, message):
    with pytest.raises(AffectZooError, match=message):
        table(frame, **options)


def test_files_that_are_no_table(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        open_dataset("table", path=str(tmp_path / "x.csv"), label_space="va")
    with pytest.raises(FileError, match=r"known: .csv, .parquet"):
        open_dataset("table", path=str(tmp_path / "x.xlsx"), label_space="va")
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(FileError, match="not readable as parquet"):
        open_dataset("table", path=str(tmp_path / "x.parquet"), label_space="va")
