"""Fetching files: by hash, resumable, from several mirrors, and never from a moving branch."""

import http.client
import os
import re
import shutil
import stat
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from affectzoo.errors import AffectZooError, FileError
from affectzoo.plugins import cache_folder
from affectzoo.zoo.config import CARD, CONFIG, GOLDEN, RECORD, TRAINING_KEYS, WEIGHTS, file_sha256

_PIECE = 1 << 20
_TIMEOUT_S = 30
_HUB_ID = re.compile(r"hf-hub:(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>.*))?")
_HUB_URL = re.compile(r"https?://huggingface\.co/.+?/(?:resolve|raw|blob)/(?P<revision>[^/]+)/")


def download(
    url: str | Sequence[str], sha256: str, folder: str | Path | None = None, revision: str | None = None
) -> Path:
    """Fetch a file whose sha256 (64 hex digits) is known; a file already there with that hash is kept.

    url: one address or several mirrors, tried in order; '{revision}' in it is replaced by `revision`. Hugging
    Face addresses must name a commit (40 hex digits). folder: default `<cache>/downloads/<16 digits of
    sha256>`. An interrupted download leaves `<name>.part` and goes on from there. The file appears under its
    name only when its hash is right. Raises AffectZooError: no sha256, a branch as revision, all mirrors
    failed, or AFFECTZOO_OFFLINE=1 and the file is not there.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", str(sha256)):
        raise AffectZooError(f"download needs the file's sha256 (64 hex digits), got {sha256!r}")
    urls = [_pinned(u, revision) for u in ([url] if isinstance(url, str) else url)]
    if not urls:
        raise AffectZooError("download needs at least one address")
    folder = Path(folder) if folder is not None else cache_folder() / "downloads" / sha256[:16]
    target = folder / (PurePosixPath(urlsplit(urls[0]).path).name or sha256[:16])
    if target.exists() and file_sha256(target) == sha256:
        return target
    if offline():
        raise AffectZooError(f"{target} is not there and AFFECTZOO_OFFLINE=1 forbids to download it")
    folder.mkdir(parents=True, exist_ok=True)
    faults = []
    for address in urls:
        try:
            return _fetch(address, sha256, target)
        except (AffectZooError, OSError, http.client.HTTPException) as e:
            faults.append(f"{address}: {e}")
    raise AffectZooError(f"{target.name} could not be downloaded; " + "; ".join(faults))


def hub_folder(name: str) -> Path:
    """Folder of a checkpoint on the Hugging Face hub, by commit: 'hf-hub:org/name@<40 hex digits>'.

    Raises AffectZooError without a commit, or offline when it is not in the hub's own cache.
    """
    match = _HUB_ID.fullmatch(name)
    if not match:
        raise AffectZooError(f"{name!r} is not 'hf-hub:org/name@<40 hex digits>'")
    revision = match["revision"]
    if not _is_commit(revision):
        raise AffectZooError(
            f"{name!r} names no commit: write 'hf-hub:{match['repo']}@<40 hex digits>'; "
            "a branch or tag can change underfoot"
        )
    from huggingface_hub import snapshot_download

    files = [CONFIG, WEIGHTS, GOLDEN, CARD, RECORD, TRAINING_KEYS]
    try:
        return Path(
            snapshot_download(match["repo"], revision=revision, allow_patterns=files, local_files_only=offline())
        )
    except Exception as e:  # the hub raises a dozen kinds; each is a failed download to the user
        raise AffectZooError(f"{name}: cannot be fetched ({type(e).__name__}: {e})") from e


def offline() -> bool:
    """AFFECTZOO_OFFLINE is set to something but '0'."""
    return os.environ.get("AFFECTZOO_OFFLINE", "0") not in ("", "0")


def unpack(archive: str | Path, folder: str | Path) -> Path:
    """Unpack a zip or tar archive into `folder` (created) and return it.

    All names are checked before anything is written: absolute paths, '..', links and devices are refused with
    FileError. Files appear in `folder` only when all could be unpacked.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise FileError(archive, "no such archive")
    folder.mkdir(parents=True, exist_ok=True)
    temp = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder))
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, temp)
        elif tarfile.is_tarfile(archive):
            _unpack_tar(archive, temp)
        else:
            raise FileError(archive, "is neither a zip nor a tar archive")
        shutil.copytree(temp, folder, dirs_exist_ok=True, copy_function=shutil.move)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as e:
        raise FileError(archive, f"cannot be unpacked ({e})") from None
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return folder


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as z:
        checked_members(z, archive)
        z.extractall(folder)


def checked_members(z: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    """The members of an open zip. Raises FileError when a name leads outside or a member is a link or device."""
    for info in z.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        _check_member(archive, info.filename, plain=kind in (0, stat.S_IFREG, stat.S_IFDIR))
    return z.infolist()


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as t:
        members = t.getmembers()
        for m in members:
            _check_member(archive, m.name, plain=m.isfile() or m.isdir())
        t.extractall(folder, members, filter="data")


def _check_member(archive: Path, name: str, plain: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        raise FileError(archive, f"holds {name!r}, which would be written outside the folder; nothing was unpacked")
    if not plain:
        raise FileError(archive, f"holds {name!r}, a link or device; nothing was unpacked")


def _pinned(url: str, revision: str | None) -> str:
    url = url.replace("{revision}", revision or "")
    if urlsplit(url).scheme not in ("http", "https"):
        raise AffectZooError(f"{url!r}: only http and https addresses are downloaded")
    hub = _HUB_URL.match(url)
    if hub and not _is_commit(hub["revision"]):
        raise AffectZooError(f"{url!r} names revision {hub['revision']!r}; a commit of 40 hex digits is needed")
    return url


def _is_commit(revision: str | None) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{40}", revision or ""))


def _fetch(url: str, sha256: str, target: Path) -> Path:
    part = target.with_name(f"{target.name}.{sha256[:8]}.part")
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            resumed = answer.status == 206
            _save(answer, part, "ab" if resumed else "wb", done if resumed else 0)
    except urllib.error.HTTPError as e:
        if e.code != 416:  # 416: the part is already whole; its hash decides
            raise
    found = file_sha256(part)
    if found != sha256:
        part.unlink()
        raise AffectZooError(f"sha256 is {found[:16]}..., expected {sha256[:16]}...; the download was thrown away")
    os.replace(part, target)
    return target


def _save(answer, part: Path, mode: str, done: int) -> None:
    left = answer.length
    total = None if left is None else done + left
    with open(part, mode) as f:
        while piece := answer.read(_PIECE):
            f.write(piece)
            done += len(piece)
            _show(part.name, done, total)
    if total is not None and done < total:
        raise AffectZooError(f"the connection broke after {done} of {total} bytes; call again to go on from there")


def _show(name: str, done: int, total: int | None) -> None:
    if sys.stderr.isatty():
        share = f"{100 * done / total:.0f} %" if total else f"{done >> 20} MiB"
        print(f"\r{name}: {share}", end="\n" if done == total else "", file=sys.stderr, flush=True)
