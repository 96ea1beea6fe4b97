import json
import multiprocessing
import warnings
from dataclasses import replace

import lightning as L
import numpy as np
import pytest
import torch
from datakit import SPACE, Model, card, dataset, sample

from affectzoo.data.datamodule import AffectDataModule, PreparationWarning
from affectzoo.data.dataset import Dataset
from affectzoo.data.split import Folds, leave_one_group_out, write_folds
from affectzoo.errors import AffectZooError, LeakError, UnknownNameError
from affectzoo.labels.space import LabelSpace


@pytest.fixture
def loso(tmp_path):
    write_folds(leave_one_group_out(dataset().samples, "speaker"), tmp_path / "loso.csv")
    return str(tmp_path / "loso.csv")


def module(split=None, fold=None, data=None, model=None, **kw):
    data = AffectDataModule(data or dataset(), split=split, fold=fold, **{"batch_size": 4, **kw})
    return data.attach(model or Model())


def keys(loader):
    return [k for batch in loader for k in batch.keys]


def speakers(data, part):
    return {s.groups["speaker"] for s in data.samples(part)}


def test_a_fold_from_file_to_batches(loso):
    data = module(loso, 1)
    data.setup()
    assert speakers(data, "test") == {"s1"} and len(data.samples("all")) == 48
    assert not speakers(data, "val") & (speakers(data, "train") | {"s1"})
    batch = next(iter(data.test_dataloader()))
    i = int(batch.keys[0][1:])
    row = batch.signals["audio"].data[0][batch.signals["audio"].mask[0]].numpy()
    assert np.array_equal(row, sample(i).signals["audio"].data * 2)  # prepared by the model
    assert batch.targets["emotion"].values[0].argmax() == i % 4
    for part in ("train", "val", "test"):
        loader = getattr(data, f"{part}_dataloader")()
        assert sorted(keys(loader)) == sorted(data.parts[part])
    assert keys(data.predict_dataloader()) == keys(data.test_dataloader())


def test_training_keys_are_what_the_model_saw(loso):
    data = module(loso, 0)
    seen = data.training_keys()
    assert len(seen) == 40 and all(k.startswith("kit:k") for k in seen)
    assert not {k.split(":")[1] for k in seen} & set(data.parts["test"])


def test_without_a_split_parts_are_drawn_by_group():
    data = module(val_fraction=0.2)
    data.setup()
    found = [speakers(data, p) for p in ("train", "val", "test")]
    assert [len(f) for f in found] == [4, 1, 1] and len(set.union(*found)) == 6
    assert module(val_fraction=0.2).samples("test")[0].key == data.samples("test")[0].key
    assert len({module(val_fraction=0.2, seed=s).samples("test")[0].groups["speaker"] for s in range(12)}) > 2


def test_that_nobody_is_kept_apart_is_told():
    kit = dataset(groups=())
    bare = Dataset(kit.card, [replace(s, groups={}) for s in kit.samples], kit.space)
    with pytest.warns(UserWarning, match="no groups are named"):
        AffectDataModule(bare, cache=False).setup()


def test_all_into_test():
    data = module("all")
    assert len(keys(data.test_dataloader())) == 48 and data.val_dataloader() == []
    with pytest.raises(AffectZooError, match="no usable item in train"):
        data.train_dataloader()


def leaky(tmp_path):
    part = ["train", "val", "test"]
    folds = Folds(
        {s.key: part[i % 3] for i, s in enumerate([sample(j, speaker=f"s{j % 4}") for j in range(12)])},
        "parts",
    )
    write_folds(folds, tmp_path / "leaky.csv")
    return str(tmp_path / "leaky.csv"), Dataset(card(), [sample(j, speaker=f"s{j % 4}") for j in range(12)], SPACE)


def test_a_leak_is_an_error_unless_it_is_allowed(tmp_path):
    split, data = leaky(tmp_path)
    with pytest.raises(LeakError, match="data set 'kit', split .*train and val share speaker s0"):
        module(split, data=data).setup()
    with pytest.warns(UserWarning, match="allowed leak: .*share speaker"):
        module(split, data=data, allow_leak=True).setup()


def test_labels_are_projected_and_losses_told():
    data = AffectDataModule(dataset(), "ravdess8+vad", split="all").attach(Model())
    batch = next(iter(data.test_dataloader()))
    assert batch.targets["emotion"].values.shape[1] == 8 and batch.targets["vad"].mask.all()
    assert data.label_space.name == "ravdess8+vad"
    narrow = LabelSpace("two", "1", categories=SPACE.categories[::3])
    with pytest.warns(UserWarning, match="'two' cannot express are masked: 12 x emotion:happiness, 12 x emotion:neut"):
        data = AffectDataModule(dataset(), narrow, split="all")
        assert sum(bool(s.targets["emotion"].mask.any()) for s in data.samples("all")) == 24
    assert data.lost == {"emotion:happiness": 12, "emotion:neutral": 12}


