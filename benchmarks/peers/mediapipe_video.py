"""mediapipe's FaceLandmarker (Apache-2.0) with blendshapes: `PYTHON mediapipe_video.py CLIP face_landmarker.task`.

In an environment of its own: mediapipe brings a second OpenCV. Prints one JSON line.
"""

import json
import sys
import time

start = time.perf_counter()
import cv2  # noqa: E402
import mediapipe as mp  # noqa: E402
from mediapipe.tasks.python import BaseOptions, vision  # noqa: E402

imported = time.perf_counter() - start


def walk(path: str, bundle: str) -> tuple[int, int, float]:
    """Frames, faces and seconds from file to blendshapes, in video mode (the detector runs when a face is lost)."""
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=bundle),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        begin = time.perf_counter()
        capture, frames, rows = cv2.VideoCapture(path), 0, 0
        rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
        while True:
            ok, frame = capture.read()
            if not ok:
                return frames, rows, time.perf_counter() - begin
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            found = landmarker.detect_for_video(image, int(1000 * frames / rate))
            frames += 1
            rows += len(found.face_blendshapes)


frames, rows, seconds = walk(*sys.argv[1:3])
print(json.dumps({"frames": frames, "rows": rows, "seconds": seconds, "import_s": imported}))
