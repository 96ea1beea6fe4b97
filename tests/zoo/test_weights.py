import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from affectzoo.errors import AffectZooError, FileError
from affectzoo.zoo.weights import download, hub_folder, unpack

DATA = bytes(range(256)) * 5000
SHA = hashlib.sha256(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """/good and /ranges (knows Range), /short (breaks off), /bad (other bytes), else 404."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Range")))
        body = {"good": DATA, "ranges": DATA, "short": DATA, "bad": b"x" + DATA[1:]}.get(self.path.split("/")[1])
        if body is None:
            self.send_error(404)
            return
        start = 0
        if self.headers.get("Range") and "ranges" in self.path:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
        else:
            self.send_response(200)
        body = body[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if "short" in self.path else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    s = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    s.seen = []
    threading.Thread(target=s.serve_forever, args=(0.01,), daemon=True).start()
    s.url = f"http://127.0.0.1:{s.server_port}"
    yield s
    s.shutdown()
    s.server_close()


def test_a_file_is_fetched_once(server, tmp_path):
    path = download(f"{server.url}/good/w.bin", SHA, tmp_path)
    assert path == tmp_path / "w.bin" and path.read_bytes() == DATA
    assert download(f"{server.url}/good/w.bin", SHA, tmp_path) == path and len(server.seen) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["w.bin"]


def test_the_default_folder_is_named_by_the_hash(server, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTZOO_CACHE", str(tmp_path))
    assert download(f"{server.url}/good/w.bin", SHA) == tmp_path / "downloads" / SHA[:16] / "w.bin"


def test_other_bytes_are_thrown_away_and_the_next_mirror_tried(server, tmp_path):
    with pytest.raises(AffectZooError, match="thrown away"):
        download(f"{server.url}/bad/w.bin", SHA, tmp_path)
    assert not list(tmp_path.iterdir())
    urls = [f"{server.url}/gone/w.bin", f"{server.url}/bad/w.bin", f"{server.url}/good/w.bin"]
    assert download(urls, SHA, tmp_path).read_bytes() == DATA
    with pytest.raises(AffectZooError, match="(?s)404.*thrown away"):
        download(urls[:2], SHA, tmp_path / "b")


def test_a_damaged_file_in_place_is_fetched_again(server, tmp_path):
    (tmp_path / "w.bin").write_bytes(DATA[:-1])
    assert download(f"{server.url}/good/w.bin", SHA, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("kind", ["ranges", "good"])
def test_a_broken_download_goes_on(server, tmp_path, kind):
    with pytest.raises(AffectZooError, match=f"broke after {len(DATA) // 2} of {len(DATA)} bytes"):
        download(f"{server.url}/short/w.bin", SHA, tmp_path)
    assert [p.suffix for p in tmp_path.iterdir()] == [".part"]
    assert download(f"{server.url}/{kind}/w.bin", SHA, tmp_path).read_bytes() == DATA
    assert server.seen[-1][1] == f"bytes={len(DATA) // 2}-"
    assert [p.name for p in tmp_path.iterdir()] == ["w.bin"]


def test_a_whole_part_is_taken_by_its_hash(server, tmp_path):
    (tmp_path / f"w.bin.{SHA[:8]}.part").write_bytes(DATA)
    assert download(f"{server.url}/ranges/w.bin", SHA, tmp_path).read_bytes() == DATA


def test_offline_uses_what_is_there_and_asks_for_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTZOO_OFFLINE", "1")
    with pytest.raises(AffectZooError, match="AFFECTZOO_OFFLINE"):
        download(f"{server.url}/good/w.bin", SHA, tmp_path)
    (tmp_path / "w.bin").write_bytes(DATA)
    assert download(f"{server.url}/good/w.bin", SHA, tmp_path).read_bytes() == DATA
    assert not server.seen


@pytest.mark.parametrize(
    ("url", "sha", "revision", "message"),
    [
        ("http://127.0.0.1/w", "", None, "sha256"),
        ("http://127.0.0.1/w", None, None, "sha256"),
        ("file:///etc/passwd", SHA, None, "only http"),
        ([], SHA, None, "at least one"),
        ("https://huggingface.co/org/name/resolve/main/w", SHA, None, "'main'; a commit"),
        ("https://huggingface.co/org/name/resolve/{revision}/w", SHA, "v1.0", "'v1.0'; a commit"),
    ],
)
def test_what_is_not_pinned_is_refused(tmp_path, url, sha, revision, message):
    with pytest.raises(AffectZooError, match=message):
        download(url, sha, tmp_path, revision)


@pytest.mark.parametrize(
    "name",
    [
        "hf-hub:org/name",
        "hf-hub:org/name@main",
        "hf-hub:org/name@" + "a" * 39,
        "hf-hub:org/name@" + "A" * 40,
        "hf-hub:name@" + "a" * 40,
        "hf-hub:a/b/c@" + "a" * 40,
    ],
)
def test_a_hub_id_without_commit_is_refused(name):
    with pytest.raises(AffectZooError, match="40 hex digits"):
        hub_folder(name)


def test_a_hub_id_with_commit_asks_for_that_commit_only(monkeypatch, tmp_path):
    import huggingface_hub

    asked = {}
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda repo, **kw: asked.update(repo=repo, **kw) or str(tmp_path),
    )
    monkeypatch.setenv("AFFECTZOO_OFFLINE", "1")
    assert hub_folder("hf-hub:org/name@" + "ab" * 20) == tmp_path
    assert asked["repo"] == "org/name" and asked["revision"] == "ab" * 20 and asked["local_files_only"] is True
    assert not [p for p in asked["allow_patterns"] if p.endswith((".py", ".bin", ".pt", "*"))]


def make_zip(path, names, link=False):
    with zipfile.ZipFile(path, "w") as z:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if link else 0o100644) << 16
            z.writestr(info, "/etc/passwd" if link else name)


def make_tar(path, names, kind=tarfile.REGTYPE):
    with tarfile.open(path, "w:gz") as t:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            data = b"" if kind != tarfile.REGTYPE else name.encode()
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_an_archive_is_unpacked_beside_what_is_there(tmp_path, make):
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "old").write_text("old")
    make(tmp_path / "x", ["a/b.txt", "c.txt"])
    assert unpack(tmp_path / "x", tmp_path / "out") == tmp_path / "out"
    files = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert files == ["a/b.txt", "a/old", "c.txt"] and (tmp_path / "out" / "a" / "b.txt").read_text() == "a/b.txt"


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:/evil", "..\\evil"])
def test_names_that_lead_outside_are_refused_before_anything_is_written(tmp_path, make, name):
    make(tmp_path / "x", ["good", name])
    with pytest.raises(FileError, match="outside the folder"):
        unpack(tmp_path / "x", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir()) and not (tmp_path / "evil").exists()


def test_links_and_devices_are_refused(tmp_path):
    make_zip(tmp_path / "z", ["l"], link=True)
    for i, kind in enumerate([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]):
        make_tar(tmp_path / f"t{i}", ["l"], kind)
    for path in tmp_path.iterdir():
        with pytest.raises(FileError, match="link or device"):
            unpack(path, tmp_path / "out" / path.name)


def test_a_file_that_is_no_archive_is_named(tmp_path):
    (tmp_path / "x").write_text("no archive")
    with pytest.raises(FileError, match="x: is neither"):
        unpack(tmp_path / "x", tmp_path / "out")
    make_zip(tmp_path / "z", ["a" * 50])
    (tmp_path / "z").write_bytes((tmp_path / "z").read_bytes().replace(b"a" * 50, b"b" * 50, 1))
    with pytest.raises(FileError, match="cannot be unpacked"):
        unpack(tmp_path / "z", tmp_path / "out")
    with pytest.raises(FileError, match="no such archive"):
        unpack(tmp_path / "none", tmp_path / "out")
