"""Tiny folders in the layouts of EmoDB, RAVDESS and nEMO, whose speakers bear the same names in all three."""

import csv
from pathlib import Path

import numpy as np
import soundfile

#: A test actor of each of EmoBox's six folds of RAVDESS, in the order of the folds.
ACTORS = (1, 4, 8, 3, 2, 6)
RAVDESS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
NEMO = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
EMODB = {"anger": "Wa", "happiness": "Fa", "neutral": "Nc", "sadness": "Tc"}
NAME = "emodb+ravdess+nemo"
#: What holds of the folders: items, and those with one of emodb4's classes.
ITEMS = {"emodb": 16, "ravdess": 48, "nemo": 24}
EXPRESSED = {"emodb": 16, "ravdess": 24, "nemo": 16}
#: Highest frequency of each corpus's noise in Hz.
BAND = {"emodb": 1500, "ravdess": 3500, "nemo": 7500}


def write_corpora(root: Path, seconds: float = 0.2) -> Path:
    """Write the three folders below `root`; gives it back."""
    emodb = [
        {"path": f"wav/0{s}a01{EMODB[e]}.wav", "speaker": str(s), "gender": "f", "age": "30", "emotion": e,
         "text_code": "a01", "source": "original_16k"}
        for s in (1, 2, 3, 4) for e in EMODB
    ]  # fmt: skip
    ravdess = [
        {"path": f"wav/Actor_{a:02d}/03-01-{e:02d}-01-01-01-{a:02d}.wav", "speaker": str(a), "gender": "m",
         "emotion": RAVDESS[e - 1], "intensity": "normal", "statement": "1"}
        for a in ACTORS for e in range(1, 9)
    ]  # fmt: skip
    nemo = [
        {"path": f"wav/S{s}/S{s}_{e}_1.wav", "speaker": str(s), "gender": "f", "age": "25", "emotion": e,
         "sentence_id": "1"}
        for s in (1, 2, 3, 4) for e in NEMO
    ]  # fmt: skip
    for corpus, folder, rows in (
        ("emodb", "emodb", emodb),
        ("ravdess", "ravdess_speech", ravdess),
        ("nemo", "nemo_subset", nemo),
    ):
        _write(root / folder, rows, BAND[corpus], seconds)
    return root


def _write(folder: Path, rows: list[dict], band_hz: float, seconds: float) -> None:
    rng = np.random.default_rng(int(band_hz))
    for i, row in enumerate(rows):
        n = round(16000 * seconds * (1 + 0.1 * (i % 5)))
        spectrum = np.fft.rfft(rng.standard_normal(n))
        spectrum[np.fft.rfftfreq(n, 1 / 16000) > band_hz] = 0
        path = folder / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * np.fft.irfft(spectrum, n), 16000)
        row["duration"] = f"{n / 16000:.3f}"
    with (folder / "metadata.csv").open("w", newline="") as f:
        writer = csv.DictWriter(f, rows[0])
        writer.writeheader()
        writer.writerows(rows)
