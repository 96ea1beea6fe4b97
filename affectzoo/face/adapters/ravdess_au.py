"""RAVDESS through OpenFace 2: 35 action-unit values a clip of the full audio-video recordings, keys as in `ravdess`.

The audio-only clips are the sound tracks of the same recordings, so that a table of predictions from faces and one
from voices can be fused by key.
"""

from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import read_frame, row_samples
from affectzoo.errors import AffectZooError
from affectzoo.face.openface import COLUMNS, MODALITY, feature_rows
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import Signal

#: Modality and channel in the codes of RAVDESS file names: full audio-video here, audio only in `ravdess`.
VIDEO, AUDIO = "01-01-", "03-01-"


def iter_samples(root: Path, card: DatasetCard) -> Iterator[AffectSample]:
    """Clips as (1, 35) signals of the modality `au_features`: 17 mean intensities (0 to 5), then 18 shares of frames
    (0 to 1); names as OpenFace's columns. The key is that of the same performance's sound."""
    table = root / "metadata.csv"
    frame = read_frame(table, ("clip", "audio_path", "speaker", "gender", "emotion", "intensity", "statement"))
    values = feature_rows(table, frame)
    rows = frame.assign(at=range(len(frame))).to_dict("records")

    def make(row: dict) -> AffectSample:
        path = Path(row["audio_path"])
        if row["clip"].removeprefix(VIDEO) != path.stem.removeprefix(AUDIO):
            raise AffectZooError(f"clip {row['clip']!r} and audio_path {row['audio_path']!r} are two performances")
        return AffectSample(
            key=path.with_suffix("").as_posix(),
            signals={MODALITY: Signal(values[row["at"]][None], 1.0, names=COLUMNS)},
            targets={"emotion": class_target(card.space, card.native_label(row["emotion"]))},
            groups={"speaker": row["speaker"], "statement": row["statement"]},
            attributes={"gender": row["gender"], "intensity": row["intensity"]},
        )

    yield from row_samples(table, rows, make)
