"""Whether somebody speaks in a stretch of audio, judged by level and by nothing that comes later."""

import numpy as np

#: Length of a frame in seconds, and the lowest and highest level in dBFS that the histogram tells apart. Ours.
FRAME_S, LOWEST_DB, HIGHEST_DB = 0.02, -120, 10
#: Frames below this level are digital silence: they tell nothing of the room. Ours.
DIGITAL_DB = -100.0
#: A frame speaks at least at this level, this far above the noise and this little below the loud parts. Ours.
LEAST_DB, ABOVE_NOISE_DB, BELOW_LOUD_DB = -70.0, 6.0, 40.0
#: Shares of the frames heard that are no louder than the noise and than the loud parts. Ours.
NOISE_SHARE, LOUD_SHARE = 0.1, 0.95
#: A steady sound above this level is not taken for noise: by level alone it could be a shout. Ours.
LOUDEST_NOISE_DB = -35.0
#: Every so many frames (30 s) all counts are halved, so that what was heard fades within a minute. Ours.
HALVING = 1500
#: Share of a window's frames that must speak. Ours.
SPEECH_SHARE = 0.1


class SpeechActivity:
    """An energy rule (ours): a frame of 20 ms speaks when its level L (RMS in dBFS) satisfies

        L >= max(-70, min(noise, -35) + 6, loud - 40)

    where noise and loud are the 10th and the 95th percentile of the levels heard in about the last minute,
    without digital silence; a window speaks when a tenth of its frames do. `hear` takes the recording in
    pieces of any size, in order: the state (a histogram in steps of 1 dB) depends on what was heard, not on
    the pieces. No phonetics: music, a door and a dog speak too.
    """

    def __init__(self, rate_hz: float):
        self._size = max(1, round(rate_hz * FRAME_S))
        self._counts = np.zeros(HIGHEST_DB - LOWEST_DB + 1, np.int64)
        self._frames = 0
        self._rest = np.zeros(0, np.float32)

    def hear(self, samples: np.ndarray) -> None:
        """The next samples (N,) of the recording."""
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) - len(samples) % self._size
        self._rest = samples[whole:]
        levels = self._levels(samples[:whole])
        while len(levels):
            part, levels = np.split(levels, [HALVING - self._frames % HALVING])
            bins = np.clip(np.floor(part[part > DIGITAL_DB]).astype(int), LOWEST_DB, HIGHEST_DB) - LOWEST_DB
            self._counts += np.bincount(bins, minlength=len(self._counts))
            self._frames += len(part)
            if self._frames % HALVING == 0:
                self._counts //= 2

    @property
    def threshold_db(self) -> float:
        """The level in dBFS from which a frame counts as speech, after what was heard."""
        total = self._counts.sum()
        if not total:
            return LEAST_DB
        noise, loud = np.searchsorted(np.cumsum(self._counts), [NOISE_SHARE * total, LOUD_SHARE * total]) + LOWEST_DB
        return float(max(LEAST_DB, min(noise, LOUDEST_NOISE_DB) + ABOVE_NOISE_DB, loud - BELOW_LOUD_DB))

    def speaks(self, window: np.ndarray) -> bool:
        """Whether a window (N,) that has been heard holds speech; its last part of a frame is left out."""
        whole = max(len(window) - len(window) % self._size, min(len(window), self._size))
        return bool((self._levels(window[:whole]) >= self.threshold_db).mean() >= SPEECH_SHARE)

    def _levels(self, samples: np.ndarray) -> np.ndarray:
        """(frames,) RMS in dBFS; fewer samples than a frame are one frame."""
        frames = samples.reshape(-1, min(self._size, max(1, len(samples))))
        return 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-12)
