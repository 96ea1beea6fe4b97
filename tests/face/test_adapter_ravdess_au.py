import numpy as np
import pandas as pd
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.split import load_folds
from affectzoo.errors import FileError, UnknownNameError
from affectzoo.face.openface import COLUMNS

ROW = {
    "clip": "01-01-03-01-02-01-05", "audio_path": "wav/Actor_05/03-01-03-01-02-01-05.flac", "speaker": "ravdess05",
    "gender": "m", "emotion": "happy", "intensity": "normal", "statement": "2",
    **{c: 0.01 * i for i, c in enumerate(COLUMNS)},
}  # fmt: skip


@pytest.fixture
def root(tmp_path):
    def make(*rows):
        folder = tmp_path / "ravdess_openface_au"
        folder.mkdir(exist_ok=True)
        frame = pd.DataFrame(rows or [ROW])
        frame[[*frame.columns[::-1]]].to_csv(folder / "metadata.csv", index=False)  # the order of columns is free
        return tmp_path

    return make


def test_a_row_becomes_a_signal_with_names(root):
    data = open_dataset("ravdess_au", root())
    (s,) = data.samples
    signal = s.signals["au_features"]
    assert s.key == "wav/Actor_05/03-01-03-01-02-01-05" and s.groups == {"speaker": "ravdess05", "statement": "2"}
    assert signal.data.shape == (1, 35) and signal.data.dtype == np.float32 and signal.names == COLUMNS
    assert signal.data[0] == pytest.approx(0.01 * np.arange(35))
    assert signal.names[0] == "AU01_r" and signal.names[17] == "AU01_c" and signal.names[33:] == ("AU28_c", "AU45_c")
    assert data.space.names("emotion")[s.targets["emotion"].values.argmax()] == "happiness"


def test_splits_are_those_of_the_speech_set():
    """The very files, so that out-of-fold tables of voice and face can be fused."""
    face, voice = load_card("ravdess_au"), load_card("ravdess")
    for name in face.splits:
        a, b = load_folds(face, name), load_folds(voice, name)
        assert a.assignment == b.assignment and a.sha256 == b.sha256 and a.disjoint == b.disjoint == ("speaker",)
    assert set(face.splits) == {"emobox6", "heldout"} and face.label_space == voice.label_space


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"AU12_r": 5.01}, "line 2: AU12_r is 5.01, outside"),
        ({"AU12_c": 1.01}, r"line 2: AU12_c is 1.01, outside \[0, 1\]"),
        ({"AU12_c": -0.1}, "line 2: AU12_c is -0.1"),
        ({"AU12_c": "nan"}, "line 2: AU12_c 'nan' is not a number"),
        ({"AU12_c": "high"}, "line 2: AU12_c 'high' is not a number"),
    ],
)
def test_values_that_are_none(root, changed, said):
    with pytest.raises(FileError, match=said):
        open_dataset("ravdess_au", root({**ROW, **changed}))


def test_bad_rows_and_columns(root):
    other = {**ROW, "audio_path": "wav/Actor_05/03-01-03-01-02-02-05.flac"}
    odd = {**ROW, "emotion": "hapy"}
    with pytest.warns(BrokenRowWarning):
        data = open_dataset("ravdess_au", root(ROW, other, odd))
    assert len(data) == 1 and "line 3" in data.broken[0] and "two performances" in data.broken[0]
    assert "line 4" in data.broken[1] and "'hapy'" in data.broken[1] and "'happy'" in data.broken[1]
    with pytest.raises(UnknownNameError, match="'AU28_c'"):
        open_dataset("ravdess_au", root({k: v for k, v in ROW.items() if k != "AU28_c"}))


@pytest.mark.data
def test_real_keys_are_those_of_the_speech_set(data_root):
    face, voice = (open_dataset(n, data_root) for n in ("ravdess_au", "ravdess"))
    labels = [
        {s.key: (s.targets["emotion"].values.argmax(), s.groups["speaker"], s.groups["statement"]) for s in d.samples}
        for d in (face, voice)
    ]
    assert labels[0] == labels[1] and len(labels[0]) == 1440
    values = np.concatenate([s.signals["au_features"].data for s in face.samples])
    happy = np.array([s.targets["emotion"].values.argmax() for s in face.samples]) == 2
    assert values[happy, COLUMNS.index("AU12_r")].mean() == pytest.approx(2.02, abs=0.01)  # the data's README
