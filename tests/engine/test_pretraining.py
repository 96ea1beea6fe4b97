"""Training of an encoder without labels, what it leaves, and what starts from it."""

import shutil
import warnings
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from joinkit import ITEMS, NAME, write_corpora
from safetensors.torch import load_file
from test_runs import SMALL

from affectzoo.commands.info import _checkpoint
from affectzoo.data.datamodule import AffectDataModule
from affectzoo.data.joined import LostLabelWarning
from affectzoo.data.split import SplitWarning
from affectzoo.engine.config import check_settings, check_targets, register
from affectzoo.engine.folds import pretrain_folds
from affectzoo.engine.members import fit_members
from affectzoo.engine.pretrain import PretrainTask
from affectzoo.engine.run import label_space
from affectzoo.engine.single import run
from affectzoo.engine.start import starting_model
from affectzoo.errors import AffectZooError, FileError
from affectzoo.inference.predictor import load_predictor
from affectzoo.leaderboard.trained import key_hash
from affectzoo.speech.pretrain import MaskedSpectrogram
from affectzoo.structures.record import EvalRecord
from affectzoo.zoo.config import read_config
from affectzoo.zoo.factory import create_model

CONFIGS = str(Path(__file__).parents[2] / "configs")
TINY = ["trainer.max_epochs=2", "data.batch_size=8", "data.cache=false", "data.root=null"]
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{LostLabelWarning.__module__}.LostLabelWarning"),
    pytest.mark.filterwarnings(f"ignore::{SplitWarning.__module__}.SplitWarning"),
]


def composed(*words):
    register()
    with initialize_config_dir(CONFIGS, version_base="1.3"):
        cfg = compose("train", overrides=[*words])
    check_settings(cfg)
    check_targets(cfg)
    return cfg


def configured(run_dir, *words):
    return composed(*SMALL, *TINY, f"run_dir={run_dir}", *words)


def pretrained(run_dir, *words):
    """Run it; the folder of what it leaves."""
    run(configured(run_dir, "pretrain=masked_spectrogram", *words))
    (config,) = run_dir.glob("*/config.json")
    return config.parent


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SplitWarning)
        return pretrained(tmp_path_factory.mktemp("first") / "run")


def hashes(*parts, fold=0):
    options = {"n": 48, "seconds": 0.5, "seed": 0}
    data = AffectDataModule("speech_synthetic", "ekman7+vad", "speakers", fold, options=options, cache=False)
    return {key_hash("speech_synthetic", s.key) for p in parts for s in data.samples(p)}


def test_it_leaves_an_encoder_and_no_score(first):
    left = {p.name for p in first.parent.iterdir()}
    assert left == {"config.json", "checkpoints", "logs", first.name}
    assert not (first / "record.json").exists()
    config = read_config(first)
    assert config.trained == "encoder" and set(config.training_keys) == hashes("train", "val")
    assert not set(config.training_keys) & hashes("test")
    log = pd.read_csv(first.parent / "logs" / "metrics.csv")
    assert log["train/loss"].notna().sum() == log["val/loss"].notna().sum() == 2
    assert not [c for c in log if "uar" in c or "total" in c]
    text = (first / "README.md").read_text()
    assert "it predicts nothing" in text and "the encoder only" in text and "affectzoo predict" not in text
    assert any("only its encoder is trained" in line for line in _checkpoint(str(first)))


def test_it_refuses_to_predict(first):
    with pytest.raises(AffectZooError, match=r"only its encoder is trained.*Fine-tune it first.*init=FOLDER"):
        load_predictor(first)


def test_only_the_encoder_has_moved(first, tmp_path):
    cfg = configured(tmp_path)
    torch.manual_seed(cfg.seed)
    a, b = load_file(first / "model.safetensors"), starting_model(cfg, label_space(cfg))[0].state_dict()
    assert a.keys() == b.keys()  # the decoder stays behind
    same = {n.split(".")[0] for n in a if torch.equal(a[n], b[n])}
    moved = {n.split(".")[0] for n in a if not torch.equal(a[n], b[n])}
    assert same >= {"heads", "pool"} and moved == {"encoder"}


def test_the_encoder_and_the_decoder_are_trained(monkeypatch):
    model = create_model("speech/logmel_cnn", "emodb4", width=4)
    objective = MaskedSpectrogram(model)
    task = PretrainTask(model, objective, partial(torch.optim.SGD, lr=0.1))
    monkeypatch.setattr(task, "_total_steps", lambda: 4)
    given = [p for group in task.configure_optimizers()["optimizer"].param_groups for p in group["params"]]
    assert {*map(id, given)} == {*map(id, objective.parameters())}
    assert {n.split(".")[0] for n, p in model.named_parameters() if p.requires_grad} == {"encoder"}


def test_fine_tuning_starts_with_its_encoder_and_fresh_heads(first, tmp_path):
    cfg = configured(tmp_path, f"init={first}")
    before = load_file(first / "model.safetensors")
    starts = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model, config = starting_model(cfg, label_space(cfg))
        starts.append(model.state_dict())
        assert config.trained == "encoder" and model.label_space.hash == config.space.hash
    for state in starts:
        assert all(torch.equal(before[n], state[n]) for n in before if not n.startswith("heads."))
    heads = [n for n in before if n.startswith("heads.")]
    assert heads and all(not torch.equal(x[n], y[n]) for n in heads for x, y in ((*starts,), (before, starts[0])))


