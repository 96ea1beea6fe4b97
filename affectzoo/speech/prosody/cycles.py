"""Jitter, shimmer and harmonics-to-noise ratio from neighbouring glottal cycles.

Every 20 ms of voice one cycle is taken, from 0.3 periods before its highest peak to 0.7 after, and the most similar
stretches one period earlier and later are looked for (normalised cross-correlation, one period long). The three cycles
give two periods and three amplitudes, which is what the usual definitions of local jitter and shimmer compare, on a
sample of the cycles and not on all of them, and from waveform matching and not from marks: an approximation of
Praat's numbers, and ours. Noise raises jitter and shimmer here as it does there.
"""

import torch

from affectzoo.speech.prosody.frames import HOP, NAN, RATE

#: Points that a period is read at, and by how many a neighbouring cycle may be longer or shorter (15 %).
POINTS, REACH = 96, 14
#: Where the cycle begins, counted from its peak.
LEAD = 28
#: Cycles less alike than this, or whose best match lies at the edge of the search, are left out.
ALIKE = 0.5
#: Neighbours louder or softer by more than this factor are an onset or an end, not shimmer (Praat's factor).
LOUDER = 1.6
#: Frames a measure needs, else NaN; cycles that are compared at a time.
MIN_FRAMES, CHUNK = 5, 1000
#: Correlations are cut here: 40 dB.
CLEAREST = 0.9999


def voice_quality(audio: torch.Tensor, lengths: torch.Tensor, f0: torch.Tensor) -> dict[str, torch.Tensor]:
    """(B,) each: jitter and shimmer (shares, 0.01 is 1 %), hnr_db; NaN with less than 0.1 s of usable voice.

    audio (B, N) at 16 kHz, 0 beyond lengths (B,); f0 (B, T): pitch in Hz where cycles are wanted, NaN elsewhere.
    jitter: mean |T+ - T-| / mean T of neighbouring periods. shimmer: mean of |A+ - A| / A and |A - A-| / A, A a cycle's
    RMS. hnr_db: mean of 10 log10(r / (1 - r)), r the mean correlation with the two neighbours, cut at 40 dB.
    """
    return cycle_means(cycle_sums(audio, lengths, f0))


