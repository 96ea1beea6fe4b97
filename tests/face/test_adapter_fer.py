import csv

import cv2
import numpy as np
import pytest

from affectzoo.data.card import load_card
from affectzoo.data.dataset import BrokenRowWarning, open_dataset, summary
from affectzoo.data.leaks import check_parts
from affectzoo.data.native import OutsideWarning
from affectzoo.data.split import load_folds
from affectzoo.errors import FileError, LeakError, UnknownNameError
from affectzoo.face.adapters.ferplus_votes import majority_of
from affectzoo.leaderboard.benchmark import load_benchmark
from affectzoo.leaderboard.exam import open_exam

VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
#: Votes of five pictures: fear with a slip, a tie, unknown, nobody's face, disgust with votes for unknown.
COUNTS = [
    (0, 0, 3, 0, 0, 0, 7, 0, 0, 0),
    (5, 0, 0, 5, 0, 0, 0, 0, 0, 0),
    (2, 0, 0, 0, 1, 0, 0, 0, 7, 0),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 10),
    (0, 0, 0, 0, 0, 6, 0, 0, 4, 0),
]
USAGES = ("Training", "Training", "PublicTest", "PrivateTest", "PrivateTest")


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as f:
        writer = csv.writer(f)
        writer.writerows([header, *rows] if header else rows)


def grey(i):
    return np.full((48, 48), 10 * i, np.uint8)


def pixels(i):
    return " ".join(map(str, grey(i).ravel()))


@pytest.fixture
def subset(tmp_path):
    """A copy of the subset's layout; the last picture is a copy of the first under another name and part."""
    folder = tmp_path / "fer2013plus_subset"

    def make(**changed):
        rows = []
        for i, (part, votes) in enumerate(zip(("train", "train", "val", "test", "test"), COUNTS, strict=True)):
            name = f"img/{part}/fer{i}.png"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / name), grey(i % 4))
            rows.append({"path": name, "split": part, **{f"votes_{c}": n for c, n in zip(VOTES, votes, strict=True)}})
        for key, value in changed.items():
            rows[0][key] = value
        write(folder / "metadata.csv", rows[0], [r.values() for r in rows])
        return tmp_path

    return make


@pytest.fixture
def tables(tmp_path):
    """fer2013.csv and fer2013new.csv in their official layouts, five rows."""
    rows = [(i, pixels(i), u) for i, u in enumerate(USAGES)]
    for name in ("FER2013", "FERPlus"):
        write(tmp_path / name / "fer2013.csv", ("emotion", "pixels", "Usage"), rows)
    names = [f"fer{i:07d}.png" if i != 3 else "" for i in range(5)]
    votes = [(u, n, *c) for u, n, c in zip(USAGES, names, COUNTS, strict=True)]
    write(tmp_path / "FERPlus" / "fer2013new.csv", ("Usage", "Image name", *VOTES), votes)
    return tmp_path


@pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")
def test_shares_of_votes_leave_unknown_out(subset):
    data = open_dataset("ferplus_subset", subset())
    found = {s.key: s for s in data.samples}
    assert list(found) == ["img/train/fer0", "img/train/fer1", "img/val/fer2", "img/test/fer4"]  # fer3 has no class
    first, last = found["img/train/fer0"], found["img/test/fer4"]
    assert first.targets["emotion"].values == pytest.approx([0, 0, 0.3, 0, 0, 0, 0.7, 0])
    assert last.targets["emotion"].values == pytest.approx([0, 0, 0, 0, 0, 1, 0, 0])
    assert found["img/val/fer2"].targets["emotion"].values == pytest.approx([2 / 3, 0, 0, 0, 1 / 3, 0, 0, 0])
    assert (first.attributes["agreement"], last.attributes["agreement"]) == (0.7, 0.6)
    assert first.groups["content"] == last.groups["content"] != found["img/train/fer1"].groups["content"]
    assert last.load().signals["face"].data.shape == (1, 48, 48, 3)


