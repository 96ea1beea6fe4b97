"""What action units are read out of blendshapes: neutral and smiling faces of 102 people.

    AFFECTZOO_DATA=... python benchmarks/face_arkit.py [--no-write]

People with odd numbers are those on whose neutral faces the dead zones were chosen; the even ones are the check.
Needs the weights face_landmarker and the extra 'face'. Writes benchmarks/results/face_arkit.json.
"""

import argparse
import json
import os
from pathlib import Path

import cv2
import numpy as np
from _machine import machine

from affectzoo.face.align import back_to_frame, crop_square, square_matrix
from affectzoo.face.arkit import NUMBERS, blendshapes_to_aus
from affectzoo.face.detect import load_detector
from affectzoo.face.landmarks import Blendshapes, FaceMesh, roi_from_points

RESULT = Path(__file__).parent / "results" / "face_arkit.json"


class Reader:
    """Picture -> blendshapes (52,) of its best face: detector, mesh, and the mesh again in its own region."""

    def __init__(self):
        self.detector, self.mesh, self.shapes = load_detector("blazeface"), FaceMesh(), Blendshapes()

    def __call__(self, path: Path) -> np.ndarray:
        picture = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        points = self.detector([picture])[0].points[:1]
        for _ in range(2):
            centre, side, angle = (x[0] for x in roi_from_points(points))
            found, _ = self.mesh(crop_square(picture, centre, side, angle)[None])
            points = back_to_frame(found[0, :, :2], square_matrix(centre, side, angle))[None]
        return self.shapes(found)[0]


def summary(values: np.ndarray) -> dict[str, list[float]]:
    """Per unit: mean, standard deviation, share of faces where it is present (intensity 1 or more)."""
    rows = zip(values.mean(0), values.std(0), (values >= 1).mean(0), strict=True)
    return {f"AU{n:02d}": [round(float(x), 2) for x in row] for n, row in zip(NUMBERS, rows, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    folder, read = Path(os.environ["AFFECTZOO_DATA"]) / "face_london" / "img", Reader()
    people = sorted(p.name[:3] for p in folder.glob("*_neutral.jpg"))
    neutral, smiling = (np.stack([read(folder / f"{p}_{e}.jpg") for p in people]) for e in ("neutral", "smiling"))
    odd = np.array([int(p) % 2 == 1 for p in people])
    result = {
        "machine": machine("ai-edge-litert", "opencv-python"),
        "columns": ["mean", "standard deviation", "share at 1 or more"],
        "people": {"odd": int(odd.sum()), "even": int((~odd).sum())},
        "neutral, odd": summary(blendshapes_to_aus(neutral[odd])),
        "neutral, even": summary(blendshapes_to_aus(neutral[~odd])),
        "smiling, even": summary(blendshapes_to_aus(smiling[~odd])),
        "smiling, even, from their own neutral": summary(blendshapes_to_aus(smiling[~odd], neutral[~odd])),
    }
    names = [n for n in result if n.startswith(("neutral", "smiling"))]
    print("      " + " | ".join(f"{n:>20}"[:20] for n in names))
    for unit in result[names[0]]:
        print(f"{unit}: " + " | ".join("{:5.2f} sd {:4.2f} {:4.0%} ".format(*result[n][unit]) for n in names))
    if not args.no_write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
