"""Prosody of many files: batches of like length, one row a file, also for a file that cannot be used."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from rich.progress import Progress

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.inference.sources import batches_of_like_size, file_keys
from affectzoo.inference.stream import reason
from affectzoo.speech.prosody.frames import FRAME_RATE
from affectzoo.speech.prosody.long import measure_recording
from affectzoo.speech.prosody.measures import MEASURES, measure_batch
from affectzoo.speech.prosody.plot import plot_prosody
from affectzoo.speech.quality import audio_warnings
from affectzoo.speech.stream import AudioStream
from affectzoo.structures.signal import Signal, read_file, reader_of
from affectzoo.structures.table import FORMATS

#: A batch closes at so many files or bytes of files (ours): together they are a few minutes of speech.
BATCH_FILES, BATCH_BYTES = 16, 16 << 20
#: Longer files are read block by block. A file of fewer bytes (9 kbit/s) is not asked how long it is. Ours.
LONG_S, SMALL_BYTES = 120.0, 1 << 17
COLUMNS = ("key", *MEASURES, "contour", "source", "warning", "error")


def measure_files(
    paths: list[Path], two_pass: bool = False, plots: str | Path | None = None, progress: bool = True
) -> pd.DataFrame:
    """One row a file, in the order of `paths`: key, MEASURES, contour, source (the path), warning (codes of
    speech.quality, comma separated), error ('' without).

    A file that cannot be read, or holds no finite audio, has NaN measures and its error. plots: a folder that gets
    `<key>.png` of each file that could be measured.
    """
    keys = dict(zip(paths, file_keys(paths), strict=True))
    rows: dict[Path, dict] = {}
    with Progress(disable=not progress, transient=True) as bar, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        job = bar.add_task("measuring", total=len(paths))
        for batch in batches_of_like_size(paths, BATCH_FILES, BATCH_BYTES):
            for path, row in _measure(dict(zip(batch, pool.map(_read, batch), strict=True)), two_pass, plots, keys):
                rows[path] = row
                bar.advance(job)
    frame = pd.DataFrame([{"key": keys[p], **rows[p], "source": str(p)} for p in paths]).reindex(columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(MEASURES, float)).fillna({"contour": "", "warning": "", "error": ""})


def check_table(path: str | Path) -> None:
    """Raise when a table cannot be written there, before the work is done; its folder is made."""
    path = Path(path)
    if path.suffix not in FORMATS:
        raise UnknownNameError("table format", path.suffix, FORMATS, str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise FileError(path.parent, f"cannot be made ({e.strerror})") from None
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise FileError(path, "cannot be written")


def write_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Write as .csv, .jsonl or .parquet."""
    path = Path(path)
    check_table(path)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path, index=False)


def _read(path: Path) -> Signal | str | None:
    """The audio, what is wrong with the file, or None for a file that is too long to be held."""
    try:
        reader = reader_of(path, ("audio",))
        if reader.stream and path.stat().st_size > SMALL_BYTES and AudioStream.open(path)[1] > LONG_S:
            return None
        return read_file(path, ("audio",))["audio"]
    except Exception as e:  # decoders fail in many ways, and no file may stop the run; the row says what happened
        return reason(e, path)


def _measure(
    reads: dict[Path, Signal | str | None], two_pass: bool, plots: str | Path | None, keys: dict[Path, str]
) -> Iterator[tuple[Path, dict]]:
    good = {path: signal for path, signal in reads.items() if isinstance(signal, Signal)}
    yield from ((path, {"error": why}) for path, why in reads.items() if isinstance(why, str))
    yield from ((path, _measure_long(path, two_pass, plots, keys[path])) for path, r in reads.items() if r is None)
    if not good:
        return
    try:
        found = measure_batch([s.data for s in good.values()], [s.rate_hz for s in good.values()], two_pass)
    except (AffectZooError, RuntimeError) as e:
        if len(good) == 1:
            yield next(iter(good)), {"error": reason(e, next(iter(good)))}
            return
        for path, signal in good.items():  # one of them, or their number, is the cause: alone each shows
            yield from _measure({path: signal}, two_pass, plots, keys)
        return
    for i, (path, signal) in enumerate(good.items()):
        if plots is not None:
            plot_prosody(signal.data, signal.rate_hz, found[i], Path(plots) / f"{keys[path]}.png", keys[path])
        warning = ", ".join(audio_warnings(signal))
        yield path, {**found[i].values, "contour": found.contours[i], "warning": warning, "error": ""}


def _measure_long(path: Path, two_pass: bool, plots: str | Path | None, key: str) -> dict:
    try:
        long = measure_recording(path, two_pass)
    except Exception as e:  # as in _read
        return {"error": reason(e, path)}
    if plots is not None:
        plot_prosody(long.envelope, FRAME_RATE, long.found, Path(plots) / f"{key}.png", key)
    return {
        **long.found.values,
        "contour": long.found.contour,
        "warning": ", ".join(long.warnings),
        "error": "",
    }
