"""FeatureCache: prepared signals on disk, by content. Several processes may fill one folder at a time."""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from affectzoo.errors import AffectZooError, FileError
from affectzoo.plugins import CACHE_VARIABLE, cache_folder
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal, SignalRef

#: Part of every name. Raise it when the layout of the files changes, and when one of our readers gives something else
#: for the same bytes: the name holds the source's bytes and the transforms' versions, and no version of a reader.
FORMAT = 1


@dataclass(frozen=True)
class Failure:
    """An item that could not be prepared, and why."""

    key: str
    reason: str


class FeatureCache:
    """One safetensors file a sample and preparation, named by a sha256 over what decides its contents.

    That is: the bytes of each source file (or of the array in memory), the part of it, and `spec`, the JSON-able
    identity of the preparation. A reader has no version of its own: where a plug-in's reader changes, raise the
    `version` of the transforms that take what it gives (for our readers: FORMAT). Files appear by an atomic rename: a
    killed run leaves no half file and goes on where it stopped. A file that cannot be read is made again.
    Raises FileError when the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = Path(folder) if folder is not None else cache_folder()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise FileError(self.folder, f"cannot be the cache ({e.strerror}); set {CACHE_VARIABLE}") from None
        if not os.access(self.folder, os.W_OK):
            raise FileError(self.folder, f"the cache cannot be written; set {CACHE_VARIABLE} to another folder")

    def path(self, sample: AffectSample, spec: Mapping[str, Any]) -> Path:
        """Where a prepared sample lies or would lie."""
        sources = {m: _source(s) for m, s in sorted(sample.signals.items())}
        text = json.dumps([FORMAT, sources, spec], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.folder / digest[:2] / f"{digest}.safetensors"

    def get(
        self, sample: AffectSample, spec: Mapping[str, Any], prepare: Callable[[AffectSample], AffectSample]
    ) -> AffectSample:
        """The sample with prepared signals: read when they are there, made and written when they are not."""
        path = self.path(sample, spec)
        signals = _read(path)
        if signals is None:
            signals = prepare(sample).signals
            _write(path, signals)
        return replace(sample, signals=signals)


def prepare_all(
    samples: Sequence[AffectSample],
    prepare: Callable[[AffectSample], AffectSample],
    spec: Mapping[str, Any] | None = None,
    cache: FeatureCache | None = None,
    progress: bool = False,
    text: str = "preparing",
) -> tuple[list[AffectSample], list[Failure]]:
    """Prepare many samples, through the cache when there is one; broken ones are reported, not fatal.

    Returns the prepared samples in order and the failures.
    """
    done, failed = [], []
    for s in track(samples, text, disable=not progress, transient=True):
        try:
            done.append(cache.get(s, spec or {}, prepare) if cache else prepare(s))
        except AffectZooError as e:
            failed.append(Failure(s.key, str(e)))
    return done, failed


def _source(signal: Signal | SignalRef) -> list:
    """Content hash and part of a signal's source."""
    if isinstance(signal, SignalRef):
        return [
            _content(signal.path),
            signal.modality,
            list(signal.modalities),
            signal.start_s,
            signal.stop_s,
        ]
    h = hashlib.sha256(np.ascontiguousarray(signal.data).tobytes())
    if signal.mask is not None:
        h.update(signal.mask.tobytes())
    return [
        h.hexdigest(),
        str(signal.data.dtype),
        list(signal.data.shape),
        signal.rate_hz,
        signal.t0_s,
        list(signal.names),
        signal.mask is not None,
    ]


def _content(path: Path) -> str:
    """sha256 of a file's bytes and its suffix (which picks the reader)."""
    try:
        stat = path.stat()
    except OSError as e:
        raise AffectZooError(f"{path}: cannot be read ({e.strerror})") from None
    return _hash_file(path, stat.st_size, stat.st_mtime_ns) + path.suffix.lower()


@lru_cache(maxsize=100_000)
def _hash_file(path: Path, size: int, mtime_ns: int) -> str:
    """Hashed once a process while size and time stay the same."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _write(path: Path, signals: Mapping[str, Signal]) -> None:
    arrays, meta = {}, {}
    for m, s in signals.items():
        arrays[f"{m}/data"] = np.ascontiguousarray(s.data)
        if s.mask is not None:
            arrays[f"{m}/mask"] = np.ascontiguousarray(s.mask)
        meta[m] = {"rate_hz": s.rate_hz, "t0_s": s.t0_s, "names": list(s.names)}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(save(arrays, {"signals": json.dumps(meta)}))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Signal] | None:
    """The stored signals, or None when there is no readable file."""
    try:
        with safe_open(path, "numpy") as f:
            meta, names = json.loads(f.metadata()["signals"]), set(f.keys())
            return {
                m: Signal(
                    f.get_tensor(f"{m}/data"),
                    info["rate_hz"],
                    info["t0_s"],
                    f.get_tensor(f"{m}/mask") if f"{m}/mask" in names else None,
                    tuple(info["names"]),
                )
                for m, info in meta.items()
            }
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
