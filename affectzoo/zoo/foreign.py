"""Foreign weights: files that others published, known by sha256 and never shipped with this package.

Each is described by `configs/weights/<name>.yaml` (of any plug-in). A file comes by download from its official
source, or from any local file with that hash (`affectzoo weights add FILE`, for machines without network). It lies
in `<cache>/weights/<16 digits of sha256>/<file>`; nothing in an archive is executed.
"""

import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.plugins import cache_folder, resource_files
from affectzoo.schema import from_dict, read_yaml
from affectzoo.zoo.config import file_sha256
from affectzoo.zoo.weights import checked_members, download

#: Archives that `add_weights` looks into.
ARCHIVES = (".whl", ".zip")
_PIECE = 1 << 20


@dataclass(frozen=True)
class WeightsEntry:
    """A weight file of others.

    name: as in `affectzoo weights list`. file: what it is called in the cache. sha256: 64 hex digits. bytes: size.
    urls: official addresses with a fixed version, best first, each ending in `file`. licence: of the weights, an SPDX
    identifier or words. trained_on: the data, as far as its authors say. source: paper or project. used_by: what
    needs it. found_in: packages that carry the same file, with their version.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    urls: tuple[str, ...]
    licence: str
    trained_on: str
    source: str
    used_by: tuple[str, ...]
    found_in: tuple[str, ...] = ()

    def __post_init__(self):
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise AffectZooError(f"weights {self.name!r}: sha256 must have 64 hex digits, got {self.sha256!r}")
        if self.bytes <= 0:
            raise AffectZooError(f"weights {self.name!r}: bytes must be positive, got {self.bytes}")
        if not self.file or PurePosixPath(self.file).name != self.file:
            raise AffectZooError(f"weights {self.name!r}: file must be a plain file name, got {self.file!r}")
        wrong = [u for u in self.urls if PurePosixPath(urlsplit(u).path).name != self.file]
        if wrong or not self.urls:
            raise AffectZooError(f"weights {self.name!r}: addresses must end in {self.file!r}, got {list(self.urls)}")
        empty = [f for f in ("licence", "trained_on", "source") if not getattr(self, f).strip()]
        if empty:
            raise AffectZooError(f"weights {self.name!r}: {', '.join(empty)} must be said")

    @property
    def path(self) -> Path:
        """Where the file lies, or would lie, in the cache."""
        return cache_folder() / "weights" / self.sha256[:16] / self.file

    @property
    def there(self) -> bool:
        """The cache has the file, with the right hash."""
        return self.path.is_file() and file_sha256(self.path) == self.sha256


def list_weights() -> list[str]:
    """Names of all known foreign weights."""
    return sorted(resource_files("configs", "weights"))


def weights_entry(name: str) -> WeightsEntry:
    """The description of foreign weights. Raises UnknownNameError; AffectZooError for a faulty YAML."""
    files = resource_files("configs", "weights")
    if name not in files:
        raise UnknownNameError("foreign weights", name, files)
    entry = from_dict(WeightsEntry, read_yaml(files[name]), str(files[name]))
    if entry.name != name:
        raise FileError(files[name], f"says the name {entry.name!r}; it must be that of the file, {name!r}")
    return entry


def foreign_weights(name: str) -> Path:
    """The file of foreign weights: from the cache, else downloaded from its official source.

    Raises AffectZooError, which says both ways to get it, when it is not there and cannot be downloaded
    (no network, AFFECTZOO_OFFLINE=1); UnknownNameError for a name that is not known.
    """
    entry = weights_entry(name)
    try:  # what is there with the right hash is kept
        return download(entry.urls, entry.sha256, entry.path.parent)
    except AffectZooError as e:
        carriers = f" (the same file is inside the packages {', '.join(entry.found_in)})" if entry.found_in else ""
        raise AffectZooError(
            f"the weights {name!r} are needed and are not on this machine: {e}. Either connect to the network and "
            f"call again, or get {entry.file} ({entry.bytes} bytes, sha256 {entry.sha256}) from {entry.urls[0]} by "
            f"other means{carriers} and run: affectzoo weights add FILE"
        ) from e


def add_weights(path: str | Path) -> list[WeightsEntry]:
    """Put a local file into the cache and tell what it is; it is recognised by its sha256 alone.

    path: the file itself, under any name; or a folder, .whl or .zip, in which all known files are looked for (in a
    folder also one level into its archives). Raises FileError when nothing known is there; it lists what is known.
    """
    path = Path(path)
    if not path.exists():
        raise FileError(path, "no such file or folder")
    known = [weights_entry(n) for n in list_weights()]
    found = list({e.name: e for e in _matches(path, known)}.values())
    if found:
        return found
    about = "; ".join(f"{e.file} ({e.name}, {e.bytes} bytes, sha256 {e.sha256})" for e in known) or "none"
    own = f"the file's sha256 is {file_sha256(path)}" if path.is_file() else "no file in it has a known sha256"
    raise FileError(path, f"holds no weights that are known: {own}. Known: {about}")


def _matches(path: Path, known: list[WeightsEntry]) -> Iterator[WeightsEntry]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        entry = None
        if any(e.bytes == file.stat().st_size for e in known):
            with open(file, "rb") as f:
                entry = _keep(f, known)
        if entry:
            yield entry
        elif file.suffix.lower() in ARCHIVES:
            yield from _inside(file, known)


def _inside(archive: Path, known: list[WeightsEntry]) -> Iterator[WeightsEntry]:
    """Only members of a known size are read; none is written under its own name."""
    try:
        with zipfile.ZipFile(archive) as z:
            for info in checked_members(z, archive):
                if any(e.bytes == info.file_size for e in known):
                    with z.open(info) as f:
                        entry = _keep(f, known)
                    if entry:
                        yield entry
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as e:
        raise FileError(archive, f"cannot be unpacked ({e})") from None


def _keep(stream: IO[bytes], known: list[WeightsEntry]) -> WeightsEntry | None:
    """Copy to the cache and hash in one pass; the file gets its name only when the hash is known."""
    folder = cache_folder() / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    handle, temp = tempfile.mkstemp(prefix=".adding-", dir=folder)
    try:
        digest, left = hashlib.sha256(), max(e.bytes for e in known) + 1
        with os.fdopen(handle, "wb") as out:
            while left > 0 and (piece := stream.read(min(_PIECE, left))):
                digest.update(piece)
                out.write(piece)
                left -= len(piece)
        entry = next((e for e in known if e.sha256 == digest.hexdigest()), None)
        if entry:
            entry.path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(temp, entry.path)
        return entry
    finally:
        Path(temp).unlink(missing_ok=True)
