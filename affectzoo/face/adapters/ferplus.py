"""FER+ (Barsoum et al. 2016): the pictures of FER2013 with the votes of ten taggers each.

Two layouts of github microsoft/FERPlus are read: fer2013new.csv beside fer2013.csv (same rows, same order), or the
folders FER2013Train, FER2013Valid and FER2013Test that its script makes of them, pictures and a label.csv in each.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, read_frame, row_samples
from affectzoo.data.native import first_file
from affectzoo.errors import FileError, UnknownNameError
from affectzoo.face.adapters.fer2013 import FILES, USAGES, picture, read_fer2013
from affectzoo.face.adapters.ferplus_votes import vote_labels
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal, SignalRef

VOTES = "fer2013new.csv"
IMAGE = "Image name"


def iter_samples(root: Path, card: DatasetCard, targets: str = "votes") -> Iterator[AffectSample]:
    """Pictures with their votes; the key is the picture's name in FER+ (fer0000000).

    targets: 'votes' or 'majority', see ferplus_votes.py. Rows without a picture (not a face for anyone) are left out.
    """
    if (root / VOTES).is_file():
        yield from _from_tables(root, card, targets)
        return
    if not (root / USAGES["Training"]).is_dir():
        first_file(root, (VOTES, *FILES))  # says what is missing, and what is there
    for usage, folder in USAGES.items():
        yield from _from_folder(root / folder, usage, card, targets)


def _from_tables(root: Path, card: DatasetCard, targets: str) -> Iterator[AffectSample]:
    table = root / VOTES
    votes = read_frame(table, ("Usage", *card.label_map, *card.outside))
    path, pixels = read_fer2013(root, ("pixels", "Usage"))
    if len(votes) != len(pixels):
        raise FileError(table, f"has {len(votes)} rows, {path.name} has {len(pixels)}: they must be of the same order")
    differ = (votes["Usage"].str.strip() != pixels["Usage"].str.strip()).to_numpy()
    if differ.any():
        raise FileError(table, f"line {int(differ.argmax()) + 2}: Usage differs from that in {path.name}")
    labels = vote_labels(card, table, votes, targets)
    names = votes[IMAGE] if IMAGE in votes else [f"fer{i:07d}.png" for i in range(len(votes))]
    rows = votes.assign(name=names, pixels=pixels["pixels"], target=labels.targets, agreement=labels.agreement).to_dict(
        "records"
    )

    def make(row: dict) -> AffectSample | None:
        if row["target"] is None or not row["name"].strip():
            return None
        return _sample(row, row["Usage"].strip(), *picture(row["pixels"]))

    yield from row_samples(table, rows, make)


def _from_folder(folder: Path, usage: str, card: DatasetCard, targets: str) -> Iterator[AffectSample]:
    table = existing(folder / "label.csv")
    frame = _headless(table, (*card.label_map, *card.outside))
    labels = vote_labels(card, table, frame, targets, first=1)
    rows = frame.assign(target=labels.targets, agreement=labels.agreement).to_dict("records")

    def make(row: dict) -> AffectSample | None:
        path = existing(folder / row["name"])
        if row["target"] is None:
            return None
        content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return _sample(row, usage, SignalRef(path, "face"), content)

    yield from row_samples(table, rows, make, first=1)


def _headless(path: Path, votes: tuple[str, ...]):
    """label.csv has no header: the picture's name, in some versions its box, then the votes."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, header=None, dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as e:
        raise FileError(path, f"is not a readable CSV ({e})") from None
    if frame.shape[1] not in (len(votes) + 1, len(votes) + 2):
        wanted = f"{len(votes) + 1} columns (name, {', '.join(votes)}) or one more (box) after the name"
        raise FileError(path, f"has {frame.shape[1]} columns, expected {wanted}")
    frame.columns = ["name", *(["box"] if frame.shape[1] > len(votes) + 1 else []), *votes]
    return frame


def _sample(row: dict, usage: str, signal: Signal | SignalRef, content: str) -> AffectSample:
    if usage not in USAGES:
        raise UnknownNameError("usage", usage, USAGES)
    key = Path(row["name"].strip()).stem
    return AffectSample(
        key=key,
        signals={"face": signal},
        targets={"emotion": row["target"]},
        groups={"content": content},
        attributes={"item": key, "usage": usage, "agreement": round(row["agreement"], 4)},
    )
