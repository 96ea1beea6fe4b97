"""MediaPipe's networks out of the bundle face_landmarker.task, on the LiteRT runtime (extra 'face')."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from affectzoo.errors import AffectZooError, FileError
from affectzoo.zoo.foreign import foreign_weights

BUNDLE = "face_landmarker"


class Network:
    """One .tflite member of the bundle. Not thread-safe: one object a thread.

    num_threads: of the runtime, for one call.
    """

    def __init__(self, member: str, num_threads: int = 1):
        if num_threads < 1:
            raise AffectZooError(f"num_threads must be at least 1, got {num_threads}")
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as e:
            raise AffectZooError(
                f"{member} runs on the LiteRT runtime, which is not installed: pip install 'affectzoo[face]' ({e}); "
                "the detector 'centerface' runs without it"
            ) from None
        content = _member(member)
        with _quiet():
            self._net = Interpreter(model_content=content, num_threads=num_threads)
            self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._outputs = {d["name"]: d["index"] for d in self._net.get_output_details()}

    def __call__(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Input (1, ...) float32 -> outputs by name."""
        self._net.set_tensor(self._input, values)
        self._net.invoke()
        return {name: self._net.get_tensor(index) for name, index in self._outputs.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """No stderr for a moment: the runtime tells there that it uses its own kernels, and no setting turns that off."""
    try:
        saved = os.dup(2)
    except OSError:  # stderr is closed: nothing to keep quiet
        yield
        return
    try:
        with open(os.devnull, "w") as sink:
            os.dup2(sink.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _member(name: str) -> bytes:
    path = foreign_weights(BUNDLE)
    with zipfile.ZipFile(path) as bundle:
        if name not in bundle.namelist():
            raise FileError(path, f"holds no {name}")
        return bundle.read(name)
