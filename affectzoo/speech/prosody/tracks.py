"""What happens in each frame of a recording: level, speech, pitch, syllable nuclei."""

from dataclasses import dataclass

import numpy as np
import soxr
import torch

from affectzoo.speech.prosody.activity import speech_mask, speech_threshold
from affectzoo.speech.prosody.energy import frame_energy, to_db
from affectzoo.speech.prosody.frames import RATE, frame_mask
from affectzoo.speech.prosody.pitch import track_pitch
from affectzoo.speech.prosody.rate import syllable_nuclei
from affectzoo.speech.prosody.spectrum import Scan, scan_spectra

#: Samples at or above this size count as clipped. Ours.
CLIPPED = 0.999


@dataclass(frozen=True)
class ProsodyTracks:
    """Frames at 100 Hz, frame t centred on second t / 100; (B, T) each.

    f0_hz: NaN where unvoiced. voicing: periodicity in 0..1. level_db: dBFS in 25 ms, -120 at least. speech, nucleus
    (of a syllable), mask (frames of the recording): bool.
    """

    f0_hz: torch.Tensor
    voicing: torch.Tensor
    level_db: torch.Tensor
    speech: torch.Tensor
    nucleus: torch.Tensor
    mask: torch.Tensor


def follow(
    audio: torch.Tensor, lengths: torch.Tensor, two_pass: bool = False
) -> tuple[ProsodyTracks, dict[str, torch.Tensor]]:
    """Tracks of `centred` audio (B, N) at 16 kHz, and the levels of bands (B, T) of `spectrum`."""
    level, scan = to_db(frame_energy(audio, lengths)), scan_spectra(audio, lengths)
    return judge(level, scan, frame_mask(lengths), two_pass), scan.bands


def judge(level: torch.Tensor, scan: Scan, mask: torch.Tensor, two_pass: bool = False) -> ProsodyTracks:
    """Speech, pitch and nuclei from the levels (B, T) in dBFS and spectra of the frames, where mask (B, T)."""
    threshold = speech_threshold(level, mask)
    speech = speech_mask(level, mask, threshold)
    pitch = track_pitch(scan, level, threshold, mask, two_pass)
    nucleus = syllable_nuclei(scan.bands["syllable_db"], pitch.f0_hz.isfinite(), speech)
    return ProsodyTracks(pitch.f0_hz, pitch.voicing, level, speech, nucleus, mask)


def centred(audio: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """A copy of audio (B, N) without its mean, 0 beyond lengths (B,)."""
    out = audio.clone()
    for row, n in zip(out, lengths.tolist(), strict=True):  # row by row: a mask of a long batch is memory too
        row[n:] = 0
        row[:n] -= row[:n].mean(dtype=torch.float64).float()
    return out


def clipped_share(audio: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(B,) share of samples whose size is 0.999 of full scale or more."""
    counts = [int((row[:n].abs() >= CLIPPED).sum()) for row, n in zip(audio, lengths.tolist(), strict=True)]
    return torch.tensor(counts, device=audio.device) / lengths


def resample(audio: np.ndarray, rate_hz: float) -> np.ndarray:
    """Audio (N,) at 16 kHz (soxr, high quality)."""
    if rate_hz == RATE:
        return audio
    return soxr.resample(audio, rate_hz, RATE, quality="HQ").astype(np.float32)
