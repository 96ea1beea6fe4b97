"""BP4D-Spontaneous (Zhang et al. 2014): 41 people, 8 tasks, action units frame by frame.

Read: AUCoding/AU_OCC/F001_T1.csv (or AUCoding/F001_T1.csv; first row the numbers of the units, first column the
frame; 0, 1, and 9 or 999 where nobody coded) and the pictures F001/T1/<frame>.jpg.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import read_frame, report_row
from affectzoo.data.native import subfolder
from affectzoo.errors import AffectZooError, FileError
from affectzoo.face.adapters.frames import numbered, report_counts, row_target
from affectzoo.labels.space import load_space
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef

NAME = re.compile(r"([FM]\d{3})_(T\d)")
NOT_CODED = (9, 999)


def iter_samples(
    root: Path, card: DatasetCard, pictures: str = "BP4D-training", label_space: str | None = None
) -> Iterator[AffectSample]:
    """Coded frames with the subject as group, key 'F001/T1/2440'; task and gender as attributes.

    pictures: the folder beside AUCoding that holds F001/T1/<frame>.jpg; '.' where the people's folders lie beside
    AUCoding. label_space: presence of any of the coded units; a unit that was not coded in a frame is masked.
    """
    space = load_space(label_space or card.label_space)
    if space.au_kind != "presence":
        raise AffectZooError(f"data set {card.name!r}: label space {space.name!r} has no action units as presence")
    units = tuple(u.number for u in space.action_units)
    left_out: Counter[str] = Counter()
    for path, subject, task in _tables(root):
        try:
            frames, values, mask = read_occurrence(path, units)
            found = numbered(root / pictures / subject / task)
        except AffectZooError as e:
            report_row(path, None, e)
            continue
        coded = mask.any(1)
        left_out["a frame in which no unit was coded"] += int((~coded).sum())
        for frame, row, known in zip(frames[coded].tolist(), values[coded], mask[coded], strict=True):
            if frame not in found:
                left_out["a frame without a picture"] += 1
                continue
            yield AffectSample(
                key=f"{subject}/{task}/{frame}",
                signals={"face": SignalRef(found[frame], "face")},
                targets={"au": row_target(row, known)},
                groups={"subject": f"bp4d_{subject}"},
                attributes={"task": task, "gender": subject[0].lower()},
            )
    report_counts(card, +left_out)


def _tables(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Every coding file with its subject and task; one that is named otherwise is reported."""
    folder = subfolder(root, "AUCoding")
    folder = folder / "AU_OCC" if (folder / "AU_OCC").is_dir() else folder
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        raise FileError(folder, "holds no coding file like F001_T1.csv")
    for path in paths:
        name = NAME.fullmatch(path.stem)
        if name is None:
            report_row(path, None, "is not named like F001_T1.csv (subject, task)")
        else:
            yield path, *name.groups()


def read_occurrence(path: Path, units: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames (N,), values (N, K) 0/1 and mask (N, K). Raises FileError naming the line, UnknownNameError a unit."""
    import pandas as pd

    table = read_frame(path, map(str, units))
    columns = [table.columns[0], *map(str, units)]
    numbers = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    frames, codes = numbers[:, 0], numbers[:, 1:]
    wrong = ~np.isin(codes, (0, 1, *NOT_CODED)).all(1) | (frames % 1 != 0)  # NaN % 1 is NaN, and not 0
    if wrong.any():
        line = int(wrong.argmax())
        raise FileError(
            path, f"line {line + 2}: {', '.join(table[columns].iloc[line])} is not a frame and 0, 1, 9 or 999"
        )
    if len(np.unique(frames)) != len(frames):
        raise FileError(path, "a frame is coded twice")
    mask = ~np.isin(codes, NOT_CODED)
    return frames.astype(int), np.where(mask, codes, 0), mask
