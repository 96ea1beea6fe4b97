"""ABAW scores against plain formulas on the valid frames; trajectories against golden values."""

import math

import audmetric
import numpy as np
import pytest
from sklearn.metrics import f1_score

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import load_space
from affectzoo.metrics.abaw import ABAW, p_au, p_expr, p_mtl, p_va
from affectzoo.metrics.score import score_arrays
from affectzoo.metrics.trajectory import (
    ccc_at_lag,
    hysteresis,
    recovery_time,
    smoothness,
    smoothness_against,
)


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    va = rng.uniform(-1, 1, (200, 2))
    va_true = np.clip(va + 0.3 * rng.normal(size=va.shape), -1, 1)
    va_true[::7] = -5
    expr, expr_true = rng.integers(0, 8, 200), rng.integers(-1, 8, 200)
    au, au_true = rng.integers(0, 2, (200, 12)), rng.integers(0, 2, (200, 12))
    au_true[::9, 3] = -1
    return (va, va_true), (expr, expr_true), (au, au_true)


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_abaw_scores_leave_invalid_frames_out(frames):
    (va, vt), (e, et), (a, at) = frames
    ok = (vt != -5).all(1)
    assert float(p_va(va, vt)) == pytest.approx(
        np.mean([audmetric.concordance_cc(vt[ok, k], va[ok, k]) for k in (0, 1)]), abs=1e-12
    )
    ok = et != -1
    assert float(p_expr(e, et)) == pytest.approx(f1_score(et[ok], e[ok], average="macro"), abs=1e-12)
    ok = (at != -1).all(1)
    units = np.mean([f1_score(at[ok, k], a[ok, k]) for k in range(12)])
    assert float(p_au(a, at)) == pytest.approx(units, abs=1e-12)
    total = float(p_va(va, vt)) + float(p_expr(e, et)) + units
    assert float(p_mtl((va, vt), (e, et), (a, at))) == pytest.approx(total, abs=1e-12)
    suite = ABAW()
    for i in (slice(0, 90), slice(90, 200)):
        suite.update_va(va[i], vt[i])
        suite.update_expr(e[i], et[i])
        suite.update_au(a[i], at[i])
    assert float(suite.compute()["p_mtl"]) == pytest.approx(total, abs=1e-12)
    suite.reset()
    assert math.isnan(suite.compute()["p_au"])


def test_abaw_without_a_labelled_frame_is_undefined(frames):
    (va, vt), (e, et), (a, at) = frames
    for score, pred, truth, code in ((p_va, va, vt, -5), (p_expr, e, et, -1), (p_au, a, at, -1)):
        assert math.isnan(float(score(pred, np.full_like(truth, code))))


def test_abaw_parts_are_registered_metrics(frames):
    """The registered metrics on masked labels give what the organisers' codes give."""
    (va, vt), (e, et), (a, at) = frames
    a, at = a.copy(), np.where(np.arange(12) == 5, np.minimum(at, 0), at)  # unit 5 is never true, but answered
    ok = [(vt != -5).all(1), et != -1, (at != -1).all(1)]
    onehot = np.eye(8)
    rows = [
        ("va", "vad", "ccc", va, vt, p_va(va, vt)),
        ("abaw8", "emotion", "f1_macro", onehot[e], onehot[np.maximum(et, 0)], p_expr(e, et)),
        ("abaw12", "au", "au_f1_zero", a.astype(float), at, p_au(a, at)),
    ]
    for keep, (space, field, metric, pred, truth, expected) in zip(ok, rows, strict=True):
        mask = np.repeat(keep[:, None], pred.shape[1], 1)
        (found,) = score_arrays(load_space(space), field, pred, truth, mask, [metric]).values()
        assert found.value == pytest.approx(float(expected), abs=1e-12)
    units = [f1_score(at[ok[2], k], a[ok[2], k], zero_division=0) for k in range(12)]
    assert units[5] == 0 and found.per_class["AU10"] == 0.0
    assert found.value == pytest.approx(np.mean(units), abs=1e-12) and found.conventions["absent"] == "zero"


def test_abaw_absent_unit_counts_zero_as_in_the_organisers_mean(frames):
    a, at = (x.copy() for x in frames[2])
    a[:, 5] = 0
    at[at[:, 5] >= 0, 5] = 0
    ok = (at != -1).all(1)
    theirs = np.mean([f1_score(at[ok, k], a[ok, k], zero_division=0) for k in range(12)])
    assert float(p_au(a, at)) == pytest.approx(theirs, abs=1e-12)


