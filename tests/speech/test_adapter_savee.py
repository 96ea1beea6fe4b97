import layoutkit as kit
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset, summary
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError, FileError
from affectzoo.testing import check_dataset


def test_a_file_becomes_a_sample(tmp_path):
    data = open_dataset("savee", kit.savee(tmp_path))
    assert len(data) == 28 and set(summary(data)["classes"].values()) == {4}
    s = {s.key: s for s in data.samples}["JE/su06"]
    assert data.space.names("emotion")[s.targets["emotion"].values.argmax()] == "surprise"
    assert s.groups == {"speaker": "savee_JE"} and s.attributes == {"gender": "m", "sentence": "su06"}
    assert s.load().signals["audio"].rate_hz == 44100


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DC/b01.wav", "DC/b01.wav: data set 'savee': unknown native label 'b'"),
        ("DC/sad01.wav", "DC/sad01.wav: is not named like a01.wav"),
        ("DC/ss01.wav", "unknown native label 'ss'. Known: a, d, f, h, n, sa, su"),
    ],
)
def test_a_wrong_file_is_reported(tmp_path, name, message):
    root = kit.savee(tmp_path)
    kit.recording(root / "SAVEE" / "AudioData" / name)
    with pytest.warns(BrokenRowWarning, match=message):
        assert len(open_dataset("savee", root)) == 28


def test_flat_names_are_another_layout(tmp_path):
    kit.recording(tmp_path / "SAVEE" / "ALL" / "DC_a01.wav")
    with pytest.raises(FileError, match="not in the official layout: no folder 'AudioData'.*Found: ALL"):
        open_dataset("savee", tmp_path)


@pytest.mark.filterwarnings("ignore::affectzoo.data.split.SplitWarning")
def test_the_contract_and_the_speakers(tmp_path):
    root = kit.savee(tmp_path)
    check_dataset("savee", root)
    folds = load_folds(load_card("savee"), "speakers4")
    assert sum(folds.items.values()) == load_card("savee").items == 480
    samples = open_dataset("savee", root).samples
    assert [{k[:2] for k in folds.parts(f, samples)["test"]} for f in range(4)] == [{"JE"}, {"KL"}, {"DC"}, {"JK"}]
    with pytest.raises(AffectZooError, match="7 items of speaker savee_JE, not 120"):
        folds.resolve(samples, complete=True)
