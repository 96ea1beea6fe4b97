"""AffectNet, the manually annotated pictures (Mollahosseini, Hasani & Mahoor 2019): 8 classes, valence and arousal.

Read: train_set/ and val_set/, each with images/<id>.jpg and annotations/<id>_exp.npy, <id>_val.npy and <id>_aro.npy
(single values, some releases as text).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.native import NativeLabels, file_samples, subfolder
from affectzoo.errors import FileError
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import SignalRef

SUBSETS = ("train_set", "val_set")
#: Valence and arousal of a picture that nobody could rate.
NOT_RATED = -2.0


def iter_samples(
    root: Path, card: DatasetCard, outside: str = "leave_out", label_space: str | None = None
) -> Iterator[AffectSample]:
    """Pictures (224 x 224, cropped); each is its own group `picture`, and its part is the attribute subset.

    label_space: affectnet8+vad; with ekman7+vad it is the set of seven classes, from which contempt is left out.
    outside: what becomes of a picture without a class of the space: 'leave_out' or 'mask'. Dominance was not rated
    and is masked; -2 is masked. A space without vad spares the reading of those files.
    """
    labels = NativeLabels(card, label_space, outside, scale="signed")

    def make(path: Path) -> AffectSample | None:
        stem = path.parent.parent / "annotations" / path.stem
        emotion = labels.target(_class_id(stem))
        if emotion is None:
            return None
        targets = {"emotion": emotion}
        if "vad" in labels.space.fields:
            rated = {axis: _value(stem, code) for axis, code in (("valence", "val"), ("arousal", "aro"))}
            targets["vad"] = labels.vad({axis: np.nan if v == NOT_RATED else v for axis, v in rated.items()})
        subset = path.parent.parent.name
        return AffectSample(
            key=f"{subset}/{path.stem}",
            signals={"face": SignalRef(path, "face")},
            targets=targets,
            groups={"picture": f"affectnet_{subset}_{path.stem}"},
            attributes={"subset": subset},
        )

    for subset in SUBSETS:
        yield from file_samples(sorted(subfolder(subfolder(root, subset), "images").glob("*.jpg")), make)
    labels.report()


def _class_id(stem: Path) -> str:
    return f"{_value(stem, 'exp'):g}"


def _value(stem: Path, code: str) -> float:
    """The one number in an annotation file. Raises FileError when there is none."""
    path = stem.with_name(f"{stem.name}_{code}.npy")
    try:
        found = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FileError(path, "no such file") from None
    except (OSError, ValueError, EOFError) as e:
        raise FileError(path, f"is not a .npy file of one number ({e})") from None
    if found.size != 1:
        raise FileError(path, f"holds {found.size} values, not one")
    try:
        return float(found.reshape(-1)[0])
    except ValueError:
        raise FileError(path, f"{str(found.reshape(-1)[0])!r} is not a number") from None
