"""AffectDataModule: one data module for every data set, split and model."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader

from affectzoo.data.cache import Failure, FeatureCache, prepare_all
from affectzoo.data.card import is_joined, load_card
from affectzoo.data.collate import collate
from affectzoo.data.dataset import Dataset, open_dataset
from affectzoo.data.forms import Perturbation, perturbed_forms
from affectzoo.data.joined import LostLabelWarning, identity, joined_parts
from affectzoo.data.leaks import check_parts
from affectzoo.data.sampler import EvalOrder, TrainLoader, TrainOrder, draw_shares, eval_batch_size
from affectzoo.data.split import PARTS, draw_groups, load_folds, read_folds
from affectzoo.data.standardise import group_statistics, standardised
from affectzoo.data.targets import project_samples
from affectzoo.errors import AffectZooError, LeakError, UnknownNameError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal

#: Which parts a stage of the trainer reads.
STAGES = {None: PARTS, "fit": ("train", "val"), "validate": ("val",), "test": ("test",), "predict": ("test",)}


class PreparationWarning(UserWarning):
    """Items could not be prepared and are left out; `AffectDataModule.failures` lists them."""


class AffectDataModule(LightningDataModule):
    """Opens a data set, projects its targets, splits it, checks for leaks, prepares and caches, and batches.

    dataset: a name ('emodb+ravdess' joins two, data/joined.py), or an opened Dataset. label_space: of the targets;
    None is the data set's own.
    split: a name on the card; a split file of your own (.csv), which must keep `val_group` apart, or every
    group when that is None; 'all' puts everything into test; None draws val and test, each `val_fraction`
    of the items, by whole groups of `val_group` (None: the first group; without groups, single items).
    fold: which fold of the split (of joined sets also by name). balance: a group, such as corpus; an epoch then draws
    its items, and every batch of it, in equal shares of the group's values (data/sampler.py). cache: prepared signals
    are also kept on disk (cache_dir, see FeatureCache); in either case they stay in memory. options: for the adapter.
    standardise: a group, such as speaker: features get that group's mean and standard deviation, which is transductive
    (data/standardise.py).
    allow_leak: a leak is a warning, not an error. perturb: makes other forms of training items (data/forms.py); each
    epoch takes every item once, in its own form or one of those. split_seed: draws what a split leaves to be drawn;
    None takes `seed`, which also draws the order of training. unlabelled: joined sets keep items in train and val that
    have no label left, for a training that needs none. emotion_from_vad: items without an emotion get the posterior at
    their rated point (data/targets.py), not in joined sets.

    Under several processes each gets other items and the same number of training batches, with either value
    of the trainer's `use_distributed_sampler`; evaluation never repeats an item. A run that stops within an
    epoch resumes with its next batch (data/sampler.py).
    """

    def __init__(
        self,
        dataset: str | Dataset,
        label_space: LabelSpace | str | dict | None = None,
        split: str | None = None,
        fold: int | str | None = None,
        batch_size: int = 32,
        val_fraction: float = 0.15,
        val_group: str | None = None,
        seed: int = 0,
        num_workers: int = 0,
        bucket: bool = True,
        cache: bool = True,
        cache_dir: str | Path | None = None,
        root: str | Path | None = None,
        options: dict[str, Any] | None = None,
        allow_leak: bool = False,
        perturb: Perturbation | None = None,
        balance: str | None = None,
        standardise: str | None = None,
        split_seed: int | None = None,
        unlabelled: bool = False,
        emotion_from_vad: bool = False,
    ):
        super().__init__()
        self.card = dataset.card if isinstance(dataset, Dataset) else load_card(dataset)
        self.dataset = dataset if isinstance(dataset, Dataset) else None
        self.split, self.fold, self.val_fraction, self.val_group = split, fold, val_fraction, val_group
        self.batch_size, self.seed, self.num_workers, self.bucket = batch_size, seed, num_workers, bucket
        self.root, self.options, self.allow_leak = root, dict(options or {}), allow_leak
        self.perturb, self.balance, self.standardise, self.unlabelled = perturb, balance, standardise, unlabelled
        self.emotion_from_vad = emotion_from_vad
        self.split_seed = seed if split_seed is None else split_seed
        self.cache = FeatureCache(cache_dir) if cache else None
        self._space = as_space(label_space) if label_space is not None else None
        self._model = None
        self._samples: dict[str, AffectSample] = {}
        self._prepared: dict[str, AffectSample] = {}
        self._forms: list[AffectSample] | None = None
        self._statistics: dict = {}
        self.parts: dict[str, list[str]] = {}
        self.failures: list[Failure] = []
        self.lost: dict[str, int] = {}

    @property
    def label_space(self) -> LabelSpace:
        """The space of the targets."""
        if self._space is not None:
            return self._space
        if self.dataset:
            return self.dataset.space
        return as_space(self.options.get("label_space") or self.card.space)

    def attach(self, model) -> "AffectDataModule":
        """Prepare samples with this model's `prepare`; its transforms decide the cache. Returns self."""
        if model is not self._model:
            self._model = model
            self._prepared.clear()
            self._statistics.clear()
            self._forms = None
            self.failures.clear()
        return self

    def prepare_data(self) -> None:
        """Fill the cache once a machine, with perturbed forms where it trains, before the other processes read it."""
        if not self.cache:
            return
        stage = self.trainer.state.fn.value if self.trainer and self.trainer.state.fn else None
        self.setup(stage)
        if self.perturb and self._model is not None and "train" in STAGES[stage]:
            self._perturbed(self.samples("train"))

    def setup(self, stage: str | None = None) -> None:
        """Open, project, split, check and prepare what the stage needs; what is done is not done again.

        Raises LeakError when parts are not kept apart, and what open_dataset and load_folds raise.
        """
        if not self.parts:
            self._open()
        for part in STAGES[stage]:
            self._prepare(part)

    def samples(self, part: str) -> list[AffectSample]:
        """Samples of train, val, test or all, in this module's label space, prepared where that was done."""
        if not self.parts:
            self._open()
        if part != "all" and part not in self.parts:
            raise UnknownNameError("part", part, (*PARTS, "all"))
        keys = self._samples if part == "all" else self.parts[part]
        failed = {f.key for f in self.failures}
        return [self._prepared.get(k, self._samples[k]) for k in keys if k not in failed]

    def training_keys(self) -> list[str]:
        """`dataset:key` of all that a model has seen: train, and val, which chooses the checkpoint."""
        return [identity(self.card.name, s.key) for part in ("train", "val") for s in self.samples(part)]

    def drawn(self) -> list[AffectSample]:
        """The training items of a first epoch, as often as it draws them: what class weights are made of."""
        samples = self.samples("train")
        if self.balance is None:
            return samples
        return [samples[i] for i in draw_shares(self._shares(samples), self.seed, 0)]

    def train_dataloader(self) -> DataLoader:
        """Random batches of like lengths, balanced if asked for; the order is a function of (seed, epoch)."""
        samples = self._ready("train")
        forms = samples + (self._perturbed(samples) if self.perturb else [])
        lengths = np.reshape(list(map(_length, forms)), (-1, len(samples)))
        shares = None if self.balance is None else self._shares(samples)
        order = TrainOrder(lengths, self.batch_size, self.seed, self.bucket, shares)
        return self._loader(forms, order, self.batch_size, TrainLoader)

    def val_dataloader(self) -> DataLoader | list:
        """Every validation item once; an empty list when there is no validation part."""
        self.setup("validate")
        return self._evaluation("val") if self.parts["val"] else []

    def test_dataloader(self) -> DataLoader:
        """Every test item once."""
        return self._evaluation("test")

    def predict_dataloader(self) -> DataLoader:
        """Every test item once."""
        return self._evaluation("test")

    def _open(self) -> None:
        if self.dataset is None:
            joined = {"label_space": self.label_space} if is_joined(self.card.name) else {}
            self.dataset = open_dataset(self.card.name, self.root, **{**self.options, **joined})
        samples, lost = project_samples(
            self.dataset.samples, self.dataset.space, self.label_space, self.emotion_from_vad
        )
        self.lost = {**self.dataset.lost, **lost}
        if lost:
            text = ", ".join(f"{n} x {name}" for name, n in lost.items())
            warnings.warn(
                f"data set {self.card.name!r}: labels that {self.label_space.name!r} cannot express are masked: {text}",
                stacklevel=2,
            )
        parts, disjoint = self._split(samples)
        if is_joined(self.card.name) and not self.unlabelled:
            parts = _without_unlabelled(parts, samples, self.card.name)
        try:
            check_parts(parts, samples, disjoint)
        except LeakError as e:
            where = f"data set {self.card.name!r}, split {self.split!r}, fold {self.fold}: {e}"
            if not self.allow_leak:
                raise LeakError(where) from None
            warnings.warn(f"allowed leak: {where}", stacklevel=2)
        if self.standardise is not None and self.standardise not in disjoint:
            raise AffectZooError(
                f"standardise={self.standardise}: the parts must keep that group apart; they keep "
                f"{' and '.join(disjoint) or 'no group'} apart"
            )
        self._samples = {s.key: s for s in samples}
        self.parts = parts

    def _split(self, samples: list[AffectSample]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
        if self.split == "all":
            return {"train": [], "val": [], "test": [s.key for s in samples]}, ()
        groups = (self.val_group,) if self.val_group else self.card.groups or tuple(sorted(samples[0].groups))
        if not groups:
            warnings.warn(
                f"data set {self.card.name!r}: no groups are named, so nothing keeps a person's items in one part "
                "(a table: data.options.groups=[speaker])",
                stacklevel=3,
            )
        own = str(self.split).endswith(".csv")
        if self.split is not None and not own and is_joined(self.card.name):
            how = (self.val_fraction, self.val_group, self.split_seed)
            return joined_parts(self.card, self.split, self.fold, samples, *how)
        if self.split is not None:
            folds = read_folds(self.split, None, groups) if own else load_folds(self.card, self.split)
            return folds.parts(self.fold, samples, self.val_fraction, self.val_group, self.split_seed), folds.disjoint
        group = groups[0] if groups else None
        test = set(draw_groups(samples, group, self.val_fraction, [self.split_seed, 1]))
        rest = [s for s in samples if s.key not in test]
        val = set(draw_groups(rest, group, self.val_fraction, [self.split_seed, 2]))
        parts = {
            "train": [s.key for s in rest if s.key not in val],
            "val": [s.key for s in rest if s.key in val],
            "test": [s.key for s in samples if s.key in test],
        }
        return parts, (group,) if group else ()

    def _prepare(self, part: str) -> None:
        failed = {f.key for f in self.failures}
        todo = [self._samples[k] for k in self.parts[part] if k not in self._prepared and k not in failed]
        if self._model is None or not todo:
            return
        done, failures = prepare_all(todo, self._model.prepare, self._spec(), self.cache, progress=len(todo) > 200)
        if self.standardise is not None:
            self._statistics.update(group_statistics(done, self.standardise))
            done = self._standardised(done)
        self._prepared.update({s.key: s for s in done})
        self.failures += failures
        if failures:
            warnings.warn(
                f"{len(failures)} of {len(todo)} items of {part} cannot be prepared and are left out, the "
                f"first: {failures[0].key}: {failures[0].reason}",
                PreparationWarning,
                stacklevel=2,
            )

    def _spec(self) -> dict[str, Any]:
        """Identity of the model's preparation."""
        return {
            "prepare": self._model.prepare.__func__.__qualname__,
            "modalities": list(self._model.modalities),
            "transforms": {m: t.spec for m, t in sorted(self._model.transforms.items())},
        }

    def _perturbed(self, samples: list[AffectSample]) -> list[AffectSample]:
        """The training items' other forms, made once."""
        if tuple(self._model.modalities) != (self.perturb.modality,):
            heard = " and ".join(self._model.modalities)
            raise AffectZooError(f"perturb: changes {self.perturb.modality} alone, and the model reads {heard}")
        if any(t.rate_hz is not None for s in samples for t in s.targets.values()):
            raise AffectZooError("perturb: labels over time would not follow the perturbed signal; perturb=none")
        if self._forms is None:
            originals = [self._samples[s.key] for s in samples]
            self._forms, failed = perturbed_forms(
                originals, samples, self.perturb, self._model, self._spec(), self.cache
            )
            if self.standardise is not None:  # a form that could not be made is the item itself, which is done already
                again = samples * self.perturb.copies
                pairs = zip(self._forms, again, strict=True)
                self._forms = [f if f is s else self._standardised([f])[0] for f, s in pairs]
            if failed:
                text = f"{failed} of {len(self._forms)} perturbed forms cannot be prepared; the item itself is used"
                warnings.warn(text, PreparationWarning, stacklevel=2)
        return self._forms

    def _standardised(self, samples: list[AffectSample]) -> list[AffectSample]:
        if self.standardise is None:
            return samples
        return [standardised(s, self.standardise, self._statistics) for s in samples]

    def _shares(self, samples: list[AffectSample]) -> list[str]:
        """Each item's value of the group that is balanced."""
        for s in samples:
            if not s.groups.get(self.balance):
                raise UnknownNameError("group to balance", self.balance, s.groups, s.key)
        return [s.groups[self.balance] for s in samples]

    def _ready(self, part: str) -> list[AffectSample]:
        self.setup({"train": "fit", "val": "validate", "test": "test"}[part])
        samples = self.samples(part)
        if not samples:
            raise AffectZooError(f"data set {self.card.name!r}, split {self.split!r}: no usable item in {part}")
        return samples

    def _evaluation(self, part: str) -> DataLoader:
        samples = self._ready(part)
        return self._loader(
            samples, EvalOrder(list(map(_length, samples))), eval_batch_size(len(samples), self.batch_size)
        )

    def _loader(self, samples: list[AffectSample], order, batch_size: int, kind=DataLoader) -> DataLoader:
        return kind(
            _Items(samples),  # Lightning builds the loader again and needs the rest by name
            batch_size=batch_size,
            sampler=order,
            num_workers=self.num_workers,
            collate_fn=partial(collate, space=self.label_space),
            pin_memory=torch.cuda.is_available(),
            persistent_workers=self.num_workers > 0,
        )


class _Items(torch.utils.data.Dataset):
    """Samples with their signals loaded (prepared ones are already)."""

    def __init__(self, samples: list[AffectSample]):
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: int) -> AffectSample:
        return self.samples[i].load()


def _without_unlabelled(parts: dict[str, list[str]], samples: list[AffectSample], name: str) -> dict[str, list[str]]:
    """Parts whose train and val hold no item that lost its every label; how many those are is said.

    What is tested stays whole: the benchmark decides what it asks.
    """
    labelled = {s.key for s in samples if any(t.mask.any() for t in s.targets.values())}
    out = {p: keys if p == "test" else [k for k in keys if k in labelled] for p, keys in parts.items()}
    gone = {p: len(parts[p]) - len(out[p]) for p in ("train", "val")}
    if any(gone.values()):
        text = " and ".join(f"{n} of {len(parts[p])} items of {p}" for p, n in gone.items() if n)
        warnings.warn(f"data set {name!r}: without a label, and so left out: {text}", LostLabelWarning, stacklevel=4)
    return out


def _length(sample: AffectSample) -> int:
    """Steps of the longest prepared signal; 0 for one that is still a file."""
    return max((len(s) for s in sample.signals.values() if isinstance(s, Signal)), default=0)
