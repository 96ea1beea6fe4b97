"""Synthetic EEG: band power of a few sources follows a trajectory in valence, arousal and dominance.

Three independent smooth random axes drive five narrow-band sources (log amplitude = DEPTH * axis):

    valence    alpha, left down and right up     frontal alpha asymmetry (Davidson 1992; Coan & Allen 2004)
    arousal    beta and gamma, up                the usual finding in affective EEG; magnitude ours
    dominance  frontal midline theta, up         chosen by us so that the third axis shows; no strong
    literature

A fixed topography, perturbed per subject, mixes the sources into eight channels over a 1/f background that
the channels share in part; every subject has a gain. Trajectories belong to the recording, never to a
stimulus, so the time course of one recording tells nothing about another. The data are made by this file
alone (CC0).
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import Signal

CHANNELS = ("F3", "F4", "Fz", "C3", "C4", "Pz", "P3", "P4")
#: source: (band in Hz, axis, sign, amplitude in microvolts at axis 0, weights in the order of CHANNELS).
SOURCES = {
    "alpha_left": ((8, 13), 0, -1, 6.0, (1.0, 0.1, 0.3, 0.6, 0.1, 0.2, 0.5, 0.1)),
    "alpha_right": ((8, 13), 0, +1, 6.0, (0.1, 1.0, 0.3, 0.1, 0.6, 0.2, 0.1, 0.5)),
    "beta": ((15, 28), 1, +1, 3.5, (0.7, 0.7, 0.8, 1.0, 1.0, 0.7, 0.6, 0.6)),
    "gamma": ((32, 46), 1, +1, 2.0, (0.9, 0.9, 0.7, 0.8, 0.8, 0.6, 0.7, 0.7)),
    "theta": ((4.5, 7.5), 2, +1, 6.0, (0.5, 0.5, 1.0, 0.3, 0.3, 0.2, 0.1, 0.1)),
}
DEPTH = 0.9  # nepers of amplitude a unit of the axis: 7.8 dB of power
BACKGROUND_UV = 5.0
TAU_S = 4.0
_GRID_HZ = 4.0


def generate(
    n: int,
    seed: int = 0,
    seconds: float = 60.0,
    rate: float = 128.0,
    label_rate_hz: float = 1.0,
    subjects: int = 8,
) -> list[AffectSample]:
    """`n` recordings, deterministic per (seed, index): eeg (seconds * rate, 8) microvolts and vad over time.

    The vad target has one row every 1 / label_rate_hz seconds, the first at 1 / label_rate_hz, in (-1, 1),
    with the axes valence, arousal, dominance. Groups: subject, session (two a subject). Attributes: none.
    """
    return [_sample(seed, i, seconds, rate, label_rate_hz, subjects) for i in range(n)]


def iter_samples(
    root: Path | None,
    card: object,
    n: int = 48,
    seed: int = 0,
    seconds: float = 60.0,
    rate: float = 128.0,
    label_rate_hz: float = 1.0,
    subjects: int = 8,
) -> Iterator[AffectSample]:
    """The adapter of the card `eeg_synthetic`: `generate` one by one; there are no files under `root`."""
    yield from (_sample(seed, i, seconds, rate, label_rate_hz, subjects) for i in range(n))


def write_files(folder: str | Path, n: int, seed: int = 0, seconds: float = 60.0) -> list[Path]:
    """Write `generate(n, seed, seconds)` as <key>.npz (see eeg.reader) and labels.csv; returns the npz paths.

    labels.csv: path, subject, session, t_s, valence, arousal, dominance; one row a labelled second.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle)
        table.writerow(["path", "subject", "session", "t_s", "valence", "arousal", "dominance"])
        for sample in generate(n, seed, seconds):
            eeg, vad = sample.signals["eeg"], sample.targets["vad"]
            paths.append(folder / f"{sample.key}.npz")
            np.savez_compressed(paths[-1], data=eeg.data, rate_hz=eeg.rate_hz, channels=np.array(eeg.names))
            who = (paths[-1].name, sample.groups["subject"], sample.groups["session"])
            times = vad.t0_s + np.arange(len(vad.values)) / vad.rate_hz
            table.writerows(
                [*who, f"{t:g}", *(f"{v:.4f}" for v in row)] for t, row in zip(times, vad.values, strict=True)
            )
    return paths


