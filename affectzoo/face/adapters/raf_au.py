"""RAF-AU (Yan et al. 2020): 4601 faces from the internet, action units coded by FACS coders.

Read: RAFAU_label.txt (lines '0001.jpg 1+2+25', 'null' where no unit was seen) and aligned/0001_aligned.jpg.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing
from affectzoo.data.native import first_file, one_of, subfolder
from affectzoo.errors import AffectZooError
from affectzoo.face.adapters.frames import line_samples, report_counts
from affectzoo.labels.facs import au_vector
from affectzoo.labels.space import load_space
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import SignalRef

#: L and R: the unit on one side of the face; it counts as present.
UNIT = re.compile(r"[LR]?(\d+)", re.IGNORECASE)
NOTHING = "null"
NULL = ("present_none", "leave_out")


def iter_samples(
    root: Path, card: DatasetCard, null: str = "present_none", label_space: str | None = None
) -> Iterator[AffectSample]:
    """Aligned pictures; each is its own group `picture`, and the last digit of its number is the attribute digit.

    null: what a picture labelled 'null' is: 'present_none' keeps it as one without any unit, 'leave_out' drops it.
    Codes that the space lacks are counted in a warning; the picture stays.
    """
    one_of("rule for null", null, NULL, card)
    space = load_space(label_space or card.label_space)
    folder = subfolder(root, "aligned")
    outside: Counter[str] = Counter()

    def make(line: str) -> AffectSample | None:
        name, _, codes = line.partition(" ")
        stem = name.removesuffix(".jpg")
        if not (name.endswith(".jpg") and stem.isdigit() and codes.strip()):
            raise AffectZooError(f"{line!r} is not a picture and its units, such as '0001.jpg 1+2+25'")
        if codes.strip() == NOTHING and null == "leave_out":
            outside[f"a picture labelled {NOTHING!r}"] += 1
            return None
        present = []
        for code in () if codes.strip() == NOTHING else codes.strip().split("+"):
            unit = UNIT.fullmatch(code.strip())
            known = unit is not None and f"AU{int(unit[1]):02d}" in space.names("au")
            if known:
                present.append(int(unit[1]))
            else:
                outside[f"code {code.strip()!r}, which {space.name} lacks"] += 1
        values = au_vector(space, present)
        return AffectSample(
            key=stem.zfill(4),
            signals={"face": SignalRef(existing(folder / f"{stem.zfill(4)}_aligned.jpg"), "face")},
            targets={"au": Target(values, values == values)},
            groups={"picture": f"rafau_{stem.zfill(4)}"},
            attributes={"digit": stem[-1]},
        )

    yield from line_samples(first_file(root, ("RAFAU_label.txt",)), make)
    report_counts(card, outside)
