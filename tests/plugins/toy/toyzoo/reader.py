import numpy as np

from affectzoo.errors import FileError
from affectzoo.structures.signal import Signal


def read_pulse(path):
    """A text file: the rate in the first line, one value a line after it."""
    try:
        rate, *values = [float(x) for x in path.read_text().split()]
    except ValueError as e:
        raise FileError(path, f"is not a pulse file ({e})") from None
    return {"pulse": Signal(np.array(values, np.float32), rate)}
