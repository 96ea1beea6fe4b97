"""Signals whose prosody is known: tones, pulse trains, glides, pulses one by one."""

import numpy as np

RATE = 16000


def tone(hz: float, seconds: float = 0.6, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def train(f0: np.ndarray | float, seconds: float = 0.6, rate: int = RATE, tilt_db: float = 9.0) -> np.ndarray:
    """Harmonics of f0 (one value, or one a sample) below 0.45 of the rate, each octave `tilt_db` softer; peak 0.5."""
    f0 = np.broadcast_to(np.asarray(f0, float), (round(seconds * rate),))
    phase = 2 * np.pi * np.cumsum(f0) / rate
    out = np.zeros(len(f0))
    for k in range(1, int(0.45 * rate / f0.max()) + 1):
        out += k ** (-tilt_db / (20 * np.log10(2))) * np.cos(k * phase)
    return (0.5 * out / np.abs(out).max()).astype(np.float32)


def glide(low: float, high: float, seconds: float, rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    """A train that goes from `low` to `high` Hz evenly in semitones, and its pitch at frames (T,)."""
    t = np.arange(round(seconds * rate)) / rate
    f0 = low * (high / low) ** (t / seconds)
    frames = np.arange(1 + round(seconds * RATE) // 160) / 100
    return train(f0, seconds, rate), low * (high / low) ** (frames / seconds)


def pulses(periods: np.ndarray, loudness: np.ndarray, rate: int = RATE, over: int = 8) -> np.ndarray:
    """Damped 900 Hz ringings, one a period (s), scaled by `loudness`; made at `over` times the rate."""
    starts = np.concatenate([[0.01], 0.01 + np.cumsum(periods)])[:-1]
    t = np.arange(round((starts[-1] + 0.03) * rate * over)) / (rate * over)
    out = np.zeros(len(t))
    for start, size in zip(starts, loudness, strict=True):
        after = t[t >= start] - start
        out[t >= start] += size * np.exp(-after * 1200) * np.sin(2 * np.pi * 900 * after)
    from scipy.signal import decimate

    return (0.3 * decimate(out, over, ftype="fir")).astype(np.float32)


def white(seconds: float, seed: int = 0, level: float = 0.1, rate: int = RATE) -> np.ndarray:
    return (level * np.random.default_rng(seed).normal(size=round(seconds * rate))).astype(np.float32)


def whisper(seconds: float, seed: int = 0) -> np.ndarray:
    """White noise through three formants, in syllables: speech without voice."""
    from scipy.signal import lfilter

    noise = np.random.default_rng(seed).normal(size=round(seconds * RATE))
    for hz, width in ((600, 150), (1400, 200), (2600, 250)):
        r = np.exp(-np.pi * width / RATE)
        noise = lfilter([1], [1, -2 * r * np.cos(2 * np.pi * hz / RATE), r * r], noise)
    loud = np.sin(np.pi * 4 * np.arange(len(noise)) / RATE) ** 2
    return (0.2 * noise * loud / np.abs(noise * loud).max()).astype(np.float32)
