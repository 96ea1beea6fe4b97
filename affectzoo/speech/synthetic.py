"""Synthetic voices: every label and every acoustic property is true by construction.

An utterance's VAD point is drawn from its emotion's Gaussian (Russell & Mehrabian 1977, Table 4: the means,
and half the standard deviations; the half is ours and keeps the classes apart), cut at [-1, 1]; its prosody
follows from that point (affectzoo/speech/voice.py). Every speaker shows every emotion about equally often,
and the duration is drawn without regard to the label: speaker and duration alone score at chance.

The data are made by this file alone (CC0).
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace, load_space
from affectzoo.labels.vad import space_gaussians
from affectzoo.speech.voice import draw_voice, prosody_from_vad, speak
from affectzoo.structures.sample import AffectSample, Target, class_target
from affectzoo.structures.signal import Signal

SPACE = "ekman7+vad"
SAMPLE_RATE = 16000
#: Share of the measured standard deviation with which VAD points scatter about their class's mean.
SCATTER = 0.5


def generate(
    n: int,
    seed: int = 0,
    seconds: float = 1.2,
    speakers: int = 20,
    spread: float = 1.0,
    space: LabelSpace | str = SPACE,
) -> list[AffectSample]:
    """`n` labelled utterances (16 kHz), deterministic per (seed, index) whatever `n` is.

    seconds: mean duration; each lasts 0.85 to 1.15 times as long. spread: random part of the prosody, see
    `prosody_from_vad`. space: any label space with emotions of known VAD and the three axes.
    Targets: emotion one-hot, vad. Groups: speaker. Attributes: voice ('low', 'high') and the truth of the
    waveform: f0_mean_hz, f0_range_st, rate_hz, level_dbfs.
    Raises AffectZooError for a duration that is too short for two syllables.
    """
    return list(_samples(n, seed, seconds, speakers, spread, space))


def iter_samples(
    root: Path | None,
    card: object,
    n: int = 600,
    seed: int = 0,
    seconds: float = 1.2,
    speakers: int = 20,
    spread: float = 1.0,
) -> Iterator[AffectSample]:
    """The adapter of the card `speech_synthetic`: `generate` one by one, without `root`."""
    yield from _samples(n, seed, seconds, speakers, spread, SPACE)


def write_files(folder: str | Path, n: int, seed: int = 0, seconds: float = 1.2) -> list[Path]:
    """Write `generate(n, seed, seconds)` as <key>.wav (16 bit, exact) and labels.csv; gives the wavs' paths.

    labels.csv: path, speaker, emotion and the axes of SPACE.
    """
    folder, space = Path(folder), load_space(SPACE)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle)
        table.writerow(["path", "speaker", "emotion", *space.names("vad")])
        for sample in generate(n, seed, seconds):
            paths.append(folder / f"{sample.key}.wav")
            steps = np.round(sample.signals["audio"].data * 32767).astype(np.int16)
            soundfile.write(paths[-1], steps, SAMPLE_RATE, subtype="PCM_16")
            emotion = space.names("emotion")[int(sample.targets["emotion"].values.argmax())]
            vad = [f"{v:.4f}" for v in sample.targets["vad"].values]
            table.writerow([paths[-1].name, sample.groups["speaker"], emotion, *vad])
    return paths


def draw_vad(space: LabelSpace, emotion: int, rng: np.random.Generator) -> np.ndarray:
    """A VAD point (3,) float32 of the class in [-1, 1]. Raises AffectZooError when it has no term."""
    mean, sd, defined = space_gaussians(space)
    if not defined[emotion]:
        name = space.names("emotion")[emotion]
        raise AffectZooError(f"label space {space.name!r}: {name!r} has no term, so no voice can be drawn for it")
    return np.clip(rng.normal(mean[emotion], SCATTER * sd[emotion]), -1, 1).astype(np.float32)


def _samples(
    n: int, seed: int, seconds: float, speakers: int, spread: float, space: LabelSpace | str
) -> Iterator[AffectSample]:
    space = load_space(space) if isinstance(space, str) else space
    if seconds < 0.5:
        raise AffectZooError(f"seconds must be at least 0.5 (two syllables), got {seconds}")
    if speakers < 1:
        raise AffectZooError(f"speakers must be at least 1, got {speakers}")
    for index in range(n):
        yield _sample(space, seed, index, seconds, speakers, spread)


def _sample(space: LabelSpace, seed: int, index: int, seconds: float, speakers: int, spread: float) -> AffectSample:
    rng = np.random.default_rng([seed, 0, index])
    speaker = index % speakers
    emotion = (speaker + index // speakers) % space.size("emotion")  # each speaker goes through all of them
    duration = seconds * rng.uniform(0.85, 1.15)
    voice, vad = draw_voice(seed, speaker), draw_vad(space, emotion, rng)
    audio, truth = speak(prosody_from_vad(vad, voice, rng, spread), duration, rng, SAMPLE_RATE)
    targets = {
        "emotion": class_target(space, space.names("emotion")[emotion]),
        "vad": Target(vad, np.ones(3, bool)),
    }
    return AffectSample(
        f"voice_s{seed}_{index:05d}",
        {"audio": Signal(audio, float(SAMPLE_RATE))},
        targets,
        {"speaker": f"s{seed}_p{speaker:02d}"},
        {"voice": voice.kind, **truth},
    )
