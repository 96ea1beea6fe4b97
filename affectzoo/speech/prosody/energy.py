"""Energy of 25 ms frames in dB relative to full scale."""

import torch
from torch.nn import functional

from affectzoo.speech.prosody.frames import HOP, NAN, frame_count

#: 25 ms (papers' common choice); every window is a whole number of blocks, and so is the hop.
WINDOW, BLOCK = 400, 40
#: Lowest level that is told apart; 16-bit audio ends at -98 dBFS.
FLOOR_DB = -120.0


def frame_energy(audio: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(B, T) mean square of audio (B, N) in 25 ms around each frame's centre, over the samples that exist.

    A rectangular window; full scale is 1. Samples beyond `lengths` must be 0.
    """
    frames = int(frame_count(lengths).max())
    half = WINDOW // 2
    padded = functional.pad(audio, (half, (frames - 1) * HOP + half - audio.shape[1]))
    blocks = padded.view(len(audio), -1, BLOCK)
    blocks = torch.linalg.vecdot(blocks, blocks)
    power = blocks.unfold(1, WINDOW // BLOCK, HOP // BLOCK).sum(-1)
    centre = torch.arange(frames, device=audio.device) * HOP
    end = torch.minimum(centre + half, lengths[:, None])
    return power / (end - (centre - half).clamp(min=0)).clamp(min=1)


def to_db(power: torch.Tensor) -> torch.Tensor:
    """10 log10 of a mean square, not below -120 dBFS."""
    return 10 * power.clamp(min=10 ** (FLOOR_DB / 10)).log10()


def level_dbfs(level_db: torch.Tensor, speech: torch.Tensor) -> torch.Tensor:
    """(B,) RMS level in dBFS over the speech frames (B, T), from their levels in dBFS; NaN where there is no speech."""
    count = speech.sum(1)
    mean = torch.where(speech, 10 ** (level_db.double() / 10), 0).sum(1) / count
    return torch.where(count > 0, to_db(mean), NAN).float()
