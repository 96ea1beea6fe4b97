"""Face mesh and blendshapes: MediaPipe's networks on the LiteRT runtime. (Interface; the bodies follow.)"""

import numpy as np

#: Blendshapes in the order of the network (MediaPipe, face_blendshapes_graph.cc; the names are Apple ARKit's).
BLENDSHAPES = tuple(
    "_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft "
    "cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight "
    "eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight "
    "jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight "
    "mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight "
    "mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft "
    "mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight".split()
)


class FaceMesh:
    """FaceMesh(num_threads=1)(patches (N, 256, 256, 3) uint8 RGB) -> points (N, 478, 3) in patch pixels, score (N,)."""

    def __init__(self, num_threads: int = 1):
        raise NotImplementedError

    def __call__(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See the class."""
        raise NotImplementedError


class Blendshapes:
    """Blendshapes(num_threads=1)(points (N, 478, 2 or 3) in pixels) -> (N, 52) float32 in [0, 1]."""

    def __init__(self, num_threads: int = 1):
        raise NotImplementedError

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """See the class."""
        raise NotImplementedError


def roi_from_points(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 5, 2) or mesh (n, 478, 2 or 3) -> centre (n, 2) px, side (n,) px, angle (n,) radians."""
    raise NotImplementedError
