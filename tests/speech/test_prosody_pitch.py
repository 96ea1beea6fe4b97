"""Pitch: against signals whose pitch is known, and its path and repair against brute force and hand-made errors."""

import itertools

import numpy as np
import pytest
import torch
from prosodykit import RATE, glide, tone, train, whisper, white

from affectzoo.speech.prosody.measures import measure, measure_batch
from affectzoo.speech.prosody.pitch import repair_octaves, track_pitch
from affectzoo.speech.prosody.spectrum import Scan, _candidates, _tables
from affectzoo.speech.prosody.viterbi import OCTAVE_JUMP, VOICING_CHANGE, best_path

PITCHES = (60, 75, 100, 140, 200, 270, 330, 400, 450)
RATES = (8000, 11025, 16000, 44100, 48000)
NAN = float("nan")


def check(found, truth: np.ndarray | float, within: float, edge: int = 4) -> None:
    """Nearly all frames but the ends are voiced, and every one is within `within` of the truth."""
    f0 = found.tracks.f0_hz.numpy()[edge:-edge]
    truth = np.broadcast_to(truth, found.tracks.f0_hz.shape)[edge:-edge]
    assert np.isfinite(f0).mean() > 0.97
    assert np.nanmax(np.abs(f0 / truth - 1)) < within


@pytest.mark.parametrize("make", [tone, train])
@pytest.mark.parametrize("rate", RATES)
def test_pitch_within_one_percent_from_60_to_450_hz(make, rate):
    found = measure_batch([make(hz, rate=rate) for hz in PITCHES], rate)
    for row, hz in enumerate(PITCHES):
        check(found[row], hz, 0.01)
        assert found[row]["f0_median_hz"] == pytest.approx(hz, rel=0.005)


@pytest.mark.parametrize("hz", [52, 520, 580])
def test_the_search_range_is_wider(hz):
    check(measure(train(hz), RATE), hz, 0.01)


@pytest.mark.parametrize("hz", [612, 720])
def test_beyond_the_range_is_unvoiced_or_an_octave_low(hz):
    f0 = measure(train(hz), RATE).tracks.f0_hz.numpy()
    assert not (np.abs(2 * f0[np.isfinite(f0)] / hz - 1) > 0.01).any()


@pytest.mark.parametrize(("low", "high"), [(100, 200), (300, 150), (80, 240), (420, 210)])
def test_glides(low, high):
    audio, truth = glide(low, high, 1.2)
    check(measure(audio, RATE), truth, 0.01, edge=6)


def test_the_fundamental_may_be_missing():
    """Telephone: harmonics below 300 Hz are gone, the pitch is not."""
    spectrum = np.fft.rfft(train(120.0, tilt_db=4))
    hz = np.fft.rfftfreq(2 * (len(spectrum) - 1), 1 / RATE)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    check(measure(np.fft.irfft(spectrum).astype(np.float32), RATE), 120, 0.01)


def test_a_strong_second_harmonic_is_no_octave():
    t = np.arange(RATE) / RATE
    audio = sum(a * np.sin(2 * np.pi * 140 * k * t) for k, a in ((1, 0.1), (2, 0.4), (3, 0.15), (4, 0.1)))
    check(measure(audio, RATE), 140, 0.01)


def test_noise_and_whisper_have_no_pitch():
    found = measure_batch([*(white(2.0, k) for k in range(5)), *(whisper(2.0, k) for k in range(10))], RATE)
    voiced = found.tracks.f0_hz.isfinite().float().mean(1)
    assert voiced[:5].max() == 0 and voiced[5:].mean() < 0.01 and voiced.max() < 0.05
    assert found.values["f0_median_hz"].isnan().all() and not found.values["pitch_reliable"].any()


def test_pitch_in_noise():
    """10 dB more voice than noise costs no accuracy."""
    audio = train(160.0, 1.0)
    noisy = audio + white(1.0, level=float(audio.std()) * 10**-0.5)
    check(measure(noisy, RATE), 160, 0.02)


def test_voicing_is_the_periodicity():
    """Of a voice with noise: signal power over all power in the band that is heard."""
    audio = train(200.0, 2.0, tilt_db=12)
    noise = white(2.0, level=1.0)
    mixed = audio + noise * audio.std() * 0.5  # 1 / (1 + 0.25 / 2): half of the noise is above 4 kHz
    voicing = measure(mixed, RATE).tracks.voicing.numpy()[10:-10]
    assert np.median(voicing) == pytest.approx(1 / 1.125, abs=0.03)
    assert np.median(measure(white(2.0), RATE).tracks.voicing.numpy()) < 0.4


def test_path_is_the_best_of_all_paths():
    g = torch.Generator().manual_seed(1)
    frames, candidates = 5, 2
    for _ in range(20):
        octaves = 3 * torch.rand(1, frames, candidates, generator=g)
        score = torch.rand(1, frames, candidates, generator=g)
        unvoiced = torch.rand(1, frames, generator=g)

        def total(path, octaves=octaves, score=score, unvoiced=unvoiced):
            out = sum(float(score[0, t, s] if s >= 0 else unvoiced[0, t]) for t, s in enumerate(path))
            for t, (a, b) in enumerate(itertools.pairwise(path)):
                if a >= 0 and b >= 0:
                    out -= OCTAVE_JUMP * float((octaves[0, t, a] - octaves[0, t + 1, b]).abs())
                elif a != b:
                    out -= VOICING_CHANGE
            return out

        best = max(itertools.product(range(-1, candidates), repeat=frames), key=total)
        found = best_path(octaves, score, unvoiced, torch.ones(1, frames, dtype=torch.bool))[0].tolist()
        assert total(found) == pytest.approx(total(best), abs=1e-5)


