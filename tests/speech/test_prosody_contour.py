"""Contour classes on constructed pitch, their confidence by hand, and the smoothing and the parabola against SciPy."""

import numpy as np
import pytest
import torch
from prosodykit import RATE, train
from scipy.ndimage import median_filter
from scipy.signal import savgol_filter

from affectzoo.speech.prosody import contour
from affectzoo.speech.prosody.contour import CLASSES, classify
from affectzoo.speech.prosody.measures import measure


def pitch(shape, frames: int = 120, base: float = 200.0) -> torch.Tensor:
    """(1, T) Hz from a function of place in [0, 1] that gives semitones."""
    return torch.tensor(base * 2 ** (shape(np.linspace(0, 1, frames)) / 12), dtype=torch.float32)[None]


def said(f0: torch.Tensor, pauses: int = 0) -> tuple[str, float]:
    found = classify(f0, torch.tensor([float(pauses)]))
    return CLASSES[int(found.kind)], float(found.confidence)


def bow(height: float):
    return lambda u: height * (1 - (2 * u - 1) ** 2)


SHAPES = {
    "rising": lambda u: 8 * u,
    "falling": lambda u: -8 * u,
    "rising-falling": bow(6),
    "falling-rising": bow(-6),
    "flat": lambda u: 0.3 * np.sin(9 * u),
    "expressive": lambda u: 8 * np.sin(2 * np.pi * 4 * u),
}


@pytest.mark.parametrize("name", SHAPES)
def test_classes(name):
    kind, sure = said(pitch(SHAPES[name]))
    assert kind == name and sure > 0.3


@pytest.mark.parametrize("name", ["rising", "falling", "rising-falling", "falling-rising", "flat"])
def test_classes_from_sound(name):
    u = np.linspace(0, 1, round(1.2 * RATE))
    found = measure(train(180 * 2 ** (SHAPES[name](u) / 12), 1.2), RATE)
    assert found.contour == name and found["contour_confidence"] > 0.3


@pytest.mark.parametrize("name", SHAPES)
def test_register_does_not_matter(name):
    assert said(pitch(SHAPES[name], base=90.0)) == pytest.approx(said(pitch(SHAPES[name], base=300.0)), abs=1e-3)


def test_numbers_of_a_straight_rise():
    """8 semitones in 120 frames: the middles of the first and last quarter are 90 of 119 steps apart."""
    found = classify(pitch(lambda u: 8 * u), torch.zeros(1))
    assert float(found.change_st) == pytest.approx(8 * 90 / 119, abs=0.02)
    assert float(found.range_st) == pytest.approx(8 * 0.9, abs=0.1)
    assert float(found.turn_st) == 0


def test_number_of_a_turn():
    assert float(classify(pitch(bow(5)), torch.zeros(1)).turn_st) == pytest.approx(5, abs=0.15)
    assert float(classify(pitch(bow(-5)), torch.zeros(1)).turn_st) == pytest.approx(-5, abs=0.15)
    assert float(classify(pitch(bow(1.8)), torch.zeros(1)).turn_st) == 0  # 2 semitones are needed


def test_a_turn_near_the_end_is_none():
    kind, _ = said(pitch(lambda u: -24 * (u - 0.9) ** 2))  # vertex at 0.9, beyond 0.75
    assert kind == "rising"


@pytest.mark.parametrize(("frames", "pauses", "sure"), [(100, 0, 1.0), (80, 0, 0.8), (100, 1, 0.7), (60, 2, 0.294)])
def test_confidence_is_margin_times_length_times_pauses(frames, pauses, sure):
    kind, got = said(pitch(lambda u: 9 * u, frames), pauses)  # a margin above 1 counts as 1
    assert kind == "rising" and got == pytest.approx(sure, abs=1e-3)


def test_confidence_grows_with_the_margin():
    rise = 3.0 * 119 / 90  # a change of 3 semitones is 1.5 times the threshold
    assert said(pitch(lambda u: rise * u))[1] == pytest.approx(0.5, abs=0.02)
    assert said(pitch(lambda u: 0 * u))[1] == pytest.approx(1.0, abs=1e-3)