def _sample(seed: int, index: int, seconds: float, rate: float, label_rate_hz: float, subjects: int) -> AffectSample:
    rng = np.random.default_rng([seed, index])
    person = index % subjects
    subject = f"s{seed}_p{person:02d}"
    times, axes = trajectory(rng, seconds)
    clock = np.arange(round(seconds * rate)) / rate
    drive = np.stack([np.interp(clock, times, a) for a in axes.T], 1)
    data = _mix(drive, rate, np.random.default_rng([seed, person, 1]), rng).astype(np.float32)
    at = np.arange(1, int(seconds * label_rate_hz) + 1) / label_rate_hz
    vad = np.stack([np.interp(at, times, a) for a in axes.T], 1).astype(np.float32)
    target = Target(vad, np.ones(vad.shape, bool), label_rate_hz, 1 / label_rate_hz)
    session = f"{subject}_{'ab'[index // subjects % 2]}"
    return AffectSample(
        f"eeg_s{seed}_{index:04d}",
        {"eeg": Signal(data, float(rate), names=CHANNELS)},
        {"vad": target},
        {"subject": subject, "session": session},
    )


def trajectory(rng: np.random.Generator, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Times (N,) at 4 Hz from 0 to `seconds` and axes (N, 3) in (-1, 1): tanh of low-passed white noise.

    An Ornstein-Uhlenbeck process (time constant TAU_S) smoothed by the same low-pass once more, of unit
    variance, taken after ten time constants so that no start shows.
    """
    warm, keep = round(10 * TAU_S * _GRID_HZ), int(np.ceil(seconds * _GRID_HZ)) + 1
    phi = np.exp(-1 / (TAU_S * _GRID_HZ))
    pole = np.convolve([1, -phi], [1, -phi])
    x = lfilter([1.0], pole, rng.standard_normal((warm + keep, 3)), axis=0)[warm:]
    unit = np.sqrt((1 + phi**2) / (1 - phi**2) ** 3)  # sd of the sum of (k + 1) phi^k w[t - k]
    return np.arange(keep) / _GRID_HZ, np.tanh(0.8 * x / unit)


def _mix(drive: np.ndarray, rate: float, person: np.random.Generator, rng: np.random.Generator) -> np.ndarray:
    """Channels (T, 8) in microvolts from the axes (T, 3)."""
    steps = len(drive)
    weights = np.array([s[4] for s in SOURCES.values()])
    weights *= person.lognormal(0, 0.15, weights.shape)
    sources = np.stack([_source(*s[:4], drive, rate, rng) for s in SOURCES.values()], 1)
    shared, own = _pink(rng, steps, 1, rate), _pink(rng, steps, len(CHANNELS), rate)
    background = BACKGROUND_UV * (np.sqrt(0.4) * shared + np.sqrt(0.6) * own)
    return (sources @ weights + background) * person.lognormal(0, 0.2)


def _source(
    band: tuple[float, float],
    axis: int,
    sign: int,
    amplitude_uv: float,
    drive: np.ndarray,
    rate: float,
    rng: np.random.Generator,
) -> np.ndarray:
    warm = round(rate)
    sos = butter(3, band, "bandpass", fs=rate, output="sos")
    noise = sosfilt(sos, rng.standard_normal(len(drive) + warm))[warm:]
    unit = noise / np.sqrt(2 * (band[1] - band[0]) / rate)  # the share of its variance that white noise keeps
    return amplitude_uv * np.exp(sign * DEPTH * drive[:, axis]) * unit


def _pink(rng: np.random.Generator, steps: int, channels: int, rate: float) -> np.ndarray:
    """Noise (T, channels) of unit variance with power falling as 1/f above 0.5 Hz and flat below."""
    spectrum = np.fft.rfft(rng.standard_normal((steps, channels)), axis=0)
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(steps, 1 / rate), 0.5))[:, None]
    spectrum[0] = 0
    x = np.fft.irfft(spectrum, steps, axis=0)
    return x / x.std(0)