def test_abaw_refuses_other_codes(frames):
    (va, vt), (e, et), _ = frames
    with pytest.raises(AffectZooError, match="-5 means unlabelled"):
        p_va(va, np.where(vt == -5, -9, vt))
    with pytest.raises(AffectZooError, match="mask missing labels"):
        p_expr(e, np.where(et == -1, 9, et))


def test_lag_is_given_and_means_a_late_annotation():
    t = np.sin(np.arange(200) / 7.0)
    late = np.r_[np.zeros(5), t[:-5]]  # the annotation comes 0.5 s late at 10 Hz
    assert ccc_at_lag(t, late, 0.5, 10.0) == pytest.approx(1.0, abs=1e-12)
    assert ccc_at_lag(late, t, -0.5, 10.0) == pytest.approx(1.0, abs=1e-12)
    assert ccc_at_lag(t, late, 0.0, 10.0) < 0.95
    mask = np.ones(200, bool)
    mask[20:30] = False
    assert ccc_at_lag(t, np.where(mask, late, np.nan), 0.5, 10.0, mask) == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(AffectZooError, match="whole number of steps"):
        ccc_at_lag(t, late, 0.55, 10.0)
    with pytest.raises(AffectZooError, match="leaves nothing"):
        ccc_at_lag(t, late, 30.0, 10.0)


def test_smoothness_is_per_second_squared():
    x = np.arange(50.0) ** 2 / 100  # second difference 0.02 a step²
    assert smoothness(x, 1.0) == pytest.approx(0.02, abs=1e-12)
    assert smoothness(x, 10.0) == pytest.approx(2.0, abs=1e-9)
    assert smoothness_against(2 * x, x, 10.0).ratio == pytest.approx(2.0)
    assert math.isnan(smoothness([0.0, 1.0], 1.0)) and math.isnan(smoothness_against(x, 0 * x, 1.0).ratio)
    mask = np.ones(50, bool)
    mask[25] = False
    assert smoothness(np.where(mask, x, np.nan), 1.0, mask) == pytest.approx(0.02, abs=1e-12)
    with pytest.raises(AffectZooError, match="NaN"):
        smoothness([0.0, np.nan, 1.0], 1.0)


def drive(rule, mu):
    """Signal +0.2 x 5, -0.7 x 10, +0.6 x 10 through rule A (velocity) or C (low-pass), state from 0."""
    signal = np.r_[[0.2] * 5, [-0.7] * 10, [0.6] * 10]
    s = v = 0.0
    out = []
    for a in signal:
        if rule == "A":
            v = mu * v + (1 - mu) * (a - s)
            s = float(np.clip(s + v, -1, 1))
        else:
            s = mu * s + (1 - mu) * a
        out.append(s)
    return signal, np.array(out)


@pytest.mark.parametrize(("rule", "mu", "turn"), [("C", 0.8, 4), ("C", 0.95, None), ("A", 0.8, 2), ("A", 0.95, 7)])
def test_recovery_golden_values(rule, mu, turn):
    """state.md 1.1: the sanity run at threshold 0.2."""
    assert recovery_time(drive(rule, mu)[1], 15, 0.2) == turn


def test_recovery_is_in_seconds_and_refuses_an_onset_outside():
    assert recovery_time([0.0, 0.0, 0.5], 0, 0.5, rate_hz=4.0) == 0.5
    with pytest.raises(AffectZooError, match="outside"):
        recovery_time([0.0], 3, 0.5)


def test_hysteresis_is_a_loop_area():
    angle = np.linspace(0, 2 * np.pi, 4001)
    assert hysteresis(np.cos(angle), np.sin(angle)) == pytest.approx(np.pi, abs=1e-5)
    loop = np.sin(angle)
    assert hysteresis(loop, 0.5 * loop) == pytest.approx(0.0, abs=1e-12)  # no memory, closed path
    signal, state = drive("C", 0.8)
    steps = [(signal[i] + signal[i + 1]) / 2 * (state[i + 1] - state[i]) for i in range(len(signal) - 1)]
    assert hysteresis(signal, state) == pytest.approx(abs(sum(steps)), abs=1e-15)
