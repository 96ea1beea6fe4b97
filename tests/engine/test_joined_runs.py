"""Runs on several data sets as one, from train.py to records, on tiny folders; and what a benchmark makes of them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joinkit import ACTORS, EXPRESSED, ITEMS, NAME, write_corpora

from affectzoo.data.datamodule import AffectDataModule
from affectzoo.data.dataset import open_dataset
from affectzoo.data.joined import LostLabelWarning
from affectzoo.data.split import Folds, SplitWarning
from affectzoo.data.targets import project_samples
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.leaderboard.answers import drop_unknown
from affectzoo.leaderboard.benchmark import load_benchmark
from affectzoo.leaderboard.corpus import corpus_control, statistics
from affectzoo.leaderboard.evaluate import evaluate
from affectzoo.leaderboard.exam import open_exam
from affectzoo.leaderboard.trained import key_hash
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import Signal
from affectzoo.structures.table import PredictionTable, TableMeta

ROOT = Path(__file__).parents[2]
SPACE = load_space("emodb4")
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{LostLabelWarning.__module__}.LostLabelWarning"),
    pytest.mark.filterwarnings(f"ignore::{SplitWarning.__module__}.SplitWarning"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_corpora(tmp_path_factory.mktemp("corpora"))


def train(cwd, root, *overrides):
    words = ["model.width=4", "trainer.max_epochs=1", "trainer.precision=32", "callbacks=default", "data.perturb=null",
             "trainer.enable_progress_bar=false", "~callbacks.progress", "threads=1", "data.cache=false"]  # fmt: skip
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *overrides, *words],
        cwd=cwd, capture_output=True, text=True, timeout=280, env={**os.environ, "AFFECTZOO_DATA": str(root)},
    )  # fmt: skip


def projected(root):
    """RAVDESS alone, in four classes."""
    data = open_dataset("ravdess", root)
    return replace(data, samples=project_samples(data.samples, data.space, SPACE)[0])


def answers(data, keys, truth=True, keys_of=(), prefix=""):
    """A table with the true class, or the next one, of each of the keys."""
    names = SPACE.names("emotion")
    by_key = {s.key: s for s in data.samples}
    rows = []
    for key in keys:
        target = by_key[key].targets["emotion"]
        column = (int(target.values.argmax()) + (not truth)) % len(names)
        rows.append({"key": prefix + key, "track": "", "t_s": np.nan, "source": "", "error": "",
                     **{f"emotion.{n}": float(i == column) for i, n in enumerate(names)}})  # fmt: skip
    meta = TableMeta(SPACE.to_dict(), {"emotion": "probabilities"}, training_keys=tuple(keys_of))
    return PredictionTable(pd.DataFrame(rows), meta)


def test_a_corpus_left_out_from_config_to_record(root, tmp_path):
    done = train(tmp_path, root, "experiment=speech/cross_corpus", "data.fold=ravdess", "run_dir=run")
    assert done.returncode == 0, done.stdout + done.stderr
    record = EvalRecord.read(tmp_path / "run" / "record.json")
    b = record.benchmark
    assert (b.name, b.dataset, b.split, b.label_space) == ("cross-ravdess", NAME, "corpus", "emodb4")
    assert (record.n, record.n_missing, record.trained_on) == (EXPRESSED["ravdess"], 0, 0) and record.ranked
    assert set(record.controls) == {"constant", "prior", "duration"}
    assert record.controls["constant"]["emotion/uar"] == 0.25
    assert any("24 further items have no label in 'emodb4' and are not tested" in r for r in record.remarks)
    found = json.loads((tmp_path / "run" / "corpus.json").read_text())
    assert found["sentence"] in record.remarks and found["uar"] > 0.9  # bands of noise give the corpora away
    assert found["items"] == sum(EXPRESSED.values()) and set(found["recall"]) == set(ITEMS)
    (config,) = (tmp_path / "run").glob("speech.*/config.json")
    trained = json.loads(config.read_text())
    assert trained["tag"] == "cross-ravdess-research" and trained["training"]["dataset"] == NAME
    assert "CC BY-NC-SA 4.0 (nemo)" in trained["licences"]["data"]
    keys = set((config.parent / "training_keys.txt").read_text().split())
    own = {key_hash(c, s.key) for c in ("emodb", "nemo") for s in open_dataset(c, root).samples}
    assert len(keys) == EXPRESSED["emodb"] + EXPRESSED["nemo"] and keys <= own
    out = done.stdout + done.stderr
    assert "6 x ravdess:emotion:calm" in out and "corpus control:" in out and "wav/Actor_" in out


def test_folds_of_one_corpus_while_the_others_train(root, tmp_path):
    done = train(tmp_path, root, "experiment=speech/ravdess_multi", "run_dir=run", "evaluate_on=null")
    assert done.returncode == 0, done.stdout + done.stderr
    record = EvalRecord.read(tmp_path / "run" / "record.json")
    assert (
        record.n == 48 and record.trained_on == 0 and record.ranked and len(record.scores["emotion/uar"].per_fold) == 6
    )
    assert sum(r.startswith("corpus control") for r in record.remarks) == 1
    table = PredictionTable.read(tmp_path / "run" / "out_of_fold.parquet")
    assert set(table.frame.key) == {f"ravdess:{s.key}" for s in open_dataset("ravdess", root).samples}
    config = json.loads(next(tmp_path.glob("run/fold_3/speech.*/config.json")).read_text())
    assert config["training"]["split"] == "ravdess/emobox6" and config["training"]["split_sha256"].startswith(
        "0e2d6b73"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["experiment=speech/cross_corpus", "data.fold=ravdess", "evaluate_on=cross-nemo"],
         "evaluate_on=cross-nemo tests nemo, the run tests ravdess only"),
        (["experiment=speech/ravdess_multi", "evaluate_on=nemo-loso"],
         "evaluate_on=nemo-loso tests nemo, the run tests ravdess only"),
        (["experiment=speech/ravdess_6fold", "evaluate_on=cross-ravdess"], "asks about data set 'emodb.ravdess.nemo'"),
        (["experiment=speech/cross_corpus", "data.dataset=emodb+nemo", "data.fold=emodb", "evaluate_on=cross-ravdess"],
         "benchmarks of that: cross-emodb, cross-nemo, emodb4-heldout, emodb4-loso, nemo-loso"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_it_trains(words, message, tmp_path):
    from hydra import compose, initialize_config_dir

    from affectzoo.engine.config import check_settings, register

    register()
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        cfg = compose("train", overrides=[*words, f"run_dir={tmp_path}"])
    with pytest.raises(AffectZooError, match=message):
        check_settings(cfg)


@pytest.fixture(scope="module")
def exam(root):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_exam(load_benchmark("cross-ravdess"), root)


def test_the_exam_tests_what_the_space_can_say_and_trains_on_the_others(exam):
    (fold,) = exam.folds
    assert fold.name == "ravdess" and len(fold.test) == EXPRESSED["ravdess"] and exam.unlabelled == 24
    assert all(k.startswith("ravdess:") for k in fold.test)
    assert {k.partition(":")[0] for k in fold.train} == {"emodb", "nemo"}
    assert exam.train_rows("emotion", 0).sum() == EXPRESSED["emodb"] + EXPRESSED["nemo"]
    assert load_benchmark("cross-ravdess").tested == ("ravdess",)
    assert load_benchmark("ravdess-emobox6").tested == ("ravdess",)


def test_a_fold_that_is_not_there(root):
    odd = replace(load_benchmark("cross-ravdess"), part="fold ravdes")
    with pytest.raises(UnknownNameError, match="unknown fold 'ravdes'. Did you mean 'ravdess'"):
        open_exam(odd, root)


def test_answers_come_with_or_without_the_corpus_before_their_keys(root, exam):
    plain = projected(root)
    keys = [k.removeprefix("ravdess:") for k in exam.test_keys]
    bare, long = answers(plain, keys), answers(plain, keys, prefix="ravdess:")
    scores = [evaluate(t, exam.benchmark, data=exam, n_boot=0) for t in (bare, long)]
    assert [r.scores["emotion/uar"].value for r in scores] == [1.0, 1.0] and all(r.n_missing == 0 for r in scores)
    other = answers(replace(plain, samples=[replace(plain.samples[0], key="wav/03a01Fa")]), ["wav/03a01Fa"])
    assert drop_unknown(bare, exam)[1] == "" and drop_unknown(other, exam)[1].startswith("1 keys")
    assert (
        evaluate(answers(plain, keys, truth=False), exam.benchmark, data=exam, n_boot=0).scores["emotion/uar"].value
        == 0
    )


def test_a_joined_answer_to_a_benchmark_of_one_corpus(root):
    joined = AffectDataModule(NAME, "ravdess8", split="ravdess/emobox6", fold=0, root=root, cache=False)
    joined.setup()
    benchmark = replace(load_benchmark("ravdess-emobox6"), part="fold 0", label_space="emodb4")
    alone = open_dataset("ravdess", root)
    fold_of = {s.key: str(ACTORS.index(int(s.groups["speaker"]))) for s in alone.samples}
    exam = open_exam(benchmark, data=alone, folds=Folds(fold_of, "folds", ("speaker",), "tiny", "5" * 64))
    plain = projected(root)
    tested = [k.removeprefix("ravdess:") for k in joined.parts["test"] if k.removeprefix("ravdess:") in exam.test_keys]
    hashes = [key_hash(NAME, k) for k in joined.training_keys()]
    record = evaluate(answers(plain, tested, keys_of=hashes, prefix="ravdess:"), benchmark, data=exam, n_boot=0)
    assert (record.trained_on, record.n, record.n_missing) == (0, 4, 0) and record.ranked
    other = AffectDataModule(NAME, "ravdess8", split="ravdess/emobox6", fold=1, root=root, cache=False)
    hashes = [key_hash(NAME, k) for k in other.training_keys()]
    record = evaluate(answers(plain, tested, keys_of=hashes, prefix="ravdess:"), benchmark, data=exam, n_boot=0)
    assert record.trained_on == 4 and not record.ranked


def test_a_model_of_the_corpus_itself_does_not_rank_across_corpora(root, exam):
    alone = AffectDataModule("ravdess", root=root, split="emobox6", fold=0, cache=False)
    hashes = [key_hash(*k.split(":", 1)) for k in alone.training_keys()]
    keys = [k.removeprefix("ravdess:") for k in exam.test_keys]
    record = evaluate(answers(projected(root), keys, keys_of=hashes), exam.benchmark, data=exam, n_boot=0)
    assert record.trained_on == 20 and not record.ranked  # of six actors one is the fold's


def people(n_bands=6, shift=0.0, speakers=5, seed=0, one_class=False):
    """Prepared items of two corpora; those of the second lie `shift` higher in every band."""
    rng = np.random.default_rng(seed)
    out = []
    for corpus in ("a", "b"):
        for speaker in range(speakers):
            own = rng.normal(size=n_bands)  # a voice that no other speaker has
            for i in range(8):
                frames = own + rng.normal(size=(20, n_bands)) + shift * (corpus == "b")
                name = SPACE.names("emotion")[corpus == "b" if one_class else i % 4]
                out.append(
                    AffectSample(
                        f"{corpus}:{speaker}-{i}", {"audio": Signal(frames.astype(np.float32), 100.0)},
                        {"emotion": class_target(SPACE, name)}, {"speaker": f"{corpus}:{speaker}", "corpus": corpus},
                    )
                )  # fmt: skip
    return out


def test_the_control_tells_corpora_by_what_they_share_and_not_by_their_speakers():
    apart = corpus_control(people(40, shift=6.0, speakers=8), SPACE, "speaker")
    alike = [corpus_control(people(40, speakers=8, seed=s), SPACE, "speaker").uar for s in range(4)]
    assert apart.uar > 0.97 and np.mean(alike) < 0.65  # heard before, these speakers would give their corpus away
    assert apart.recall.keys() == {"a", "b"} and np.sum(apart.confusion) == apart.items == 128
    assert (apart.groups, apart.folds) == (16, 5)
    assert "UAR 1.00 (chance 0.50; 128 items, speakers apart)" in apart.sentence


def test_the_control_says_what_knowing_the_corpus_is_worth():
    even, told = (corpus_control(people(one_class=o), SPACE, "speaker") for o in (False, True))
    assert even.emotion_uar == 0.25 and even.classes["a"] == dict.fromkeys(SPACE.names("emotion"), 10)
    assert told.emotion_uar == 1.0 and told.classes == {"a": {"anger": 40}, "b": {"happiness": 40}}
    assert "emotion UAR 0.25 (chance 0.25)" in even.sentence


def test_statistics_are_of_valid_frames():
    data = np.array([[1.0, 5.0], [3.0, 5.0], [99.0, 99.0]], np.float32)
    sample = AffectSample("k", {"audio": Signal(data, 100.0, 0.0, np.array([True, True, False]))})
    assert statistics(sample).tolist() == [2.0, 5.0, 1.0, 0.0]


def test_a_control_that_cannot_be_measured_says_why():
    with pytest.raises(AffectZooError, match=r"two corpora with two values of speaker each, got \{'a': 5\}"):
        corpus_control([s for s in people() if s.groups["corpus"] == "a"], SPACE, "speaker")
    with pytest.raises(AffectZooError, match="'b': 1"):
        corpus_control([s for s in people() if s.groups["speaker"] in ("a:0", "a:1", "b:0")], SPACE, "speaker")
    with pytest.raises(UnknownNameError, match="a:0-0: unknown group 'speakr'. Did you mean 'speaker'"):
        corpus_control(people(), SPACE, "speakr")


@pytest.mark.data
@pytest.mark.parametrize("corpus,items", [("emodb", 339), ("ravdess", 672), ("nemo", 564)])
def test_real_benchmarks_open(corpus, items, data_root):
    exam = open_exam(load_benchmark(f"cross-{corpus}"), data_root)
    assert len(exam.test_keys) == exam.test_rows("emotion").sum() == items
    assert exam.train_rows("emotion", 0).sum() == 339 + 672 + 564 - items
