"""SAVEE (Haq & Jackson 2009): four male British speakers, 7 classes.

Read: AudioData/DC/a01.wav (speaker, class code and number of the sentence).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.native import NativeLabels, file_samples, subfolder
from affectzoo.errors import AffectZooError
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef

CLIP = re.compile(r"([a-z]{1,2})(\d\d)")


def iter_samples(root: Path, card: DatasetCard) -> Iterator[AffectSample]:
    """Utterances with the speaker as group; `sentence` (a01) numbers the sentences within a class."""
    labels = NativeLabels(card, None, "leave_out")

    def make(path: Path) -> AffectSample | None:
        match, speaker = CLIP.fullmatch(path.stem), path.parent.name
        if match is None:
            raise AffectZooError("is not named like a01.wav (class code and number of the sentence)")
        target = labels.target(match[1])
        return target and AffectSample(
            key=f"{speaker}/{path.stem}",
            signals={"audio": SignalRef(path, "audio")},
            targets={"emotion": target},
            groups={"speaker": f"savee_{speaker}"},
            attributes={"gender": "m", "sentence": path.stem},
        )

    yield from file_samples(sorted(subfolder(root, "AudioData").glob("*/*.wav")), make)
