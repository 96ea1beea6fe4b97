import csv

import numpy as np
import pytest
from scipy.signal import welch

from affectzoo.data.dataset import open_dataset
from affectzoo.data.split import load_folds
from affectzoo.eeg.reader import read_npz
from affectzoo.eeg.synthetic import CHANNELS, generate, iter_samples, trajectory, write_files
from affectzoo.testing import check_dataset


@pytest.fixture(scope="module")
def samples():
    return generate(16, seed=2)


def log_power(sample, channel, low, high):
    """Log band power (60,) in each second, by Welch's method on that second alone."""
    eeg = sample.signals["eeg"]
    seconds = eeg.data[:, CHANNELS.index(channel)].reshape(60, 128)
    f, p = welch(seconds, 128, nperseg=64, axis=1)
    return np.log(p[:, (f >= low) & (f <= high)].mean(1))


def measures(s):
    """The three documented links, each as one curve over time."""
    asymmetry = log_power(s, "F4", 8, 13) - log_power(s, "F3", 8, 13)
    fast = log_power(s, "C3", 15, 28) + log_power(s, "C4", 32, 46)
    return np.stack([asymmetry, fast, log_power(s, "Fz", 4, 8)])


def test_band_power_follows_the_target_and_only_its_own_axis(samples):
    r = np.stack([np.corrcoef(measures(s), s.targets["vad"].values.T)[:3, 3:] for s in samples])
    assert (np.diag(r.mean(0)) > 0.6).all()  # each measure with its axis
    assert np.median(r[:, range(3), range(3)], 0).min() > 0.6
    assert np.abs(r.mean(0)[~np.eye(3, dtype=bool)]).max() < 0.3


def test_a_sample_depends_on_seed_and_index_only(samples):
    again = generate(3, seed=2)
    for a, b in zip(again, samples, strict=False):
        assert a.key == b.key and np.array_equal(a.signals["eeg"].data, b.signals["eeg"].data)
        assert np.array_equal(a.targets["vad"].values, b.targets["vad"].values)
    other = generate(1, seed=3)[0]
    assert other.key != samples[0].key and other.groups["subject"] != samples[0].groups["subject"]
    assert not np.array_equal(other.targets["vad"].values, samples[0].targets["vad"].values)
    assert [s.key for s in iter_samples(None, None, n=2, seed=2, seconds=2.0)] == [s.key for s in samples[:2]]


def test_shapes_unit_and_groups(samples):
    for s in samples:
        eeg, vad = s.signals["eeg"], s.targets["vad"]
        assert eeg.data.shape == (7680, 8) and eeg.data.dtype == np.float32 and eeg.names == CHANNELS
        assert 2 < np.median(eeg.data.std(0)) < 40  # microvolts
        assert vad.values.shape == (60, 3) and (vad.rate_hz, vad.t0_s) == (1.0, 1.0)
        assert np.abs(vad.values).max() < 1 and s.groups["session"].startswith(s.groups["subject"])
    assert len({s.groups["subject"] for s in samples}) == 8
    assert len({s.groups["session"] for s in samples}) == 16


def test_time_courses_are_not_shared_between_recordings():
    curves = np.stack([s.targets["vad"].values.T.ravel() for s in generate(12, seed=0, subjects=1)])
    r = np.corrcoef(curves)[~np.eye(12, dtype=bool)]
    assert abs(r.mean()) < 0.1 and r.max() < 0.8


def test_four_labels_a_second_read_the_same_trajectory():
    slow, fast = (generate(1, seed=5, seconds=10.0, label_rate_hz=r)[0].targets["vad"] for r in (1.0, 4.0))
    assert fast.values.shape == (40, 3) and fast.t0_s == 0.25
    assert np.allclose(fast.values[3::4], slow.values)


def test_trajectories_are_smooth_and_use_the_range():
    times, axes = trajectory(np.random.default_rng(0), 2000.0)
    assert times[-1] >= 2000.0 and np.diff(times) == pytest.approx(0.25)
    assert 0.45 < axes.std() < 0.65 and abs(axes.mean()) < 0.1
    assert np.abs(np.diff(axes, axis=0)).max() < 0.35
    lag = [np.mean([np.corrcoef(x[:-k], x[k:])[0, 1] for x in axes.T]) for k in (4, 160)]
    assert lag[0] > 0.9 and abs(lag[1]) < 0.15  # one second apart: alike; forty: unrelated


def test_background_falls_as_one_over_f(samples):
    f, p = welch(np.concatenate([s.signals["eeg"].data for s in samples]), 128, nperseg=512, axis=0)
    quiet = p.mean(1)  # 1 to 2.5 Hz and 50 to 62 Hz hold no source
    ratio = quiet[(f >= 1) & (f <= 2.5)].mean() / quiet[(f >= 50) & (f <= 62)].mean()
    assert 15 < ratio < 70  # 1/f would be 34


def test_written_files_read_back(tmp_path):
    paths = write_files(tmp_path / "eeg", 2, seed=1, seconds=3.0)
    with open(tmp_path / "eeg" / "labels.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    for path, sample in zip(paths, generate(2, seed=1, seconds=3.0), strict=True):
        signal = read_npz(path)["eeg"]
        assert np.array_equal(signal.data, sample.signals["eeg"].data) and signal.names == CHANNELS
        mine = [r for r in rows if r["path"] == path.name]
        assert [float(r["t_s"]) for r in mine] == [1.0, 2.0, 3.0]
        arousal = sample.targets["vad"].values[:, 1]
        assert [float(r["arousal"]) for r in mine] == pytest.approx(arousal, abs=1e-4)


def test_card_split_and_data_agree():
    opened = open_dataset("eeg_synthetic", seconds=2.0)
    folds = load_folds(opened.card, "subjects")
    assert set(folds.assignment) == {s.key for s in opened.samples}
    pairs = {(s.groups["subject"], folds.assignment[s.key]) for s in opened.samples}
    assert len(pairs) == 8 and opened.space.names("vad") == ("valence", "arousal", "dominance")


def test_contract():
    check_dataset("eeg_synthetic", n=16, seconds=3.0)