def test_votes_left_out_are_said(subset):
    with pytest.warns(OutsideWarning, match="1 x no vote in the space: item left out; 21 x votes outside"):
        open_dataset("ferplus_subset", subset())
    with pytest.warns(OutsideWarning, match="1 x no majority: item left out") as caught:
        data = open_dataset("ferplus_subset", subset(), targets="majority")
    assert "label 'votes_unknown' (unknown): item left out" in str(caught[0].message)
    tops = [data.space.names("emotion")[s.targets["emotion"].values.argmax()] for s in data.samples]
    assert tops == ["fear", "disgust"] and all(s.targets["emotion"].values.max() == 1 for s in data.samples)


def test_majority_is_more_than_half_of_the_votes_that_are_no_slips():
    rows = [[4, 1, 1, 1, 1, 1, 1], [5, 5, 0, 0, 0, 0, 0], [4, 3, 2, 1, 0, 0, 0], [5, 3, 2, 0, 0, 0, 0], [1] * 7]
    assert majority_of(np.array(rows, float)).tolist() == [0, -1, -1, -1, -1]
    assert majority_of(np.array([[0, 6, 4]], float)).tolist() == [1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"votes_fear": "2.5"}, "line 2: votes are no counts"),
        ({"votes_fear": "-1"}, "line 2: votes are no counts"),
        ({"votes_fear": "many"}, "line 2: votes are no counts.*'many'"),
        ({"votes_fear": "0", "votes_surprise": "0"}, "line 2: has no vote at all"),
    ],
)
def test_votes_that_are_no_counts(subset, changed, said):
    with pytest.raises(FileError, match=said):
        open_dataset("ferplus_subset", subset(**changed))


@pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")
def test_bad_rows_and_names(subset):
    for changed, said in (({"path": "img/gone.png"}, "no such file"), ({"split": "trian"}, "'trian'.*'train'")):
        with pytest.warns(BrokenRowWarning, match=f"line 2: .*{said}"):
            assert len(open_dataset("ferplus_subset", subset(**changed))) == 3
    with pytest.raises(UnknownNameError, match="'vote'.*'votes'"):
        open_dataset("ferplus_subset", subset(), targets="vote")
    path = subset() / "fer2013plus_subset" / "metadata.csv"
    path.write_text(path.read_text().replace("votes_contempt", "votes_contmpt"))
    with pytest.raises(UnknownNameError, match="'votes_contempt'.*'votes_contmpt'"):
        open_dataset("ferplus_subset", path.parents[1])


def test_fer2013_table(tables):
    data = open_dataset("fer2013", tables)
    names = [data.space.names("emotion")[s.targets["emotion"].values.argmax()] for s in data.samples]
    assert names == ["anger", "disgust", "fear", "happiness", "sadness"]
    face = data.samples[3].load().signals["face"].data
    assert face.shape == (1, 48, 48, 3) and face.dtype == np.uint8 and (face == 30).all()
    assert data.samples[3].key == "fer0000003" and data.samples[3].attributes["usage"] == "PrivateTest"
    folds = load_folds(data.card, "official-leaky")
    assert folds.items == {"Training": 28709, "PublicTest": 3589, "PrivateTest": 3589}
    assert sum(folds.items.values()) == data.card.items


def test_fer2013_bad_rows(tables):
    path = tables / "FER2013" / "fer2013.csv"
    good = (0, pixels(1), "Training")
    bad = [(0, "1 2 3", "Training"), (0, pixels(1).replace("10", "300"), "Training"), (0, "x", "Training")]
    bad += [(9, pixels(1), "Training"), (0, pixels(1), "Test")]
    write(path, (" emotion", " pixels", " Usage"), [good, *bad])
    with pytest.warns(BrokenRowWarning):
        data = open_dataset("fer2013", tables)
    assert len(data) == 1 and len(data.broken) == 5
    said = ("found 3", "0 to 255", "whole numbers", "'9'", "'Test'")
    assert all(s in b and f"line {i}:" in b for i, (s, b) in enumerate(zip(said, data.broken, strict=True), start=3))
    path.unlink()
    with pytest.raises(FileError, match="has no file 'fer2013.csv'"):
        open_dataset("fer2013", tables)


@pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")
def test_ferplus_from_tables_and_from_folders_are_the_same(tables):
    one = open_dataset("ferplus", tables).samples
    folder = tables / "FERPlus"
    (folder / "fer2013new.csv").unlink()
    parts = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
    for usage, name in parts.items():
        rows = [(f"fer{i:07d}.png", "(0, 0, 48, 48)", *COUNTS[i]) for i in range(5) if USAGES[i] == usage and i != 3]
        write(folder / name / "label.csv", None, rows if usage != "Training" else [(r[0], *r[2:]) for r in rows])
        for i in range(5):
            cv2.imwrite(str(folder / name / f"fer{i:07d}.png"), grey(i))
    two = open_dataset("ferplus", tables).samples
    assert [s.key for s in one] == [s.key for s in two] == [f"fer{i:07d}" for i in (0, 1, 2, 4)]
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.load().signals["face"].data, b.load().signals["face"].data)
        assert np.array_equal(a.targets["emotion"].values, b.targets["emotion"].values)
        assert a.attributes == b.attributes
    write(folder / "FER2013Train" / "label.csv", None, [("fer0000000.png", *COUNTS[0][:9])])
    with pytest.raises(FileError, match="has 10 columns, expected 11"):
        open_dataset("ferplus", tables)
    write(folder / "FER2013Train" / "label.csv", None, [("fer0000000.png", "x", *COUNTS[0][1:])])
    with pytest.raises(FileError, match="line 1: votes are no counts"):
        open_dataset("ferplus", tables)


def test_ferplus_tables_that_do_not_belong_together(tables):
    path = tables / "FERPlus" / "fer2013new.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2].replace("Training", "PublicTest"), *lines[3:]]))
    with pytest.raises(FileError, match="line 3: Usage differs"):
        open_dataset("ferplus", tables)
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(FileError, match="has 4 rows, fer2013.csv has 5"):
        open_dataset("ferplus", tables)
    (tables / "FERPlus" / "fer2013.csv").unlink()
    path.rename(path.with_name("fer2013_new.csv"))
    with pytest.raises(FileError, match="no file 'fer2013new.csv'.*'fer2013_new.csv'"):
        open_dataset("ferplus", tables)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["ferplus-majority", "ferplus-votes"])
def test_the_benchmarks_open_on_the_layout(tables, name):
    """As anyone with the data runs it: both parts have pictures, and no item is in two."""
    exam = open_exam(load_benchmark(name), tables)
    assert exam.test_keys == ("fer0000004",) and exam.folds[0].train[0] == "fer0000000"


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::affectzoo.data.native.OutsideWarning")
def test_real_subset(data_root):
    data = open_dataset("ferplus_subset", data_root)
    counts = summary(data)
    assert counts["items"] == data.card.items == 3187 and counts["broken"] == 0
    assert counts["classes"]["disgust"] == 66 and counts["classes"]["contempt"] == 95
    assert len(counts["groups"]["content"]) == 3187 - 95
    majority = open_dataset("ferplus_subset", data_root, targets="majority")
    assert [s.targets["emotion"].values.argmax() for s in data.samples] == [
        s.targets["emotion"].values.argmax() for s in majority.samples
    ]


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_parts(data_root):
    data = open_dataset("ferplus_subset", data_root)
    clean, leaky = (load_folds(load_card("ferplus_subset"), f"official-{n}") for n in ("clean", "leaky"))
    parts = clean.parts(None, data.samples)
    assert [len(parts[p]) for p in ("train", "val", "test")] == [2426, 360, 363]
    check_parts(parts, data.samples, ["content"])
    official = leaky.parts(None, data.samples)
    assert [len(official[p]) for p in ("train", "val", "test")] == [2463, 361, 363]
    assert set(official["test"]) == set(parts["test"])
    assert all(leaky.assignment[s.key] == s.attributes["split"] for s in data.samples)
    with pytest.raises(LeakError, match="share content"):
        check_parts(official, data.samples, ["content"])
