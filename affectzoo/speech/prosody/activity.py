"""Speech activity and pauses, from frame levels alone.

The rule is that of EmotionThinker's released labelling pipeline (arXiv 2601.15668): a level threshold from the 5th
and 95th percentile of the utterance, short gaps bridged, short runs dropped. It tells sound from its background and
nothing more: steady noise counts as speech.
"""

import torch

from affectzoo.speech.prosody.frames import FRAME_RATE, NAN, first_frames, inside, masked_quantile, run_lengths

BELOW_LOUD_DB = 35.0
ABOVE_QUIET_DB = 6.0
CONTRAST_DB = 20.0
CAP_DB = 15.0
#: Gaps below 60 ms are bridged and runs below 50 ms dropped.
MIN_GAP, MIN_RUN = 6, 5
#: A pause is a silence of more than 0.3 s between speech (the same source's; also de Jong & Wempe 2009).
PAUSE_FRAMES = 30
#: Utterances whose 95th percentile is below this hold no speech (ours; LogMel's bound for silent audio).
SILENT_DB = -100.0


def speech_threshold(level_db: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B,) the level in dB above which a frame is speech.

    max(P95 - 35, P5 + 6 where P95 - P5 > 20), at most P95 - 15; infinite for silent rows.
    """
    loud, quiet = masked_quantile(level_db, mask, 0.95), masked_quantile(level_db, mask, 0.05)
    low = loud - BELOW_LOUD_DB
    contrast = torch.where(loud - quiet > CONTRAST_DB, torch.maximum(low, quiet + ABOVE_QUIET_DB), low)
    return torch.where(loud > SILENT_DB, torch.minimum(contrast, loud - CAP_DB), float("inf"))


def speech_mask(level_db: torch.Tensor, mask: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """(B, T) bool: speech frames, from levels (B, T), the rows' masks and thresholds (B,)."""
    on = (level_db > threshold[:, None]) & mask
    on = on | (inside(on) & (run_lengths(on) < MIN_GAP))
    return on & (run_lengths(on) >= MIN_RUN)


def pauses(speech: torch.Tensor) -> dict[str, torch.Tensor]:
    """(B,) each: pause_count; pause_mean_s (NaN without pauses); pause_share of the time from first to last speech.

    speech: (B, T) bool.
    """
    span = inside(speech)
    silent = span & ~speech
    pause = silent & (run_lengths(speech) > PAUSE_FRAMES)
    count, frames = first_frames(pause).sum(1), pause.sum(1)
    return {
        "pause_count": count.float(),
        "pause_mean_s": torch.where(count > 0, frames / count / FRAME_RATE, NAN),
        "pause_share": torch.where(span.any(1), frames / span.sum(1), NAN),
    }
