import hashlib
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from affectzoo.cli import main
from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.zoo import foreign
from affectzoo.zoo.foreign import add_weights, foreign_weights, list_weights, weights_entry

DATA = bytes(range(256)) * 300
SHA = hashlib.sha256(DATA).hexdigest()
YAML = """
name: tiny
file: tiny.bin
sha256: {sha}
bytes: {size}
urls: [{url}/tiny.bin]
licence: CC0-1.0
trained_on: nothing
source: this test
used_by: [tests]
"""


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.seen.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.body)))
            self.end_headers()
            self.wfile.write(self.server.body)

        def log_message(self, *_):
            pass

    s = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    s.seen, s.body = [], DATA
    threading.Thread(target=s.serve_forever, args=(0.01,), daemon=True).start()
    yield s
    s.shutdown()
    s.server_close()


@pytest.fixture
def tiny(tmp_path, monkeypatch, server):
    """One known file, of a server of our own, and an empty cache."""
    text = YAML.format(sha=SHA, size=len(DATA), url=f"http://127.0.0.1:{server.server_port}")
    (tmp_path / "tiny.yaml").write_text(text)
    monkeypatch.setattr(foreign, "resource_files", lambda *_: {"tiny": tmp_path / "tiny.yaml"})
    monkeypatch.setenv("AFFECTZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path


def cached(folder):
    return sorted(p.relative_to(folder / "cache").as_posix() for p in (folder / "cache").rglob("*") if p.is_file())


HOME = f"weights/{SHA[:16]}/tiny.bin"


def test_the_shipped_entries_are_whole_and_pinned():
    assert {"centerface", "face_landmarker"} <= set(list_weights())
    for name in list_weights():
        entry = weights_entry(name)
        assert entry.used_by and entry.path.name == entry.file
        assert not any(w in u for u in entry.urls for w in ("/main/", "/master/", "/latest/"))


def test_missing_weights_are_downloaded_once(tiny, server):
    path = foreign_weights("tiny")
    assert path.read_bytes() == DATA and cached(tiny) == [HOME]
    assert foreign_weights("tiny") == path and len(server.seen) == 1


def test_a_damaged_file_in_the_cache_is_not_used(tiny, server):
    foreign_weights("tiny").write_bytes(DATA[:-1] + b"x")
    assert not weights_entry("tiny").there
    assert foreign_weights("tiny").read_bytes() == DATA and len(server.seen) == 2


@pytest.mark.parametrize("way", ["offline", "other bytes"])
def test_a_failure_says_both_ways_and_which_file(tiny, server, monkeypatch, way):
    if way == "offline":
        monkeypatch.setenv("AFFECTZOO_OFFLINE", "1")
    else:
        server.body = b"x" * len(DATA)
    with pytest.raises(AffectZooError, match="(?s)connect.*tiny.bin.*affectzoo weights add FILE") as e:
        foreign_weights("tiny")
    assert SHA in str(e.value) and f"{len(DATA)} bytes" in str(e.value)
    assert bool(server.seen) == (way != "offline")


def test_a_file_is_recognised_by_its_hash_alone(tiny, monkeypatch):
    (tiny / "any name").write_bytes(DATA)
    assert [e.name for e in add_weights(tiny / "any name")] == ["tiny"] and cached(tiny) == [HOME]
    monkeypatch.setenv("AFFECTZOO_OFFLINE", "1")
    assert foreign_weights("tiny").read_bytes() == DATA


def test_an_unknown_file_is_refused_with_its_hash_and_what_is_known(tiny):
    (tiny / "tiny.bin").write_bytes(DATA[::-1])
    own = hashlib.sha256(DATA[::-1]).hexdigest()
    with pytest.raises(FileError, match=f"{own}.*Known: tiny.bin.*{SHA}"):
        add_weights(tiny / "tiny.bin")
    assert cached(tiny) == []
    with pytest.raises(FileError, match="no such file"):
        add_weights(tiny / "none")


@pytest.mark.parametrize("name", ["p.whl", "p.ZIP"])
def test_archives_and_folders_are_searched(tiny, name):
    (tiny / "d" / "sub").mkdir(parents=True)
    with zipfile.ZipFile(tiny / "d" / "sub" / name, "w") as z:
        z.writestr("pkg/setup.py", "raise SystemExit")
        z.writestr("pkg/decoy.bin", bytes(len(DATA)))
        z.writestr("pkg/model.bin", DATA)
    assert [e.name for e in add_weights(tiny / "d" / "sub" / name)] == ["tiny"]
    (tiny / "cache" / HOME).unlink()
    assert [e.name for e in add_weights(tiny / "d")] == ["tiny"] and cached(tiny) == [HOME]
    (tiny / "empty").mkdir()
    with pytest.raises(FileError, match="no file in it has a known sha256"):
        add_weights(tiny / "empty")


def test_an_archive_with_a_name_that_leads_outside_is_refused(tiny):
    with zipfile.ZipFile(tiny / "p.zip", "w") as z:
        z.writestr("../model.bin", DATA)
    with pytest.raises(FileError, match="outside the folder"):
        add_weights(tiny / "p.zip")
    assert cached(tiny) == []


def test_a_member_that_is_longer_than_it_says_is_refused(tiny):
    with zipfile.ZipFile(tiny / "p.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("model.bin", DATA + b"more")
    raw = (tiny / "p.zip").read_bytes()
    lie = raw.replace((len(DATA) + 4).to_bytes(4, "little"), len(DATA).to_bytes(4, "little"))
    assert lie != raw
    (tiny / "p.zip").write_bytes(lie)
    with pytest.raises(FileError):
        add_weights(tiny / "p.zip")
    (tiny / "broken.whl").write_bytes(raw[:-30])
    with pytest.raises(FileError, match="broken.whl: cannot be unpacked"):
        add_weights(tiny / "broken.whl")
    assert cached(tiny) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (SHA, "abc", "64 hex digits"),
        ("file: tiny.bin", "file: ../tiny.bin", "plain file name"),
        ("/tiny.bin]", "/other.bin]", "must end in 'tiny.bin'"),
        ("licence: CC0-1.0", "licence: ' '", "licence must be said"),
        ("licence:", "license:", "Did you mean 'licence'"),
        ("name: tiny", "name: tony", "must be that of the file"),
        (f"bytes: {len(DATA)}", "bytes: 0", "must be positive"),
    ],
)
def test_a_faulty_entry_is_refused(tiny, old, new, message):
    text = (tiny / "tiny.yaml").read_text()
    assert old in text
    (tiny / "tiny.yaml").write_text(text.replace(old, new))
    with pytest.raises(AffectZooError, match=message):
        weights_entry("tiny")


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'centerface'"):
        foreign_weights("centreface")


def test_the_command_lists_and_adds(tiny, capsys):
    assert main(["weights", "list"]) == 0
    out = capsys.readouterr().out
    assert "tiny" in out and "missing" in out and "CC0-1.0" in out and "affectzoo weights add FILE" in out
    (tiny / "x").write_bytes(DATA)
    assert main(["weights", "add", str(tiny / "x")]) == 0 and "added tiny (licence CC0-1.0" in capsys.readouterr().out
    assert main(["weights", "list", "--json"]) == 0 and '"there": true' in capsys.readouterr().out
    (tiny / "x").write_bytes(b"other")
    assert main(["weights", "add", str(tiny / "x")]) == 2 and "Known: tiny.bin" in capsys.readouterr().err
