"""Quantiles, runs, energy and speech activity, against NumPy and by hand."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prosodykit import RATE, tone, white

from affectzoo.speech.prosody.activity import pauses, speech_mask, speech_threshold
from affectzoo.speech.prosody.energy import frame_energy, level_dbfs, to_db
from affectzoo.speech.prosody.frames import compress, inside, masked_mean, masked_quantile, masked_sd, run_lengths

BITS = st.lists(st.booleans(), min_size=1, max_size=40)


def row(bits: str) -> torch.Tensor:
    return torch.tensor([[b == "1" for b in bits]])


def text(on: torch.Tensor) -> str:
    return "".join("1" if b else "0" for b in on[0].tolist())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3, width=32), st.booleans()), min_size=1, max_size=30), st.floats(0, 1))
def test_quantile_mean_and_sd_are_numpys(pairs, q):
    x, mask = torch.tensor([[v for v, _ in pairs]]), torch.tensor([[m for _, m in pairs]])
    kept = x[mask].numpy().astype(float)
    got = [float(f[0]) for f in (masked_quantile(x, mask, q), masked_mean(x, mask), masked_sd(x, mask))]
    if not len(kept):
        assert np.isnan(got).all()
        return
    want = [np.quantile(kept, q), kept.mean(), kept.std()]
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-2)


@settings(max_examples=60, deadline=None)
@given(BITS)
def test_runs(bits):
    want = [n for n in (len(list(g)) for _, g in itertools.groupby(bits)) for _ in range(n)]
    assert run_lengths(torch.tensor([bits]))[0].tolist() == want


@settings(max_examples=60, deadline=None)
@given(BITS)
def test_inside_and_compress(bits):
    on = torch.tensor([bits])
    at = np.flatnonzero(bits)
    want = [len(at) > 0 and at[0] <= i <= at[-1] for i in range(len(bits))]
    assert inside(on)[0].tolist() == want
    values, count = compress(torch.arange(len(bits)).float()[None] + 1, on)
    assert values[0, : count[0]].tolist() == [i + 1 for i in at]


def test_energy_is_the_mean_square_of_the_window():
    audio = torch.from_numpy(np.stack([white(0.3), tone(200, 0.3)]))
    lengths = torch.tensor([4800, 3300])
    audio[1, 3300:] = 0
    got = frame_energy(audio, lengths)
    for b, n in enumerate(lengths.tolist()):
        for t in range(1 + n // 160):
            window = audio[b, max(0, t * 160 - 200) : min(n, t * 160 + 200)].double()
            assert float(got[b, t]) == pytest.approx(float(window.square().mean()), rel=1e-4)
    assert to_db(torch.tensor([0.0, 1.0, 0.1])).tolist() == pytest.approx([-120.0, 0.0, -10.0])


def test_level_is_that_of_speech():
    db = torch.tensor([[-20.0, -10.0, -60.0]])
    assert float(level_dbfs(db, row("110"))) == pytest.approx(10 * np.log10((0.01 + 0.1) / 2))
    assert torch.isnan(level_dbfs(db, row("000"))).all()


@pytest.mark.parametrize(
    ("loud", "quiet", "threshold"),
    [(-20, -30, -55), (-20, -80, -55), (-20, -45, -39), (-20, -41, -35), (-20, -40, -55)],
)
def test_thresholds(loud, quiet, threshold):
    """P95 - 35; P5 + 6 where the contrast is above 20 dB; never above P95 - 15."""
    db = torch.tensor([[float(quiet)] * 50 + [float(loud)] * 50])
    assert float(speech_threshold(db, torch.ones(1, 100, dtype=torch.bool))) == pytest.approx(threshold)


def test_silence_is_no_speech():
    db = torch.full((1, 30), -120.0)
    mask = torch.ones(1, 30, dtype=torch.bool)
    assert not speech_mask(db, mask, speech_threshold(db, mask)).any()


@pytest.mark.parametrize(
    ("heard", "speech"),
    [
        ("0000011111000000", "0000011111000000"),  # 50 ms stay
        ("0000011110000000", "0000000000000000"),  # 40 ms go
        ("1111100000111110", "1111111111111110"),  # a gap of 50 ms is bridged
        ("1111100000011111", "1111100000011111"),  # one of 60 ms is not
        ("1100000110000000", "1111111110000000"),  # bridged first, dropped then
    ],
)
def test_gaps_and_runs(heard, speech):
    db = torch.where(row(heard), -20.0, -60.0)
    mask = torch.ones_like(row(heard))
    assert text(speech_mask(db, mask, torch.tensor([-40.0]))) == speech


def test_padding_is_no_speech():
    db = torch.full((1, 20), -20.0)
    mask = row("1" * 12 + "0" * 8)
    assert text(speech_mask(db, mask, torch.tensor([-40.0]))) == "1" * 12 + "0" * 8


def test_pauses():
    speech = row("0" * 40 + "1" * 50 + "0" * 31 + "1" * 20 + "0" * 30 + "1" * 10 + "0" * 45 + "1" * 9 + "0" * 50)
    got = {k: float(v[0]) for k, v in pauses(speech).items()}
    assert got == pytest.approx({"pause_count": 2, "pause_mean_s": 0.38, "pause_share": 76 / 195})
    none = {k: float(v[0]) for k, v in pauses(row("0000")).items()}
    assert none["pause_count"] == 0 and np.isnan([none["pause_mean_s"], none["pause_share"]]).all()


def test_speech_in_a_recording():
    from affectzoo.speech.prosody.measures import measure

    audio = np.concatenate([white(0.5, level=1e-3), tone(150, 0.7), white(0.5, level=1e-3)])
    found = measure(audio, RATE)
    assert found["speech_s"] == pytest.approx(0.7, abs=0.04)
    assert found["level_dbfs"] == pytest.approx(10 * np.log10(0.045), abs=0.2)
