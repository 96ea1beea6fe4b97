"""From a video file to a table with action units, emotion and VAD, beside other libraries; stages; memory over length.

    python benchmarks/face.py CLIP [--fer PYTHON] [--mediapipe PYTHON BUNDLE] [--repeats 3] [--no-write]

CLIP: a video with a face. The model is face/emotion_au as it ships, with seeded random weights: speed does not depend
on them. Others run in environments of their own, named by their PYTHON (benchmarks/peers says what each needs); all
see the same clip in this run, one after the other, best of the repeats. Stages are timed alone on what the stage
before gave. `share` is the whole pipeline's time by that of its slowest stage: 1 is perfect overlap. Writes
benchmarks/results/face.json. Needs the weights face_landmarker (`affectzoo weights list`) and the extra [face].
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from _machine import machine

from affectzoo.face.tracks import FaceTracks
from affectzoo.face.video import open_frames
from affectzoo.inference.predictor import Predictor
from affectzoo.inference.run import predict_files
from affectzoo.inference.sequences import Sequences
from affectzoo.inference.tracks import TrackPredictor, _rows
from affectzoo.zoo.factory import create_model

HERE = Path(__file__).parent
RESULT = HERE / "results" / "face.json"
SPACE = "ferplus8+vad+arkit_au"
FIND = {"detector": "blazeface", "every": 10}
BATCH = 32


def make_predictor() -> Predictor:
    torch.manual_seed(0)
    return Predictor(create_model("face/emotion_au", SPACE, find=FIND).eval())


def best(repeats: int, work: Callable):
    """(least seconds, last result)."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def stages(predictor: Predictor, clip: Path, repeats: int) -> dict:
    """Frames a second of each stage alone and of the whole, from file to table."""
    tracks = FaceTracks(predictor.model.find, predictor.modalities)
    spent = {}
    spent["decode"], frames = best(repeats, lambda: list(open_frames(clip).frames))
    source = open_frames(clip)

    def find() -> list:
        tracks_of = type(source)(iter(frames), source.rate_hz, source.count)
        return list(tracks._pieces(tracks_of))

    spent["detect, mesh, align"], pieces = best(repeats, find)

    def answer() -> int:
        sequences, rows = Sequences(predictor, source.rate_hz), 0
        for i in range(0, len(pieces), BATCH):
            rows += len(_rows(sequences, pieces[i : i + BATCH], i))
        return rows

    spent["model"], rows = best(repeats, answer)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "table.parquet"
        whole, _ = best(repeats, lambda: predict_files(predictor, [clip], out, BATCH, resume=False, progress=False))
    n, slowest = len(frames), max(spent.values())
    return {
        "frames": n,
        "rows": rows,
        "size": list(frames[0][0].shape[1::-1]),
        "fps": {**{k: round(n / v, 1) for k, v in spent.items()}, "file to table": round(n / whole, 1)},
        "share": round(whole / slowest, 2),
    }


def peer(command: list[str], repeats: int) -> dict | None:
    """Frames a second of another library on the clip; None when it cannot be run, with its last line printed."""
    answers = []
    for _ in range(repeats):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{command[1]}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        answers.append(json.loads(done.stdout.strip().splitlines()[-1]))
    fastest = min(answers, key=lambda a: a["seconds"])
    return {"fps": round(fastest["frames"] / fastest["seconds"], 1), **fastest}


def memory(clip: Path, folder: Path) -> list[dict]:
    """Peak resident memory of a process that predicts the clip, and the clip looped to ten times its length."""
    looped = loop(clip, folder / "looped.mp4", 10)
    results = []
    for path in (clip, looped):
        command = [sys.executable, __file__, str(path), "--child"]
        results.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    return results


def loop(clip: Path, out: Path, times: int) -> Path:
    """The clip over and over, encoded again as MPEG-4."""
    frames = [f for f, _ in open_frames(clip).frames]
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter_fourcc(*"mp4v"), open_frames(clip).rate_hz, (width, height))
    for _ in range(times):
        for frame in frames:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return out


def child(clip: Path) -> None:
    """Predict one clip; print the rows and the peak resident memory in MB."""
    torch.set_num_threads(1)
    table = TrackPredictor(make_predictor(), BATCH)(clip)
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")]
    print(json.dumps({"rows": len(table.frame), "peak_mb": round(int(line.split()[1]) / 1024)}))


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=Path)
    parser.add_argument("--fer", metavar="PYTHON")
    parser.add_argument("--mediapipe", nargs=2, metavar=("PYTHON", "BUNDLE"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args.clip)
    torch.set_num_threads(args.threads)
    result = {"clip": args.clip.name, "affectzoo": stages(make_predictor(), args.clip, args.repeats)}
    if args.fer:
        result["fer"] = peer([args.fer, str(HERE / "peers/fer_video.py"), str(args.clip)], args.repeats)
    if args.mediapipe:
        python, bundle = args.mediapipe
        command = [python, str(HERE / "peers/mediapipe_video.py"), str(args.clip), bundle]
        result["mediapipe landmarker"] = peer(command, args.repeats)
    ours = result["affectzoo"]["fps"]["file to table"]
    others = {k: v["fps"] for k, v in result.items() if k in ("fer", "mediapipe landmarker") and v}
    result["ratios"] = {k: round(ours / fps, 2) for k, fps in others.items()}
    with tempfile.TemporaryDirectory() as folder:
        result["memory"] = memory(args.clip, Path(folder))
    result["machine"] = machine("opencv-python", "ai-edge-litert", "timm")
    print(json.dumps(result, indent=1))
    if not args.no_write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
