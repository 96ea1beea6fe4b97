"""Prosody of 64 clips of 10 s beside librosa.pyin, Praat's pitch and openSMILE's eGeMAPS functionals.

    python benchmarks/prosody.py [--clips 64] [--seconds 10] [--repeats 5] [--threads 1] [--pyin-clips 2] [--no-write]

All contenders hear the same synthetic voices at 16 kHz in one process, interleaved; the best of the repeats counts, in
seconds of audio a second. The clips go to ours as one batch and to the others one by one, which is their interface.
pYIN is slow: it hears a few of the clips only, and its speed is taken to hold for all. Praat (through parselmouth) and
openSMILE are measured where they are installed, and are no dependencies: their licences (GPL; research only) are not
ours. Also said: our stages, our speed on one clip alone, and how often ours and pYIN's pitch agree.
Writes benchmarks/results/prosody.json.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import librosa
import numpy as np
import torch
from _machine import machine

from affectzoo.speech.prosody.activity import speech_threshold
from affectzoo.speech.prosody.cycles import voice_quality
from affectzoo.speech.prosody.energy import frame_energy, to_db
from affectzoo.speech.prosody.frames import frame_mask
from affectzoo.speech.prosody.measures import measure_tensor
from affectzoo.speech.prosody.pitch import track_pitch
from affectzoo.speech.prosody.spectrum import scan_spectra
from affectzoo.speech.prosody.tracks import centred
from affectzoo.speech.synthetic import generate

RESULT = Path(__file__).parent / "results" / "prosody.json"
RATE = 16000


@dataclass
class Contender:
    """A name, what it does to the clips, and on how many of them it is measured."""

    name: str
    run: Callable[[], object]
    clips: int
    note: str = ""


def pitch_alone(audio: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Our pitch and all that it needs."""
    audio, mask = centred(audio, lengths), frame_mask(lengths)
    level = to_db(frame_energy(audio, lengths))
    return track_pitch(scan_spectra(audio, lengths), level, speech_threshold(level, mask), mask).f0_hz


def ours(audio: torch.Tensor) -> list[Contender]:
    """The batch, its stages, and one clip alone."""
    n, lengths = len(audio), torch.full((len(audio),), audio.shape[1])
    level = to_db(frame_energy(audio, lengths))
    scan, mask = scan_spectra(audio, lengths), frame_mask(lengths)
    threshold = speech_threshold(level, mask)
    f0 = track_pitch(scan, level, threshold, mask).f0_hz
    return [
        Contender("affectzoo, all features", lambda: measure_tensor(audio, lengths), n),
        Contender("affectzoo, pitch alone", lambda: pitch_alone(audio, lengths), n),
        Contender("  stage: level of frames", lambda: frame_energy(audio, lengths), n),
        Contender("  stage: spectra, candidates, bands", lambda: scan_spectra(audio, lengths), n),
        Contender("  stage: path through candidates", lambda: track_pitch(scan, level, threshold, mask), n),
        Contender("  stage: jitter, shimmer, HNR", lambda: voice_quality(audio, lengths, f0), n),
        Contender("affectzoo, all features, one clip", lambda: measure_tensor(audio[:1], lengths[:1]), 1),
    ]


def pyin(clip: np.ndarray) -> np.ndarray:
    """librosa's pitch with our window and hop."""
    return librosa.pyin(clip, fmin=55, fmax=600, sr=RATE, frame_length=1024, hop_length=160)[0]


