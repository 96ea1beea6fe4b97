"""Generated utterances: determinism, balance, files, and labels that the sound carries."""

import csv
from collections import Counter

import numpy as np
import pytest
import soundfile

from affectzoo.data.card import load_card
from affectzoo.data.split import load_folds
from affectzoo.errors import AffectZooError
from affectzoo.labels.space import load_space
from affectzoo.labels.vad import space_gaussians
from affectzoo.speech.synthetic import generate, iter_samples, write_files

SPACE = load_space("ekman7+vad")


@pytest.fixture(scope="module")
def samples():
    return generate(140, seed=0, seconds=0.6)


def emotion(sample) -> int:
    return int(sample.targets["emotion"].values.argmax())


def test_same_per_seed_and_index_whatever_n(samples):
    again = generate(5, seed=0, seconds=0.6)
    for a, b in zip(samples[:5], again, strict=True):
        assert a.key == b.key and a.groups == b.groups and a.attributes == b.attributes
        np.testing.assert_array_equal(a.signals["audio"].data, b.signals["audio"].data)
        np.testing.assert_array_equal(a.targets["vad"].values, b.targets["vad"].values)
    other = generate(1, seed=1, seconds=0.6)[0]
    assert other.key != samples[0].key and other.groups != samples[0].groups
    assert not np.array_equal(other.targets["vad"].values, samples[0].targets["vad"].values)


def test_every_speaker_shows_every_emotion_equally(samples):
    counts = Counter((s.groups["speaker"], emotion(s)) for s in samples)
    assert len(counts) == 20 * 7 and set(counts.values()) == {1}


@pytest.mark.parametrize("speakers", [5, 6, 13, 20])
def test_balance_for_any_number_of_speakers(speakers):
    made = generate(7 * speakers, seed=2, seconds=0.5, speakers=speakers)
    assert set(Counter((s.groups["speaker"], emotion(s)) for s in made).values()) == {1}


def test_duration_says_nothing(samples):
    seconds = np.array([s.signals["audio"].duration_s for s in samples])
    assert seconds.min() >= 0.5 and seconds.max() <= 0.7 and seconds.std() > 0.03
    means = [seconds[[emotion(s) == k for s in samples]].mean() for k in range(7)]
    assert np.ptp(means) < 4 * 0.052 / np.sqrt(20)  # sd of the uniform law over the root of the class size


def test_vad_scatters_about_the_class_means(samples):
    mean, sd, _ = space_gaussians(SPACE)
    z = np.array([(s.targets["vad"].values - mean[emotion(s)]) / (0.5 * sd[emotion(s)]) for s in samples])
    assert np.abs(z.mean(0)).max() < 0.3 and np.abs(z.std(0) - 1).max() < 0.25
    assert all(np.abs(s.targets["vad"].values).max() <= 1 for s in samples)


def test_targets_fit_the_card(samples):
    card = load_card("speech_synthetic")
    assert card.space.hash == SPACE.hash and card.free_for_any_use
    for s in samples[:8]:
        assert set(s.groups) == set(card.groups) and set(s.attributes) == set(card.attributes)
        assert s.targets["emotion"].values.sum() == 1 and s.targets["vad"].mask.all()


def test_split_keeps_speakers_apart_and_names_real_keys(samples):
    folds = load_folds(load_card("speech_synthetic"), "speakers")
    of = {}
    for s in samples:
        of.setdefault(s.groups["speaker"], set()).add(folds.assignment[s.key])
    assert folds.n == 5 and all(len(v) == 1 for v in of.values())
    kinds = Counter((folds.assignment[s.key], s.attributes["voice"]) for s in samples[:20])
    assert set(kinds.values()) == {2}


def test_adapter_gives_what_generate_gives():
    a = list(iter_samples(None, None, n=2, seed=5, seconds=0.6))
    assert [s.key for s in a] == [s.key for s in generate(2, seed=5)]


def test_written_files_hold_the_same_samples(tmp_path):
    paths = write_files(tmp_path, 3, seed=4, seconds=0.6)
    rows = list(csv.DictReader((tmp_path / "labels.csv").open()))
    for path, row, sample in zip(paths, rows, generate(3, seed=4, seconds=0.6), strict=True):
        audio, rate = soundfile.read(path, dtype="int16")
        assert rate == 16000 and row["path"] == path.name and row["speaker"] == sample.groups["speaker"]
        np.testing.assert_array_equal(audio, np.round(sample.signals["audio"].data * 32767))
        assert SPACE.index("emotion", row["emotion"]) == emotion(sample)
        vad = [float(row[a]) for a in SPACE.names("vad")]
        np.testing.assert_allclose(vad, sample.targets["vad"].values, atol=1e-4)


def test_other_spaces_and_bad_options():
    assert generate(1, seconds=0.5, space="rm8+vad")[0].targets["emotion"].values.shape == (8,)
    with pytest.raises(AffectZooError, match="seconds"):
        generate(1, seconds=0.3)
    with pytest.raises(AffectZooError, match="speakers"):
        generate(1, speakers=0)
