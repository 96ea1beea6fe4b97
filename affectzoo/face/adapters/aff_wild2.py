"""Aff-Wild2 as the ABAW challenges give it out (Kollias et al., 2022 on): labels a frame, faces cropped and aligned.

Read: <challenge>/Train_Set and Validation_Set with one text file a video (a header, then a line a frame), or
MTL_Challenge/train_set.txt and validation_set.txt (a line a picture), and cropped_aligned/<video>/00001.jpg.
Invalid are -5 (valence, arousal) and -1 (expression, action units).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import report_row
from affectzoo.data.native import first_file, one_of
from affectzoo.errors import AffectZooError, FileError
from affectzoo.face.adapters.frames import numbered, report_counts, row_target
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef

FOLDERS = {
    "va": ("VA_Estimation_Challenge",),
    "expr": ("EXPR_Recognition_Challenge", "EXPR_Classification_Challenge"),
    "au": ("AU_Detection_Challenge",),
}
MTL = "mtl"
MTL_FILES = {"Train_Set": "MTL_Challenge/train_set.txt", "Validation_Set": "MTL_Challenge/validation_set.txt"}
#: Field -> how many columns it takes and their invalid code; MTL has all three in this order.
COLUMNS = {"vad": (2, -5), "emotion": (1, -1), "au": (12, -1)}
FIELDS = {"va": ("vad",), "expr": ("emotion",), "au": ("au",), MTL: ("vad", "emotion", "au")}
CROPS = ("cropped_aligned", "cropped_aligned_new_50_vids")
SUBSETS = ("Train_Set", "Validation_Set")


@dataclass(frozen=True)
class Video:
    """Labels of one video: frame numbers (N,) from 1 and the columns (N, C) as the file has them."""

    name: str
    subset: str
    frames: np.ndarray
    columns: np.ndarray


def iter_samples(
    root: Path, card: DatasetCard, challenge: str = "va", train_every: int = 1, annotations: str = "."
) -> Iterator[AffectSample]:
    """Frames that have a valid label and a crop; key '<video>/00001', group `video`, part in the attribute subset.

    challenge: va, expr, au or mtl. train_every: only every so many labelled frames of the training videos (they are
    nearly the same from one to the next); validation is always complete. annotations: the folder that holds those of
    the challenges. A frame of which one value of a field is invalid lacks the whole field, as in the challenge.
    Two faces of a video (<video>_left and <video>_right) share the group.
    """
    one_of("challenge", challenge, (*FOLDERS, MTL), card)
    if train_every < 1:
        raise AffectZooError(f"data set {card.name!r}: train_every must be 1 or more, got {train_every}")
    left_out: Counter[str] = Counter()
    for video in _videos(root / annotations, challenge, card):
        fields = read_fields(video.columns, FIELDS[challenge], card)
        found = _crops(root, video.name)
        valid = np.any([mask.any(1) for _, mask in fields.values()], axis=0)
        left_out["a frame without a valid label"] += int((~valid).sum())
        rows = np.flatnonzero(valid)[:: train_every if video.subset == "Train_Set" else 1]
        for i, frame in zip(rows, video.frames[rows].tolist(), strict=True):
            if frame not in found:
                left_out["a labelled frame without a crop"] += 1
                continue
            yield AffectSample(
                key=f"{video.name}/{frame:05d}",
                signals={"face": SignalRef(found[frame], "face")},
                targets={f: row_target(v[i], m[i]) for f, (v, m) in fields.items()},
                groups={"video": f"affwild2_{video.name.removesuffix('_left').removesuffix('_right')}"},
                attributes={"subset": video.subset},
            )
    report_counts(card, +left_out)


def read_fields(columns: np.ndarray, fields: tuple[str, ...], card: DatasetCard) -> dict:
    """Field -> values (N, K) in the order of the card's space and mask (N, K), out of columns (N, C) with codes."""
    out, at = {}, 0
    for field in fields:
        width, invalid = COLUMNS[field]
        part = columns[:, at : at + width]
        at += width
        valid = (part != invalid).all(1)
        if field == "emotion":
            classes = np.array([card.space.index("emotion", card.label_map[str(i)]) for i in range(8)])
            part = np.eye(len(classes))[classes[np.where(valid, part[:, 0], 0).astype(int)]]
        out[field] = part, np.repeat(valid[:, None], part.shape[1], 1)
    return out


def _videos(base: Path, challenge: str, card: DatasetCard) -> Iterator[Video]:
    if challenge == MTL:
        for subset, name in MTL_FILES.items():
            yield from _mtl_videos(first_file(base, (name,)), subset)
        return
    folder = next((base / n for n in FOLDERS[challenge] if (base / n).is_dir()), None)
    if folder is None:
        raise FileError(base, f"holds no folder {' or '.join(FOLDERS[challenge])}; name its place by `annotations`")
    for subset in SUBSETS:
        paths = sorted((folder / subset).glob("*.txt"))
        if not paths:
            raise FileError(folder / subset, "holds no label file of a video (.txt)")
        for path in paths:
            try:
                columns = read_columns(path, FIELDS[challenge])
            except AffectZooError as e:
                report_row(path, None, e)
                continue
            yield Video(path.stem, subset, np.arange(1, len(columns) + 1), columns)


def read_columns(path: Path, fields: tuple[str, ...], skip: int = 0) -> np.ndarray:
    """Labels (N, C) of a file with a header, after `skip` columns of text. Raises FileError naming the line."""
    wanted = range(skip, skip + sum(COLUMNS[f][0] for f in fields))
    try:
        columns = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2, usecols=wanted)
    except (ValueError, IndexError) as e:
        raise FileError(path, f"is not a header and then {len(wanted)} numbers a line ({e})") from None
    at = 0
    for field in fields:
        width, invalid = COLUMNS[field]
        part = columns[:, at : at + width]
        at += width
        ok = (np.abs(part) <= 1) if field == "vad" else np.isin(part, range(8) if field == "emotion" else (0, 1))
        wrong = ~(ok | (part == invalid)).all(1)
        if wrong.any():
            line = int(wrong.argmax())
            raise FileError(
                path, f"line {line + 2}: {field} {part[line].tolist()} is neither in its range nor {invalid}"
            )
    return columns


def _mtl_videos(path: Path, subset: str) -> Iterator[Video]:
    """The rows of one file by video, in the order of its frames."""
    columns = read_columns(path, FIELDS[MTL], skip=1)
    names = np.loadtxt(path, dtype=str, delimiter=",", skiprows=1, ndmin=1, usecols=0)
    parts = np.char.rpartition(np.char.replace(names, ".jpg", ""), "/")
    wrong = (parts[:, 0] == "") | ~np.char.isdigit(parts[:, 2])
    if wrong.any():
        line = int(wrong.argmax())
        raise FileError(path, f"line {line + 2}: {str(names[line])!r} is not <video>/00001.jpg")
    frames = parts[:, 2].astype(int)
    order = np.lexsort((frames, parts[:, 0]))
    videos, starts = np.unique(parts[order, 0], return_index=True)
    for video, rows in zip(videos.tolist(), np.split(order, starts[1:]), strict=True):
        yield Video(video, subset, frames[rows], columns[rows])


def _crops(root: Path, video: str) -> Mapping[int, Path]:
    """Frame number -> crop. A video without a folder has no crops; its frames are counted as such."""
    return next((numbered(root / c / video) for c in CROPS if (root / c / video).is_dir()), {})
