"""RAF-DB, basic emotions (Li, Deng & Du 2017): faces from the internet, 7 classes, about 40 taggers each.

Read: basic/EmoLabel/list_patition_label.txt (so spelt; lines 'train_00001.jpg 5') and
basic/Image/aligned/train_00001_aligned.jpg.
"""

from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing
from affectzoo.data.native import NativeLabels, first_file, subfolder
from affectzoo.errors import AffectZooError
from affectzoo.face.adapters.frames import line_samples
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef

PARTS = ("train", "test")


def iter_samples(root: Path, card: DatasetCard) -> Iterator[AffectSample]:
    """Aligned pictures (100 x 100); each is its own group `picture`, and its part stands in the attribute subset."""
    labels = NativeLabels(card, None, "leave_out")
    table = first_file(root, ("basic/EmoLabel/list_patition_label.txt",))
    folder = subfolder(root, "basic/Image/aligned")

    def make(line: str) -> AffectSample:
        words = line.split()
        if len(words) != 2 or not words[0].endswith(".jpg"):
            raise AffectZooError(f"{line!r} is not a picture and its class, such as 'train_00001.jpg 5'")
        name, subset = words[0].removesuffix(".jpg"), words[0].split("_")[0]
        if subset not in PARTS:
            raise AffectZooError(f"{words[0]} is neither train_... nor test_...")
        return AffectSample(
            key=name,
            signals={"face": SignalRef(existing(folder / f"{name}_aligned.jpg"), "face")},
            targets={"emotion": labels.target(words[1])},
            groups={"picture": f"rafdb_{name}"},
            attributes={"subset": subset},
        )

    yield from line_samples(table, make)
    labels.report()
