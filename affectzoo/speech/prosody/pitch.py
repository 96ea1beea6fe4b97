"""Fundamental frequency: candidates from the autocorrelation and the best path through them.

Candidates and costs are of the kind that Boersma 1993 (IFA Proceedings 17, 97-110) described: peaks of the windowed
signal's autocorrelation divided by the window's, a cost for octave jumps and for changes of voicing, and the best path.
The band that is heard (10 Hz to 4 kHz), the unvoiced candidate and the constants are ours.

EmotionThinker's released labelling pipeline (arXiv 2601.15668) follows its tracker with a second pass around the
speaker's median and with octave repair. Both are here (`two_pass=True`), and off by default: they mend the octave
errors of a tracker that makes many. Ours makes few, and on emotional speech, whose accents and voice breaks go beyond
an octave, they put more frames wrong than right (tests/speech/test_prosody_recordings.py measures it).
"""

from dataclasses import dataclass

import torch
from torch.nn import functional

from affectzoo.speech.prosody.frames import NAN, masked_quantile, run_lengths
from affectzoo.speech.prosody.spectrum import F0_MAX, F0_MIN, OCTAVE_BONUS, Scan
from affectzoo.speech.prosody.viterbi import best_path

#: Periodicity from which a frame counts as voiced. More is asked of quiet frames: 0.01 for each dB that a frame is more
#: than 15 dB below the utterance's 95th percentile (30 dB at most), and 1 for 6 dB below the speech threshold. Ours.
VOICED, SOFT_DB, SOFT_STEP, SOFTEST_DB, QUIET_DB = 0.5, 15.0, 0.01, 30.0, 6.0
#: Voiced runs shorter than 30 ms are dropped. Ours.
MIN_VOICED = 3
#: The second pass looks in this range around the utterance's own median, when the first found so many voiced frames
#: and the range, cut to 50-600 Hz, is an octave at least (how we read the source's "range").
SECOND_PASS, SECOND_PASS_FRAMES = (0.60, 2.00), 10
#: Octave repair, in semitones: twice against the median of 9 frames when that gains more than 6; once against the
#: utterance's median when a frame is more than 9 away and comes within 6.
LOCAL_FRAMES, LOCAL_GAIN, LOCAL_ROUNDS, FAR, NEAR = 9, 6.0, 2, 9.0, 6.0


@dataclass(frozen=True)
class Pitch:
    """f0_hz (B, T): NaN where unvoiced. voicing (B, T): periodicity in 0..1 of that pitch, or the highest there is."""

    f0_hz: torch.Tensor
    voicing: torch.Tensor


def track_pitch(
    scan: Scan, level_db: torch.Tensor, threshold: torch.Tensor, mask: torch.Tensor, two_pass: bool = False
) -> Pitch:
    """Pitch of a batch in 50-600 Hz.

    level_db (B, T) and threshold (B,): as in `activity`; mask (B, T): frames of each row. two_pass: see the module.
    """
    voiced = _asked(level_db, threshold, mask)
    f0, voicing = _pass(scan, voiced, mask)
    if two_pass:
        f0, voicing = _pass(_narrowed(scan, f0), voiced, mask)
        f0 = repair_octaves(f0)
    f0 = torch.where(run_lengths(f0.isfinite()) >= MIN_VOICED, f0, NAN)
    return Pitch(f0, voicing.masked_fill(~mask, 0.0))


def _asked(level_db: torch.Tensor, threshold: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, T) the periodicity that a voiced frame needs."""
    below_loud = masked_quantile(level_db, mask, 0.95)[:, None] - level_db
    soft = SOFT_STEP * (below_loud - SOFT_DB).clamp(0, SOFTEST_DB)
    return VOICED + soft + ((threshold[:, None] - level_db) / QUIET_DB).clamp(0, 1)


def _pass(scan: Scan, voiced: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    octaves = (scan.f0_hz / F0_MIN).log2()
    score = torch.where(scan.periodicity >= 0, scan.periodicity + OCTAVE_BONUS * octaves, -torch.inf)
    path = best_path(octaves, score, voiced, mask)
    at = path.clamp(min=0)[..., None]
    f0 = torch.where((path >= 0) & mask, scan.f0_hz.gather(2, at)[..., 0], NAN)
    chosen, best = scan.periodicity.gather(2, at)[..., 0], scan.periodicity.amax(2)
    return f0, torch.where(path >= 0, chosen, best).clamp(0, 1)


def _narrowed(scan: Scan, f0: torch.Tensor) -> Scan:
    """The candidates of the second pass."""
    voiced = f0.isfinite()
    median = masked_quantile(f0, voiced, 0.5)
    low, high = (SECOND_PASS[0] * median).clamp(min=F0_MIN), (SECOND_PASS[1] * median).clamp(max=F0_MAX)
    narrow = (voiced.sum(1) >= SECOND_PASS_FRAMES) & (high >= 2 * low)
    outside = (scan.f0_hz < low[:, None, None]) | (scan.f0_hz > high[:, None, None])
    return Scan(scan.f0_hz, torch.where(outside & narrow[:, None, None], -1.0, scan.periodicity), scan.bands)


def repair_octaves(f0: torch.Tensor) -> torch.Tensor:
    """f0 (B, T), NaN where unvoiced, with frames moved by an octave to where the others are; see the constants."""
    median = masked_quantile(f0, f0.isfinite(), 0.5)
    tones = 12 * (f0 / median[:, None]).log2()
    moved = tones
    for _ in range(LOCAL_ROUNDS):
        around = functional.pad(moved, (LOCAL_FRAMES // 2, LOCAL_FRAMES // 2), value=NAN).unfold(1, LOCAL_FRAMES, 1)
        centre = _row_median(around)
        shifted = _octave_toward(moved, centre)
        moved = torch.where((moved - centre).abs() - (shifted - centre).abs() > LOCAL_GAIN, shifted, moved)
    shifted = _octave_toward(moved, torch.zeros_like(moved))
    moved = torch.where((moved.abs() > FAR) & (shifted.abs() <= NEAR), shifted, moved)
    repaired = f0 * 2 ** ((moved - tones) / 12)
    return torch.where((repaired >= F0_MIN) & (repaired <= F0_MAX), repaired, f0)


def _octave_toward(tones: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    """Semitones moved by twelve towards `centre`."""
    return tones - 12 * (tones - centre).sign()


def _row_median(x: torch.Tensor) -> torch.Tensor:
    """Median over the last axis of what is not NaN; NaN where all is."""
    flat = x.flatten(0, 1)
    return masked_quantile(flat, flat.isfinite(), 0.5).view(x.shape[:2])
