import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from datakit import Double, Model, sample

from affectzoo.data.cache import FeatureCache, prepare_all
from affectzoo.errors import AffectZooError, FileError
from affectzoo.plugins import cache_folder
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal, SignalRef

SPEC = {"transform": "Double"}


def files(folder):
    return sorted(p for p in Path(folder).rglob("*") if p.is_file())


def test_round_trip_of_all_that_a_signal_is(tmp_path):
    signals = {
        "audio": Signal(np.arange(5, dtype=np.float32), 100.0, 0.25, np.arange(5) > 1, ()),
        "face": Signal(np.full((2, 3, 3, 3), 9, np.uint8), 25.0),
        "eeg": Signal(np.zeros((4, 2), np.float32)[:, ::-1], 128.0, names=("Cz", "Pz")),
    }
    s, cache = AffectSample("a", signals), FeatureCache(tmp_path)
    cache.get(s, SPEC, lambda x: x)
    back = cache.get(s, SPEC, None).signals  # None: must not be prepared again
    for m, signal in signals.items():
        assert np.array_equal(back[m].data, signal.data) and back[m].data.dtype == signal.data.dtype
        assert (back[m].rate_hz, back[m].t0_s, back[m].names) == (signal.rate_hz, signal.t0_s, signal.names)
    assert np.array_equal(back["audio"].mask, signals["audio"].mask) and back["face"].mask is None


def test_the_second_time_nothing_is_computed(tmp_path):
    model = Model()
    for _ in range(2):
        done, failed = prepare_all([sample(i) for i in range(4)], model.prepare, SPEC, FeatureCache(tmp_path))
    assert model.transforms["audio"].calls == 4 and not failed
    assert np.array_equal(done[1].signals["audio"].data, sample(1).signals["audio"].data * 2)
    assert done[1].targets and done[1].groups == {"speaker": "s1"}


def test_the_name_depends_on_all_that_decides_the_contents(tmp_path):
    cache, s = FeatureCache(tmp_path), sample(1)
    audio = s.signals["audio"]
    changed = [
        replace(audio, data=audio.data + 1e-6),
        replace(audio, data=audio.data.astype(np.float64)),
        replace(audio, data=audio.data[:, None]),
        replace(audio, rate_hz=50.0),
        replace(audio, t0_s=1.0),
        replace(audio, mask=np.ones(len(audio), bool)),
        replace(audio, names=("a",)),
    ]
    paths = {cache.path(replace(s, signals={"audio": c}), SPEC) for c in changed}
    paths |= {cache.path(s, SPEC), cache.path(s, {"transform": "Double", "version": 2})}
    paths |= {cache.path(replace(s, signals={"eeg": audio}), SPEC)}
    assert len(paths) == len(changed) + 3
    assert cache.path(replace(s, key="other", groups={}), SPEC) == cache.path(s, SPEC)


def test_a_file_is_known_by_its_bytes_not_its_name(tmp_path):
    cache, wav = FeatureCache(tmp_path / "cache"), tmp_path / "a.wav"
    wav.write_bytes(b"one")
    (tmp_path / "b.wav").write_bytes(b"one")

    def path(file, *part):
        return cache.path(AffectSample("k", {"audio": SignalRef(file, "audio", *part)}), SPEC)

    first = path(wav)
    assert first == path(tmp_path / "b.wav") and first != path(wav, 1.0) and first != path(wav, 0.0, 2.0)
    wav.write_bytes(b"two")
    os.utime(wav, ns=(1, 1))
    assert path(wav) != first
    with pytest.raises(AffectZooError, match=r"none.wav: cannot be read"):
        path(tmp_path / "none.wav")


def test_broken_ones_are_reported_and_skipped(tmp_path):
    model = Model(broken=(27,))  # the length of k001
    done, failed = prepare_all([sample(i) for i in range(3)], model.prepare, SPEC, FeatureCache(tmp_path), True)
    assert [s.key for s in done] == ["k000", "k002"]
    assert [(f.key, f.reason) for f in failed] == [("k001", "too odd")]
    assert len(files(tmp_path)) == 2


def test_a_damaged_file_is_made_again(tmp_path):
    cache, model = FeatureCache(tmp_path), Model()
    cache.get(sample(1), SPEC, model.prepare)
    (path,) = files(tmp_path)
    for damage in (path.read_bytes()[:-3], b"", b"not a tensor file"):
        path.write_bytes(damage)
        again = cache.get(sample(1), SPEC, model.prepare)
        assert np.array_equal(again.signals["audio"].data, sample(1).signals["audio"].data * 2)
    assert model.transforms["audio"].calls == 4 and files(tmp_path) == [path]


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        FeatureCache(tmp_path).get(sample(1), SPEC, Model().prepare)
    assert files(tmp_path) == []


def _fill(folder, start, results):
    start.wait()
    model = Model()
    for _ in range(3):
        done, failed = prepare_all([sample(i) for i in range(30)], model.prepare, SPEC, FeatureCache(folder))
        good = all(np.array_equal(s.signals["audio"].data, sample(i).signals["audio"].data * 2)
                   for i, s in enumerate(done))  # fmt: skip
        results.put(json.dumps([len(done), len(failed), good]))


def test_two_processes_fill_one_folder(tmp_path):
    context = multiprocessing.get_context("fork")
    start, results = context.Event(), context.Queue()
    workers = [context.Process(target=_fill, args=(tmp_path, start, results)) for _ in range(2)]
    for w in workers:
        w.start()
    start.set()
    answers = [json.loads(results.get(timeout=60)) for _ in range(6)]
    for w in workers:
        w.join(60)
        assert w.exitcode == 0
    assert answers == [[30, 0, True]] * 6
    assert len(files(tmp_path)) == 30 and all(p.suffix == ".safetensors" for p in files(tmp_path))


def test_the_folder_by_variable_and_by_default(monkeypatch):
    monkeypatch.setenv("AFFECTZOO_CACHE", "/some/where")
    assert cache_folder() == Path("/some/where")
    monkeypatch.delenv("AFFECTZOO_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "affectzoo"
    monkeypatch.setenv("XDG_CACHE_HOME", "/my/cache")
    assert cache_folder() == Path("/my/cache/affectzoo")


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be the cache.*AFFECTZOO_CACHE"):
        FeatureCache(tmp_path / "file" / "cache")


def test_double_is_what_the_tests_think():
    assert Double()(Signal(np.ones(2), 1.0)).data.tolist() == [2.0, 2.0]
