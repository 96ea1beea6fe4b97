"""A part of FER2013 with the votes of FER+, as pictures in files: metadata.csv (path, split, majority, votes_*)."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, read_frame, row_samples
from affectzoo.data.native import one_of
from affectzoo.data.split import PARTS
from affectzoo.face.adapters.ferplus_votes import vote_labels
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef


def iter_samples(root: Path, card: DatasetCard, targets: str = "votes") -> Iterator[AffectSample]:
    """Pictures (48 x 48, grey) with their votes.

    targets: 'votes' is the share of the taggers' votes of each of the eight classes (votes for unknown left out),
    'majority' the class with more than half of them. The group `content` is a hash of the file: copies of a picture
    under several names share it.
    """
    table = root / "metadata.csv"
    frame = read_frame(table, ("path", "split"))
    labels = vote_labels(card, table, frame, targets)
    rows = frame.assign(target=labels.targets, agreement=labels.agreement).to_dict("records")

    def make(row: dict) -> AffectSample | None:
        path, part = existing(root / row["path"]), one_of("part", row["split"], PARTS, card)
        if row["target"] is None:
            return None
        return AffectSample(
            key=Path(row["path"]).with_suffix("").as_posix(),
            signals={"face": SignalRef(path, "face")},
            targets={"emotion": row["target"]},
            groups={"content": hashlib.sha256(path.read_bytes()).hexdigest()[:16]},
            attributes={"agreement": round(row["agreement"], 4), "split": part},
        )

    yield from row_samples(table, rows, make)
