"""Emotion wheels: how a free emotion word becomes a group, a wheel word or a sector of one of five wheels.

The three groupings are those of OV-MER and AffectGPT (Lian et al. 2025, section 4): M1 joins the forms of
a word, M2 joins synonyms, M3 joins the words of one sector of a wheel at one level. Two tables exist.
`clean` is ours (`spaces/wheel1..5.yaml`, `data/wheel_words.yaml`): a wheel word means itself first, then the
nearest words in a declared order. `official` reads the organisers' files (wheel_official.py) for numbers that
compare with papers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.schema import from_dict, read_yaml

WHEELS = (1, 2, 3, 4, 5)
LEVELS = (1, 2)
SOURCES = ("clean", "official")
MAPPING_VERSIONS = ("2025", "2026")
#: The twelve groupings of the metric, in order: M1, M2, then each wheel at level 1 and level 2.
GROUPINGS = ("M1", "M2", *(f"W{k}L{level}" for k in WHEELS for level in LEVELS))
WORDS_FILE = Path(__file__).parent / "data" / "wheel_words.yaml"


@dataclass(frozen=True)
class Wheels:
    """The tables of one source. Every lookup takes any word; case and outer blanks do not matter.

    first_name: surface form -> group of word forms (M1). first_word: surface form -> wheel word (M2).
    pool: surface form -> wheel words in the order in which they are tried (M3).
    sectors: (wheel, level) -> wheel word -> sector.
    """

    source: str
    mapping_version: str | None
    first_name: Mapping[str, str]
    first_word: Mapping[str, str]
    pool: Mapping[str, tuple[str, ...]]
    sectors: Mapping[tuple[int, int], Mapping[str, str]]

    def __contains__(self, word: str) -> bool:
        return clean_word(word) in self.pool

    def m1(self, word: str) -> str | None:
        """The name whose word form this is; None when the word is not in the vocabulary."""
        return self.first_name.get(clean_word(word))

    def m2(self, word: str) -> str | None:
        """The wheel word that this word is grouped with; None when the word is not in the vocabulary.

        In the clean tables a wheel word is its own group and other words join the nearest one.
        """
        return self.first_word.get(clean_word(word))

    def m3(self, word: str, wheel: int, level: int) -> str | None:
        """The sector of wheel 1-5 at level 1-2; None when the wheel has no place for the word.

        Raises UnknownNameError for another wheel or level.
        """
        if (wheel, level) not in self.sectors:
            raise UnknownNameError("wheel and level", f"W{wheel}L{level}", GROUPINGS[2:])
        table = self.sectors[wheel, level]
        return next((table[w] for w in self.pool.get(clean_word(word), ()) if w in table), None)

    def group(self, word: str, grouping: str) -> str | None:
        """The group of a word under 'M1', 'M2' or 'W<wheel>L<level>'; None when it has none."""
        if grouping not in GROUPINGS:
            raise UnknownNameError("grouping", grouping, GROUPINGS)
        if grouping in ("M1", "M2"):
            return self.m1(word) if grouping == "M1" else self.m2(word)
        return self.m3(word, int(grouping[1]), int(grouping[3]))


@dataclass(frozen=True)
class _WordEntry:
    forms: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


def load_wheels(source: str = "clean", mapping_version: str = "2026", data_dir: str | Path | None = None) -> Wheels:
    """The wheels of one source.

    source: 'clean' (ours, ships) or 'official' (the organisers' tables, not shipped).
    mapping_version: '2026' or '2025', which official word-form table is read; 'clean' has one version only
    (Wheels.mapping_version is then None). data_dir: folder of the official CSVs, by default
    `$AFFECTZOO_DATA/emotion_wheels`.
    Raises UnknownNameError for another source or version, FileError for a missing or broken official table.
    """
    from affectzoo.labels.wheel_official import load_official  # here, since it builds a Wheels of this module

    if source not in SOURCES:
        raise UnknownNameError("wheel source", source, SOURCES)
    if str(mapping_version) not in MAPPING_VERSIONS:
        raise UnknownNameError("mapping_version", mapping_version, MAPPING_VERSIONS)
    return _load_clean() if source == "clean" else load_official(str(mapping_version), data_dir)


def split_words(words: str | Iterable[str]) -> list[str]:
    """Words in lower case without outer blanks; a string is split at its commas. Empty words are left out."""
    if words is None:
        raise AffectZooError("expected a list of emotion words or a comma-separated string, got None")
    parts = words.split(",") if isinstance(words, str) else words
    return [w for w in map(clean_word, parts) if w]


def clean_word(word: str) -> str:
    """Lower case, no outer blanks. Raises AffectZooError for anything but a string."""
    if not isinstance(word, str):
        raise AffectZooError(f"an emotion word must be text, got {word!r}")
    return word.strip().lower()


@cache
def _load_clean() -> Wheels:
    spaces = [load_space(f"wheel{k}") for k in WHEELS]
    tables = [_sector_tables(space) for space in spaces]
    sectors = {(k, level): table[level] for k, table in zip(WHEELS, tables, strict=True) for level in LEVELS}
    on_wheels = {w for table in sectors.values() for w in table}
    names, first_word, pool = {}, {}, {}
    for name, raw in read_yaml(WORDS_FILE).items():
        entry = from_dict(_WordEntry, raw, f"{WORDS_FILE.name}: {name}")
        _check_near(name, entry.near, on_wheels)
        for form in (name, *entry.forms):
            if form in names:
                raise AffectZooError(f"{WORDS_FILE.name}: {form!r} stands for {names[form]!r} and {name!r}")
            # Own contribution first: the word as it stands, then the name of its forms, then its neighbours.
            pool[form] = tuple(dict.fromkeys(w for w in (form, name, *entry.near) if w in on_wheels))
            names[form] = name
            first_word[form] = name if name in on_wheels else entry.near[0]
    missing = on_wheels - set(pool)
    if missing:
        raise AffectZooError(f"{WORDS_FILE.name}: no entry for wheel words {', '.join(sorted(missing))}")
    return Wheels("clean", None, names, first_word, pool, sectors)


def _check_near(name: str, near: tuple[str, ...], on_wheels: set[str]) -> None:
    if not near:
        raise AffectZooError(f"{WORDS_FILE.name}: {name!r} has no near words")
    for word in near:
        if word not in on_wheels:
            raise UnknownNameError("wheel word", word, on_wheels, f"{WORDS_FILE.name}: {name}")


def _sector_tables(space: LabelSpace) -> dict[int, dict[str, str]]:
    """Level 1: every word of the wheel -> its level-1 sector. Level 2: level-2 words -> themselves."""
    one, two = {}, {}
    for c in space.categories:
        word = c.name.rsplit("/", 1)[-1]
        one[word] = c.parents[0] if c.parents else word
        if c.parents:
            two[word] = word
    return {1: one, 2: two}
