"""Syllable nuclei: voiced peaks of the vowel band's level. A rate of nuclei, not of phones or written syllables."""

import torch
from torch.nn import functional

from affectzoo.speech.prosody.frames import FRAME_RATE, NAN, inside, masked_quantile

#: A nucleus rises this far above the dips on both sides (de Jong & Wempe 2009, Behavior Research Methods 41, 385-390:
#: 2 dB before it) ...
DIP_DB = 2.0
#: ... which are looked for within 0.3 s, and lies at most 25 dB below the 95th percentile of speech. Ours.
REACH, BELOW_LOUD_DB = 30, 25.0
#: What is no speech, also before and after the recording, counts as this far below the 95th percentile. Ours.
SILENCE_DB = 60.0


def syllable_nuclei(level_db: torch.Tensor, voiced: torch.Tensor, speech: torch.Tensor) -> torch.Tensor:
    """(B, T) bool: frames that are syllable nuclei.

    level_db (B, T): level of 300 Hz-2.5 kHz; voiced, speech: (B, T) bool. A nucleus is a voiced local maximum of the
    level (smoothed over three frames) with a prominence of 2 dB or more.
    """
    loud = masked_quantile(level_db, speech, 0.95)[:, None].nan_to_num()
    level = _smooth(torch.where(speech, level_db, loud - SILENCE_DB), loud - SILENCE_DB)
    left, right = level[:, :-2], level[:, 2:]
    peak = functional.pad((level[:, 1:-1] > left) & (level[:, 1:-1] >= right), (1, 1))
    peak &= voiced & speech & (level >= loud - BELOW_LOUD_DB)
    row, at = peak.nonzero(as_tuple=True)
    padded = functional.pad(level, (REACH, REACH), value=-torch.inf)
    around = padded[row[:, None], at[:, None] + torch.arange(2 * REACH + 1, device=at.device)]
    top = around[:, REACH]
    rises = torch.minimum(_fall(top, around[:, :REACH].flip(1), True), _fall(top, around[:, REACH + 1 :], False))
    peak[row, at] = rises >= DIP_DB
    return peak


def syllable_rates(nuclei: torch.Tensor, speech: torch.Tensor) -> dict[str, torch.Tensor]:
    """(B,) each: syllable_count, syllable_rate_hz (per second of speech), speaking_rate_hz (pauses included).

    The second time runs from the first to the last speech frame; rates are NaN without speech.
    """
    count = nuclei.sum(1).float()
    spoken, span = speech.sum(1) / FRAME_RATE, inside(speech).sum(1) / FRAME_RATE
    return {
        "syllable_count": count,
        "syllable_rate_hz": torch.where(spoken > 0, count / spoken, NAN),
        "speaking_rate_hz": torch.where(spoken > 0, count / span, NAN),
    }


def _smooth(x: torch.Tensor, beyond: torch.Tensor) -> torch.Tensor:
    """Mean of three neighbours; (B, 1) `beyond` is the level before the first and after the last."""
    return torch.cat([beyond, x, beyond], 1).unfold(1, 3, 1).mean(2)


def _fall(top: torch.Tensor, side: torch.Tensor, strict: bool) -> torch.Tensor:
    """(M,) how far the level falls on one side, side (M, REACH) nearest first, before it is higher than `top` (M,).

    Of equal peaks the first counts: on the left (strict) an equal level ends the search too.
    """
    higher = side >= top[:, None] if strict else side > top[:, None]
    seen = higher.cummax(1).values
    return top - torch.where(seen, torch.inf, side).amin(1).clamp(max=1e9)
