"""open_dataset: a card and its adapter become a list of samples; broken rows are reported and counted."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from affectzoo.data.card import DatasetCard, is_joined, load_card
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.plugins import import_target
from affectzoo.schema import check_arguments
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal

ROOT_VARIABLE = "AFFECTZOO_DATA"

#: How many broken rows are shown one by one.
SHOWN = 5
#: Rows that the adapter running now has reported as broken.
_broken: ContextVar[list[str] | None] = ContextVar("broken_rows", default=None)


class BrokenRowWarning(UserWarning):
    """A row of a metadata table cannot be used and was skipped."""


@dataclass(frozen=True)
class Dataset:
    """An opened data set. Signals are mostly references that are read on demand; `space` is the targets'.

    broken: one line a row that could not be used: file, line, reason. lost: items by label that `space` cannot express
    ('ravdess:emotion:calm' -> 192), of joined sets (data/joined.py).
    """

    card: DatasetCard
    samples: list[AffectSample]
    space: LabelSpace
    broken: tuple[str, ...] = ()
    lost: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)


def open_dataset(name: str, root: str | Path | None = None, **options) -> Dataset:
    """Open a data set by name, or several as one ('emodb+ravdess', data/joined.py).

    root: the folder that holds the data sets' folders; without it the variable AFFECTZOO_DATA is read.
    Generated sets need none. options: what the adapter takes; its option `label_space` overrides the
    card's. Joined sets take `label_space` and, by the set's name, a mapping of each one's own options.
    Raises UnknownNameError for a name or an option, FileError when the data are not there, AffectZooError for a key
    that occurs twice or a set without one usable sample.
    """
    card = load_card(name)
    if is_joined(card.name):
        from affectzoo.data.joined import open_joined

        return open_joined(card, root, **options)
    adapter = import_target(card.adapter)
    check_arguments(adapter, options, f"data set {card.name!r}", skip=2)  # root, card
    folder = Path(root) if root is not None and card.folder is None else data_folder(card, root)
    broken: list[str] = []
    token = _broken.set(broken)
    try:
        samples = list(adapter(folder, card, **options))
    finally:
        _broken.reset(token)
    if len(broken) > SHOWN:
        warnings.warn(
            f"data set {name!r}: {len(broken)} rows skipped in all; Dataset.broken lists them",
            BrokenRowWarning,
            stacklevel=2,
        )
    _check_keys(card, samples, broken)
    space = as_space(options["label_space"]) if "label_space" in options else card.space
    return Dataset(card, samples, space, tuple(broken))


def data_folder(card: DatasetCard, root: str | Path | None = None) -> Path | None:
    """Where the card's data lie; None for a set without a folder. An error says how to obtain them."""
    if card.folder is None:
        return None
    base = root if root is not None else os.environ.get(ROOT_VARIABLE)
    if not base:
        raise AffectZooError(
            f"data set {card.name!r}: set the environment variable {ROOT_VARIABLE} to the folder "
            f"that holds {card.folder}/, or give root=. How to obtain it: {card.how_to_obtain}"
        )
    folder = Path(base) / card.folder
    if not folder.is_dir():
        raise FileError(
            folder,
            f"no such folder; data set {card.name!r} is expected here ({ROOT_VARIABLE} or root= "
            f"names the one above). How to obtain it: {card.how_to_obtain}",
        )
    return folder


def report_row(path: str | Path, line: int | None, reason: object) -> None:
    """Say that a row is skipped, and count it (only the first few are shown).

    line: 1 is the header; None for a file that is an item itself.
    """
    text = f"{path}: {reason}" if line is None else f"{path}, line {line}: {reason}"
    found = _broken.get()
    if found is not None:
        found.append(text)
    if found is None or len(found) <= SHOWN:
        warnings.warn(f"row skipped: {text}", BrokenRowWarning, stacklevel=2)


def row_samples(
    path: str | Path, rows: Iterable[dict], make: Callable[[dict], AffectSample | None], first: int = 2
) -> Iterator[AffectSample]:
    """Samples from the rows of a table, one by one; a row that `make` refuses is reported and skipped.

    make: a sample, or None for a row that is left out on purpose. What it raises as AffectZooError, KeyError,
    TypeError or ValueError is the reason in the report. first: the line of the first row (1 without a header).
    """
    for line, row in enumerate(rows, start=first):
        try:
            sample = make(row)
        except (AffectZooError, TypeError, ValueError) as e:
            report_row(path, line, e)
            continue
        except KeyError as e:
            report_row(path, line, f"no value for {e}")
            continue
        if sample is not None:
            yield sample


def read_rows(path: str | Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Rows of a CSV as text. Raises UnknownNameError naming a missing column and the nearest that is there."""
    return read_frame(path, columns).to_dict("records")


def read_frame(path: str | Path, columns: Iterable[str]):
    """A CSV as a data frame of text, for tables too long to go through row by row; errors as of `read_rows`."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise FileError(path, "no such file") from None
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as e:
        raise FileError(path, f"is not a readable CSV ({e})") from None
    for column in columns:
        if column not in frame:
            raise UnknownNameError("column", column, frame.columns, str(path))
    return frame


def existing(path: Path) -> Path:
    """The path, when a file is there. Raises FileError otherwise."""
    if not path.is_file():
        raise FileError(path, "no such file")
    return path


def summary(dataset: Dataset) -> dict:
    """Counts of a data set, JSON-able: items, broken, labelled, classes, groups, seconds.

    labelled: field -> items with at least one label. classes: emotion class (the largest share) -> items.
    groups: group -> value -> items. seconds: by the attribute duration_s, else by signals in memory or with
    an end.
    """
    samples, space = dataset.samples, dataset.space
    labelled = {f: sum(f in s.targets and bool(s.targets[f].mask.any()) for s in samples) for f in space.fields}
    classes = Counter(dict.fromkeys(space.names("emotion"), 0))
    classes.update(name for s in samples if (name := top_class(s, space)) is not None)
    names = sorted({g for s in samples for g in s.groups})
    groups = {g: dict(sorted(Counter(s.groups[g] for s in samples if g in s.groups).items())) for g in names}
    seconds = sum(_seconds(s) for s in samples)
    return {
        "items": len(samples),
        "broken": len(dataset.broken),
        "labelled": labelled,
        "classes": dict(classes),
        "groups": groups,
        "seconds": round(seconds, 3),
    }


def top_class(sample: AffectSample, space: LabelSpace) -> str | None:
    """The class with the largest share of a clip's emotion target; None without one."""
    target = sample.targets.get("emotion")
    if target is None or target.values.ndim != 1 or not target.mask.any():
        return None
    return space.names("emotion")[int((target.values * target.mask).argmax())]


def _seconds(sample: AffectSample) -> float:
    if "duration_s" in sample.attributes:
        return float(sample.attributes["duration_s"])
    lengths = [
        s.duration_s if isinstance(s, Signal) else (s.stop_s or s.start_s) - s.start_s for s in sample.signals.values()
    ]
    return max(lengths, default=0.0)


def _check_keys(card: DatasetCard, samples: list[AffectSample], broken: list[str]) -> None:
    twice = [k for k, n in Counter(s.key for s in samples).items() if n > 1]
    if twice:
        some = ", ".join(twice[:3])
        raise AffectZooError(f"data set {card.name!r}: {len(twice)} keys occur twice, such as {some}")
    if not samples:
        first = f"; {len(broken)} rows are broken, the first: {broken[0]}" if broken else ""
        raise AffectZooError(f"data set {card.name!r}: has no usable sample{first}")
