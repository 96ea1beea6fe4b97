"""Every data set of every plug-in passes affectzoo.testing.check_dataset; real ones where AFFECTZOO_DATA has them."""

import pandas as pd
import pytest
import yaml

from affectzoo.data.card import list_datasets, load_card
from affectzoo.errors import FileError
from affectzoo.face.openface import COLUMNS
from affectzoo.speech.synthetic import write_files
from affectzoo.testing import check_dataset

#: Options that keep generated sets small.
SMALL = {
    "speech_synthetic": {"n": 6, "seconds": 0.6},
    "face_synthetic": {"n": 6},
    "au_synthetic": {"n": 6},
    "eeg_synthetic": {"n": 4, "seconds": 4.0},
    "video_synthetic": {"n": 4, "seconds": 2.0},
}
#: Sets that are whatever an option names.
NAMED = ("table", "audformat", "openface_csv")
REAL = [n for n in list_datasets() if load_card(n).folder is not None]
GENERATED = [n for n in list_datasets() if n not in (*REAL, *NAMED)]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", GENERATED)
def test_generated(name):
    check_dataset(name, **SMALL.get(name, {}))
    assert load_card(name).free_for_any_use


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", REAL)
def test_real(name):
    try:
        check_dataset(name)
    except FileError as e:
        if "no such folder" not in str(e):
            raise
        pytest.skip(str(e))


def test_table(tmp_path):
    write_files(tmp_path, 4, seconds=0.6)
    check_dataset(
        "table",
        path=tmp_path / "labels.csv",
        modality="audio",
        label_space="ekman7+vad",
        range=(-1.0, 1.0),
        groups=("speaker",),
    )


def test_audformat(tmp_path):
    write_files(tmp_path, 4, seconds=0.6)
    frame = pd.read_csv(tmp_path / "labels.csv").rename(columns={"path": "file"})[["file", "emotion", "speaker"]]
    tables = {part: frame.iloc[i::2] for i, part in enumerate(("train", "test"))}
    for part, rows in tables.items():
        rows.to_csv(tmp_path / f"db.{part}.csv", index=False)
    header = {
        "splits": {part: {"type": part} for part in tables},
        "tables": {part: {"type": "filewise", "split_id": part, "columns": {"emotion": {}}} for part in tables},
    }
    (tmp_path / "db.yaml").write_text(yaml.safe_dump(header))
    options = {"label_space": "ekman7", "emotion": "emotion", "groups": {"speaker": "speaker"}}
    check_dataset("audformat", path=tmp_path, table=list(tables), **options)


def test_openface_csv(tmp_path):
    for name in ("a", "b"):
        rows = {"timestamp": [0.0, 0.04], "confidence": [0.9, 0.8], "success": [1, 1]} | {c: [0.5, 1] for c in COLUMNS}
        pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
    for space in ("openface17", "openface18"):
        check_dataset("openface_csv", path=tmp_path, label_space=space)


def test_every_listed_set_is_tested_here():
    assert {*REAL, *GENERATED, *NAMED} == set(list_datasets()) and REAL and set(SMALL) <= set(GENERATED)
