"""CREMA-D (Cao et al. 2014): 91 North American actors, 12 sentences, 6 classes, and what a crowd heard and saw.

Read: AudioWAV/1001_DFA_ANG_XX.wav (actor, sentence, intended emotion, level), VideoDemographics.csv, and for
targets='votes' processedResults/tabulatedVotes.csv.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import read_frame, read_rows
from affectzoo.data.native import NativeLabels, file_samples, one_of, subfolder
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import SignalRef

TARGETS = ("intended", "votes")
#: What the crowd was given; the first digit of a row's number in the official table, counted from 1.
MODALITIES = ("voice", "face", "both")
CLIP = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_([A-Z]{2})")
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
#: The one file that is not named as the tables name it.
RENAMED = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}
LETTERS = ("A", "D", "F", "H", "N", "S")
GENDERS = {"Male": "m", "Female": "f"}


def iter_samples(
    root: Path,
    card: DatasetCard,
    targets: str = "intended",
    modality: str = "voice",
    votes: str | Path | None = None,
    actors: str | Path | None = None,
) -> Iterator[AffectSample]:
    """Clips with speaker and sentence as groups.

    targets: 'intended' is the emotion that the actor was asked for; 'votes' the share of the crowd's votes
    of each class (there is no vote outside the six). modality: what the crowd judged: voice, face or both.
    votes, actors: other places of the two tables, relative to the data set's folder; both also as CSV with
    the columns clip, modality, n, votes_A ... votes_S, and actor, age, sex.
    """
    one_of("targets", targets, TARGETS, card)
    one_of("modality", modality, MODALITIES, card)
    labels = NativeLabels(card, None, "leave_out")
    people = read_actors(root / (actors or "VideoDemographics.csv"))
    table = root / (votes or "processedResults/tabulatedVotes.csv")
    crowd = read_votes(table, modality, labels) if targets == "votes" else None

    def make(path: Path) -> AffectSample | None:
        clip = RENAMED.get(path.stem, path.stem)
        match = CLIP.fullmatch(clip)
        if match is None:
            raise AffectZooError("is not named like 1001_DFA_ANG_XX.wav (actor, sentence, emotion, level)")
        actor, sentence, emotion, level = match.groups()
        for kind, name, known in (("actor", actor, people), ("level", level, LEVELS), ("clip", clip, crowd)):
            if known is not None and name not in known:
                raise UnknownNameError(kind, name, known, str(table) if kind == "clip" else "")
        target = labels.target(emotion) if crowd is None else crowd[clip]
        if target is None:
            return None
        age, gender = people[actor]
        return AffectSample(
            key=clip,
            signals={"audio": SignalRef(path, "audio")},
            targets={"emotion": target},
            groups={"speaker": f"cremad{actor}", "sentence": sentence},
            attributes={"gender": gender, "age": age, "level": LEVELS[level]},
        )

    yield from file_samples(sorted(subfolder(root, "AudioWAV").glob("*.wav")), make)
    labels.report()


def read_actors(path: Path) -> dict[str, tuple[float, str]]:
    """Actor number -> age in years and gender (f, m). Raises FileError naming the line."""
    official = "actor" not in read_frame(path, ())
    actor, age, sex = ("ActorID", "Age", "Sex") if official else ("actor", "age", "sex")
    people = {}
    for line, row in enumerate(read_rows(path, (actor, age, sex)), start=2):
        try:
            people[row[actor].removeprefix("cremad")] = (float(row[age]), GENDERS[row[sex]])
        except (ValueError, KeyError):
            raise FileError(path, f"line {line}: age {row[age]!r} or sex {row[sex]!r} cannot be read") from None
    return people


def read_votes(path: Path, modality: str, labels: NativeLabels) -> dict[str, Target | None]:
    """Clip -> the share of votes of each class in one modality. Raises FileError naming the line."""
    clips, counts = vote_counts(path, modality)
    return dict(zip(clips, labels.soft_targets(counts, LETTERS), strict=True))


def vote_counts(path: Path, modality: str) -> tuple[list[str], np.ndarray]:
    """Clips and their votes (N, 6) in the order of LETTERS, from the official table or the one by columns."""
    import pandas as pd

    frame = read_frame(path, ())
    official = "clip" not in frame
    clip, n = ("fileName", "numResponses") if official else ("clip", "n")
    columns = [c if official else f"votes_{c}" for c in LETTERS]
    frame = read_frame(path, (clip, n, *columns, *(() if official else ("modality",))))
    # the official table's first column has no name: 1, 2 or 3 and the number of the clip
    given = frame.iloc[:, 0].str[:1] if official else frame["modality"]
    frame = frame[given == (str(1 + MODALITIES.index(modality)) if official else modality)]
    if frame.empty:
        raise FileError(path, f"has no row of modality {modality!r}")
    numbers = frame[[*columns, n]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    counts, total = numbers[:, :-1], numbers[:, -1]
    # comparisons with NaN are False
    wrong = ~((counts >= 0).all(1) & (counts % 1 == 0).all(1) & (counts.sum(1) == total))
    for what, bad in (("votes are no counts that add up to " + n, wrong), ("occurs twice", frame[clip].duplicated())):
        if np.any(bad):
            row = int(np.argmax(bad))
            raise FileError(path, f"line {frame.index[row] + 2}: {frame[clip].iloc[row]} ({modality}): {what}")
    return frame[clip].tolist(), counts
