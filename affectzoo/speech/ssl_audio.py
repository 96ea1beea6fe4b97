"""Waveform: the raw audio that self-supervised encoders hear."""

import numpy as np
import soxr

from affectzoo.speech.features import check_audio
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import Transform

#: What fairseq's and torchaudio's layer norm of a waveform adds to its variance.
EPSILON = 1e-5


class Waveform(Transform):
    """Audio (N,) at any rate to audio (N',) float32 at `sample_rate` Hz (soxr, high quality).

    normalise: subtract the recording's mean and divide by sqrt(variance + 1e-5), as the encoders were trained that
    torchaudio's bundles normalise (torchaudio lets padding and the other items into the mean; here each recording has
    its own). Samples that a mask excludes are left out of both and come out as 0.
    Raises AffectZooError for audio that is not (N,), not finite, shorter than 0.1 s, or silent.
    """

    def __init__(self, sample_rate: int = 16000, normalise: bool = False):
        self.sample_rate, self.normalise = sample_rate, normalise

    def __call__(self, signal: Signal) -> Signal:
        """Transform one audio signal; see the class."""
        audio, mask = check_audio(signal), signal.mask
        if signal.rate_hz != self.sample_rate:
            audio = soxr.resample(audio, signal.rate_hz, self.sample_rate, quality="HQ").astype(np.float32)
            mask = None if mask is None else mask[self._nearest(len(audio), signal)]
        if self.normalise:
            heard = (audio if mask is None else audio[mask]).astype(np.float64)
            audio = ((audio - heard.mean()) / np.sqrt(heard.var() + EPSILON)).astype(np.float32)
        if mask is not None:
            audio = np.where(mask, audio, np.float32(0))
        return Signal(audio, self.sample_rate, signal.t0_s, mask)

    def _nearest(self, n: int, signal: Signal) -> np.ndarray:
        """(n,) index of the signal's sample that lies nearest to each of ours."""
        at = np.round(np.arange(n) / self.sample_rate * signal.rate_hz).astype(int)
        return np.minimum(at, len(signal) - 1)
