"""fer (MIT) on a video: `PYTHON fer_video.py CLIP`, in an environment of its own. Prints one JSON line.

Needs fer 25.10, opencv-python-headless < 5 (its Haar cascades) and setuptools < 81.
"""

import json
import sys
import time

start = time.perf_counter()
import cv2  # noqa: E402
from fer.fer import FER  # noqa: E402

detector = FER(mtcnn=False)
imported = time.perf_counter() - start


def walk(path: str) -> tuple[int, int, float]:
    """Frames, faces and seconds from file to answers."""
    begin = time.perf_counter()
    capture, frames, rows = cv2.VideoCapture(path), 0, 0
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames, rows, time.perf_counter() - begin
        frames += 1
        rows += len(detector.detect_emotions(frame))


walk(sys.argv[1])  # the first pass builds graphs
frames, rows, seconds = walk(sys.argv[1])
print(json.dumps({"frames": frames, "rows": rows, "seconds": seconds, "import_s": imported}))
