"""Emotion-wheel scores of open-vocabulary emotion words: set precision, recall and F, EW means, hit rate.

Source: Lian et al., OV-MER and AffectGPT (section 4) and their released code. For one grouping G
(labels/wheel.py) and one item with truth words y and predicted words h, Y = G(y) and H = G(h) as sets:

    P_i = |Y & H| / |H|    R_i = |Y & H| / |Y|    P = mean P_i    R = mean R_i    F = 2 P R / (P + R)

F is that of the mean P and R, not a mean of F. An item whose truth has no group is left out (`skipped`);
one whose prediction has none counts with P_i = R_i = 0; F is 0 where P + R = 0. Words without a group are
dropped, in truth and prediction alike, and counted. EW = mean over the five wheels of P, R and F, each on
its own. Undefined (NaN): a grouping under which no item has a truth group, and every mean over it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torchmetrics import Metric

from affectzoo.errors import AffectZooError
from affectzoo.labels.wheel import GROUPINGS, Wheels, load_wheels, split_words

LEVEL_1 = tuple(GROUPINGS.index(g) for g in GROUPINGS if g.endswith("L1"))
LEVEL_2 = tuple(GROUPINGS.index(g) for g in GROUPINGS if g.endswith("L2"))
Words = Sequence[str | Sequence[str]]


@dataclass(frozen=True)
class WheelSums:
    """Sums from which every score follows; they add over batches and processes. G = 12 groupings.

    precision, recall, hits, used: (G,) float64 sums over items; items: how many; one_word: how many have
    exactly one truth word. words, unknown: (2,) words of truth and prediction, and those outside the
    vocabulary. outside: (2, G) words in the vocabulary that a grouping has no place for.
    """

    precision: np.ndarray
    recall: np.ndarray
    hits: np.ndarray
    used: np.ndarray
    items: np.ndarray
    one_word: np.ndarray
    words: np.ndarray
    unknown: np.ndarray
    outside: np.ndarray


@dataclass(frozen=True)
class WheelScore:
    """values: scores by name (`wheel_scores`); n: items; counts: words; conventions: the choices made."""

    values: dict[str, float]
    n: int
    counts: dict[str, float]
    conventions: dict[str, str | None]


def wheel_score(pred: Words, target: Words, wheels: Wheels | None = None) -> WheelScore:
    """Score predicted words against true words.

    pred, target: one entry an item, a list of words or a comma-separated string. wheels: default the
    clean ones. Raises AffectZooError for different lengths or no items.
    """
    wheels = wheels or load_wheels()
    sums = wheel_sums(pred, target, wheels)
    return WheelScore(wheel_scores(sums), int(sums.items), _counts(sums), conventions(wheels))


def conventions(wheels: Wheels) -> dict[str, str | None]:
    """What a reader must know to compare two wheel scores."""
    return {
        "tables": wheels.source,
        "mapping_version": wheels.mapping_version,
        "f": "of the mean precision and recall",
        "out_of_vocabulary": "dropped and counted",
        "empty_truth": "item skipped",
        "empty_prediction": "precision and recall 0",
    }


def wheel_sums(pred: Words, target: Words, wheels: Wheels) -> WheelSums:
    """The sums of `wheel_score`, before any division."""
    if len(pred) != len(target):
        raise AffectZooError(f"wheel score: {len(pred)} predictions for {len(target)} truths")
    if len(target) == 0:
        raise AffectZooError("wheel score: no items")
    numbers: dict[str, int] = {}
    sides = [_Coded.of(words, wheels, numbers) for words in (target, pred)]
    n = len(target)
    rows = [_group_sums(sides[0], sides[1], g, n) for g in range(len(GROUPINGS))]
    precision, recall, hits, used = np.array(rows, float).T
    one_word = np.sum(np.bincount(sides[0].item, minlength=n) == 1)
    return WheelSums(
        precision, recall, hits, used, np.array(float(n)), np.array(float(one_word)),
        words=np.array([len(s.item) for s in sides], float),
        unknown=np.array([np.sum(~s.known) for s in sides], float),
        outside=np.array([np.sum(s.known[:, None] & (s.code < 0), axis=0) for s in sides], float),
    )  # fmt: skip


def wheel_scores(sums: WheelSums) -> dict[str, float]:
    """Scores by name, all in [0, 1], NaN where undefined.

    wheel/f.G, wheel/precision.G, wheel/recall.G for G in M1, M2, W1L1 .. W5L2; wheel/ew_f_l1, .._l2,
    .._both (and ew_precision, ew_recall): means over the wheels; `both` is the mean of the level means
    (MER2025 track 2; level 1 alone: MER-UniBench, MER2026 track 2). wheel/m_avg: mean F of M1, M2 and the
    ten M3 (OV-MER). wheel/hit_rate: level 1, share of items whose one truth word's sector is among the
    predicted ones, over the items whose truth has a sector, mean over the wheels (AffectGPT,
    basic-emotion sets); NaN unless every truth is one word. wheel/hit_dropped: the share of items left
    out of it, mean over the wheels.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        p, r, hit = sums.precision / sums.used, sums.recall / sums.used, sums.hits / sums.used
    f = np.where(p + r == 0, 0.0, 2 * p * r / np.where(p + r == 0, 1.0, p + r))
    scores: dict[str, float] = {}
    for name, values in (("f", f), ("precision", p), ("recall", r)):
        scores |= {f"wheel/{name}.{g}": float(v) for g, v in zip(GROUPINGS, values, strict=True)}
        one, two = values[list(LEVEL_1)].mean(), values[list(LEVEL_2)].mean()
        means = {"l1": one, "l2": two, "both": (one + two) / 2}
        scores |= {f"wheel/ew_{name}_{level}": float(v) for level, v in means.items()}
    single = sums.one_word == sums.items
    scores["wheel/m_avg"] = float(f.mean())
    scores["wheel/hit_rate"] = float(hit[list(LEVEL_1)].mean()) if single else float("nan")
    scores["wheel/hit_dropped"] = float(1 - (sums.used[list(LEVEL_1)] / sums.items).mean())
    return scores


