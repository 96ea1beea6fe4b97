"""DISFA (Mavadati et al. 2013): 27 people who watch a film of four minutes; 12 action units, 0 to 5, frame by frame.

Read: ActionUnit_Labels/SN001/SN001_au1.txt (lines 'frame,intensity', frames from 1), and the frames, either out of
Videos_LeftCamera/LeftVideoSN001_comp.avi or as pictures that somebody cut out of it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, report_row
from affectzoo.data.native import first_file, one_of, subfolder
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.face.adapters.frames import frame_of_video, numbered, report_counts, row_target
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef

UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
CAMERAS = {"left": "Left", "right": "Right"}
#: Frames a second of the videos, as the set's paper gives it.
RATE_HZ = 20.0
#: From this intensity on a unit counts as present (the usual protocol).
PRESENT = 2


def iter_samples(
    root: Path,
    card: DatasetCard,
    pictures: str = "",
    first: int = 1,
    camera: str = "left",
    label_space: str | None = None,
) -> Iterator[AffectSample]:
    """Labelled frames with the subject as group, key 'SN001/0001' (the number in the label file).

    pictures: a folder beside the labels that holds SN001/<number>.png; '' takes the frames out of the camera's video.
    first: the number of the picture that shows frame 1 (0 where pictures are counted from 0). label_space: of the
    twelve annotated units; presence means an intensity of 2 or more.
    """
    one_of("camera", camera, tuple(CAMERAS), card)
    space = load_space(label_space or card.label_space)
    numbers = _annotated(space)
    folders = sorted(p for p in subfolder(root, "ActionUnit_Labels").glob("SN*") if p.is_dir())
    left_out: Counter[str] = Counter()
    for folder in folders:
        try:
            frames, intensity = read_intensities(folder, numbers)
            place = _pictures(root / pictures / folder.name, first) if pictures else _video(root, folder.name, camera)
        except AffectZooError as e:
            report_row(folder, None, e)
            continue
        values = intensity >= PRESENT if space.au_kind == "presence" else intensity
        mask = np.ones(values.shape[1], bool)
        for frame, row in zip(frames.tolist(), values, strict=True):
            ref = place.get(frame) if pictures else frame_of_video(place, frame - 1, RATE_HZ)
            if ref is None:
                left_out["a frame without a picture"] += 1
                continue
            yield AffectSample(
                key=f"{folder.name}/{frame:04d}",
                signals={"face": ref},
                targets={"au": row_target(row, mask)},
                groups={"subject": f"disfa_{folder.name}"},
            )
    report_counts(card, left_out)


def _annotated(space: LabelSpace) -> tuple[int, ...]:
    """The numbers of the space's units. Raises UnknownNameError for one that DISFA does not have."""
    numbers = tuple(u.number for u in space.action_units)
    if not numbers:
        raise AffectZooError(f"data set 'disfa': label space {space.name!r} has no action units")
    for unit in numbers:
        if unit not in UNITS:
            raise UnknownNameError("action unit", f"AU{unit:02d}", [f"AU{n:02d}" for n in UNITS], "data set 'disfa'")
    return numbers


def read_intensities(folder: Path, units: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Frame numbers (N,) and intensities (N, K) of one person. Raises FileError naming the file at fault."""
    frames, columns = None, []
    for unit in units:
        path = existing(folder / f"{folder.name}_au{unit}.txt")
        try:
            table = np.loadtxt(path, dtype=np.int64, delimiter=",", ndmin=2)
        except ValueError as e:
            raise FileError(path, f"is not lines of frame,intensity ({e})") from None
        if table.size == 0 or table.shape[1] != 2:
            raise FileError(path, "is not lines of frame,intensity")
        wrong = (table[:, 1] < 0) | (table[:, 1] > 5)
        if wrong.any():
            line = int(wrong.argmax())
            raise FileError(path, f"line {line + 1}: intensity {table[line, 1]} is not 0 to 5")
        if frames is not None and not np.array_equal(frames, table[:, 0]):
            raise FileError(path, f"has other frames than {folder.name}_au{units[0]}.txt")
        frames = table[:, 0]
        columns.append(table[:, 1])
    if len(np.unique(frames)) != len(frames):
        raise FileError(folder, "a frame is labelled twice")
    return frames, np.stack(columns, 1)


def _pictures(folder: Path, first: int) -> Mapping[int, SignalRef]:
    found = numbered(folder)
    if found and min(found) < first:
        raise FileError(folder, f"holds the picture number {min(found)}, below first={first}: which one shows frame 1?")
    return {number - first + 1: SignalRef(path, "face") for number, path in found.items()}


def _video(root: Path, subject: str, camera: str) -> Path:
    side = CAMERAS[camera]
    name = f"{side}Video{subject}_comp.avi"
    return first_file(root, [f"Videos_{side}Camera/{name}", f"Video_{side}Camera/{name}", name])
