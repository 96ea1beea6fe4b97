"""A source-filter voice whose prosody follows valence, arousal and dominance by stated equations.

Not speech: a chain of vowels with fricative noise between them. Its truth is known exactly, which recorded
speech never offers. The directions of the equations follow the literature (Scherer 2003, Speech Communication
40, 227-256: arousal raises pitch, range, rate, energy and high-frequency energy; Tartter 1980, Perception &
Psychophysics 27, 24-27: a smile raises the formants; Ohala 1984, Phonetica 41, 1-16: dominance lowers pitch
and resonances). Their coefficients are ours.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len

from affectzoo.errors import AffectZooError

#: First four formants (Hz) and bandwidths of five vowels in a man's tract; rounded textbook values.
VOWELS = np.array(
    [
        [730, 1090, 2440, 3400],
        [530, 1840, 2480, 3500],
        [270, 2290, 3010, 3600],
        [570, 840, 2410, 3300],
        [300, 870, 2240, 3300],
    ],
    float,
)
BANDWIDTHS = np.array([80.0, 100.0, 140.0, 200.0])
#: Upper edge of the harmonics, and RMS of the room noise relative to full scale.
TOP_HZ, ROOM_DBFS = 7200.0, -66.0


@dataclass(frozen=True)
class Voice:
    """A speaker: resting pitch in Hz and formant factor (1 for a man's tract, larger for a shorter one)."""

    base_hz: float
    tract: float
    kind: str


@dataclass(frozen=True)
class Prosody:
    """How an utterance is spoken.

    f0_hz: centre of the pitch; range_st: height of the pitch accents in semitones; slope_st: pitch change
    from begin to end in semitones; rate_hz: syllables a second; level_dbfs: RMS; tilt_db: fall of the source
    in dB an octave; formants: factor on all formants; jitter: sd of the pitch perturbation as a share;
    breath_db: noise against voice.
    """

    f0_hz: float
    range_st: float
    slope_st: float
    rate_hz: float
    level_dbfs: float
    tilt_db: float
    formants: float
    jitter: float
    breath_db: float


def draw_voice(seed: int, speaker: int) -> Voice:
    """The voice of a speaker; even numbers speak low (about 115 Hz), odd ones high (about 205 Hz)."""
    rng = np.random.default_rng([seed, 1, speaker])
    kind, base, tract = (("low", 115.0, 1.0), ("high", 205.0, 1.15))[speaker % 2]
    return Voice(base * 2 ** (rng.normal(0, 1.5) / 12), tract * (1 + rng.normal(0, 0.025)), kind)


def prosody_from_vad(vad: np.ndarray, voice: Voice, rng: np.random.Generator, spread: float = 1.0) -> Prosody:
    """Prosody of an utterance with valence V, arousal A and dominance D in [-1, 1], plus the speaker's whim.

    pitch     base * 2 ** ((5 A - 2 D + V) / 12)      accents   4 + 3 A semitones, at least 0.5
    slope     -1.5 + 4 V semitones                    rate      4.5 + 1.5 A syllables a second
    level     -26 + 5 A + 2 D dBFS                    tilt      9 - 4 A - 2 D dB an octave
    formants  1 + 0.06 V - 0.06 D                     jitter    0.3 + 0.7 max(0, -V) + 0.4 max(0, A) per cent
    breath    -24 - 5 D dB

    `spread` scales the random part, whose standard deviations are, in the order of Prosody's fields, 0.6 st,
    0.5 st, 0.6 st, 0.2 Hz, 1 dB, 0.6 dB, 1 %, 10 % and 1.5 dB.
    Raises AffectZooError for a point outside [-1, 1].
    """
    v, a, d = np.asarray(vad, float)
    if not (np.abs([v, a, d]) <= 1).all():
        raise AffectZooError(f"valence, arousal and dominance must lie in [-1, 1], got {v}, {a}, {d}")
    e = spread * rng.normal(size=9)
    return Prosody(
        f0_hz=voice.base_hz * 2 ** ((5 * a - 2 * d + v + 0.6 * e[0]) / 12),
        range_st=max(0.5, 4 + 3 * a + 0.5 * e[1]),
        slope_st=-1.5 + 4 * v + 0.6 * e[2],
        rate_hz=4.5 + 1.5 * a + 0.2 * e[3],
        level_dbfs=-26 + 5 * a + 2 * d + e[4],
        tilt_db=9 - 4 * a - 2 * d + 0.6 * e[5],
        formants=voice.tract * (1 + 0.06 * v - 0.06 * d + 0.01 * e[6]),
        jitter=0.01 * (0.3 + 0.7 * max(0, -v) + 0.4 * max(0, a)) * np.exp(0.1 * e[7]),
        breath_db=-24 - 5 * d + 1.5 * e[8],
    )


def speak(
    p: Prosody, seconds: float, rng: np.random.Generator, rate_hz: int = 16000
) -> tuple[np.ndarray, dict[str, float]]:
    """Audio (N,) float32 in [-1, 1], in steps of 1 / 32767, and the measured truth of it.

    Truth: f0_mean_hz and f0_range_st (5th to 95th percentile, semitones) over the voiced samples, rate_hz
    (syllables a second), level_dbfs (RMS).
    """
    n = round(seconds * rate_hz)
    t = np.arange(n) / rate_hz
    place = _syllables(p.rate_hz, seconds, t, rng)
    loud = np.sin(np.pi * (place % 1)) ** 2
    f0 = _pitch(p, place, t / seconds, rng, rate_hz)
    voiced = loud > 0.3
    audio = _filter(_pulses(f0, rate_hz), p, place, rng, rate_hz) * (0.03 + 0.97 * loud)
    audio /= np.sqrt(np.mean(audio**2))
    audio += 10 ** (p.breath_db / 20) * (0.5 + 4 * (1 - loud) ** 8) * _hiss(n, rng)
    audio *= 10 ** (p.level_dbfs / 20) / np.sqrt(np.mean(audio**2))
    audio += 10 ** (ROOM_DBFS / 20) * rng.normal(size=n)
    audio = np.clip(np.round(audio * 32767), -32767, 32767) / 32767
    low, high = np.percentile(f0[voiced], [5, 95])
    truth = {
        "f0_mean_hz": float(f0[voiced].mean()),
        "f0_range_st": float(12 * np.log2(high / low)),
        "rate_hz": float((place[-1] - place[0]) / (t[-1] - t[0])),
        "level_dbfs": float(10 * np.log10(np.mean(audio**2))),
    }
    return audio.astype(np.float32), truth


def _syllables(rate_hz: float, seconds: float, t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N,) running syllable count: whole part the syllable, fraction the place in it."""
    length = np.exp(rng.normal(0, 0.1, size=int(np.ceil(rate_hz * seconds)) + 3))
    edge = np.concatenate([[0], np.cumsum(length)])
    edge *= len(length) / edge[-1] / rate_hz
    return np.interp(t, edge, np.arange(len(edge)))


def _pitch(p: Prosody, place: np.ndarray, progress: np.ndarray, rng: np.random.Generator, rate_hz: int) -> np.ndarray:
    """(N,) pitch in Hz: slope, an accent on each syllable (0.3 to 1 of the range), jitter at 100 Hz."""
    accents = rng.uniform(0.3, 1.0, size=int(place[-1]) + 2)
    accent = accents[place.astype(int)] * np.sin(np.pi * (place % 1))
    knots = rng.normal(size=len(place) * 100 // rate_hz + 2)
    noise = np.interp(np.arange(len(place)) * 100 / rate_hz, np.arange(len(knots)), knots)
    semitones = p.slope_st * (progress - 0.5) + p.range_st * (accent - 0.5)
    return p.f0_hz * 2 ** (semitones / 12) * (1 + p.jitter * noise)


def _pulses(f0: np.ndarray, rate_hz: int) -> np.ndarray:
    """(N,) sum of cosines of all harmonics below TOP_HZ: the Dirichlet kernel, which does not alias."""
    n_harmonics = max(1, int(min(TOP_HZ, 0.45 * rate_hz) / f0.max()))
    half = np.pi * np.cumsum(f0) / rate_hz
    below = np.sin(half)
    near = np.abs(below) < 1e-6
    kernel = np.sin((2 * n_harmonics + 1) * half) / np.where(near, 1, below)
    return (np.where(near, 2 * n_harmonics + 1, kernel) - 1) / 2


def _filter(source: np.ndarray, p: Prosody, place: np.ndarray, rng: np.random.Generator, rate_hz: int) -> np.ndarray:
    """Source (N,) through tilt and a chain of vowels' formants, cross-faded where the voice is weakest."""
    size = next_fast_len(len(source) + rate_hz // 4, real=True)  # the longest ringing is over in 0.25 s
    f = np.fft.rfftfreq(size, 1 / rate_hz)
    tilt = np.maximum(f, 100.0) / 100.0
    centre = VOWELS[:, :, None] * p.formants
    tract = np.prod(centre**2 / (centre**2 - f**2 + 1j * f * BANDWIDTHS[:, None]), axis=1)
    spectrum = np.fft.rfft(source, size) * tilt ** (-p.tilt_db / (20 * np.log10(2)))
    vowels = np.fft.irfft(spectrum * tract, size, axis=1)[:, : len(source)]
    vowels /= np.sqrt(np.mean(vowels**2, axis=1, keepdims=True))
    chain = rng.integers(len(VOWELS), size=int(place[-1]) + 2)
    now, samples = place.astype(int), np.arange(len(source))
    fade = np.clip((place % 1) / 0.15, 0, 1)
    return (1 - fade) * vowels[chain[np.maximum(now - 1, 0)], samples] + fade * vowels[chain[now], samples]


def _hiss(n: int, rng: np.random.Generator) -> np.ndarray:
    """(N,) noise of unit RMS with most of its power in the upper half of the band."""
    white = rng.normal(size=n + 2)
    noise = white[2:] - 1.6 * white[1:-1] + 0.64 * white[:-2]
    return noise / np.sqrt(np.mean(noise**2))
