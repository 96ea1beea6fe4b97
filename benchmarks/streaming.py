"""Long and live audio: seconds of audio a second by stage, latency a chunk, memory over the length.

    python benchmarks/streaming.py [--clips 200] [--minutes 5] [--hours 2] [--threads 1] [--repeats 3] [--no-write]

The model is speech/logmel_cnn as it ships, with seeded random weights: speed does not depend on them. The audio is
synthetic voices. Each stage is timed alone on what the stage before it gave, the best of the repeats counts; the
unavoidable stage is decoding. All times are processor time, which other programs on the machine disturb less than the
wall clock; on a quiet machine with one thread the two agree. Writes benchmarks/results/streaming.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
import torch
from _machine import machine

from affectzoo.inference.predictor import Predictor
from affectzoo.inference.run import predict_files
from affectzoo.inference.stream import StreamPredictor, predict_recording
from affectzoo.inference.windows import WindowCutter, WindowPlan
from affectzoo.speech.reader import read_audio
from affectzoo.speech.stream import AudioStream
from affectzoo.speech.synthetic import generate
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal
from affectzoo.zoo.factory import create_model

RESULT = Path(__file__).parent / "results" / "streaming.json"
PLAN = WindowPlan(every_s=1.0)
BATCH = 16


def talk(seconds: float, rate: int) -> np.ndarray:
    """Voices at a rate, (N,) float32."""
    voices = np.concatenate([s.signals["audio"].data for s in generate(20, seconds=3.0)])
    voices = soxr.resample(voices, 16000, rate)
    return np.resize(voices, int(seconds * rate)).astype(np.float32)


def write_long(path: Path, seconds: float, rate: int, channels: int) -> Path:
    """A long file, written minute by minute."""
    minute = np.repeat(talk(60, rate)[:, None], channels, axis=1)
    with sf.SoundFile(path, "w", rate, channels) as f:
        for start in range(0, int(seconds), 60):
            f.write(minute[: int(min(60, seconds - start) * rate)])
    return path


class Clock:
    """Best time of each stage over the repeats."""

    def __init__(self):
        self.best: dict[str, float] = {}

    def __call__(self, stage: str, work: Callable):
        start = time.process_time()
        result = work()
        spent = time.process_time() - start
        self.best[stage] = min(spent, self.best.get(stage, spent))
        return result

    def rates(self, seconds: float) -> dict[str, float]:
        """Seconds of audio a second, by stage."""
        return {stage: round(seconds / spent, 1) for stage, spent in self.best.items()}


def model_over(predictor: Predictor, samples: list[AffectSample]) -> list:
    return [predictor.predict(samples[i : i + BATCH]) for i in range(0, len(samples), BATCH)]


def stages_of_clips(predictor: Predictor, folder: Path, n: int, repeats: int) -> dict:
    """predict_files over n clips of 3 s at 48 kHz."""
    audio, rng = talk(120, 48000), np.random.default_rng(0)
    starts = rng.integers(0, len(audio) - 3 * 48000, n)
    paths = [folder / f"clip{i:04d}.wav" for i in range(n)]
    for path, start in zip(paths, starts, strict=True):
        sf.write(path, audio[start : start + 3 * 48000], 48000)
    logmel, clock = predictor.model.transforms["audio"], Clock()
    for i in range(repeats):
        signals = clock("decode", lambda: [read_audio(p)["audio"] for p in paths])
        at_16k = clock("resample", lambda s=signals: [Signal(logmel._resample(x.data, x.rate_hz), 16000.0) for x in s])
        ready = clock("features", lambda s=at_16k: [AffectSample("k", {"audio": logmel(x)}) for x in s])
        tables = clock("model", lambda s=ready: model_over(predictor, s))
        clock("write", lambda t=tables, i=i: [x.write(folder / f"t{i}.csv") for x in t])
        clock("predict_files", lambda i=i: predict_files(predictor, paths, folder / f"o{i}.csv", BATCH, progress=False))
    return {"what": f"{n} wav files of 3 s, 48 kHz", "seconds_per_second": clock.rates(3.0 * n)}


def stages_of_windows(predictor: Predictor, path: Path, repeats: int) -> dict:
    """predict --every 1s over one long file."""
    clock, model = Clock(), predictor.model
    rate, seconds, _ = AudioStream.open(path)

    def cut(parts, stream):
        cutter = WindowCutter(PLAN, stream)
        windows = [w for p in parts for w in cutter.feed(p)]
        return windows + cutter.finish()

    for i in range(repeats):
        chunks = clock("decode", lambda: list(AudioStream.open(path)[2]))
        stream = AudioStream(rate, model.transforms["audio"])
        parts = clock("mix and resample", lambda c=chunks, s=stream: [*map(s.feed, c), s.finish()])
        windows = clock("windows and activity", lambda p=parts, s=stream: cut(p, s))
        samples = [AffectSample("k", {"audio": Signal(w.data, stream.rate_hz)}) for w in windows]
        ready = clock("features", lambda s=samples: [model.prepare(x) for x in s])
        clock("model", lambda s=ready: model_over(predictor, s))
        table = clock("predict_recording", lambda: predict_recording(predictor, path, PLAN))
        clock("write", lambda t=table, i=i: t.write(path.parent / f"w{i}.csv"))
    what = f"one {path.suffix[1:]} file of {seconds / 60:.0f} min, {rate / 1000:g} kHz stereo, windows of 3 s every 1 s"
    return {"what": what, "seconds_per_second": clock.rates(seconds)}


def latency(predictor: Predictor, chunk_ms: int, rate: int, seconds: float) -> dict:
    """What one `feed` takes, in ms: without a row and with one; and the share of real time."""
    audio, size = talk(seconds, rate), rate * chunk_ms // 1000
    stream = StreamPredictor(predictor, rate)
    spent, rows = [], []
    for i in range(0, len(audio), size):
        start = time.process_time()
        rows.append(len(stream.feed(audio[i : i + size]).frame))
        spent.append(1000 * (time.process_time() - start))
    spent, rows = np.array(spent[3000 // chunk_ms + 1 :]), np.array(rows[3000 // chunk_ms + 1 :])
    quiet, busy = spent[rows == 0], spent[rows > 0]
    return {
        "chunk_ms": chunk_ms,
        "rate_hz": rate,
        "without_row_median_ms": round(float(np.median(quiet)), 3) if len(quiet) else None,
        "with_row_median_ms": round(float(np.median(busy)), 2),
        "with_row_p95_ms": round(float(np.percentile(busy, 95)), 2),
        "longest_ms": round(float(spent.max()), 2),
        "share_of_real_time": round(float(spent.sum() / (chunk_ms * len(spent))), 5),
    }


def memory(seconds: float, folder: Path) -> dict:
    """Peak resident memory of a process of its own that predicts a file of so many seconds."""
    path = write_long(folder / f"{seconds:.0f}.wav", seconds, 16000, 1)
    command = [sys.executable, __file__, "--child", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def child(path: Path) -> None:
    """Predict one file; print the resident memory before it, after 30 s of other audio, and the peak."""
    torch.set_num_threads(1)
    predictor = make_predictor()
    StreamPredictor(predictor, 16000).feed(talk(30, 16000))
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak is counted from here
    before, start = status_mb("VmRSS"), time.process_time()
    rows = len(predict_files(predictor, [path], path.with_suffix(".csv"), progress=False, windows=PLAN).frame)
    spent = round(time.process_time() - start, 1)
    size = {"minutes": round(sf.info(path).duration / 60), "rows": rows, "cpu_seconds": spent}
    print(json.dumps({**size, "before_mb": before, "peak_mb": status_mb("VmHWM")}))


def status_mb(name: str) -> int:
    """A line of the process's status in MB."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(name)]
    return round(int(line.split()[1]) / 1024)


def make_predictor() -> Predictor:
    torch.manual_seed(0)
    return Predictor(create_model("speech/logmel_cnn", "ekman7+vad").eval())


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser()
    for name, default in (("clips", 200), ("minutes", 5), ("hours", 2), ("threads", 1), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=float if name == "hours" else int, default=default)
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args.child)
    torch.set_num_threads(args.threads)
    predictor = make_predictor()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stages = [stages_of_clips(predictor, folder, args.clips, args.repeats)]
        for suffix in (".wav", ".flac", ".mp3"):
            path = write_long(folder / f"long{suffix}", 60 * args.minutes, 44100, 2)
            stages.append(stages_of_windows(predictor, path, args.repeats))
        lengths = [memory(s, folder) for s in (600.0, 3600 * args.hours)] if args.hours else []
    feeds = [latency(predictor, ms, rate, 60) for rate in (16000, 44100) for ms in (20, 100, 1000)]
    result = {"stages": stages, "latency": feeds, "memory": lengths, "machine": machine("soundfile", "soxr")}
    print(json.dumps(result, indent=1))
    if not args.no_write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