def test_items_that_cannot_be_prepared_are_listed_and_left_out():
    data = module("all", model=Model(broken=(27,)))  # k001 and every 31st
    with pytest.warns(PreparationWarning, match="2 of 48 items of test .*k001: too odd"):
        data.setup()
    assert [f.key for f in data.failures] == ["k001", "k032"]
    assert "k001" not in keys(data.test_dataloader()) and len(keys(data.test_dataloader())) == 46


def test_the_cache_serves_a_second_module_and_memory_the_first(tmp_path):
    first, second, none = Model(), Model(), Model()
    data = module("all", model=first, cache_dir=tmp_path)
    data.setup()
    data.setup()
    module("all", model=second, cache_dir=tmp_path).setup()
    module("all", model=none, cache=False, cache_dir=tmp_path).setup()
    assert [m.transforms["audio"].calls for m in (first, second, none)] == [48, 0, 48]
    data.attach(Model(gain=3.0)).setup()
    assert data._model.transforms["audio"].calls == 48  # another spec: prepared anew


def test_only_what_a_stage_needs_is_prepared(loso):
    model = Model()
    data = module(loso, 0, model=model, cache=False)
    data.setup("test")
    assert model.transforms["audio"].calls == 8
    data.setup("fit")
    assert model.transforms["audio"].calls == 48


def test_without_a_model_signals_are_raw(loso):
    data = AffectDataModule(dataset(), split=loso, fold=0, batch_size=4)
    batch = next(iter(data.train_dataloader()))
    i = int(batch.keys[0][1:])
    n = len(sample(i).signals["audio"])
    assert np.array_equal(batch.signals["audio"].data[0, :n].numpy(), sample(i).signals["audio"].data)


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="unknown split 'losso'"):
        module("losso").setup()
    with pytest.raises(UnknownNameError, match="unknown part 'tests'.*'test'"):
        module("all").samples("tests")


class Probe(L.LightningModule):
    """Records the keys of every batch."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(1))
        self.seen, self.validated, self.predicted = [], [], []

    def training_step(self, batch, i):
        self.seen.append((self.current_epoch, tuple(batch.keys)))
        return (self.w * batch.signals["audio"].data.mean()).sum()

    def validation_step(self, batch, i):
        self.validated += batch.keys

    def predict_step(self, batch, i):
        self.predicted += batch.keys

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-3)


def trainer(folder, callbacks=(), **kw):
    off = {
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    return L.Trainer(accelerator="cpu", default_root_dir=folder, callbacks=list(callbacks), **off, **kw)


def quiet():
    warnings.filterwarnings("ignore", message=".*(num_workers|workers|weights_only|isinstance).*")


def test_a_run_that_stops_within_an_epoch_goes_on_with_the_next_batch(loso, tmp_path):
    quiet()
    whole, first, rest = Probe(), Probe(), Probe()
    trainer(tmp_path / "a", max_epochs=3).fit(whole, datamodule=module(loso, 0))
    save = L.pytorch.callbacks.ModelCheckpoint(tmp_path / "b", every_n_train_steps=4, save_top_k=-1)
    trainer(tmp_path / "b", [save], max_steps=12).fit(first, datamodule=module(loso, 0))
    (path,) = (tmp_path / "b").glob("*step=12.ckpt")
    again = trainer(tmp_path / "c", max_epochs=3)
    again.fit(rest, datamodule=module(loso, 0), ckpt_path=path, weights_only=True)
    assert len({e for e, _ in first.seen}) == 2 and first.seen == whole.seen[:12]  # 8 batches an epoch: 4 into the 2nd
    assert rest.seen == whole.seen[12:]
    assert sorted(set(whole.validated)) == sorted(again.datamodule.parts["val"])
    assert whole.seen[0][1] != whole.seen[8][1]


def test_predict_gives_every_item_once(loso, tmp_path):
    quiet()
    probe = Probe()
    trainer(tmp_path).predict(probe, datamodule=module(loso, 2), return_predictions=False)
    assert sorted(probe.predicted) == [f"k{i:03d}" for i in range(2, 48, 6)]


def _rank(rank, folder, split):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    data = module(split, 0, data=dataset(47), cache_dir=f"{folder}/cache", batch_size=5)
    loader = data.train_dataloader()
    epochs = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        epochs.append([list(b.keys) for b in loader])
    out = {
        "train": epochs,
        "test": [list(b.keys) for b in data.test_dataloader()],
        "val": keys(data.val_dataloader()),
    }
    with open(f"{folder}/{rank}.json", "w") as f:
        json.dump(out, f)
    torch.distributed.destroy_process_group()


def test_two_processes_share_the_items(loso, tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_rank, args=(r, str(tmp_path), loso)) for r in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(120)
        assert w.exitcode == 0
    a, b = (json.loads((tmp_path / f"{r}.json").read_text()) for r in range(2))
    for one, two in zip(a["train"], b["train"], strict=True):
        assert [len(x) for x in one] == [len(x) for x in two]
        together = sum(one + two, [])
        assert len(together) == len(set(together)) == 30  # of 31
    assert a["train"][0] != a["train"][1]
    assert sorted(sum(a["test"] + b["test"], [])) == [f"k{i:03d}" for i in range(0, 47, 6)]
    assert len(a["test"]) == len(b["test"])
    assert not set(a["val"]) & set(b["val"])
