"""RAVDESS, the audio-only speech part (Livingstone & Russo 2018): 24 North American actors, 8 classes."""

from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, read_rows, row_samples
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import SignalRef


def iter_samples(root: Path, card: DatasetCard) -> Iterator[AffectSample]:
    """Utterances with speaker and statement as groups."""

    def make(row: dict) -> AffectSample:
        path = existing(root / row["path"])
        return AffectSample(
            key=Path(row["path"]).with_suffix("").as_posix(),
            signals={"audio": SignalRef(path, "audio")},
            targets={"emotion": class_target(card.space, card.native_label(row["emotion"]))},
            groups={"speaker": row["speaker"], "statement": row["statement"]},
            attributes={
                "gender": row["gender"],
                "intensity": row["intensity"],
                "duration_s": float(row["duration"]),
            },
        )

    table = root / "metadata.csv"
    columns = ("path", "speaker", "gender", "emotion", "intensity", "statement", "duration")
    yield from row_samples(table, read_rows(table, columns), make)
