"""What a user may type wrong: one line with the near match and exit code 2, before anything is trained."""

import sys
import warnings

import pytest

from affectzoo.engine.main import main
from affectzoo.errors import AffectZooError

CASES = [
    ("model=speech/logmel_cn", "unknown config 'model/speech/logmel_cn'. Did you mean 'model/speech/logmel_cnn'"),
    ("experiment=speech/ravdess_6folds", "Did you mean 'experiment/speech/ravdess_6fold'"),
    ("modell=speech/logmel_cnn", "unknown setting 'modell'. Did you mean 'model'"),
    ("sed=3", "unknown setting 'sed'. Did you mean 'seed'"),
    ("+sed=3", "unknown setting 'sed'. Did you mean 'seed'"),
    ("lr=3", "Did you mean 'optimizer.lr'"),
    ("trainer.acelerator=gpu", "Did you mean 'trainer.accelerator'"),
    ("a", "'a' is not NAME=VALUE"),
    ("task.mixup=-1", "task.mixup: must be at least 0"),
    ("ablation=noise", "data.perturb: changes what is not there"),
    ("ablation=no_averaging", "callbacks.average: changes what is not there"),
    ("calibration=nowhere.json", "no such file"),
    ("folds=all data.split=speakers trainer=ddp_cpu", "in one process"),
    ("folds=all test=false", "leaves nothing of a cross-validation"),
    ("init=speech/logmel_cnn.synthetic model=speech/logmel_ensemble", "members of an ensemble start anew"),
    ("model=speech/logmel_ensemble +model.options.widht=4", "unknown option 'widht'"),
    ("perturb=null", "perturb=null: a group takes no null; ~perturb takes it out"),
    ("model.width=wide", "model.width: expected a number such as 64, got 'wide'"),
    ("resume=perhaps", "resume: expected a truth value such as True, got 'perhaps'"),
    ("model.trim=3", "model.trim: expected a truth value such as True, got 3"),
    ("trainer.max_epochs=true", "trainer.max_epochs: expected a number such as 12, got True"),
    ("loss.weights=1", "loss.weights: expected a mapping"),
    ("+data.batchsize=3", "data: unknown option 'batchsize'. Did you mean 'batch_size'"),
    ("+task.warm=3", "task: unknown option 'warm'. Did you mean 'warmup'"),
    ("task.schedule=cos", "unknown schedule 'cos'. Did you mean 'cosine'"),
    ("+loss.weights.vda=1", "loss: unknown loss field 'vda'. Did you mean 'vad'"),
    ("callbacks=best data.val_fraction=0", "KeepBest: val/emotion/uar needs a validation part"),
    ("run_dir=", "run_dir: must name a folder"),
    ("threads=0", "threads: must be null or at least 1, got 0"),
    ("folds=3", "folds: must be null, all or a list of fold numbers such as [0,1], got 3"),
    ("folds=some", "got 'some'"),
    ("label_space=ekman77", "unknown label space 'ekman77'. Did you mean 'ekman7'"),
    ("init=speech/logmel_cn", "Did you mean 'speech/logmel_cnn'"),
    ("tag=a.b", "tag 'a.b'"),
    ("evaluate_on=speech-syntetic", "Did you mean 'speech-synthetic'"),
    (
        "data=speech/emodb",
        "asks about data set 'speech_synthetic', the run is on 'emodb'; benchmarks of that: emodb4-held",
    ),
    ("optimized_metric=loss", "optimized_metric: must be a validation value"),
    ("optimized_metric=val/loss folds=all", "with folds= there is none to optimise"),
    ("trainer=ddp_cpu task.head_epochs=1", "use trainer.strategy=ddp_find_unused_parameters_true"),
]


@pytest.fixture
def train(monkeypatch, tmp_path, capsys):
    def call(*words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["train.py", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, capsys.readouterr().err

    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setenv("AFFECTZOO_RUN_DIR", "")
    monkeypatch.setenv("AFFECTZOO_CACHE", str(tmp_path / "cache"))
    return call


@pytest.mark.parametrize(("words", "message"), CASES)
def test_a_wrong_word_is_one_line_and_exit_2(train, words, message):
    code, err = train("data.options.n=20" if "emodb" not in words else "seed=0", *words.split())
    lines = [line for line in err.splitlines() if not line.startswith("warning: ")]
    assert code == 2 and len(lines) == 1 and lines[0].startswith("affectzoo: error: "), err
    assert message in lines[0]


def test_a_misspelt_key_that_is_right_is_told_how_to_be_added(train):
    assert "+NAME=VALUE" in train("loss.weights.vad=0.2")[1]


@pytest.mark.parametrize(
    "word", ["model.width=8", "data.val_fraction=0", "trainer.devices=auto", "data.fold=null", "name=3", "folds=[0]"]
)
def test_other_values_of_the_same_type_pass(train, word):
    """Each goes on to the next mistake."""
    assert "tag 'a.b'" in train(word, "tag=a.b")[1]


def test_debug_keeps_the_traceback(train, monkeypatch):
    monkeypatch.setenv("AFFECTZOO_DEBUG", "1")
    with pytest.raises(AffectZooError, match="a.b"):
        train("tag=a.b")