def test_little_confidence_is_uncertain():
    kind, sure = said(pitch(lambda u: 2.1 * 119 / 90 * u))
    assert kind == "uncertain" and sure < 0.15
    assert said(pitch(lambda u: 9 * u), pauses=6)[0] == "uncertain"  # 0.7 ** 6


def test_short_voices():
    rise = SHAPES["rising"]
    assert said(pitch(rise, 24)) == ("too_short", 0.0)
    found = classify(pitch(rise, 40), torch.zeros(1))  # 0.4 s: a range, no direction
    assert CLASSES[int(found.kind)] in ("flat", "uncertain") and float(found.range_st) > 6
    assert torch.isnan(found.change_st).all() and torch.isnan(found.turn_st).all()
    assert said(pitch(lambda u: 0 * u, 40)) == ("flat", pytest.approx(0.4))
    assert said(torch.full((1, 80), float("nan"))) == ("too_short", 0.0)


def test_a_pause_is_no_valley():
    f0 = pitch(lambda u: 0 * u, 100)
    gap = torch.cat([f0[:, :50], torch.full((1, 80), float("nan")), f0[:, 50:]], 1)
    assert said(gap)[0] == "flat" and said(gap) == said(f0)


def test_rows_do_not_know_each_other():
    rows = [pitch(s, n) for (s, n) in zip(SHAPES.values(), (120, 90, 70, 110, 30, 100), strict=True)]
    width = max(r.shape[1] for r in rows)
    nan = float("nan")
    batch = torch.cat([torch.nn.functional.pad(r, (0, width - r.shape[1]), value=nan) for r in rows])
    together = classify(batch, torch.zeros(len(rows)))
    for k, row in enumerate(rows):
        alone = classify(row, torch.zeros(1))
        for name in ("kind", "confidence", "change_st", "range_st", "turn_st"):
            assert torch.allclose(getattr(together, name)[k], getattr(alone, name)[0], atol=1e-4, equal_nan=True)


def test_smoothing_is_scipys():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 40))).float()
    count = torch.tensor([40, 23])
    median, smooth = contour._median5(x, count), contour._savgol(x, count)
    for row, n in enumerate(count.tolist()):
        one = x[row, :n].numpy()
        np.testing.assert_allclose(median[row, :n], median_filter(one, 5, mode="nearest"), atol=1e-6)
        np.testing.assert_allclose(smooth[row, :n], savgol_filter(one, 9, 2), atol=1e-5)
    few = x[:, :6]
    assert torch.equal(contour._savgol(few, torch.tensor([6, 6])), few)


def test_the_parabola_is_polyfits():
    rng = np.random.default_rng(1)
    for _ in range(20):
        n = 60
        u = np.linspace(0, 1, n)
        y = rng.normal(0, 8) * (u - rng.uniform(0.1, 0.9)) ** 2 * 4 + rng.normal(0, 1) * u + rng.normal(0, 0.5, n)
        a, b, c = np.polyfit(u, y, 2)
        line = np.polyval(np.polyfit(u, y, 1), u)
        curve = np.polyval((a, b, c), u)
        gain = (np.sum((y - line) ** 2) - np.sum((y - curve) ** 2)) / np.sum((y - y.mean()) ** 2)
        vertex = -b / (2 * a)
        depth = np.polyval((a, b, c), vertex) - (c + (a + b + c)) / 2
        is_turn = 0.25 <= vertex <= 0.75 and abs(depth) >= 2 and gain >= 0.05
        padded = torch.tensor(np.concatenate([y, np.zeros(15)]), dtype=torch.float32)[None]
        mask = torch.arange(75)[None] < n
        got = float(contour._turn(padded, mask, torch.tensor([n])))
        assert got == pytest.approx(depth if is_turn else 0.0, abs=1e-3)