def cycle_sums(audio: torch.Tensor, lengths: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
    """(B, 5) sums over the usable cycles, of which `cycle_means` makes the measures; those of parts add up.

    Cycles are taken at even frames; each is read up to 2.5 periods around its frame.
    """
    row, frame = f0[:, ::2].isfinite().nonzero(as_tuple=True)
    frame = 2 * frame
    period, centre = RATE / f0[row, frame], frame * HOP
    fits = (centre > 2.5 * period) & (centre + 2.5 * period < lengths[row] - 1)
    row, period, centre = row[fits], period[fits], centre[fits]
    start = row * audio.shape[1] + centre
    parts = [_compare(audio.flatten(), s, p) for s, p in zip(start.split(CHUNK), period.split(CHUNK), strict=True)]
    found = torch.cat(parts) if parts else audio.new_zeros(0, 5)
    good = found[:, 0] > 0
    return audio.new_zeros(len(audio), 5).index_add_(0, row[good], found[good])


def cycle_means(total: torch.Tensor) -> dict[str, torch.Tensor]:
    """The measures of `voice_quality` from the sums (B, 5) of `cycle_sums`."""
    count = total[:, 0]
    enough = count >= MIN_FRAMES
    shares = {"jitter": total[:, 1] / total[:, 2], "shimmer": total[:, 3] / count, "hnr_db": total[:, 4] / count}
    return {name: torch.where(enough, value, NAN) for name, value in shares.items()}


def _compare(audio: torch.Tensor, centre: torch.Tensor, period: torch.Tensor) -> torch.Tensor:
    """(M, 5): usable (1 or 0), |T+ - T-|, T, shimmer and HNR of cycles around samples `centre` (M,) of audio (N,)."""
    steps = torch.arange(POINTS, device=audio.device) / POINTS - 0.5
    near = audio[centre[:, None] + (period[:, None] * steps).round().long()]
    peak = centre + (steps[near.abs().argmax(1)] * period)
    wave = _read(audio, peak, period)
    begin = POINTS + REACH
    cycle = wave[:, begin : begin + POINTS]
    cycle = cycle - cycle.mean(1, keepdim=True)
    spread = _spreads(wave)
    before = _match(cycle, wave, spread, range(2 * REACH + 1))
    after = _match(cycle, wave, spread, range(2 * POINTS, 2 * POINTS + 2 * REACH + 1))
    back, ahead = POINTS - before[0], POINTS + after[0]
    own = spread[:, begin]
    alike = torch.minimum(before[1], after[1])
    steady = torch.stack([torch.maximum(a, own) <= LOUDER * torch.minimum(a, own) for a in (before[2], after[2])]).all(
        0
    )
    usable = (alike > ALIKE) & steady & (before[0].abs() < REACH) & (after[0].abs() < REACH)
    r = (0.5 * (before[1] + after[1])).clamp(1 - CLEAREST, CLEAREST)
    shimmer = 0.5 * ((before[2] - own).abs() + (after[2] - own).abs()) / own.clamp(min=1e-12)
    values = (usable, (ahead - back).abs() * period, 0.5 * (ahead + back) * period, shimmer, 10 * (r / (1 - r)).log10())
    return torch.stack([v.to(audio.dtype) for v in values], 1)


def _read(audio: torch.Tensor, peak: torch.Tensor, period: torch.Tensor) -> torch.Tensor:
    """(M, 3 POINTS + 2 REACH): three cycles at equal steps of a period, by cubic interpolation (Catmull-Rom)."""
    points = torch.arange(-POINTS - REACH - LEAD, 2 * POINTS + REACH - LEAD, device=audio.device)
    offset = period[:, None] * (points / POINTS)
    # the fraction is taken from small numbers: a sample's place in a long recording fills a float32
    whole = peak.floor()
    place = offset + (peak - whole)[:, None]
    base = place.floor()
    x = place - base
    at = whole.long()[:, None] + base.long()
    a, b, c, d = (audio[at + k] for k in (-1, 0, 1, 2))
    return b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))


def _spreads(wave: torch.Tensor) -> torch.Tensor:
    """(M, starts) standard deviation of each stretch of one period, times sqrt(POINTS)."""
    sums = [torch.nn.functional.pad(w.double().cumsum(1), (1, 0)) for w in (wave, wave.square())]
    total, squares = (s[:, POINTS:] - s[:, :-POINTS] for s in sums)
    return (squares - total.square() / POINTS).clamp(min=0).sqrt().to(wave.dtype)


def _match(cycle: torch.Tensor, wave: torch.Tensor, spread: torch.Tensor, starts: range) -> tuple[torch.Tensor, ...]:
    """Shift of the best match in points from the middle of `starts`, its correlation and its spread; (M,) each."""
    similar = torch.stack([(cycle * wave[:, s : s + POINTS]).sum(1) for s in starts], 1)
    theirs = spread[:, starts.start : starts.stop]
    own = spread[:, POINTS + REACH, None]
    r = similar / (own * theirs).clamp(min=1e-12)
    best = r.argmax(1, keepdim=True)
    at = best.clamp(1, len(starts) - 2)
    a, b, c = (r.gather(1, at + k)[:, 0] for k in (-1, 0, 1))
    shift = (0.5 * (a - c) / (a - 2 * b + c).clamp(max=-1e-9)).clamp(-0.5, 0.5)
    edge = best[:, 0] != at[:, 0]
    place = torch.where(edge, float(REACH), at[:, 0] - REACH + shift)
    return place, b - 0.25 * (a - c) * shift, theirs.gather(1, at)[:, 0]