class EmotionWheelScore(Metric):
    """`wheel_score` over batches and processes: its states are the float64 sums, reduced by addition.

    update(pred, target) takes words as `wheel_score` does; compute() gives the dict of `wheel_scores` as
    scalar float64 tensors. source, mapping_version, data_dir: see `labels.wheel.load_wheels`.
    """

    full_state_update = False
    higher_is_better = True
    is_differentiable = False

    def __init__(self, source: str = "clean", mapping_version: str = "2026", data_dir=None, **kwargs):
        super().__init__(**kwargs)
        self.wheels = load_wheels(source, mapping_version, data_dir)
        g = len(GROUPINGS)
        shapes = {"items": (), "one_word": (), "words": (2,), "unknown": (2,), "outside": (2, g)}
        for f in fields(WheelSums):
            zeros = torch.zeros(shapes.get(f.name, (g,)), dtype=torch.float64)
            self.add_state(f.name, zeros, dist_reduce_fx="sum")

    def update(self, pred: Words, target: Words) -> None:
        """Add items; pred and target as in `wheel_score`."""
        sums = wheel_sums(pred, target, self.wheels)
        for f in fields(WheelSums):
            state = getattr(self, f.name)
            setattr(self, f.name, state + torch.from_numpy(np.asarray(getattr(sums, f.name))).to(state))

    def compute(self) -> dict[str, torch.Tensor]:
        """Scores by name."""
        scores = wheel_scores(self._sums())
        return {name: torch.tensor(v, dtype=torch.float64, device=self.device) for name, v in scores.items()}

    @property
    def counts(self) -> dict[str, float]:
        """Words of truth and prediction so far, and how many had no group (see WheelScore.counts)."""
        return _counts(self._sums())

    @property
    def conventions(self) -> dict[str, str | None]:
        """What a reader must know to compare two wheel scores."""
        return conventions(self.wheels)

    def set_dtype(self, dst_type):
        """Keep float64: sums in half precision would not merge exactly."""
        return self

    def _sums(self) -> WheelSums:
        return WheelSums(**{f.name: getattr(self, f.name).cpu().numpy() for f in fields(WheelSums)})


@dataclass(frozen=True)
class _Coded:
    """Words of all items in a row: item (W,) index, code (W, G) group or -1, known (W,) in vocabulary."""

    item: np.ndarray
    code: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, items: Words, wheels: Wheels, numbers: dict[str, int]) -> "_Coded":
        split = [split_words(words) for words in items]
        flat = [w for words in split for w in words]
        vocabulary = {w: i for i, w in enumerate(dict.fromkeys(flat))}
        code = np.array([_codes(w, wheels, numbers) for w in vocabulary], int).reshape(-1, len(GROUPINGS))
        known = np.array([w in wheels for w in vocabulary], bool)
        index = np.array([vocabulary[w] for w in flat], int)
        item = np.repeat(np.arange(len(split)), [len(words) for words in split])
        return cls(item, code[index], known[index])


def _codes(word: str, wheels: Wheels, numbers: dict[str, int]) -> list[int]:
    """A number for each grouping's group, new names numbered as they come; -1 where the word has no group."""
    groups = [wheels.group(word, g) for g in GROUPINGS]
    return [-1 if g is None else numbers.setdefault(g, len(numbers)) for g in groups]


def _group_sums(truth: _Coded, pred: _Coded, g: int, n: int) -> tuple[float, float, float, float]:
    """Sums of P_i, R_i and hits over the items with a truth group, and how many those are."""
    y, h = _pairs(truth, g), _pairs(pred, g)
    both = y[np.isin(y, h)]
    size_y, size_h, size_both = (np.bincount(a // _WIDTH, minlength=n) for a in (y, h, both))
    used = size_y > 0
    y_n, h_n, both_n = size_y[used], np.maximum(size_h[used], 1), size_both[used]
    return (both_n / h_n).sum(), (both_n / y_n).sum(), (both_n > 0).sum(), used.sum()


_WIDTH = 1 << 20  # more than any number of groups: item and group in one integer


def _pairs(side: _Coded, g: int) -> np.ndarray:
    """Distinct (item, group) pairs of one grouping as integers."""
    code = side.code[:, g]
    return np.unique(side.item[code >= 0] * _WIDTH + code[code >= 0])


def _counts(sums: WheelSums) -> dict[str, float]:
    counts = {"items": float(sums.items)}
    for i, side in enumerate(("target", "pred")):
        counts |= {f"{side}_words": float(sums.words[i]), f"{side}_unknown": float(sums.unknown[i])}
        counts |= {f"{side}_outside.{g}": float(sums.outside[i, k]) for k, g in enumerate(GROUPINGS)}
    counts |= {f"skipped.{g}": float(sums.items - sums.used[k]) for k, g in enumerate(GROUPINGS)}
    return counts
