"""EmoDB, the Berlin Database of Emotional Speech (Burkhardt et al. 2005): 10 German speakers."""

from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, read_rows, row_samples
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import load_space
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import SignalRef

CLASSES = ("clean4", "all7")
CLEAN_SOURCE = "original_16k"


def iter_samples(
    root: Path, card: DatasetCard, classes: str = "clean4", label_space: str | None = None
) -> Iterator[AffectSample]:
    """Utterances with speaker and text as groups.

    classes: clean4 gives the four classes of untouched recordings (see the card's traps); all7 gives
    everything and needs label_space='emodb7'.
    """
    if classes not in CLASSES:
        raise UnknownNameError("classes", classes, CLASSES, f"data set {card.name!r}")
    space = load_space(label_space or card.label_space)
    if classes == "all7" and "boredom" not in space.names("emotion"):
        raise AffectZooError(f"data set {card.name!r}: classes='all7' needs label_space='emodb7', not {space.name!r}")

    def make(row: dict) -> AffectSample | None:
        if classes == "clean4" and row["source"] != CLEAN_SOURCE:
            return None
        path = existing(root / row["path"])
        return AffectSample(
            key=Path(row["path"]).with_suffix("").as_posix(),
            signals={"audio": SignalRef(path, "audio")},
            targets={"emotion": class_target(space, row["emotion"])},
            groups={"speaker": row["speaker"], "text": row["text_code"]},
            attributes={
                "gender": row["gender"],
                "age": float(row["age"]),
                "source": row["source"],
                "duration_s": float(row["duration"]),
            },
        )

    table = root / "metadata.csv"
    columns = ("path", "speaker", "gender", "age", "emotion", "text_code", "source", "duration")
    yield from row_samples(table, read_rows(table, columns), make)
