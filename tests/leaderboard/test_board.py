import dataclasses
import io

import pytest
from rich.console import Console

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.leaderboard.board import board_markdown, board_table, load_records, rankings
from affectzoo.leaderboard.details import details_markdown, details_rows, sizes
from affectzoo.structures.record import BenchmarkRef, EvalRecord, ModelRef, Score


def record(
    arch: str, value: float | None, fold_mean: float | None = None, name: str = "made-up", **changes
) -> EvalRecord:
    reference = {
        "name": name,
        "dataset": "set",
        "revision": "1",
        "split": "loso",
        "split_sha256": "ab" * 32,
        "label_space": "emodb4",
        "label_space_hash": "cd" * 8,
        "main": "emotion/uar",
        "pooling": "pooled",
        "protocol": {},
    }
    here = {k: changes.pop(k) for k in list(changes) if k in reference}
    score = Score(
        value,
        None if value is None else value - 0.05,
        None if value is None else value + 0.05,
        fold_mean,
        n=8,
        conventions=changes.pop("conventions", {}),
    )
    return EvalRecord(
        ModelRef(arch, "t1"),
        BenchmarkRef(**{**reference, **here}),
        {"emotion/uar": score},
        {"constant": {"emotion/uar": 0.25}},
        n=8,
        seeds=(3,),
        **changes,
    )


def text(records, benchmark=None) -> str:
    console = Console(width=240, record=True, file=io.StringIO())
    console.print(board_table(records, benchmark))
    return console.export_text()


def test_best_first_and_unranked_apart_with_their_reason():
    records = [
        record("weak", 0.4),
        record("strong", 0.7),
        record("leaky", 0.99, ranked=False, remarks=("not ranked: x",)),
        record("void", None),
    ]
    (ranking,) = rankings(records)
    assert [r.model.arch for r in ranking.ranked] == ["strong", "weak"]
    assert [r.model.arch for r in ranking.unranked] == ["leaky", "void"]
    lines = [line for line in text(records).splitlines() if line.strip()]
    order = [
        next(i for i, line in enumerate(lines) if word in line)
        for word in ("strong.t1", "weak.t1", "constant", "leaky.t1")
    ]
    assert order == sorted(order)
    assert "not ranked: x" in text(records) and "0.6500 to 0.7500" in text(records)


@pytest.mark.parametrize(
    "change",
    [
        {"split_sha256": "ff" * 32},
        {"label_space_hash": "00" * 8},
        {"revision": "2"},
        {"pooling": "fold_mean"},
        {"protocol": {"part": "fold 0"}},
        {"protocol": {"options": {"n": 48}}},
        {"conventions": {"threshold": 0.4}},
    ],
)
def test_records_that_differ_in_what_was_asked_are_not_ranked_together(change):
    records = [record("one", 0.4, 0.4), record("two", 0.7, 0.7, **change)]
    found = rankings(records)
    assert [len(r.ranked) for r in found] == [1, 1]
    assert all("not comparable with the other tables" in r.title for r in found)
    assert "not comparable with the other tables" in board_markdown(records)
    assert "not comparable with the other tables" in text(records)


def test_notes_of_a_protocol_and_intervals_do_not_part_records():
    records = [record("one", 0.4), record("two", 0.7, protocol={"notes": ["a word more"]})]
    records[0].scores["emotion/uar"].conventions["interval"] = {"draws": 10}
    assert len(rankings(records)) == 1


def test_brackets_in_names_are_shown():
    shown = text([record("mine[v2]", 0.5, name="own [red]set")])
    assert "mine[v2].t1" in shown and "own [red]set" in shown


def test_an_interval_beside_a_fold_mean_says_that_it_is_of_the_pooled_score():
    assert "0.3500 to 0.4500 (pooled)" in text([record("one", 0.4, 0.8, pooling="fold_mean")])
    assert "(pooled)" not in text([record("one", 0.4)]).replace("emotion/uar (pooled)", "")


def test_no_records_is_a_sentence_in_both_forms():
    assert board_markdown([]) == text([]).strip() and "No records yet" in board_markdown([])
    assert "No records of ravdess-emobox6 yet" in board_markdown([record("one", 0.4)], "ravdess-emobox6")


