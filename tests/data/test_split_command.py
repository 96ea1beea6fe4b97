import argparse

import pandas as pd
import pytest

from affectzoo.commands import split as command
from affectzoo.data.split import file_sha256, read_folds
from affectzoo.errors import AffectZooError, LeakError


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    rows = [(f"wav/{i}.wav", f"s{i % 7}", f"c{i % 14}", "ab"[i // 14 % 2]) for i in range(56)]
    pd.DataFrame(rows, columns=["path", "speaker", "clip", "emotion"]).to_csv(path, index=False)
    return path


def run(table, *args):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(table), *args]))


def test_folds_of_whole_speakers(table, tmp_path, capsys):
    out = tmp_path / "s.csv"
    assert run(table, "--group", "speaker", "--folds", "3", "--stratify", "emotion", "--out", str(out)) == 0
    folds = read_folds(out, "folds")
    assert folds.n == 3 and len(folds.assignment) == 56 and "wav/0" in folds.assignment
    said = capsys.readouterr().out
    assert file_sha256(out) in said and "fold 2: " in said and "no two parts share speaker" in said
    assert run(table, "--group", "speaker", "clip", "--check", "--out", str(out)) == 0


def test_leave_one_out_and_the_default_name(table):
    assert run(table, "--group", "speaker", "--folds", "0") == 0
    assert read_folds(f"{table}.split.csv").n == 7


def test_check_finds_a_leak_and_writes_nothing(table, tmp_path):
    out = tmp_path / "s.csv"
    run(table, "--group", "clip", "--folds", "5", "--out", str(out))
    before = out.read_bytes()
    with pytest.raises(LeakError, match="share speaker"):
        run(table, "--group", "speaker", "--check", "--out", str(out))
    assert out.read_bytes() == before


def test_a_leak_of_a_second_group_is_found_before_writing(table, tmp_path):
    with pytest.raises(LeakError, match="share speaker"):
        run(table, "--group", "clip", "speaker", "--folds", "5", "--out", str(tmp_path / "s.csv"))
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--group", "speakr"], "unknown column 'speakr'.*'speaker'"),
        (["--group", "speaker", "--stratify", "emotoin"], "unknown column 'emotoin'.*'emotion'"),
        (["--group", "speaker", "--folds", "8"], "cannot make 8 folds of 7"),
        (["--group", "speaker", "--check"], "split.csv: no such file"),
    ],
)
def test_errors_name_the_nearest(table, args, message):
    with pytest.raises(AffectZooError, match=message):
        run(table, *args)


def test_an_empty_group_names_the_line(table):
    frame = pd.read_csv(table)
    frame.loc[3, "speaker"] = None
    frame.to_csv(table, index=False)
    with pytest.raises(AffectZooError, match="line 5: 'speaker' is empty"):
        run(table, "--group", "speaker")
