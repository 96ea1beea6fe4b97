"""Prosody of long recordings: block by block as from the whole, and memory that stays flat."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from prosodykit import RATE, train, white

from affectzoo.errors import FileError
from affectzoo.speech.prosody import files, long, viterbi
from affectzoo.speech.prosody.files import measure_files
from affectzoo.speech.prosody.long import measure_recording
from affectzoo.speech.prosody.measures import MEASURES, measure
from affectzoo.speech.prosody.plot import plot_prosody


def talk(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Voiced phrases that glide, hisses and pauses, in soft noise and with an offset."""
    rng, parts, n = np.random.default_rng(seed), [], 0
    while n < seconds * rate:
        length = rng.uniform(0.3, 1.2)
        f0 = rng.uniform(90, 300) * 2 ** (np.linspace(0, rng.uniform(-8, 8), round(length * rate)) / 12)
        voice = train(f0, length, rate) * rng.uniform(0.1, 1) * (0.6 + 0.4 * np.sin(np.arange(len(f0)) / rate * 28))
        hiss = white(rng.uniform(0.05, 0.2), int(rng.integers(1 << 30)), 0.05, rate)
        parts += [voice, hiss, np.zeros(round(rng.choice([0.05, 0.6]) * rate))]
        n += sum(map(len, parts[-3:]))
    sound = np.concatenate(parts)[: round(seconds * rate)]
    return (0.9 * sound + white(seconds, seed, 2e-4, rate) + 0.01).astype(np.float32)


def agree(whole, blocks):
    """The stated tolerances: frames, totals, and everything else."""
    a, b = whole.tracks.f0_hz.numpy(), blocks.tracks.f0_hz.numpy()
    assert len(a) == len(b) and (np.isfinite(a) == np.isfinite(b)).mean() > 0.999
    both = np.isfinite(a) & np.isfinite(b)
    assert both.sum() > 0.3 * len(a) and (np.abs(a - b)[both] <= 1e-3 * a[both]).mean() > 0.999
    for name in ("speech", "nucleus", "mask"):
        assert torch.equal(getattr(whole.tracks, name), getattr(blocks.tracks, name)), name
    assert torch.allclose(whole.tracks.level_db, blocks.tracks.level_db, atol=1e-3)
    counts = ("duration_s", "speech_s", "syllable_count", "pause_count", "pause_mean_s", "clipped_share")
    for name in MEASURES:
        exact = name in counts
        assert blocks[name] == pytest.approx(whole[name], rel=1e-6 if exact else 1e-3, abs=1e-9, nan_ok=True), name
    assert whole.contour == blocks.contour


@pytest.fixture(scope="module")
def three_minutes(tmp_path_factory):
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    soundfile.write(path, np.clip(talk(180.0), -0.25, 0.25) / 0.25, RATE, subtype="FLOAT")  # somewhat clipped
    return path


@pytest.mark.parametrize("two_pass", [False, True])
def test_blocks_equal_the_whole(three_minutes, monkeypatch, two_pass):
    audio, _ = soundfile.read(three_minutes, dtype="float32")
    whole = measure(audio, RATE, two_pass)
    assert whole["clipped_share"] > 1e-3 and whole["pause_count"] > 20
    monkeypatch.setattr(long, "BLOCK", 1000)
    monkeypatch.setattr(viterbi, "LONGEST", 5000)
    monkeypatch.setattr(viterbi, "ROW", 1000)
    agree(whole, measure_recording(three_minutes, two_pass).found)


@pytest.mark.parametrize(("rate", "channels", "seconds"), [(44100, 2, 31.0), (8000, 1, 30.003), (16000, 1, 30.0)])
def test_other_rates_channels_and_ends(tmp_path, monkeypatch, rate, channels, seconds):
    audio = talk(seconds, rate, seed=3)
    soundfile.write(tmp_path / "a.flac", np.tile(audio[:, None], (1, channels)), rate)
    audio, _ = soundfile.read(tmp_path / "a.flac", dtype="float32", always_2d=True)
    monkeypatch.setattr(long, "BLOCK", 500)
    blocks = measure_recording(tmp_path / "a.flac")
    agree(measure(audio[:, 0], rate), blocks.found)
    assert blocks.envelope.shape == (len(blocks.found.tracks.f0_hz), 2)


@pytest.mark.parametrize("extra", [-1, 0, 1, 159, 160])
def test_recordings_that_end_where_a_block_does(tmp_path, monkeypatch, extra):
    monkeypatch.setattr(long, "BLOCK", 200)
    samples = 2 * (200 + long.MARGIN) * 160 + extra
    audio = talk(9.0, seed=5)[:samples]
    soundfile.write(tmp_path / "a.wav", audio, RATE, subtype="FLOAT")
    agree(measure(audio, RATE), measure_recording(tmp_path / "a.wav").found)


