import layoutkit as kit
import numpy as np
import pytest

from affectzoo.data.dataset import BrokenRowWarning, open_dataset
from affectzoo.data.leaks import check_parts
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError, LeakError, UnknownNameError
from affectzoo.testing import check_dataset

KEYS = ["train/dia0_utt0", "train/dia0_utt1", "dev/dia0_utt0", "test/dia0_utt0", "test/dia1_utt0"]


def opened(root):
    return {s.key: s for s in open_dataset("meld", root).samples}


def top(sample):
    from affectzoo.labels.space import load_space

    return load_space("ekman7").names("emotion")[sample.targets["emotion"].values.argmax()]


@pytest.mark.parametrize("inside", [False, True])
def test_a_row_becomes_a_sample(tmp_path, inside):
    found = opened(kit.meld(tmp_path, inside=inside))
    assert list(found) == KEYS
    assert [top(s) for s in found.values()] == ["happiness", "neutral", "disgust", "surprise", "sadness"]
    s = found["train/dia0_utt1"]
    assert s.groups == {"dialogue": "train_dia0", "speaker": "meld_The Waiter"}
    assert s.attributes == {"subset": "train", "sentiment": "neutral", "episode": "s03e19"}
    assert s.load().signals["audio"].rate_hz == 48000


def test_sound_comes_before_film(tmp_path):
    root = kit.meld(tmp_path)
    folder = root / "MELD.Raw" / "train_splits"
    (folder / "dia0_utt0.mp4").write_bytes(b"a film")  # not opened here
    assert opened(root)[KEYS[0]].signals["audio"].path.suffix == ".wav"
    sound = (folder / "dia0_utt0.wav").rename(folder / "elsewhere.wav")
    ref = opened(root)[KEYS[0]].signals["audio"]
    assert (ref.path.name, ref.modality, ref.modalities) == ("dia0_utt0.mp4", "audio", ("face", "audio"))
    assert sound.is_file()


def test_the_sound_of_a_film_is_read(tmp_path):
    root = kit.meld(tmp_path)
    folder = root / "MELD.Raw" / "output_repeated_splits_test"
    (folder / "dia1_utt0.wav").unlink()
    kit.film(folder / "dia1_utt0.mp4", seconds=1.0)
    audio = opened(root)[KEYS[4]].load().signals["audio"]
    assert audio.duration_s == pytest.approx(1.0, abs=0.1) and np.abs(audio.data).max() > 0.05


def test_a_wrong_row_is_reported_with_its_line(tmp_path):
    rows = {
        **kit.MELD,
        "dev": (*kit.MELD["dev"], (1, 0, "Joey", "joyy", "positive"), (1, "x", "Joey", "joy", "positive")),
    }
    with pytest.warns(BrokenRowWarning) as caught:
        found = opened(kit.meld(tmp_path, rows))
    said = " ".join(str(w.message) for w in caught)
    assert "dev_sent_emo.csv, line 3: data set 'meld': unknown native label 'joyy'. Did you mean 'joy'" in said
    assert "line 4: invalid literal for int() with base 10: 'x'" in said and list(found) == KEYS


def test_a_missing_recording_is_reported(tmp_path):
    root = kit.meld(tmp_path)
    (root / "MELD.Raw" / "dev_splits_complete" / "dia0_utt0.wav").unlink()
    with pytest.warns(
        BrokenRowWarning, match=r"dev_sent_emo.csv, line 2: .*dia0_utt0.wav: no such file \(nor .*.mp4\)"
    ):
        assert len(opened(root)) == 4


def test_wrong_places(tmp_path):
    home = kit.meld(tmp_path) / "MELD.Raw"
    (home / "dev_splits_complete").rename(home / "dev_splits")
    with pytest.raises(FileError, match="has none of the folders dev_splits_complete, .* for the recordings of dev"):
        opened(tmp_path)
    (home / "dev_splits").rename(home / "dev")
    assert len(opened(tmp_path)) == 5
    text = (home / "test_sent_emo.csv").read_text()
    (home / "test_sent_emo.csv").write_text(text.replace("Dialogue_ID", "Dialog_ID"))
    with pytest.raises(
        UnknownNameError, match="test_sent_emo.csv: unknown column 'Dialogue_ID'. Did you mean 'Dialog_ID'"
    ):
        opened(tmp_path)
    (home / "test_sent_emo.csv").rename(home / "test_sent_emo_dya.csv")
    with pytest.raises(FileError, match="has no file 'test_sent_emo.csv'. Did you mean 'test_sent_emo_dya.csv'"):
        opened(tmp_path)


@pytest.mark.filterwarnings("ignore::affectzoo.data.split.SplitWarning")
def test_the_contract_and_the_parts(tmp_path):
    root = kit.meld(tmp_path)
    check_dataset("meld", root)
    data = open_dataset("meld", root)
    folds = load_folds(data.card, "official")
    parts = folds.parts(None, data.samples)
    assert parts == {"train": KEYS[:2], "val": KEYS[2:3], "test": KEYS[3:]}
    check_parts(parts, data.samples, folds.disjoint)
    with pytest.raises(LeakError, match="share speaker meld_Ross"):  # as the card says
        check_parts(parts, data.samples, ["speaker"])
    with pytest.raises(AffectZooError, match="2 items of subset test, not 2610"):
        folds.resolve(data.samples, complete=True)