def test_what_was_fine_tuned_remembers_what_it_was_pretrained_on(first, tmp_path):
    for fold, name in ((0, "same"), (1, "other")):
        run(configured(tmp_path / name, f"init={first}", f"data.fold={fold}", "trainer.max_epochs=1"))
    same, other = (EvalRecord.read(tmp_path / n / "record.json") for n in ("same", "other"))
    assert same.trained_on == 0 and same.ranked
    assert other.trained_on == len(hashes("train", "val") & hashes("test", fold=1)) > 0 and not other.ranked
    (path,) = (tmp_path / "other").glob("*/config.json")
    config = read_config(path.parent)
    assert config.trained == "whole" and set(config.training_keys) == hashes("train", "val") | hashes(
        "train", "val", fold=1
    )
    assert load_predictor(path.parent).training_keys == config.training_keys


def test_terms_of_the_first_training_hold_for_the_second(tmp_path):
    start = pretrained(tmp_path / "first", "tag=terms-research", "trainer.max_epochs=1", "data.val_fraction=0")
    run(configured(tmp_path / "second", f"init={start}", "tag=plain", "trainer.max_epochs=1"))
    (path,) = (tmp_path / "second").glob("*/config.json")
    config = read_config(path.parent)
    assert config.tag == "plain-research" and config.licences.weights.startswith("research use only")
    assert "before: " in config.licences.data


def test_a_stopped_run_goes_on(first, tmp_path, monkeypatch):
    def stop(task):
        if task.current_epoch == 1:
            raise RuntimeError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(PretrainTask, "on_train_epoch_start", stop, raising=False)
        with pytest.raises(RuntimeError, match="stopped"):
            pretrained(tmp_path / "run")
    assert not list((tmp_path / "run").glob("*/config.json"))
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()
    again = load_file(pretrained(tmp_path / "run") / "model.safetensors")
    whole = load_file(first / "model.safetensors")
    assert all(torch.equal(again[n], whole[n]) for n in whole)


def test_an_encoder_a_fold_and_the_folds_that_start_from_them(tmp_path):
    words = ["pretrain=masked_spectrogram", "folds=[0,1]", "trainer.max_epochs=1"]
    pretrain_folds(configured(tmp_path / "pre", *words))
    found = sorted((tmp_path / "pre").glob("fold_*/*/config.json"))
    keys = [set(read_config(p.parent).training_keys) for p in found]
    assert [p.parts[-3:-1] for p in found] == [
        (f"fold_{k}", f"speech.logmel_cnn.speech-synthetic-fold{k}") for k in (0, 1)
    ]
    assert not any(keys[k] & hashes("test", fold=k) for k in (0, 1)) and keys[0] != keys[1]
    stamps = [p.stat().st_mtime_ns for p in found]
    pretrain_folds(configured(tmp_path / "pre", *words))
    assert [p.stat().st_mtime_ns for p in found] == stamps  # what is there is not trained again

    cfg = configured(tmp_path / "ft", f"init={tmp_path / 'pre'}")
    for k in (0, 1):
        assert starting_model(cfg, label_space(cfg), k)[1].training_keys == tuple(sorted(keys[k]))
    with pytest.raises(FileError, match="fold_2.*holds 0 checkpoints"):
        starting_model(cfg, label_space(cfg), 2)
    shutil.copytree(found[0].parent, found[0].parent.with_name("speech.logmel_cnn.more"))
    with pytest.raises(FileError, match="fold_0.*holds 2 checkpoints"):
        starting_model(cfg, label_space(cfg), 0)


def test_items_without_a_label_take_part_and_those_that_are_tested_do_not(tmp_path):
    root = write_corpora(tmp_path / "corpora")
    given = (NAME, "emodb4", "ravdess/emobox6")
    parts = []
    for unlabelled in (False, True):
        data = AffectDataModule(*given, fold=2, val_fraction=0, root=root, cache=False, unlabelled=unlabelled)
        parts.append({p: {s.key for s in data.samples(p)} for p in ("train", "test")})
    assert parts[0]["train"] < parts[1]["train"] and parts[0]["test"] == parts[1]["test"]
    assert len(parts[1]["train"]) == sum(ITEMS.values()) - len(parts[1]["test"])
    assert not parts[1]["train"] & parts[1]["test"]
    small = [w for w in SMALL if not w.startswith(("data.", "evaluate_on"))]
    own = ["data.fold=2", f"data.root={root}", f"run_dir={tmp_path / 'run'}", "data.perturb=null", "data.cache=false"]
    own.append("label_space=emodb4")  # which has no calm, disgust, ...
    brief = ["~callbacks.average", "trainer.precision=32", "trainer.max_epochs=1"]
    run(composed("experiment=speech/pretrain_masked", *small, *own, *brief))
    (path,) = (tmp_path / "run").glob("*/config.json")
    assert set(read_config(path.parent).training_keys) == {key_hash(NAME, k) for k in parts[1]["train"]}
    assert not (tmp_path / "run" / "corpus.json").exists()


@pytest.mark.parametrize(
    "word", ["evaluate_on=speech-synthetic", "task.mixup=0.4", "task.head_epochs=1", "loss.balance=true"]
)
def test_settings_that_need_labels_are_refused(word, tmp_path):
    name = word.partition("=")[0]
    with pytest.raises(AffectZooError, match=f"{name}=.* has no part in a training without labels"):
        configured(tmp_path, "pretrain=masked_spectrogram", word)
    configured(tmp_path, word)


def test_an_ensemble_is_not_pretrained(tmp_path):
    words = [w for w in SMALL if not w.startswith("model.")]
    cfg = composed(*words, "pretrain=masked_spectrogram", "model=speech/logmel_ensemble", f"run_dir={tmp_path}")
    with pytest.raises(AffectZooError, match="pretrain: trains the encoder of one network"):
        fit_members(cfg)
