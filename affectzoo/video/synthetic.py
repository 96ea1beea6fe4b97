"""Synthetic clips of a drawn face with a synthetic voice that agree, or contradict each other.

A clip is a chain of segments. In each the face and the voice are pleasant (happiness) or unpleasant (sadness
or anger), drawn evenly and on their own; where they contradict, the state of ambivalence is 1. The valence of one
stream alone says nothing about the state. Each stream also hesitates, by pressed lips (AU24) and by slow
speech, in CUE[1] of the segments in conflict and in CUE[0] of the others, so that one stream tells part of it
and both together tell all. That conflict between and within channels marks ambivalence is the idea of BAH
(arXiv 2505.19328); the cues and their strengths are ours.

The data are made by this file alone (CC0).
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import soundfile

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.drawing import au_matrix, draw_faces
from affectzoo.face.synthetic import PROTOTYPES
from affectzoo.labels.space import load_space
from affectzoo.speech.synthetic import SAMPLE_RATE, draw_vad
from affectzoo.speech.voice import draw_voice, prosody_from_vad, speak
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import Signal

SPACE = "ambivalence_hesitancy"
FRAME_RATE, STEP_RATE = 10.0, 2.0  # Hz: frames of the face, steps of the target
PLEASANT, UNPLEASANT = ("happiness",), ("sadness", "anger")
#: Share of segments with a hesitation cue, drawn for each stream on its own: without and with conflict.
CUE = (0.1, 0.8)
SLOW = 0.6  # factor on the syllable rate of hesitant speech
FORMATS = (".npz", ".mp4")


def generate(n: int, seed: int = 0, seconds: float = 6.0, size: int = 64, subjects: int = 16) -> list[AffectSample]:
    """`n` clips, deterministic per (seed, index) whatever `n` is.

    seconds: length, whole half seconds. Signals: face (T, size, size, 3) uint8 at 10 Hz, audio at 16 kHz.
    Target: state (S, 1) at 2 Hz, each step the half second about its time. Groups: subject. Attributes:
    conflict_share, the part of the clip in which face and voice contradict.
    Raises AffectZooError for a length that is not made of half seconds or below 2 s.
    """
    return [_sample(seed, i, seconds, size, subjects) for i in range(n)]


def iter_samples(
    root: Path | None,
    card: object,
    n: int = 160,
    seed: int = 0,
    seconds: float = 6.0,
    size: int = 64,
    subjects: int = 16,
) -> Iterator[AffectSample]:
    """The adapter of the card `video_synthetic`: `generate` one by one, without `root`."""
    yield from (_sample(seed, i, seconds, size, subjects) for i in range(n))


def write_files(folder: str | Path, n: int, seed: int = 0, seconds: float = 6.0, suffix: str = ".npz") -> list[Path]:
    """Write `generate(n, seed, seconds)` as <key>.npz, or <key>.mp4 with <key>.wav; gives their paths.

    labels.csv: path, subject, t_s (middle of the step) and the state.
    """
    if suffix not in FORMATS:
        raise UnknownNameError("clip format", suffix, FORMATS)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write = _write_npz if suffix == ".npz" else _write_film
    paths = []
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle)
        table.writerow(["path", "subject", "t_s", *load_space(SPACE).names("state")])
        for sample in generate(n, seed, seconds):
            paths.append(folder / f"{sample.key}{suffix}")
            write(paths[-1], sample.signals["face"].data, sample.signals["audio"].data)
            state = sample.targets["state"]
            for i, value in enumerate(state.values[:, 0]):
                table.writerow([paths[-1].name, sample.groups["subject"], state.t0_s + i / STEP_RATE, int(value)])
    return paths


@dataclass(frozen=True)
class _Segment:
    """A stretch of `steps` half seconds: the emotion of face and voice, and whether each of them hesitates."""

    steps: int
    face: str
    voice: str
    pressed: bool = False
    slow: bool = False

    @property
    def conflict(self) -> bool:
        return _conflict(self.face, self.voice)


def _conflict(face: str, voice: str) -> bool:
    return (face in PLEASANT) != (voice in PLEASANT)


def _sample(seed: int, index: int, seconds: float, size: int, subjects: int) -> AffectSample:
    steps = round(seconds * STEP_RATE)
    if steps < 4 or steps != seconds * STEP_RATE:
        raise AffectZooError(f"seconds must be at least 2 and whole half seconds, got {seconds}")
    rng = np.random.default_rng([seed, 2, index])
    subject = index % subjects
    segments = _segments(steps, rng)
    state = np.repeat([[float(s.conflict)] for s in segments], [s.steps for s in segments], axis=0)
    face = draw_faces(_faces(segments, rng), 1000 * seed + subject, size, scene_seed=index)
    return AffectSample(
        f"video_s{seed}_{index:05d}",
        {
            "face": Signal(face, FRAME_RATE),
            "audio": Signal(_voices(segments, seed, subject, rng), float(SAMPLE_RATE)),
        },
        {"state": Target(state.astype(np.float32), np.ones(state.shape, bool), STEP_RATE, 0.5 / STEP_RATE)},
        {"subject": f"s{seed}_p{subject:02d}"},
        {"conflict_share": float(state.mean())},
    )


def _segments(steps: int, rng: np.random.Generator) -> list[_Segment]:
    """Segments of 2 to 3 s that fill the clip; a rest below 2 s joins the last one."""
    out = []
    while steps:
        length = int(rng.integers(4, 7))
        length = steps if steps - length < 4 else length
        face, voice = (str(rng.choice(PLEASANT if rng.uniform() < 0.5 else UNPLEASANT)) for _ in range(2))
        pressed, slow = (bool(c) for c in rng.uniform(size=2) < CUE[_conflict(face, voice)])
        out.append(_Segment(length, face, voice, pressed, slow))
        steps -= length
    return out


def _faces(segments: list[_Segment], rng: np.random.Generator) -> np.ndarray:
    """(T, 17) intensities that go from one prototype to the next within 0.3 s."""
    per_step = round(FRAME_RATE / STEP_RATE)
    rows = []
    for s in segments:
        always, sometimes = PROTOTYPES[s.face]
        units = {u: 5 * rng.uniform(0.6, 1.0) for u in (*always, *(u for u in sometimes if rng.uniform() < 0.5))}
        if s.pressed:
            units[24] = rng.uniform(3, 5)
        rows.append(au_matrix(units, s.steps * per_step))
    au = np.pad(np.concatenate(rows), ((1, 1), (0, 0)), mode="edge")
    return (au[:-2] + au[1:-1] + au[2:]) / 3


def _voices(segments: list[_Segment], seed: int, subject: int, rng: np.random.Generator) -> np.ndarray:
    """(N,) one utterance a segment, faded over 20 ms at its ends."""
    space, voice, parts = load_space("ekman7"), draw_voice(seed, subject), []
    for s in segments:
        vad = draw_vad(space, space.index("emotion", s.voice), rng)
        prosody = prosody_from_vad(vad, voice, rng)
        if s.slow:
            prosody = replace(prosody, rate_hz=SLOW * prosody.rate_hz)
        audio, _ = speak(prosody, s.steps / STEP_RATE, rng, SAMPLE_RATE)
        edge = np.minimum(np.arange(len(audio)), np.arange(len(audio))[::-1]) / (0.02 * SAMPLE_RATE)
        parts.append(audio * np.minimum(edge, 1).astype(np.float32))
    return np.concatenate(parts)


def _write_npz(path: Path, face: np.ndarray, audio: np.ndarray) -> None:
    np.savez_compressed(path, face=face, face_rate_hz=FRAME_RATE, audio=audio, audio_rate_hz=float(SAMPLE_RATE))


def _write_film(path: Path, face: np.ndarray, audio: np.ndarray) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), FRAME_RATE, face.shape[2:0:-1])
    if not writer.isOpened():
        raise AffectZooError(f"{path}: this OpenCV cannot write mp4 films; use suffix='.npz'")
    for frame in face:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    soundfile.write(path.with_suffix(".wav"), audio, SAMPLE_RATE, subtype="PCM_16")
