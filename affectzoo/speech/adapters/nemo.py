"""nEMO (Christop 2024): 9 Polish actors, 6 classes; the copy at hand holds 16 of the 90 sentences."""

from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, read_rows, row_samples
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import SignalRef


def iter_samples(root: Path, card: DatasetCard) -> Iterator[AffectSample]:
    """Utterances with speaker and sentence as groups."""

    def make(row: dict) -> AffectSample:
        path = existing(root / row["path"])
        return AffectSample(
            key=Path(row["path"]).with_suffix("").as_posix(),
            signals={"audio": SignalRef(path, "audio")},
            targets={"emotion": class_target(card.space, card.native_label(row["emotion"]))},
            groups={"speaker": row["speaker"], "sentence": row["sentence_id"]},
            attributes={
                "gender": row["gender"],
                "age": float(row["age"]),
                "duration_s": float(row["duration"]),
            },
        )

    table = root / "metadata.csv"
    columns = ("path", "speaker", "gender", "age", "emotion", "sentence_id", "duration")
    yield from row_samples(table, read_rows(table, columns), make)
