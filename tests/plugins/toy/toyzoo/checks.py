import numpy as np


def pulse_warnings(signal):
    """A pulse that hardly moves is doubtful."""
    return ("faint",) if 0 < np.abs(signal.data).max() < 1e-3 else ()
