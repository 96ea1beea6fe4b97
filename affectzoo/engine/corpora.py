"""Runs on joined data sets: which corpora a run tests, and the corpus control beside its score."""

import json
from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig

from affectzoo.data.card import CORPUS, corpora, is_joined
from affectzoo.data.datamodule import AffectDataModule
from affectzoo.errors import AffectZooError
from affectzoo.leaderboard.corpus import corpus_control

#: What a run on joined data sets leaves in its folder.
FILE = "corpus.json"


def measure_corpora(data: AffectDataModule, run_dir: Path) -> None:
    """Write the corpus control of a run's labelled items, or why there is none; nothing for a single data set."""
    if not is_joined(data.card.name):
        return
    samples = [s for part in data.parts for s in data.samples(part) if any(t.mask.any() for t in s.targets.values())]
    try:
        found = corpus_control(samples, data.label_space, data.card.groups[0], data.seed)
        report = {"sentence": found.sentence, **asdict(found)}
    except AffectZooError as e:
        report = {"sentence": f"corpus control: not measured: {e}"}
    (run_dir / FILE).write_text(json.dumps(report, indent=1) + "\n")


def corpus_remarks(run_dir: Path) -> tuple[str, ...]:
    """The control's sentence for a record. Of folds and members the first: the items are the same."""
    paths = sorted(run_dir.rglob(FILE))[:1]
    return tuple(json.loads(p.read_text())["sentence"] for p in paths)


def tested_corpora(cfg: DictConfig) -> set[str]:
    """Data sets of which a run tests items, by its split."""
    names, split = corpora(cfg.data.dataset), str(cfg.data.get("split"))
    fold = cfg.data.get("fold")
    if split == CORPUS and cfg.folds is None:
        return {names[fold] if isinstance(fold, int) and 0 <= fold < len(names) else str(fold)}
    first = split.partition("/")[0]
    return {first} if first in names and not split.endswith(".csv") else set(names)
