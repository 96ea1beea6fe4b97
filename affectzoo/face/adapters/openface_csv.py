"""A folder of CSVs that OpenFace 2 wrote: a sample a face of each file, its action units over time."""

from collections.abc import Iterator
from pathlib import Path

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import report_row
from affectzoo.errors import AffectZooError, FileError
from affectzoo.face.openface import MODALITY, OpenFaceTrack, read_openface
from affectzoo.structures.sample import AffectSample


def iter_samples(
    root: Path | None,
    card: DatasetCard,
    path: str | Path | None = None,
    label_space: str = "openface17",
    min_confidence: float = 0.0,
) -> Iterator[AffectSample]:
    """Faces of all CSVs in the folder `path` and below, as (T, 35) signals of `au_features` and as targets.

    label_space: openface17 gives intensities (0 to 5) as targets, openface18 presences; both say that OpenFace
    estimated them. min_confidence: frames below it are masked, like those with success 0. The key is the file's path
    without its suffix, with #<face_id> where a file has several faces. A file that cannot be read is reported and
    skipped.
    """
    if path is None:
        raise AffectZooError("data set 'openface_csv' needs the option path, a folder of CSVs")
    folder = Path(root, path) if root is not None else Path(path)
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise FileError(folder, "has no CSV" if folder.is_dir() else "no such folder")
    for file in files:
        name = file.relative_to(folder).with_suffix("").as_posix()
        try:
            tracks = read_openface(file, min_confidence)
            samples = [_sample(name, t, label_space, len(tracks) > 1) for t in tracks]
        except AffectZooError as e:
            report_row(file, None, e)
            continue
        yield from samples


def _sample(name: str, track: OpenFaceTrack, space: str, several: bool) -> AffectSample:
    return AffectSample(
        key=f"{name}#{track.face}" if several else name,
        signals={MODALITY: track.signal},
        targets={"au": track.target(space)},
        groups={"recording": name},
        attributes={"face": track.face, "found": round(float(track.mask.mean()), 4)},
    )
