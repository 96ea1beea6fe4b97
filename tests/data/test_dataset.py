import pytest
from datakit import SPACE, card, sample

from affectzoo.data import dataset as module
from affectzoo.data.dataset import BrokenRowWarning, open_dataset, read_rows, row_samples, summary
from affectzoo.errors import AffectZooError, FileError, UnknownNameError


@pytest.fixture
def opened(monkeypatch):
    """open_dataset over an adapter and a card of the test's own."""

    def do(adapter, root=None, options=None, **changes):
        monkeypatch.setattr(module, "load_card", lambda name: card(**changes))
        monkeypatch.setattr(module, "import_target", lambda target: adapter)
        return open_dataset("kit", root, **(options or {}))

    return do


def test_samples_card_and_space(opened):
    data = opened(lambda root, card, n=3: (sample(i) for i in range(n)), options={"n": 5})
    assert len(data) == 5 and data.space == SPACE and data.broken == ()


def test_an_unknown_option_names_the_nearest(opened):
    with pytest.raises(UnknownNameError, match="unknown option 'sed'.*'seed'"):
        opened(lambda root, card, seed=0: [], options={"sed": 1})


def test_duplicate_keys_are_an_error(opened):
    with pytest.raises(AffectZooError, match="1 keys occur twice, such as k001"):
        opened(lambda root, card: [sample(1), sample(2), sample(1)])


def test_nothing_usable_is_an_error(opened):
    with pytest.raises(AffectZooError, match="no usable sample"):
        opened(lambda root, card: [])


def test_missing_folder_names_the_variable_the_path_and_the_way(opened, tmp_path, monkeypatch):
    monkeypatch.delenv("AFFECTZOO_DATA", raising=False)
    with pytest.raises(AffectZooError, match="AFFECTZOO_DATA.*holds kit_data/.*ask the author"):
        opened(lambda root, card: [], folder="kit_data", how_to_obtain="ask the author")
    monkeypatch.setenv("AFFECTZOO_DATA", str(tmp_path))
    with pytest.raises(FileError, match=f"{tmp_path}/kit_data: no such folder.*ask the author"):
        opened(lambda root, card: [], folder="kit_data", how_to_obtain="ask the author")


def test_root_argument_wins_over_the_variable(opened, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTZOO_DATA", "/nowhere")
    (tmp_path / "kit_data").mkdir()
    seen = []
    opened(lambda root, card: seen.append(root) or [sample(1)], root=tmp_path, folder="kit_data")
    assert seen == [tmp_path / "kit_data"]


def rows_adapter(path):
    def make(row):
        if row["n"] == "-":
            return None
        return sample(int(row["n"]))

    return lambda root, card: row_samples(path, read_rows(path, ["n"]), make)


def test_a_broken_row_is_reported_counted_and_skipped(opened, tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("n\n1\nx\n-\n3\n")
    with pytest.warns(BrokenRowWarning, match=r"m.csv, line 3: invalid literal.*'x'") as caught:
        data = opened(rows_adapter(path))
    assert [s.key for s in data.samples] == ["k001", "k003"]
    assert len(data.broken) == 1 and "line 3" in data.broken[0] and len(caught) == 1
    assert summary(data)["broken"] == 1


def test_many_broken_rows_are_shown_in_part_and_counted_in_full(opened, tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("n\n1\n" + "x\n" * 30)
    with pytest.warns(BrokenRowWarning) as caught:
        data = opened(rows_adapter(path))
    assert len(data.broken) == 30 and len(caught) == module.SHOWN + 1
    assert "30 rows skipped in all" in str(caught[-1].message)


def test_all_rows_broken_names_the_first(opened, tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("n\nx\n")
    with (
        pytest.warns(BrokenRowWarning),
        pytest.raises(AffectZooError, match="1 rows are broken, the first.*line 2"),
    ):
        opened(rows_adapter(path))


def test_a_missing_column_stops_and_names_the_nearest(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("speakr,x\na,1\n")
    with pytest.raises(UnknownNameError, match=r"m.csv: unknown column 'speaker'.*'speakr'"):
        read_rows(path, ["speaker"])
    with pytest.raises(FileError, match="no such file"):
        read_rows(tmp_path / "none.csv", ["speaker"])


def test_summary_counts(opened):
    data = opened(lambda root, card: [sample(i, length=50) for i in range(10)])
    s = summary(data)
    assert s["items"] == 10 and s["labelled"] == {"emotion": 10} and s["seconds"] == 5.0
    assert s["classes"] == {"anger": 3, "happiness": 3, "neutral": 2, "sadness": 2}
    assert s["groups"]["speaker"] == {"s0": 2, "s1": 2, "s2": 2, "s3": 2, "s4": 1, "s5": 1}
