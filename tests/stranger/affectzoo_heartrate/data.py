"""Made-up heart beats: an aroused heart beats faster and less variably."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from affectzoo.labels.space import load_space
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import SignalRef

CLASSES = ("calm", "aroused")


def intervals(seed: int, index: int) -> tuple[str, np.ndarray]:
    """The class and the intervals in ms of one recording of about 30 s."""
    rng = np.random.default_rng([seed, index])
    name = CLASSES[index % 2]
    mean, sd = (900, 60) if name == "calm" else (680, 25)
    mean += 60 * rng.normal()
    return name, np.clip(rng.normal(mean, sd, int(30_000 / mean)), 300, 2000)


def iter_samples(root: Path | None, card, folder: str, n: int = 80, seed: int = 0) -> Iterator[AffectSample]:
    """n recordings of twenty people; `folder` is where their files are written."""
    space = load_space("heart2")
    write_files(Path(folder), n, seed)
    for i in range(n):
        name, beats = intervals(seed, i)
        signals = {"heart": SignalRef(Path(folder) / f"heart{i:03d}.ibi", "heart")}
        yield AffectSample(
            f"heart{i:03d}",
            signals,
            {"emotion": class_target(space, name)},
            {"subject": f"s{i // 4:02d}"},
            {"duration_s": beats.sum() / 1000},
        )


def write_files(folder: Path, n: int = 4, seed: int = 0) -> list[Path]:
    """Write n .ibi files and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"heart{i:03d}.ibi" for i in range(n)]
    for i, path in enumerate(paths):
        path.write_text("\n".join(f"{x:.1f}" for x in intervals(seed, i)[1]) + "\n")
    return paths
