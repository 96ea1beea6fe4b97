"""How well the corpus alone can be told from what a model hears: the control of multi-corpus training.

Microphones, rooms, band limits, codecs, languages and casts differ between corpora. Where the prepared features tell
corpora apart, a model that is trained on several can answer with what is usual in each, and a score on one of them says
less about emotion; a score on a corpus that was left out cannot profit from it, but suffers from the difference.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from affectzoo.data.card import CORPUS
from affectzoo.data.dataset import top_class
from affectzoo.data.split import make_folds
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal

#: Folds of whole speakers, or as many as the corpus with the fewest speakers has (ours).
FOLDS = 5


@dataclass(frozen=True)
class CorpusControl:
    """uar, recall: of the corpus, told from the features; confusion: (corpus, told as) counts in the order of recall.

    groups: how many speakers; folds: of whole speakers. classes: corpus -> emotion class -> items. emotion_uar: of the
    emotion, answered by the commonest class of the item's corpus; None where no item has one.
    """

    uar: float
    recall: dict[str, float]
    confusion: list[list[int]]
    items: int
    groups: int
    folds: int
    classes: dict[str, dict[str, int]]
    emotion_uar: float | None

    @property
    def sentence(self) -> str:
        """What a record says."""
        text = (
            f"corpus control: which of {len(self.recall)} corpora an item is from is told from the mean and sd of each "
            f"band of the model's own features with UAR {self.uar:.2f} (chance {1 / len(self.recall):.2f}; "
            f"{self.items} items, speakers apart)"
        )
        if self.emotion_uar is None:
            return text
        chance = 1 / len({c for row in self.classes.values() for c in row})
        return (
            f"{text}; the commonest class of each corpus has emotion UAR {self.emotion_uar:.2f} (chance {chance:.2f})"
        )


def corpus_control(samples: Sequence[AffectSample], space: LabelSpace, group: str, seed: int = 0) -> CorpusControl:
    """Linear discriminant analysis of the corpus on each item's feature statistics, tested on speakers never seen.

    samples: prepared, with groups 'corpus' and `group` (who speaks). Covariances are shrunk (Ledoit & Wolf 2004) and
    priors equal. Raises UnknownNameError for an item without a group, AffectZooError for one corpus only, or one with a
    single speaker.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    for s in samples:
        for name in (CORPUS, group):
            if not s.groups.get(name):
                raise UnknownNameError("group", name, s.groups, s.key)
    corpus = np.array([s.groups[CORPUS] for s in samples])
    names = sorted(set(corpus.tolist()))
    speakers = {c: len({s.groups[group] for s in samples if s.groups[CORPUS] == c}) for c in names}
    if len(names) < 2 or min(speakers.values()) < 2:
        raise AffectZooError(f"the corpus control needs two corpora with two values of {group} each, got {speakers}")
    folds = make_folds(samples, group, min(FOLDS, *speakers.values()), seed, {s.key: s.groups[CORPUS] for s in samples})
    fold = np.array([folds.assignment[s.key] for s in samples])
    x = np.stack([statistics(s) for s in samples])
    told = np.empty_like(corpus)
    for number in sorted(set(fold.tolist())):
        train, test = fold != number, fold == number
        scale = x[train].std(0)
        z = (x - x[train].mean(0)) / np.where(scale > 0, scale, 1)
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=np.full(len(names), 1 / len(names)))
        told[test] = model.fit(z[train], corpus[train]).predict(z[test])
    confusion = [[int(((corpus == a) & (told == b)).sum()) for b in names] for a in names]
    recall = {a: row[i] / sum(row) for i, (a, row) in enumerate(zip(names, confusion, strict=True))}
    classes = {c: _classes([s for s in samples if s.groups[CORPUS] == c], space) for c in names}
    uar = float(np.mean(list(recall.values())))
    n_folds = len(set(folds.assignment.values()))
    return CorpusControl(
        uar, recall, confusion, len(samples), sum(speakers.values()), n_folds, classes, _emotion_uar(classes)
    )


def statistics(sample: AffectSample) -> np.ndarray:
    """Mean and standard deviation over the valid frames of every feature of every signal, (2 F,) float64.

    Raises AffectZooError for a signal that is still a file.
    """
    parts = []
    for name, signal in sorted(sample.signals.items()):
        if not isinstance(signal, Signal):
            raise AffectZooError(f"{sample.key}: its {name} has not been prepared")
        rows = signal.data.reshape(len(signal), -1).astype(float)
        rows = rows if signal.mask is None else rows[signal.mask]
        parts += [rows.mean(0), rows.std(0)]
    return np.concatenate(parts)


def _classes(samples: Sequence[AffectSample], space: LabelSpace) -> dict[str, int]:
    if "emotion" not in space.fields:
        return {}
    found = Counter(top_class(s, space) for s in samples)
    return {n: found[n] for n in space.names("emotion") if found[n]}


def _emotion_uar(classes: dict[str, dict[str, int]]) -> float | None:
    """UAR of answering every item with the commonest class of its corpus (of several the first of the space)."""
    total, right = Counter(), Counter()
    for row in classes.values():
        total.update(row)
        if row:
            best = max(row, key=row.__getitem__)
            right[best] += row[best]
    return float(np.mean([right[c] / n for c, n in total.items()])) if total else None