def test_pooling_decides_what_ranks():
    records = [
        record("pooled", 0.9, 0.3, pooling="fold_mean"),
        record("folds", 0.2, 0.8, pooling="fold_mean"),
    ]
    (ranking,) = rankings(records)
    assert [r.model.arch for r in ranking.ranked] == ["folds", "pooled"]


def test_markdown_is_a_table_and_escapes_bars():
    lines = board_markdown([record("a|b", 0.5, 0.45)]).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert any("a\\|b.t1" in line and "0.4500 (fold_mean)" in line for line in table)


def test_published_rows_are_marked_and_have_no_rank():
    lines = board_markdown([record("mine", 0.5, name="ravdess-emobox6")]).splitlines()
    whisper = next(line for line in lines if "Whisper" in line)
    foreign = next(line for line in lines if "emotion2vec+" in line)
    assert whisper.startswith("| published |") and "0.7532" in whisper and "EmoBox" in whisper
    assert foreign.startswith("| published, other protocol |")


def test_records_are_read_from_folders_and_files(tmp_path):
    one = record("one", 0.4).write(tmp_path / "deep" / "er" / "one.json")
    both = load_records([tmp_path, one])
    assert [r.model.arch for r in both if r.benchmark.name == "made-up"] == ["one"]


def test_bad_records_are_named(tmp_path):
    with pytest.raises(FileError, match="no such folder"):
        load_records([tmp_path / "nowhere"])
    path = record("one", 0.4).write(tmp_path / "one.json")
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(FileError, match="one.json.*schema 99"):
        load_records([path])
    path.write_text(
        path.read_text().replace('"schema_version": 99', '"schema_version": 1').replace('"remarks"', '"remark"')
    )
    with pytest.raises(AffectZooError, match="'remark'.*Did you mean 'remarks'"):
        load_records([path])


def test_unknown_benchmark_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'ravdess-emobox6'"):
        rankings([record("one", 0.4)], "ravdess-emobox")
    assert rankings([record("one", 0.4)], "ravdess-emobox6") == []
    assert "No records yet" in text([], None)


def test_lower_is_better_where_the_metric_says_so():
    def calibrated(arch, value):
        r = record(arch, value, main="emotion/ece")
        return dataclasses.replace(r, scores={"emotion/ece": r.scores["emotion/uar"]})

    (ranking,) = rankings([calibrated("worse", 0.3), calibrated("better", 0.1)])
    assert [r.model.arch for r in ranking.ranked] == ["better", "worse"]


def detailed(
    arch: str, value: float, parameters: int, recalls: dict, ece: float | None = None, **changes
) -> EvalRecord:
    bare = record(arch, value, **changes)
    main = dataclasses.replace(bare.scores["emotion/uar"], per_class=recalls, per_fold=(0.25, None))
    scores = {"emotion/uar": main} | ({} if ece is None else {"emotion/ece_calibrated": Score(ece)})
    return dataclasses.replace(bare, model=dataclasses.replace(bare.model, parameters=parameters), scores=scores)


def test_details_name_size_calibration_classes_and_folds():
    records = [
        detailed("small", 0.4, 1234, {"anger": 0.5, "fear": 0.0}),
        detailed("large", 0.7, 0, {"anger": 1.0}, ece=0.0321),
    ]
    head, rows = details_rows(rankings(records)[0])
    assert head == ["model", "parameters", "ECE, temperature", "anger", "fear", "by fold"]
    assert rows == [
        ["large.t1", "", "0.032", "1.000", "", "0.250 "],
        ["small.t1", "1,234", "", "0.500", "0.000", "0.250 "],
    ]
    assert "| small.t1 | 1,234 |  | 0.500 | 0.000 | 0.250  |" in details_markdown(records, "made-up")


def test_sizes_are_of_one_ranking_and_best_first():
    few = [detailed("a", 0.4, 10, {}), detailed("b", 0.7, 20, {}), detailed("c", 0.9, 0, {})]
    assert [r.model.arch for r in sizes(few, "made-up")] == ["b", "a"]
    with pytest.raises(AffectZooError, match="no ranked record"):
        sizes(few[2:], "made-up")
    with pytest.raises(AffectZooError, match="cannot be compared"):
        sizes([few[0], detailed("b", 0.7, 20, {}, revision="2")], "made-up")
