import numpy as np

from affectzoo.errors import AffectZooError


class PulseStream:
    """Pulses piece by piece, held back by one sample; a window of zeros has nothing to answer."""

    def __init__(self, rate_hz, transform):
        self.rate_hz, self.heard, self._held = rate_hz, np.zeros(0, np.float32), np.zeros(0, np.float32)

    @staticmethod
    def open(path):
        rate, *lines = path.read_text().split()
        return float(rate), len(lines) / float(rate), _pieces(lines)

    def feed(self, chunk):
        if chunk.ndim != 1:
            raise AffectZooError(f"a chunk of pulses is (N,), got {chunk.shape}")
        samples = np.concatenate([self._held, chunk]).astype(np.float32)
        self._held = samples[len(samples) - 1 :]
        return samples[: len(samples) - 1] if len(samples) else samples

    def finish(self):
        return self._held

    def hear(self, samples):
        self.heard = np.concatenate([self.heard, samples])

    def silence(self, window):
        assert np.array_equal(window, self.heard[len(self.heard) - len(window) :]), "heard more or less than this"
        return "" if window.any() else "flat"


def _pieces(lines):
    for i in range(0, len(lines), 5):
        yield np.array([float(x) for x in lines[i : i + 5]], np.float32)
