"""Prediction of 1,000 short files: `predict_files` (batches, reading ahead) beside a file-by-file loop.

    python benchmarks/prediction.py [--files 1000] [--repeats 2] [--threads 2] [--no-write]

The peer is what people write: read a file, transform it, run the model on it alone, keep the answer. Both read the
same wav files with the same weights, interleaved; the answers are compared. Writes benchmarks/results/prediction.json.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf
import torch
from _machine import machine

from affectzoo.data.collate import collate
from affectzoo.inference.predictor import load_predictor
from affectzoo.inference.run import predict_files
from affectzoo.speech.synthetic import generate
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef
from affectzoo.zoo.factory import create_model
from affectzoo.zoo.pretrained import save_artefact

RESULT = Path(__file__).parent / "results" / "prediction.json"


def write_files(folder: Path, n: int) -> list[Path]:
    """n short voices; fifty are generated and cut to different lengths, so that writing does not take minutes."""
    voices = [s.signals["audio"] for s in generate(50, seconds=1.0)]
    rng, paths = np.random.default_rng(0), []
    for i in range(n):
        voice = voices[i % len(voices)]
        paths.append(folder / f"clip{i:05d}.wav")
        sf.write(paths[-1], voice.data[: int(rng.uniform(0.5, 1.0) * len(voice.data))], int(voice.rate_hz))
    return paths


def artefact(folder: Path) -> Path:
    """A checkpoint with seeded random weights: speed does not depend on them."""
    torch.manual_seed(0)
    model = create_model("speech/logmel_cnn", "ekman7+vad", width=16).eval()
    golden = collate([model.prepare(s) for s in generate(2)], model.label_space)
    licences = {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "none"}
    return save_artefact(model, folder, tag="speed", golden=golden, licences=licences, training={"dataset": "none"})


@torch.inference_mode()
def one_by_one(predictor, paths: list[Path]) -> np.ndarray:
    """The peer: one file at a time."""
    model, rows = predictor.model, []
    for path in paths:
        sample = model.prepare(AffectSample(path.stem, {"audio": SignalRef(path, "audio")}))
        rows.append(model(collate([sample], model.label_space)).probabilities().emotion.values[0].numpy())
    return np.stack(rows)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, predictor = write_files(folder, args.files), load_predictor(artefact(folder))
        spent = []
        for i in range(args.repeats):
            start = time.perf_counter()
            table = predict_files(predictor, paths, folder / f"out{i}.parquet", resume=False, progress=False)
            middle = time.perf_counter()
            alone = one_by_one(predictor, paths)
            spent.append((middle - start, time.perf_counter() - middle))
    difference = float(np.abs(table.values("emotion") - alone).max())
    ours, loop = min(s[0] for s in spent), min(s[1] for s in spent)
    result = {
        "task": f"{args.files} wav files of 0.5 to 1 s, speech/logmel_cnn width 16",
        "predict_files_s": round(ours, 3),
        "one_by_one_s": round(loop, 3),
        "speed_up": round(loop / ours, 3),
        "largest_difference": difference,
        "machine": machine("soundfile"),
    }
    print(json.dumps(result, indent=1))
    if not args.no_write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
