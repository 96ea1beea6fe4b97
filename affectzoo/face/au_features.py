"""The modality `au_features`: what a model reads of it, and a generated set whose labels are true by construction.

A step has OpenFace's 35 columns (openface.py): 17 intensities (0 to 5), then 18 presences (0 or 1, or the share of
frames). Clips are one step that holds means over frames; files of OpenFace are one step a frame.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError
from affectzoo.face.openface import COLUMNS, HIGHEST, MODALITY
from affectzoo.face.synthetic import PROTOTYPES
from affectzoo.labels.space import load_space
from affectzoo.structures.sample import AffectSample, class_target
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import Transform

SPACE = "ekman7"
#: FACS number of every column.
NUMBERS = np.array([int(c[2:4]) for c in COLUMNS])
#: From this intensity on a unit is present (ours; OpenFace trains two separate estimators).
PRESENT_FROM = 1.0


class AuFeatures(Transform):
    """Checks, nothing else: 35 columns in OpenFace's order, finite and in range (to 1e-3) at every valid step."""

    def __call__(self, signal: Signal) -> Signal:
        """(T, 35) float32; masked steps are 0. Raises AffectZooError naming the column at fault."""
        data = np.asarray(signal.data, np.float32)
        if data.ndim != 2 or data.shape[1] != len(COLUMNS):
            raise AffectZooError(f"{MODALITY} of shape {data.shape}: {len(COLUMNS)} columns a step are needed")
        if signal.names and tuple(signal.names) != COLUMNS:
            wrong = next((a, b) for a, b in zip(signal.names, COLUMNS, strict=False) if a != b)
            raise AffectZooError(f"{MODALITY}: column {wrong[0]!r} where {wrong[1]!r} belongs")
        mask = np.ones(len(data), bool) if signal.mask is None else signal.mask
        if not mask.any():
            raise AffectZooError(f"{MODALITY}: no step is valid (no face was found)")
        bad = ~((data >= -1e-3) & (data <= HIGHEST + 1e-3)) & mask[:, None]
        if bad.any():
            at = int(bad.any(0).argmax())
            raise AffectZooError(f"{MODALITY}: {COLUMNS[at]} leaves 0 to {HIGHEST[at]:g}, or is no number")
        return Signal(np.where(mask[:, None], data, 0), signal.rate_hz, signal.t0_s, signal.mask, COLUMNS)


def generate(n: int, seed: int = 0, frames: int = 1, subjects: int = 12) -> list[AffectSample]:
    """`n` clips of action units from the prototypes of synthetic.py, deterministic per (seed, index).

    frames: steps of a clip at 30 Hz; 1 gives clip means (rate 1), as `ravdess_au` has them. A person has a resting face
    of their own, an estimator's error lies on every step. Target: emotion in ekman7. Group: subject.
    """
    return [_sample(seed, i, frames, subjects) for i in range(n)]


def iter_samples(
    root: Path | None, card: object, n: int = 420, seed: int = 0, frames: int = 1, subjects: int = 12
) -> Iterator[AffectSample]:
    """The adapter of the card `au_synthetic`: `generate` one by one; there are no files under `root`."""
    yield from (_sample(seed, i, frames, subjects) for i in range(n))


def _sample(seed: int, index: int, frames: int, subjects: int) -> AffectSample:
    rng = np.random.default_rng([seed, index])
    person = index % subjects
    emotion = list(PROTOTYPES)[(person + index // subjects) % len(PROTOTYPES)]  # so a person shows all of them
    always, sometimes = PROTOTYPES[emotion]
    shown = {*always, *(u for u in sometimes if rng.uniform() < 0.5)}
    level = np.where(np.isin(NUMBERS, list(shown)), 5 * rng.uniform(0.4, 1.0), 0.0)
    rest = np.random.default_rng([seed, subjects, person]).gamma(1.0, 0.3, 100)[NUMBERS]  # of one unit in both columns
    steps = np.clip(level + rest + rng.normal(0, 0.3, (frames, len(NUMBERS))), 0, 5)
    presence = (HIGHEST == 1)[None]
    data = np.where(presence, steps >= PRESENT_FROM, steps).astype(np.float32)
    return AffectSample(
        f"au_s{seed}_{index:05d}",
        {MODALITY: Signal(data, 1.0 if frames == 1 else 30.0, names=COLUMNS)},
        {"emotion": class_target(load_space(SPACE), emotion)},
        {"subject": f"s{seed}_p{person:02d}"},
    )
