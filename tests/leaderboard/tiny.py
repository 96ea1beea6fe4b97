"""A made-up benchmark of eight clips, two folds, two speakers a fold; small enough to score by hand."""

import numpy as np
import pandas as pd

from affectzoo.labels.space import load_space
from affectzoo.leaderboard.benchmark import Benchmark
from affectzoo.leaderboard.exam import Exam, ExamFold
from affectzoo.structures.sample import AffectSample, Target, class_target
from affectzoo.structures.signal import Signal
from affectzoo.structures.table import PredictionTable, TableMeta

SPACE = "emodb4"
#: key -> (speaker, gender, class, seconds). Fold 0 tests speakers a and b, fold 1 tests c and d.
ITEMS = {
    "a1": ("a", "f", "anger", 1.0),
    "a2": ("a", "f", "anger", 1.0),
    "a3": ("a", "f", "anger", 1.2),
    "b1": ("b", "m", "sadness", 3.0),
    "c1": ("c", "f", "sadness", 3.1),
    "c2": ("c", "f", "sadness", 2.9),
    "d1": ("d", "m", "anger", 1.1),
    "d2": ("d", "m", "sadness", 3.0),
}


def tiny_benchmark(**changes) -> Benchmark:
    """The benchmark of the eight clips."""
    options = {
        "name": "tiny",
        "title": "made up",
        "dataset": "tiny_set",
        "split": "two",
        "label_space": SPACE,
        "metrics": {"emotion": ("uar", "accuracy")},
        "main": "emotion/uar",
        "group": "speaker",
        "slices": ("gender",),
    }
    return Benchmark(**{**options, **changes})


def tiny_samples(labels: dict[str, str] | None = None) -> tuple[AffectSample, ...]:
    """The clips; `labels` overrides classes by key."""
    space, out = load_space(SPACE), []
    for key, (speaker, gender, name, seconds) in ITEMS.items():
        signal = Signal(np.zeros(round(seconds * 100), np.float32), 100.0)
        target = class_target(space, (labels or {}).get(key, name))
        out.append(AffectSample(key, {"audio": signal}, {"emotion": target}, {"speaker": speaker}, {"gender": gender}))
    return tuple(out)


def tiny_exam(labels: dict[str, str] | None = None, split_sha256: str = "5" * 64, **changes) -> Exam:
    """The exam of the eight clips."""
    first, second = ("a1", "a2", "a3", "b1"), ("c1", "c2", "d1", "d2")
    folds = (ExamFold("0", second, first), ExamFold("1", first, second))
    return Exam(tiny_benchmark(**changes), tiny_samples(labels), folds, "1", split_sha256, "CC0-1.0")


def table(answers: dict[str, str], space: str = SPACE, **meta) -> PredictionTable:
    """A table of hard answers: key -> class ('' for an error row)."""
    found = load_space(space)
    rows = [
        {
            "key": key,
            "track": "",
            "t_s": np.nan,
            "source": "",
            "error": "" if name else "could not be read",
            **{f"emotion.{n}": float(n == name) if name else np.nan for n in found.names("emotion")},
        }
        for key, name in answers.items()
    ]
    model = meta.pop("model", {"arch": "speech/none", "tag": "t1"})
    return PredictionTable(
        pd.DataFrame(rows), TableMeta(found.to_dict(), {"emotion": "probabilities"}, model=model, **meta)
    )


#: All right but a3 and d1.
ANSWERS = {k: v[2] for k, v in ITEMS.items()} | {"a3": "sadness", "d1": "neutral"}


def curve_exam(n_clips: int = 4, steps: int = 8, shift: float = 0.0) -> Exam:
    """Clips with vad at 4 Hz; valence is a ramp common to all plus `shift` times the clip's number."""
    benchmark = tiny_benchmark(
        metrics={"vad": ("ccc", "rmse")},
        label_space="va",
        main="vad/ccc",
        slices=(),
        controls=("constant", "clip_time", "prior", "duration"),
    )
    samples = []
    for i in range(n_clips):
        ramp = np.linspace(-0.5, 0.5, steps)
        values = np.stack([ramp + shift * i, -ramp], 1).astype(np.float32)
        samples.append(
            AffectSample(
                f"k{i}",
                {"eeg": Signal(np.zeros((steps * 8, 2), np.float32), 32.0)},
                {"vad": Target(values, np.ones_like(values, bool), 4.0)},
                {"speaker": f"s{i}"},
            )
        )
    keys = [s.key for s in samples]
    half = n_clips // 2
    folds = (
        ExamFold("0", tuple(keys[half:]), tuple(keys[:half])),
        ExamFold("1", tuple(keys[:half]), tuple(keys[half:])),
    )
    return Exam(benchmark, tuple(samples), folds, "1", "5" * 64)


def curve_table(exam: Exam, rate_hz: float = 4.0, t0_s: float = 0.0, steps: int = 8, keys=None) -> PredictionTable:
    """The true ramp, sampled at another rate."""
    t = t0_s + np.arange(steps) / rate_hz
    rows = [
        {
            "key": s.key,
            "track": "",
            "t_s": x,
            "source": "",
            "error": "",
            "vad.valence": -0.5 + x / 1.75,
            "vad.arousal": 0.5 - x / 1.75,
        }
        for s in exam.samples
        for x in t
        if keys is None or s.key in keys
    ]
    meta = TableMeta(load_space("va").to_dict(), {"vad": "value"}, "step", rate_hz)
    return PredictionTable(pd.DataFrame(rows), meta)
