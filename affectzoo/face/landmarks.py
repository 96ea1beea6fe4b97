"""Face mesh and blendshapes: MediaPipe's networks on the LiteRT runtime (extra 'face').

Facts of MediaPipe's graphs (face_landmarks_detector_graph.cc, face_blendshapes_graph.cc, face_detector_graph.cc): the
input in [0, 1], the 146 points that the blendshape network reads, the order of its 52 outputs, the region's 1.5.
"""

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.face.litert import Network

#: Side of the mesh network's input in pixels, and how many points it gives.
PATCH, POINTS = 256, 478
#: Side of the region that the mesh sees, in sides of the face's box.
REGION = 1.5
#: The same in distances of the eyes, or of eyes and mouth (ours, see `roi_from_points`).
FIVE_POINTS = 3.8

#: Blendshapes in the order of the network; the names are Apple ARKit's, left and right are the subject's.
# fmt: off
BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)
#: The points of the mesh that the blendshape network reads.
SUBSET = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249,
    251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314,
    317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382,
    384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473,
    474, 475, 476, 477,
])
# fmt: on
#: Points of the mesh: outer corners of the eyes at the image's left and right, whose line gives the rotation.
_EYES = (33, 263)


class FaceMesh:
    """478 points of the face in a patch (MediaPipe Face Mesh v2 with irises).

    num_threads: of the runtime. Not thread-safe: one object a thread.
    """

    def __init__(self, num_threads: int = 1):
        self._net = Network("face_landmarks_detector.tflite", num_threads)

    def __call__(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Patches (N, 256, 256, 3) uint8 RGB, upright faces -> points (N, 478, 3) and score (N,), float32.

        Points: x y in pixels of the patch, z in the same scale, smaller is nearer to the camera, 0 near the centre of
        the head. Score: the network's probability in (0, 1) that the patch holds a face. N = 0 gives empty arrays.
        Raises AffectZooError for patches of another shape or type.
        """
        if patches.ndim != 4 or patches.shape[1:] != (PATCH, PATCH, 3) or patches.dtype != np.uint8:
            raise AffectZooError(
                f"patches must be (N, {PATCH}, {PATCH}, 3) uint8 RGB, got {patches.shape} {patches.dtype}"
            )
        points, logits = np.zeros((len(patches), POINTS, 3), np.float32), np.zeros(len(patches))
        for i, patch in enumerate(patches):  # the network takes one at a time
            out = self._net((patch.astype(np.float32) / 255)[None])
            points[i], logits[i] = out["Identity"].reshape(POINTS, 3), out["Identity_1"].item()
        return points, (1 / (1 + np.exp(-logits))).astype(np.float32)


class Blendshapes:
    """52 ARKit-like blendshapes of a face from its mesh (MediaPipe Blendshape v2).

    num_threads: of the runtime. Not thread-safe: one object a thread.
    """

    def __init__(self, num_threads: int = 1):
        self._net = Network("face_blendshapes.tflite", num_threads)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 478, 2 or 3) in square pixels -> (N, 52) float32 in [0, 1], in the order of BLENDSHAPES.

        The network standardises position and size itself; z is not read. Rotated patches are fine. N = 0 gives an
        empty array. Raises AffectZooError for another shape or values that are not finite.
        """
        if points.ndim != 3 or points.shape[1] != POINTS or points.shape[2] not in (2, 3):
            raise AffectZooError(f"points must be (N, {POINTS}, 2 or 3), got {points.shape}")
        if not np.isfinite(points[:, SUBSET, :2]).all():
            raise AffectZooError("points have values that are not finite")
        out = np.zeros((len(points), len(BLENDSHAPES)), np.float32)
        for i, face in enumerate(points[:, SUBSET, :2].astype(np.float32)):
            (out[i],) = self._net(face[None]).values()
        return out.clip(0, 1)


def roi_from_points(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Region that the mesh sees, from points in pixels.

    Returns centre (n, 2) px, side (n,) px, angle (n,) radians: how far the face is turned clockwise in the picture,
    so a patch turned back by it is upright.

    points (n, 478, 2 or 3): the mesh of the frame before; the region is the square of 1.5 times the longer side of
    the points' box along the eyes' line (MediaPipe's rule in video). points (n, 5, 2) of `Faces`: the same region
    guessed from eyes and mouth, whatever a detector's boxes mean: its centre midway between them, its side 3.8 times
    their distance or that of the eyes, whichever is longer (ours: the mesh's own region is 3.6 to 4.0 of these for two
    detectors and 47 pictures, its centre within 2 % of the side). Raises AffectZooError for another shape.
    """
    shape = points.shape[1:]
    if shape == (5, 2):
        return _roi_of_five(points)
    if shape not in ((POINTS, 2), (POINTS, 3)):
        raise AffectZooError(f"points must be (n, {POINTS}, 2 or 3) or (n, 5, 2), got {points.shape}")
    flat = points[..., :2]
    angle = _angle(flat[:, _EYES[0]], flat[:, _EYES[1]])
    cos, sin = np.cos(angle), np.sin(angle)
    back = np.stack([np.stack([cos, sin], 1), np.stack([-sin, cos], 1)], 1)  # (n, 2, 2), turns by -angle
    upright = flat @ back.transpose(0, 2, 1)
    low, high = upright.min(1), upright.max(1)
    centre = ((low + high) / 2)[:, None] @ back
    return centre[:, 0], REGION * (high - low).max(1), angle


def _roi_of_five(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    eyes, mouth = points[:, :2].mean(1), points[:, 3:].mean(1)
    longer = np.maximum(np.linalg.norm(points[:, 1] - points[:, 0], axis=1), np.linalg.norm(mouth - eyes, axis=1))
    return (eyes + mouth) / 2, FIVE_POINTS * longer, _angle(points[:, 0], points[:, 1])


def _angle(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    line = right - left
    return np.arctan2(line[..., 1], line[..., 0])
