"""Prosody of a recording of any length, read block by block: the same measures, and memory of a few numbers a frame.

It is read three times. The first reading gives the mean, which is taken off, and any error of the file; the second the
level, the pitch candidates and the bands of every frame, which stay in memory (80 bytes a frame, 100 frames a second);
then speech and pitch are judged over the whole recording, as for short ones; the third looks at the glottal cycles,
which need the pitch. Frames see the same samples as in `measure`, and differ by rounding only.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from affectzoo.speech.prosody.cycles import cycle_means, cycle_sums
from affectzoo.speech.prosody.energy import frame_energy, to_db
from affectzoo.speech.prosody.frames import HOP, NAN, RATE
from affectzoo.speech.prosody.measures import ProsodyMeasures, blank_bands, spoken_pitch, summarise
from affectzoo.speech.prosody.spectrum import BANDS, CANDIDATES, Scan, scan_spectra
from affectzoo.speech.prosody.tracks import CLIPPED, ProsodyTracks, judge
from affectzoo.speech.quality import WARNINGS, audio_warnings
from affectzoo.speech.reader import mono
from affectzoo.speech.stream import AudioStream
from affectzoo.structures.signal import Signal

#: Frames of a block, and how many before and after it are read along: a spectrum reaches 4 frames, a cycle of 50 Hz 5.
#: Both even, since cycles are taken at even frames.
BLOCK, MARGIN = 6000, 8


@dataclass(frozen=True)
class LongRecording:
    """found: the measures. envelope (T', 2): lowest and highest sample of each 10 ms, for pictures.

    warnings: codes of `speech.quality` that hold for more than half of the minutes with any sound.
    """

    found: ProsodyMeasures
    envelope: np.ndarray
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Block:
    """Frames begin..begin + frames of the recording; audio (1, n) starts `before` frames earlier and ends later."""

    audio: torch.Tensor
    begin: int
    before: int
    frames: int

    @property
    def lengths(self) -> torch.Tensor:
        return torch.tensor([self.audio.shape[1]])

    @property
    def sound(self) -> np.ndarray:
        """The samples that belong to the block's own frames and to no other block's."""
        return self.audio[0, self.before * HOP : (self.before + self.frames) * HOP].numpy()

    @property
    def own(self) -> slice:
        """The block's frames among those of its audio."""
        return slice(self.before, self.before + self.frames)


def measure_recording(path: str | Path, two_pass: bool = False) -> LongRecording:
    """Measure a file that AudioStream opens. Raises FileError as AudioStream does, also for what lies at its end."""
    path = Path(path)
    rate_hz, mean, seconds = _first_reading(path)
    seen = _Seen.of(int(seconds * RATE / HOP) + 2)  # resampling may round the other way
    for block in _blocks(path):
        seen.take(block, mean)
    tracks, bands = seen.judged(two_pass)
    lengths, spoken = torch.tensor([seen.samples]), spoken_pitch(tracks)
    sums = sum(_cycles(block, mean, spoken) for block in _blocks(path))
    clipped = torch.tensor([seen.clipped]) / lengths
    batch = summarise(tracks, bands, lengths, cycle_means(sums.float()), clipped)
    blank_bands(batch, [rate_hz])
    return LongRecording(batch[0], seen.envelope[: seen.frames], seen.warnings())


@dataclass
class _Seen:
    """What the second reading keeps. Room for all frames is made at once: small pieces would fragment the memory."""

    level: torch.Tensor
    f0: torch.Tensor
    periodicity: torch.Tensor
    bands: torch.Tensor
    envelope: np.ndarray
    clipped: int = 0
    samples: int = 0
    frames: int = 0
    sounding: int = 0
    codes: Counter = field(default_factory=Counter)

    @classmethod
    def of(cls, frames: int) -> "_Seen":
        candidates, bands = (torch.empty(1, frames, CANDIDATES) for _ in range(2)), torch.empty(len(BANDS), frames)
        return cls(torch.empty(1, frames), *candidates, bands, np.zeros((frames, 2), np.float32))

    def take(self, block: _Block, mean: float) -> None:
        """Look at the next block."""
        here = slice(block.begin, block.begin + block.frames)
        audio = block.audio - np.float32(mean)
        scan = scan_spectra(audio, block.lengths)
        self.level[:, here] = to_db(frame_energy(audio, block.lengths))[:, block.own]
        self.f0[:, here], self.periodicity[:, here] = scan.f0_hz[:, block.own], scan.periodicity[:, block.own]
        self.bands[:, here] = torch.cat([scan.bands[name][:, block.own] for name in BANDS])
        sound, self.frames = block.sound, here.stop
        edges = np.arange(0, len(sound), HOP)
        for k, extreme in enumerate((np.minimum, np.maximum)):
            self.envelope[here.start : here.start + len(edges), k] = extreme.reduceat(sound, edges)
        self.clipped += int((np.abs(sound) >= CLIPPED).sum())
        self.samples += len(sound)
        self.sounding += int(sound.any())
        self.codes.update(audio_warnings(Signal(sound, RATE)))

    def warnings(self) -> tuple[str, ...]:
        """See LongRecording."""
        return tuple(code for code in WARNINGS if 2 * self.codes[code] > self.sounding)

    def judged(self, two_pass: bool) -> tuple[ProsodyTracks, dict[str, torch.Tensor]]:
        """Tracks and bands (1, T) of the frames that there were; the candidates of the pitch are given up."""
        level, f0, periodicity = (x[:, : self.frames] for x in (self.level, self.f0, self.periodicity))
        bands = dict(zip(BANDS, self.bands[:, None, : self.frames], strict=True))
        tracks = judge(level, Scan(f0, periodicity, bands), torch.ones_like(level, dtype=torch.bool), two_pass)
        del self.f0, self.periodicity
        return tracks, bands


def _first_reading(path: Path) -> tuple[float, float, float]:
    """Rate of the file in Hz, mean of its samples, and its seconds."""
    rate_hz, _, chunks = AudioStream.open(path)
    total, count = 0.0, 0
    for chunk in chunks:
        total, count = total + float(mono(chunk).sum(dtype=np.float64)), count + len(chunk)
    return rate_hz, total / count, count / rate_hz


def _cycles(block: _Block, mean: float, f0: torch.Tensor) -> torch.Tensor:
    """(1, 5) sums over the cycles of the block's own frames, from the pitch of the whole recording (1, T)."""
    near = torch.full((1, 1 + block.audio.shape[1] // HOP), NAN)
    near[:, block.own] = f0[:, block.begin : block.begin + block.frames]
    return cycle_sums(block.audio - np.float32(mean), block.lengths, near).double()


def _blocks(path: Path) -> Iterator[_Block]:
    """The recording at 16 kHz."""
    begin = before = 0
    kept = np.zeros(0, np.float32)  # from frame begin - before on
    for piece in _pieces(path):
        kept = np.concatenate([kept, piece])
        while len(kept) >= (before + BLOCK + MARGIN) * HOP:
            yield _Block(torch.from_numpy(kept[None, : (before + BLOCK + MARGIN) * HOP]), begin, before, BLOCK)
            kept = kept[(before + BLOCK - MARGIN) * HOP :].copy()
            begin, before = begin + BLOCK, MARGIN
    yield _Block(torch.from_numpy(kept[None]), begin, before, 1 + len(kept) // HOP - before)


def _pieces(path: Path) -> Iterator[np.ndarray]:
    """Samples (n,) at 16 kHz, as resampling the whole gives them."""
    rate_hz, _, chunks = AudioStream.open(path)
    stream = AudioStream(rate_hz, SimpleNamespace(sample_rate=RATE))  # of the transform it asks for the rate only
    for chunk in chunks:
        yield stream.feed(chunk)
    yield stream.finish()
