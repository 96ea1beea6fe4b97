"""MSP-Podcast (Lotfian & Busso 2019): segments of English podcasts, rated by a crowd.

Read: Labels/labels_consensus.csv (older releases write labels_concensus.csv), Audios/*.wav, and for
targets='votes' Labels/labels_detailed.csv, one row a rater, in either of its two forms.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, read_frame, read_rows, row_samples
from affectzoo.data.native import NativeLabels, first_file, one_of, subfolder
from affectzoo.errors import AffectZooError, FileError
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import SignalRef

TARGETS = ("consensus", "votes")
CONSENSUS = ("Labels/labels_consensus.csv", "Labels/labels_concensus.csv")
DETAILED = ("Labels/labels_detailed.csv",)
RATINGS = {"valence": "EmoVal", "arousal": "EmoAct", "dominance": "EmoDom"}
COLUMNS = ("FileName", "EmoClass", *RATINGS.values(), "SpkrID", "Gender", "Split_Set")
GENDERS = {"Male": "m", "Female": "f", "Unknown": "unknown"}
UNKNOWN = "Unknown"
#: A rater who chose other could say what: Other-Curious, Other-Amused, ...
OTHER = "Other"


def iter_samples(
    root: Path,
    card: DatasetCard,
    targets: str = "consensus",
    outside: str = "leave_out",
    outside_votes: str = "drop_vote",
    label_space: str | None = None,
) -> Iterator[AffectSample]:
    """Segments with speaker and podcast as groups and the official part as the attribute split_set.

    targets: 'consensus' is EmoClass, the crowd's plurality; 'votes' the share of the raters' primary
    emotions. outside: what becomes of a segment without a class of the space (O, X, no label): 'leave_out'
    or 'mask'; valence, arousal and dominance (1 to 7, the means of the release) stay. outside_votes: what
    becomes of votes outside the space (labels.raters.votes_from_counts). label_space: with msppodcast9 other
    is a class. Segments whose speaker is not known count as one speaker a podcast.
    """
    one_of("targets", targets, TARGETS, card)
    labels = NativeLabels(card, label_space, outside, scale="likert7")
    table, audio = first_file(root, CONSENSUS), subfolder(root, "Audios")
    rows = read_rows(table, COLUMNS)
    crowd = read_votes(first_file(root, DETAILED), labels, outside_votes) if targets == "votes" else None

    def make(row: dict) -> AffectSample | None:
        name = row["FileName"]
        if crowd is None:
            emotion = labels.target(row["EmoClass"])
        elif name in crowd:
            emotion = crowd[name]
        else:
            raise AffectZooError(f"{name} has no votes in {root / DETAILED[0]}")
        if emotion is None:
            return None
        gender = GENDERS[one_of("gender", row["Gender"], tuple(GENDERS), card)]
        podcast = name.removesuffix(".wav").rsplit("_", 1)[0]
        return AffectSample(
            key=name.removesuffix(".wav"),
            signals={"audio": SignalRef(existing(audio / name), "audio")},
            targets={"emotion": emotion, **({"vad": _vad(row, labels)} if "vad" in labels.space.fields else {})},
            groups={"speaker": _speaker(row["SpkrID"], podcast), "podcast": podcast},
            attributes={"gender": gender, "split_set": row["Split_Set"]},
        )

    yield from row_samples(table, rows, make)
    labels.report()


def _vad(row: dict, labels: NativeLabels) -> Target:
    return labels.vad({axis: float(row[column] or "nan") for axis, column in RATINGS.items()})


def _speaker(number: str, podcast: str) -> str:
    return f"msp_unknown_{podcast}" if number in ("", UNKNOWN) else f"msp_{number}"


def read_votes(path: Path, labels: NativeLabels, rule: str) -> dict[str, Target | None]:
    """Segment -> the share of its raters' primary emotions. Raises FileError naming the line."""
    files, primary = primary_emotions(path)
    names, first, column = np.unique(primary, return_index=True, return_inverse=True)
    for name, line in zip(names, first + 2, strict=True):
        try:
            labels.name(str(name))
        except AffectZooError as e:
            raise FileError(path, f"line {line}: {e}") from None
    keys, row = np.unique(files, return_inverse=True)
    counts = np.bincount(row * len(names) + column, minlength=len(keys) * len(names)).reshape(len(keys), len(names))
    found = labels.soft_targets(counts, [str(n) for n in names], rule)
    return dict(zip(map(str, keys), found, strict=True))


def primary_emotions(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """File names and primary emotions, one a rater, from the column EmoDetail or EmoClass_Major."""
    packed = "EmoDetail" in read_frame(path, ("FileName",))
    frame = read_frame(path, ("EmoDetail" if packed else "EmoClass_Major",))
    if frame.empty:
        raise FileError(path, "has no rows")
    if packed:  # WORKER00000001; Neutral; Concerned,Amused; A:4.0; V:3.0; D:4.0;
        parts = frame["EmoDetail"].str.split(";", n=2)
        primary = parts.str[1].str.strip()
        odd = ((parts.str.len() < 3) | primary.str.contains(":", regex=False, na=True)).to_numpy(bool)
        if odd.any():
            row = int(odd.argmax())
            raise FileError(path, f"line {row + 2}: {frame['EmoDetail'][row]!r} is not rater; emotion; ...")
    else:
        primary = frame["EmoClass_Major"].str.strip()
    return frame["FileName"].to_numpy(str), primary.where(~primary.str.startswith(OTHER), OTHER).to_numpy(str)
