"""Face Research Lab London Set (DeBruine & Jones 2017): 102 adults, a neutral and a smiling picture of each.

Read: metadata.csv (path, subject, expression, age, gender, ethnicity), img/ and, for face=true, the pupils in
landmarks_neutral.npz.
"""

from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, read_rows, row_samples
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.face.align import Geometry, crop_square
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import Signal, SignalRef, read_file

#: Where the eyes lie in FER2013 pictures: medians over 346 training pictures in which CenterFace finds a face. Ours.
FER_GEOMETRY = Geometry(size=96, eye_y=0.40, eye_distance=0.367)
#: First year of each age band. Ours.
BANDS = {18: "18 to 24", 25: "25 to 34", 35: "35 and over"}


def iter_samples(root: Path, card: DatasetCard, face: bool = False) -> Iterator[AffectSample]:
    """Pictures with the subject as group.

    face: False gives the pictures as they are (224 x 224); True cuts them to 96 x 96 with the eyes where FER2013
    pictures have them, by the pupils of the neutral picture for both (the smiling one is not marked up).
    """
    pupils = read_pupils(root / "landmarks_neutral.npz") if face else {}

    def make(row: dict) -> AffectSample:
        path, subject = existing(root / row["path"]), row["subject"]
        if face and subject not in pupils:
            raise UnknownNameError("subject", subject, pupils, "landmarks_neutral.npz")
        return AffectSample(
            key=Path(row["path"]).with_suffix("").as_posix(),
            signals={"face": cut(path, pupils[subject]) if face else SignalRef(path, "face")},
            targets={"emotion": class_target(card.space, card.native_label(row["expression"]))},
            groups={"subject": subject},
            attributes={"gender": row["gender"], "ethnicity": row["ethnicity"], "age": age_band(row["age"])},
        )

    table = root / "metadata.csv"
    columns = ("path", "subject", "expression", "age", "gender", "ethnicity")
    yield from row_samples(table, read_rows(table, columns), make)


def age_band(age: str) -> str:
    """The band of an age in years, 'unknown' for NA. Raises AffectZooError for a number below 18 or no number."""
    if age in ("NA", ""):
        return "unknown"
    first = [year for year in BANDS if age.isdigit() and year <= int(age)]
    if not first:
        raise AffectZooError(f"age {age!r} is not a number of years from {min(BANDS)} on, nor NA")
    return BANDS[max(first)]


def read_pupils(path: Path) -> dict[str, np.ndarray]:
    """Subject -> (2, 2) x, y in pixels of the picture: the pupil at its left, at its right.

    They are the first two of the 189 points. Raises FileError for another layout.
    """
    try:
        with np.load(existing(path), allow_pickle=False) as file:
            subjects, points = file["subject"], file["xy"]
    except (OSError, ValueError, KeyError, BadZipFile) as e:
        raise FileError(path, f"has no arrays subject and xy ({e})") from None
    if points.shape != (len(subjects), 189, 2) or not np.isfinite(points).all():
        raise FileError(path, f"xy must be finite and ({len(subjects)}, 189, 2), got {points.shape}")
    return dict(zip(subjects.astype(str), points[:, :2].astype(float), strict=True))


def cut(path: Path, pupils: np.ndarray, geometry: Geometry = FER_GEOMETRY) -> Signal:
    """The picture as (1, size, size, 3) with the pupils (2, 2) where the geometry puts the eyes."""
    across = pupils[1] - pupils[0]
    side = float(np.hypot(*across)) / geometry.eye_distance
    down = np.array([-across[1], across[0]]) / np.hypot(*across)
    centre = pupils.mean(0) + (0.5 - geometry.eye_y) * side * down
    picture = read_file(path, ("face",))["face"].data[0]
    angle = float(np.arctan2(across[1], across[0]))
    return Signal(crop_square(picture, centre, side, angle, geometry.size)[None], 1.0)