def test_the_path_in_rows_is_the_whole_path(monkeypatch):
    rng = torch.Generator().manual_seed(0)
    octaves = torch.rand(2, 9000, 4, generator=rng, dtype=torch.float64) * 3
    score = torch.rand(2, 9000, 4, generator=rng, dtype=torch.float64)
    score[0, :, 3] = -torch.inf
    unvoiced, mask = torch.full((2, 9000), 0.6, dtype=torch.float64), torch.ones(2, 9000, dtype=torch.bool)
    mask[1, 7000:] = False
    whole = viterbi.best_path(octaves, score, unvoiced, mask)
    monkeypatch.setattr(viterbi, "LONGEST", 8000)
    for row in (1000, 4000, 8399):
        monkeypatch.setattr(viterbi, "ROW", row)
        assert torch.equal(viterbi.best_path(octaves, score, unvoiced, mask), whole)
    assert (whole >= 0).any() and (whole < 0).any() and (whole[1, 7000:] == -1).all()


def test_running_sums_keep_their_precision():
    """Of two candidates that differ by 2e-4 a hundred thousand frames hide nothing."""
    frames = 20000
    octaves = torch.zeros(1, frames, 2)
    score = torch.full((1, frames, 2), 0.9)
    score[..., 1] += 2e-4 * torch.linspace(-1, 1, frames).sign()
    path = viterbi.best_path(octaves, score, torch.zeros(1, frames), torch.ones(1, frames, dtype=torch.bool))
    assert (path[0, 100 : frames // 2 - 100] == 0).all() and (path[0, frames // 2 + 100 :] == 1).all()


def test_a_long_file_is_read_in_blocks(three_minutes, tmp_path, monkeypatch):
    short = tmp_path / "short.wav"
    soundfile.write(short, talk(3.0), RATE)
    seen = []
    monkeypatch.setattr(files, "measure_recording", lambda p, t: seen.append(p) or measure_recording(p, t))
    frame = measure_files([three_minutes, short], plots=tmp_path / "plots", progress=False).set_index("key")
    assert seen == [three_minutes] and frame["error"].eq("").all()
    assert sorted(frame["duration_s"]) == pytest.approx([3, 180])
    assert len(list((tmp_path / "plots").rglob("*.png"))) == 2


def test_a_long_file_that_breaks_is_a_row(three_minutes, tmp_path):
    audio, _ = soundfile.read(three_minutes, dtype="float32")
    audio[150 * RATE] = np.nan
    soundfile.write(tmp_path / "nan.wav", audio, RATE, subtype="FLOAT")
    raw = three_minutes.read_bytes()
    (tmp_path / "cut.wav").write_bytes(raw[: int(0.9 * len(raw))])
    errors = measure_files(sorted(tmp_path.glob("*.wav")), progress=False)["error"].tolist()
    assert "is truncated" in errors[0] and "150.000 s is NaN" in errors[1]
    with pytest.raises(FileError, match=r"nan\.wav: .*150\.000 s"):
        measure_recording(tmp_path / "nan.wav")


def test_silence_for_minutes(tmp_path):
    soundfile.write(tmp_path / "s.wav", np.zeros(130 * RATE, np.int16), RATE)
    row = measure_files([tmp_path / "s.wav"], progress=False).iloc[0]
    assert row["error"] == "" and row["speech_s"] == 0 and row["pitch_reliable"] == 0 and np.isnan(row["f0_median_hz"])


def test_the_picture_of_a_long_recording_says_that_it_is_thinned(three_minutes, tmp_path, monkeypatch):
    found = measure_recording(three_minutes)
    monkeypatch.setattr("affectzoo.speech.prosody.plot.MOST_FRAMES", 5000)
    svg = plot_prosody(found.envelope, 100.0, found.found, tmp_path / "p.svg").read_text()
    assert "one frame in 4 is drawn" in svg
    monkeypatch.undo()
    assert "is drawn" not in plot_prosody(found.envelope, 100.0, found.found, tmp_path / "q.svg").read_text()


CHILD = """
import resource, sys
from pathlib import Path
from affectzoo.speech.prosody.files import measure_files
row = measure_files([Path(sys.argv[1])], plots=sys.argv[2], progress=False).iloc[0]
assert row["error"] == "", row["error"]
print(row["duration_s"], row["f0_median_hz"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_memory_of_two_hours(tmp_path):
    minutes = np.int16(20000 * talk(60.0))

    def peak(name: str, n: int) -> float:
        path = tmp_path / name
        with soundfile.SoundFile(path, "w", RATE, 1) as f:
            for _ in range(n):
                f.write(minutes)
        words = [sys.executable, "-c", CHILD, str(path), str(tmp_path / "plots")]
        out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        path.unlink()
        seconds, _, megabytes = map(float, out.split())
        assert seconds == 60 * n
        return megabytes

    short, two_hours = peak("short.wav", 20), peak("long.wav", 120)
    assert two_hours < 1.3 * short, (short, two_hours)
    assert two_hours - short < 250, (short, two_hours)
