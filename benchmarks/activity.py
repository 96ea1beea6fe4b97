"""How often the energy rule keeps windows with speech and leaves out pauses, on real recordings whose pauses are known.

    AFFECTZOO_DATA=... python benchmarks/activity.py [--strings 4] [--clips 20] [--no-write]

Clips of a corpus are strung together with pauses of 2 to 8 s after every third, in white noise. Windows of 3 s, one a
second, count as speech when more than 90 % of their samples come from clips, as a pause when less than 2 % do.

Writes benchmarks/results/activity.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soxr
from _machine import machine

from affectzoo.data.dataset import open_dataset
from affectzoo.inference.windows import WindowCutter, WindowPlan
from affectzoo.speech.activity import SpeechActivity

RESULT = Path(__file__).parent / "results" / "activity.json"
RATE = 16000
#: Noise: its level in dBFS, or its distance in dB from the clips' mean power.
NOISES = {"none": None, "at -66 dBFS": -66.0, "at -50 dBFS": -50.0, "20 dB below": 20.0, "10 dB below": 10.0}


class Judge:
    """A stream of audio for WindowCutter, with the rule in it."""

    rate_hz = float(RATE)

    def __init__(self):
        self.activity = SpeechActivity(self.rate_hz)
        self.hear = self.activity.hear

    def silence(self, window: np.ndarray) -> str:
        return "" if self.activity.speaks(window) else "no speech"


def string(samples: list, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Clips and pauses (N,), and where the clips are (N,) bool."""
    parts, spoken = [], []
    for i in range(n):
        signal = samples[rng.integers(len(samples))].load().signals["audio"]
        parts.append(soxr.resample(signal.data, signal.rate_hz, RATE))
        spoken.append(np.ones(len(parts[-1]), bool))
        if i % 3 == 2:
            parts.append(np.zeros(int(RATE * rng.uniform(2, 8)), np.float32))
            spoken.append(np.zeros(len(parts[-1]), bool))
    return np.concatenate(parts), np.concatenate(spoken)


def judge(audio: np.ndarray, spoken: np.ndarray) -> tuple[list[bool], list[bool]]:
    """Of windows with speech, which were kept; of pauses, which were left out."""
    windows = WindowCutter(WindowPlan(1.0), Judge()).feed(audio)
    share = [spoken[int(w.start_s * RATE) : int((w.start_s + 3) * RATE)].mean() for w in windows]
    kept = [not w.silence for w, s in zip(windows, share, strict=True) if s > 0.9]
    left = [bool(w.silence) for w, s in zip(windows, share, strict=True) if s < 0.02]
    return kept, left


def row(samples: list, noise: str, strings: int, clips: int) -> dict:
    """One corpus in one noise."""
    rng, kept, left = np.random.default_rng(0), [], []
    for _ in range(strings):
        audio, spoken = string(samples, clips, rng)
        level = NOISES[noise]
        if level is not None:
            power = np.square(audio[spoken]).mean() / 10 ** (level / 10) if level > 0 else 10 ** (level / 10)
            audio = audio + (np.sqrt(power) * rng.normal(size=len(audio))).astype(np.float32)
        a, b = judge(audio, spoken)
        kept, left = kept + a, left + b
    counts = {"speech_windows": len(kept), "pauses": len(left)}
    return {"noise": noise, "kept": round(np.mean(kept), 3), "left_out": round(np.mean(left), 3), **counts}


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--strings", type=int, default=4)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    rows = []
    for name in ("emodb", "ravdess", "nemo"):
        samples = open_dataset(name).samples
        rows += [{"corpus": name, **row(samples, noise, args.strings, args.clips)} for noise in NOISES]
    result = {"task": __doc__.split("\n\n")[2].replace("\n", " "), "rows": rows, "machine": machine("soxr")}
    print(json.dumps(result, indent=1))
    if not args.no_write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