def test_frames_outside_the_mask_cost_nothing():
    g = torch.Generator().manual_seed(2)
    octaves, score, unvoiced = (torch.rand(shape, generator=g) for shape in ((1, 9, 3), (1, 9, 3), (1, 9)))
    mask = torch.arange(9)[None] < 6
    short = best_path(octaves[:, :6], score[:, :6], unvoiced[:, :6], mask[:, :6])
    padded = best_path(octaves, score, unvoiced, mask)
    assert padded[0, :6].tolist() == short[0].tolist() and padded[0, 6:].tolist() == [-1, -1, -1]


def followed(f0, periodicity, level=-20.0, threshold=-50.0, two_pass=False) -> np.ndarray:
    """(T,) the path through hand-made candidates (T, C)."""
    scan = Scan(*(torch.tensor(x, dtype=torch.float32).reshape(1, len(f0), -1) for x in (f0, periodicity)), {})
    levels = torch.full((1, len(f0)), -20.0)
    levels[0, 4:16] = level
    mask = torch.ones(1, len(f0), dtype=torch.bool)
    return track_pitch(scan, levels, torch.tensor([threshold]), mask, two_pass).f0_hz[0].numpy()


@pytest.mark.parametrize(("frames", "voiced"), [(2, 0), (3, 3)])
def test_a_voice_lasts_three_frames(frames, voiced):
    periodicity = [0.9 if 8 <= t < 8 + frames else 0.1 for t in range(20)]
    assert np.isfinite(followed([200.0] * 20, periodicity)).sum() == voiced


@pytest.mark.parametrize(
    ("level", "periodicity", "voiced"),
    [
        (-20, 0.45, False), (-20, 0.55, True),  # 0.5 is asked of loud frames
        (-45, 0.55, False), (-45, 0.65, True),  # 0.6 at 25 dB below the loudest
        (-56.5, 0.99, False),  # and more than there is below the threshold
    ],
)  # fmt: skip
def test_quiet_frames_need_more_periodicity(level, periodicity, voiced):
    found = followed([100.0] * 20, [periodicity if 4 <= t < 16 else 0.0 for t in range(20)], level)
    assert np.isfinite(found[6:14]).all() == voiced and np.isfinite(found).any() == voiced


@pytest.mark.parametrize(("hz", "kept"), [(205, False), (195, True), (62, True), (58, False)])
def test_the_second_pass_looks_from_0_6_to_2_times_the_median(hz, kept):
    """One candidate a frame, 100 Hz but for twelve frames. (What is kept, octave repair may move.)"""
    f0 = [100.0] * 20 + [float("nan")] * 5 + [float(hz)] * 12 + [float("nan")] * 5
    periodicity = [0.9 if v == v else -1.0 for v in f0]
    f0 = np.nan_to_num(f0, nan=100.0)
    assert np.isfinite(followed(f0, periodicity, two_pass=True)[25:37]).all() == kept
    assert (followed(f0, periodicity)[25:37] == hz).all()


def test_ringing_is_less_than_a_voice():
    """Autocorrelations at 500 Hz that fall by 0.3 from the first period to the second, and that do not fall."""
    lags = np.arange(162) * 0.125e-3
    wave = np.cos(2 * np.pi * 500 * lags)
    fading = wave * np.interp(lags, [0, 0.002, 0.004, 0.02], [1, 0.8, 0.5, 0.0])
    r = torch.tensor(np.stack([wave, fading]), dtype=torch.float32)
    f0, height = _candidates(r, _tables(r.device).bonus)
    best = [float(h[(f - 500).abs().argmin()]) for f, h in zip(f0, height, strict=True)]
    assert best == pytest.approx([1.0, 0.8 - 0.5 * 0.3], abs=0.02)


def test_octave_repair_mends_single_frames():
    f0 = torch.full((2, 60), 150.0)
    f0[0, 20:22] = 75.0  # too low, between right neighbours
    f0[0, 40] = 300.0
    f0[1, 10:20] = NAN
    f0[1, 12:15] = 330.0  # 13.7 semitones up and alone: the utterance's median decides
    fixed = repair_octaves(f0)
    assert torch.allclose(fixed[0], torch.full((60,), 150.0), rtol=1e-5)
    assert fixed[1, 12:15].tolist() == pytest.approx([165.0] * 3, rel=1e-5) and fixed[1, 10:12].isnan().all()


def test_octave_repair_leaves_what_it_must():
    tones = torch.tensor([0.0] * 30 + [8.9] * 10 + [-5.0] * 10)  # less than 9 from the median
    f0 = 200 * 2 ** (tones / 12)
    assert torch.allclose(repair_octaves(f0[None])[0], f0)
    far = torch.cat([torch.full((30,), 100.0), torch.full((10,), 300.0)])  # 19 up: not within 6 after a shift by 12
    assert torch.allclose(repair_octaves(far[None])[0], far)
    assert repair_octaves(torch.full((1, 5), NAN)).isnan().all()


def test_the_second_pass_stays_near_the_median():
    """A voice at 110 Hz with one syllable at 300 Hz: beyond twice the median, so two passes do not find it."""
    audio = np.concatenate([train(110.0, 0.8), train(300.0, 0.3), train(110.0, 0.8)])
    once, twice = (measure(audio, RATE, two_pass=p).tracks.f0_hz.numpy()[86:104] for p in (False, True))
    assert np.nanmedian(once) == pytest.approx(300, rel=0.01)
    assert not (twice > 220).any()
