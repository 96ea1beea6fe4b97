"""A part of FER2013 with the votes of FER+, as pictures in files: metadata.csv (path, split, majority, votes_*)."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, read_frame, row_samples
from affectzoo.face.adapters.ferplus_votes import native_columns, needed, vote_labels
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef

PARTS = ("train", "val", "test")


def iter_samples(root: Path, card: DatasetCard, targets: str = "votes") -> Iterator[AffectSample]:
    """Pictures (48 x 48, grey) with their votes.

    targets: 'votes' is the share of the ten taggers' votes of each of the eight classes (votes for unknown are left
    out of it), 'majority' the class with most votes; a tie, which the set at hand does not have, is left out then.
    The group `content` is a hash of the file: copies of a picture under several names share it.
    """
    table = root / "metadata.csv"
    frame = read_frame(table, ("path", "split"))
    labels = vote_labels(card, table, frame, native_columns(card), targets)
    rows = frame.assign(target=labels.targets, agreement=labels.agreement).to_dict("records")

    def make(row: dict) -> AffectSample | None:
        path = existing(root / row["path"])
        if row["target"] is None:
            return None
        return AffectSample(
            key=Path(row["path"]).with_suffix("").as_posix(),
            signals={"face": SignalRef(path, "face")},
            targets={"emotion": row["target"]},
            groups={"content": hashlib.sha256(path.read_bytes()).hexdigest()[:16]},
            attributes={"agreement": round(row["agreement"], 4), "split": needed(row, PARTS, "split")},
        )

    yield from row_samples(table, rows, make)
