"""low, normal or high: where a value lies among the values of its corpus, and for pitch of its gender.

The rule is that of EmotionThinker's released labelling pipeline (arXiv 2601.15668): cuts are tertiles, `value <= cut`
belongs to the lower level, pitch is cut for each corpus and gender, the rest for each corpus, and a group of fewer
than 50 values takes the pooled cuts (for pitch still those of the gender). What happens to a recording of unknown
gender or corpus is ours: the cuts of its corpus, else the pooled ones.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.schema import from_dict, read_json, to_dict

MIN_GROUP = 50
#: Attribute: the measure that it grades, the names of its levels, and whether genders are graded apart.
ATTRIBUTES = {
    "pitch": ("f0_median_hz", ("low", "normal", "high"), True),
    "energy": ("level_dbfs", ("low", "normal", "high"), False),
    "rate": ("syllable_rate_hz", ("slow", "normal", "fast"), False),
}
#: Level of a recording without a value (no pitch, no speech).
NO_LEVEL = ""


@dataclass(frozen=True)
class Cut:
    """Tertiles of one group: a value up to `low` is the first level, up to `high` the second; n values made them.

    corpus and gender: '' pools over all.
    """

    attribute: str
    corpus: str
    gender: str
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class LevelCuts:
    """Fitted cuts; as JSON on disk."""

    cuts: tuple[Cut, ...]

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        Path(path).write_text(json.dumps(to_dict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "LevelCuts":
        """Read what `save` wrote. Raises FileError or AffectZooError, naming the file, for anything else."""
        return from_dict(cls, read_json(path), str(path))

    def cut(self, attribute: str, corpus: str = "", gender: str = "") -> Cut:
        """The cuts that hold for a recording: its own group's from 50 values on, else pooled ones."""
        if attribute not in ATTRIBUTES:
            raise UnknownNameError("prosody level", attribute, ATTRIBUTES)
        gender = gender if ATTRIBUTES[attribute][2] else ""
        known = {(c.corpus, c.gender): c for c in self.cuts if c.attribute == attribute}
        own = known.get((corpus, gender))
        if own is not None and own.n >= MIN_GROUP:
            return own
        pooled = known.get(("", gender)) or known.get(("", ""))
        if pooled is None:
            raise AffectZooError(f"these cuts have none for {attribute!r}")
        return pooled

    def levels(
        self, attribute: str, values: Sequence[float], corpus: Sequence[str], gender: Sequence[str] | None = None
    ) -> list[str]:
        """The level of each value, '' for NaN. corpus, gender: one a value; '' is unknown."""
        values, corpus, gender = _columns(values, corpus, gender)
        out = np.full(len(values), NO_LEVEL, object)
        for c, g, rows in _groups(corpus, gender):
            cut = self.cut(attribute, c, g)
            place = np.searchsorted([cut.low, cut.high], values[rows], side="left")  # equal to a cut: the lower level
            names = np.array(ATTRIBUTES[attribute][1], object)[np.minimum(place, 2)]
            out[rows] = np.where(np.isnan(values[rows]), NO_LEVEL, names)
        return out.tolist()


def fit_levels(
    measures: Mapping[str, Sequence[float]], corpus: Sequence[str], gender: Sequence[str] | None = None
) -> LevelCuts:
    """Tertiles of every attribute whose measure is a column of `measures`.

    corpus, gender: one a row, '' is unknown. NaN values do not count; pitch counts where `pitch_reliable` is 1, when
    that is a column. Raises AffectZooError without any value, or for columns of different lengths.
    """
    cuts: list[Cut] = []
    for attribute, (measure, _, by_gender) in ATTRIBUTES.items():
        if measure not in measures:
            continue
        values, c, g = _columns(measures[measure], corpus, gender if by_gender else None)
        if by_gender and "pitch_reliable" in measures:
            values = np.where(np.asarray(measures["pitch_reliable"], float) == 1, values, np.nan)
        cuts += _fit(attribute, values, c, g)
    if not cuts:
        raise AffectZooError(f"no values to cut: need one of {', '.join(m for m, *_ in ATTRIBUTES.values())}")
    return LevelCuts(tuple(cuts))


def _fit(attribute: str, values: np.ndarray, corpus: np.ndarray, gender: np.ndarray) -> list[Cut]:
    """Cuts of (corpus, gender), of each alone, and of all."""
    everywhere = np.full(len(values), "", object)
    found: dict[tuple[str, str], Cut] = {}
    for c_column, g_column in ((corpus, gender), (corpus, everywhere), (everywhere, gender), (everywhere, everywhere)):
        for c, g, rows in _groups(c_column, g_column):
            known = values[rows][np.isfinite(values[rows])]
            pooled = (c_column is corpus and not c) or (g_column is gender and gender.any() and not g)
            if len(known) and not pooled:  # unknown is not a group of its own
                low, high = np.quantile(known, [1 / 3, 2 / 3])
                found.setdefault((c, g), Cut(attribute, c, g, float(low), float(high), len(known)))
    return list(found.values())


def _groups(corpus: np.ndarray, gender: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    pairs = sorted(set(zip(corpus.tolist(), gender.tolist(), strict=True)))
    return [(c, g, (corpus == c) & (gender == g)) for c, g in pairs]


def _columns(values, corpus, gender) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values, corpus = np.asarray(values, float), np.asarray(list(corpus), object)
    gender = np.full(len(values), "", object) if gender is None else np.asarray(list(gender), object)
    if not len(values) == len(corpus) == len(gender):
        raise AffectZooError(f"{len(values)} values, {len(corpus)} corpora and {len(gender)} genders do not fit")
    return values, corpus, gender
