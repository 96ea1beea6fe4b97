"""Made-up copies of face data sets in their official layouts: tiny pictures, a few rows, every kind of label once."""

from pathlib import Path

import cv2
import numpy as np

#: The subjects of DISFA and BP4D, one of each fold, in the order of the folds.
DISFA_SUBJECTS = ("SN001", "SN006", "SN003")
BP4D_SUBJECTS = ("F001", "M002", "F004")
DISFA_UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
ABAW_UNITS = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)


def picture(path: Path, value: int = 128, size: int = 16) -> Path:
    """A picture of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((size, size, 3), value, np.uint8))
    return path


def text(path: Path, lines) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(str, lines)) + "\n", encoding="utf-8")
    return path


def video(path: Path, values, size: int = 32, rate: float = 20.0) -> Path:
    """An MJPEG film whose frame k is all grey `values[k]`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, (size, size))
    for value in values:
        out.write(np.full((size, size, 3), value, np.uint8))
    out.release()
    assert path.stat().st_size
    return path


def disfa(base: Path, intensity: dict[int, list[int]] | None = None, subjects=DISFA_SUBJECTS, n: int = 6) -> Path:
    """n frames a subject; unit -> its intensities, the other units are 0. Frame k of the film is grey 10 k."""
    root, intensity = base / "DISFA", intensity or {1: [0, 1, 2, 3, 4, 5], 12: [5, 4, 3, 2, 1, 0]}
    for subject in subjects:
        for unit in DISFA_UNITS:
            values = (intensity.get(unit, [0]) * n)[:n]
            text(
                root / "ActionUnit_Labels" / subject / f"{subject}_au{unit}.txt",
                [f"{k},{v}" for k, v in enumerate(values, start=1)],
            )
        video(root / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi", [10 * k for k in range(1, n + 1)])
    return base


BP4D_HEADER = (0, 1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 23, 24)


def bp4d(base: Path, rows=None, subjects=BP4D_SUBJECTS, tasks=("T1",), inside: bool = True) -> Path:
    """rows: (frame, {unit: code}); units that are not named are 0. inside: the coding files lie in AU_OCC."""
    root = base / "BP4D"
    rows = rows or ((2440, {1: 1, 12: 1}), (2441, {12: 9}), (2442, dict.fromkeys(BP4D_HEADER[1:], 9)), (12443, {24: 1}))
    for subject in subjects:
        for task in tasks:
            lines = [",".join(map(str, BP4D_HEADER))]
            lines += [",".join(map(str, (f, *(codes.get(u, 0) for u in BP4D_HEADER[1:])))) for f, codes in rows]
            text(root / "AUCoding" / ("AU_OCC" if inside else ".") / f"{subject}_{task}.csv", lines)
            for frame, _ in rows:
                picture(root / "BP4D-training" / subject / task / f"{frame:04d}.jpg")
    return base


RAF_DB = ("train_00001.jpg 5", "train_00002.jpg 1", "train_00003.jpg 7", "test_0001.jpg 4", "test_0002.jpg 2")


def raf_db(base: Path, lines=RAF_DB) -> Path:
    root = base / "RAF-DB" / "basic"
    text(root / "EmoLabel" / "list_patition_label.txt", lines)
    for line in lines:
        picture(root / "Image" / "aligned" / f"{line.split('.')[0]}_aligned.jpg")
    return base


#: id -> class, valence, arousal; 7 is contempt, 10 no face
AFFECTNET = {
    "train_set": {"0": (0, 0.0, 0.1), "17": (1, 0.8, 0.3), "290": (7, -0.5, 0.4), "291": (6, -0.6, 0.7)},
    "val_set": {"0": (2, -0.7, -0.4), "5": (7, -0.4, 0.2), "6": (10, -2, -2), "7": (3, -2, -2)},
}


def affectnet(base: Path, parts=AFFECTNET, as_text: bool = True) -> Path:
    """as_text: values stored as strings, as in the release."""
    for part, rows in parts.items():
        root = base / "AffectNet" / part
        (root / "annotations").mkdir(parents=True, exist_ok=True)
        for name, values in rows.items():
            picture(root / "images" / f"{name}.jpg")
            for code, value in zip(("exp", "val", "aro"), values, strict=True):
                np.save(root / "annotations" / f"{name}_{code}.npy", str(value) if as_text else value)
            np.save(root / "annotations" / f"{name}_lnd.npy", np.zeros(136))
    return base


ABAW_HEADERS = {
    "va": "valence,arousal",
    "expr": "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other",
    "au": ",".join(f"AU{n}" for n in ABAW_UNITS),
}
ABAW_FOLDERS = {
    "va": "VA_Estimation_Challenge",
    "expr": "EXPR_Recognition_Challenge",
    "au": "AU_Detection_Challenge",
}
VALID_AU = ",".join(["1"] + ["0"] * 10 + ["1"])
INVALID_AU = ",".join(["0"] * 11 + ["-1"])
#: challenge -> lines of a video of four frames; the third is invalid
ABAW_LINES = {
    "va": ("0.5,-0.25", "0.1,0.2", "-5,-5", "-1,1"),
    "expr": ("0", "4", "-1", "7"),
    "au": (VALID_AU, ",".join(["0"] * 12), INVALID_AU, ",".join(["1"] * 12)),
}
ABAW_VIDEOS = {"Train_Set": ("1-30-1280x720", "7-60_left", "7-60_right"), "Validation_Set": ("video2",)}


def aff_wild2(base: Path, challenge: str = "va", lines=None, videos=ABAW_VIDEOS, missing=(4,)) -> Path:
    """missing: numbers of frames that have no crop (frame 4 as it comes)."""
    root, lines = base / "Aff-Wild2", lines or ABAW_LINES[challenge]
    for subset, names in videos.items():
        for name in names:
            text(root / ABAW_FOLDERS[challenge] / subset / f"{name}.txt", [ABAW_HEADERS[challenge], *lines])
    crops(root, [n for names in videos.values() for n in names], len(lines), missing)
    return base


def crops(root: Path, videos, n: int, missing=()) -> None:
    for name in videos:
        for frame in set(range(1, n + 1)) - set(missing):
            picture(root / "cropped_aligned" / name / f"{frame:05d}.jpg")


MTL = {
    "train_set": (
        f"1-30-1280x720/00010.jpg,0.5,-0.25,4,{VALID_AU}",
        f"1-30-1280x720/00002.jpg,-5,-5,-1,{VALID_AU}",
        f"7-60_left/00001.jpg,0.1,0.2,-1,{INVALID_AU}",
        f"7-60_left/00002.jpg,-5,-5,-1,{INVALID_AU}",
    ),
    "validation_set": (f"video2/00003.jpg,-1,1,0,{VALID_AU}",),
}


def abaw_mtl(base: Path, files=MTL) -> Path:
    root = base / "Aff-Wild2"
    for name, lines in files.items():
        header = "image,valence,arousal,expression," + ABAW_HEADERS["au"]
        text(root / "MTL_Challenge" / f"{name}.txt", [header, *lines])
        for line in lines:
            picture(root / "cropped_aligned" / line.split(",")[0])
    return base


RAF_AU = ("0001.jpg 1+2+25", "0002.jpg null", "0010.jpg L12+R14+4 ", "0023.jpg 12+99", "0035.jpg 6+12")


def raf_au(base: Path, lines=RAF_AU) -> Path:
    root = base / "RAF-AU"
    text(root / "RAFAU_label.txt", lines)
    for line in lines:
        picture(root / "aligned" / f"{line[:4]}_aligned.jpg")
    return base