def others(clips: list[np.ndarray], pyin_clips: int) -> list[Contender]:
    """pYIN, and what else is installed."""
    some = clips[:pyin_clips]
    found = [Contender("librosa.pyin", lambda: [pyin(c) for c in some], len(some), f"on {len(some)} of the clips")]
    if find_spec("parselmouth"):
        import parselmouth

        sounds = [parselmouth.Sound(c.astype(float), RATE) for c in clips]
        found.append(Contender("Praat, to_pitch", lambda: [s.to_pitch(time_step=0.01) for s in sounds], len(clips)))
    else:
        print("Praat is left out: praat-parselmouth is not installed")
    if find_spec("opensmile"):
        import opensmile

        smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
        few = clips[: max(1, len(clips) // 8)]
        note = f"on {len(few)} of the clips"
        found.append(
            Contender(
                "openSMILE, eGeMAPS functionals", lambda: [smile.process_signal(c, RATE) for c in few], len(few), note
            )
        )
    else:
        print("openSMILE is left out: opensmile is not installed")
    return found


def measure(contenders: list[Contender], seconds: float, repeats: int) -> dict[str, dict]:
    """Seconds of audio a second of each contender; the rounds go through all of them."""
    best = {c.name: math.inf for c in contenders}
    for c in contenders:
        c.run()  # compiled, cached, warm
    for _ in range(repeats):
        for c in contenders:
            start = time.perf_counter()
            c.run()
            best[c.name] = min(best[c.name], time.perf_counter() - start)
    return {c.name: {"audio_s_per_s": round(c.clips * seconds / best[c.name], 1), "note": c.note} for c in contenders}


def agreement(clips: list[np.ndarray]) -> dict[str, float]:
    """Ours beside pYIN's pitch in frames that both call voiced."""
    off = []
    for clip in clips:
        f0 = pitch_alone(torch.from_numpy(clip)[None], torch.tensor([len(clip)]))[0].numpy()
        theirs = pyin(clip)[: len(f0)]
        both = np.isfinite(f0) & np.isfinite(theirs)
        off.append(np.abs(f0[both] / theirs[both] - 1))
    joined = np.concatenate(off)
    return {
        "frames": len(joined),
        "median_relative_difference": round(float(np.median(joined)), 5),
        "share_more_than_20_percent_off": round(float((joined > 0.2).mean()), 5),
    }


def ratios(speed: dict[str, dict]) -> dict[str, float]:
    """How many times faster ours is; what was not measured is absent."""
    pairs = {
        "all_features_over_pyin": ("affectzoo, all features", "librosa.pyin"),
        "all_features_over_opensmile": ("affectzoo, all features", "openSMILE, eGeMAPS functionals"),
        "pitch_over_praat": ("affectzoo, pitch alone", "Praat, to_pitch"),
    }
    return {
        name: round(speed[a]["audio_s_per_s"] / speed[b]["audio_s_per_s"], 2)
        for name, (a, b) in pairs.items()
        if b in speed
    }


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pyin-clips", type=int, default=2)
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    samples = round(args.seconds * RATE)
    voices = generate(args.clips, seconds=args.seconds / 0.85)  # the shortest is long enough
    clips = [np.ascontiguousarray(v.signals["audio"].data[:samples]) for v in voices]
    contenders = ours(torch.from_numpy(np.stack(clips))) + others(clips, args.pyin_clips)
    speed = measure(contenders, args.seconds, args.repeats)
    result = {
        "task": f"{args.clips} synthetic voices of {args.seconds:g} s at 16 kHz",
        "repeats": args.repeats,
        "speed": speed,
        "ratios": ratios(speed),
        "pitch_beside_pyin": agreement(clips[: args.pyin_clips]),
        "machine": machine("librosa", "praat-parselmouth", "opensmile"),
    }
    show(result)
    if not args.no_write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


def show(result: dict) -> None:
    """A table."""
    print(f"{result['task']}, {result['machine']['torch_threads']} thread(s), load {result['machine']['load_1min']}")
    for name, row in result["speed"].items():
        note = f"   ({row['note']})" if row["note"] else ""
        print(f"  {name:38s} {row['audio_s_per_s']:10.1f} s of audio a second{note}")
    for name, value in {**result["ratios"], **result["pitch_beside_pyin"]}.items():
        print(f"  {name}: {value}")


if __name__ == "__main__":
    main()
