"""Golden posteriors, an independent oracle, and the documented pitfalls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from affectzoo.errors import AffectZooError, UndefinedMappingError, UnknownNameError
from affectzoo.labels import vad
from affectzoo.labels.space import Category, LabelSpace, load_space
from affectzoo.labels.vad import (
    correlations,
    distribution_to_vad,
    fill_dominance,
    mixture_sd,
    space_gaussians,
    terms,
    vad_to_distribution,
)

# (V, A, D) and posterior over rm8; computed from the published table, uniform prior, diagonal, neutral sd .1.
GOLDEN = [
    ((0, 0, 0), (0.000002, 0.011788, 0.000572, 0.000244, 0.000259, 0.000019, 0.000319, 0.986796)),
    ((0.8, 0.5, 0.4), (0.910637, 0.009977, 0.079386, 0, 0, 0, 0, 0)),
    ((-0.6, 0.5, 0.1), (0, 0.155105, 0.000955, 0.349705, 0.373260, 0.113664, 0.007311, 0)),
    ((-0.6, 0.6, -0.4), (0, 0.021539, 0.001293, 0.119940, 0.132532, 0.696262, 0.028434, 0)),
    ((0.2, 0.2, 0), (0.004743, 0.322373, 0.152724, 0.000817, 0.000302, 0.000036, 0.000306, 0.518700)),
    ((-0.5, -0.3, -0.3), (0, 0.017550, 0.000009, 0.006835, 0.078719, 0.012854, 0.884032, 0)),
    ((0.1, 0.8, -0.1), (0.001327, 0.179929, 0.806549, 0.009339, 0.001637, 0.001148, 0.000071, 0)),
    ((0.6, -0.5, 0.1), (0.068796, 0.918541, 0.012633, 0, 0, 0, 0.000029, 0)),
]
POINTS = np.array([p for p, _ in GOLDEN], float)
points = st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=1, max_size=5).map(np.array)


def test_golden_posteriors():
    got = vad_to_distribution("rm8", POINTS)
    np.testing.assert_allclose(got, [q for _, q in GOLDEN], atol=6e-7)


def test_dominance_error_of_the_released_code_is_visible(monkeypatch):
    wrong = vad.Term((-0.64, 0.60, -0.21), (0.20, 0.32, 0.27), "the hungry row's dominance")
    table = {**terms(), "fearful": wrong}
    monkeypatch.setattr(vad, "terms", lambda: table)
    vad._gaussians.cache_clear()
    try:
        got = vad_to_distribution("rm8", [-0.6, 0.5, 0.1])
    finally:
        vad._gaussians.cache_clear()
    np.testing.assert_allclose(got[[1, 3, 4, 5]], [0.129533, 0.292051, 0.311722, 0.259791], atol=6e-7)
    assert abs(got[5] - GOLDEN[2][1][5]) > 0.14


@settings(max_examples=40, deadline=None)
@given(points)
def test_posterior_equals_products_of_normal_densities(x):
    """Oracle: scipy's densities multiplied and normalised."""
    mean, sd, _ = space_gaussians("rm9_calm_ours")
    density = norm.pdf(x[:, None, :], mean, sd).prod(-1)
    expected = density / density.sum(-1, keepdims=True)
    np.testing.assert_allclose(vad_to_distribution("rm9_calm_ours", x), expected, rtol=1e-9, atol=1e-300)


def test_far_points_do_not_underflow():
    p = vad_to_distribution("rm8", [[60.0, -60.0, 60.0]])
    assert np.isfinite(p).all() and p.sum() == pytest.approx(1)


def test_calm_is_called_contempt_unless_the_space_has_it():
    calm = [0.6, -0.5, 0.1]
    eight, nine = load_space("rm8"), load_space("rm9_calm_ours")
    assert eight.names("emotion")[vad_to_distribution(eight, calm).argmax()] == "contempt"
    p = vad_to_distribution(nine, calm)
    assert nine.names("emotion")[p.argmax()] == "calm" and p.max() > 0.99
    others = np.array([g for g, _ in GOLDEN[:7]], float)
    np.testing.assert_array_equal(
        vad_to_distribution(nine, others)[:, :8].argmax(1), vad_to_distribution(eight, others).argmax(1)
    )


def test_table_values_and_added_ones():
    assert terms()["fearful"].mean == (-0.64, 0.60, -0.43) and terms()["fearful"].sd == (0.20, 0.32, 0.30)
    assert terms()["neutral"].mean == (0, 0, 0) and "2602.06778" in terms()["neutral"].source
    mean, sd, defined = space_gaussians("fused14_ours")
    at = dict(zip(load_space("fused14_ours").names("emotion"), np.stack([mean, sd], -1), strict=True))
    fused = {
        "elated_fused": [(0.58, 0.31), (0.42, 0.32), (0.50, 0.35)],
        "hopeful_fused": [(0.56, 0.31), (0.03, 0.39), (-0.01, 0.42)],
        "proud_fused": [(0.12, 0.47), (-0.21, 0.33), (-0.13, 0.43)],
        "loved_fused": [(0.70, 0.25), (0.58, 0.24), (-0.08, 0.37)],
        "fatigued_fused": [(-0.48, 0.36), (-0.31, 0.41), (-0.30, 0.32)],
        "astonishment": [(0.16, 0.26), (0.88, 0.19), (-0.15, 0.26)],
    }
    for name, expected in fused.items():
        np.testing.assert_allclose(at[name], expected, atol=0.0101)
    assert defined.all() and all("ours" in c.term for c in load_space("fused14_ours").categories if "_fused" in c.name)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=8, max_size=8))
def test_mean_and_mixture_spread_match_sampling_free_formulas(weights):
    p = np.array(weights)
    mean, sd, _ = space_gaussians("rm8")
    point, mass = distribution_to_vad("rm8", p)
    assert mass == pytest.approx(p.sum())
    if mass < 1e-6:
        return
    np.testing.assert_allclose(point, np.average(mean, axis=0, weights=p), atol=1e-12)
    between = np.average((mean - point) ** 2, axis=0, weights=p)
    within = np.average(sd**2, axis=0, weights=p)
    np.testing.assert_allclose(mixture_sd("rm8", p), np.sqrt(between + within), atol=1e-7)


def test_mass_without_numbers_is_told_apart():
    space = load_space("abaw8")
    p = np.zeros((2, 8))
    p[0, space.index("emotion", "other")] = 1.0
    p[1, [space.index("emotion", "other"), space.index("emotion", "anger")]] = 0.75, 0.25
    point, mass = distribution_to_vad(space, p)
    assert np.isnan(point[0]).all() and mass.tolist() == [0.0, 0.25]
    np.testing.assert_allclose(point[1], terms()["angry"].mean)
    q = vad_to_distribution(space, terms()["angry"].mean)
    assert q[space.index("emotion", "other")] == 0 and q.sum() == pytest.approx(1)


def test_dominance_fill_by_hand_and_bounds():
    """One class: D is its own regression line; written out here for angry at (-.4, .8)."""
    space = LabelSpace("one", "1", categories=(Category("anger", "angry"),))
    r_vd, r_ad, r_va = -0.45, 0.75, 0.55
    assert correlations()["angry"] == (r_vd, r_ad, r_va)
    b1 = (0.39 / 0.20) * (r_vd - r_va * r_ad) / (1 - r_va**2)
    b2 = (0.39 / 0.33) * (r_ad - r_va * r_vd) / (1 - r_va**2)
    raw = 0.25 + b1 * (-0.4 + 0.51) + b2 * (0.8 - 0.59)
    assert fill_dominance(space, [-0.4, 0.8]) == pytest.approx(raw, abs=1e-12)
    assert fill_dominance(space, [-1.0, 1.0]) == 1.0  # clipped
    d = fill_dominance("rm8", POINTS[:, :2])
    assert d.shape == (8,) and (np.abs(d) <= 1).all()
    assert d[3] < d[1]  # the happy point is more dominant than the frightened one


def test_two_axes_are_filled_before_the_posterior():
    va = POINTS[:, :2]
    full = np.concatenate([va, fill_dominance("rm8", va)[:, None]], 1)
    np.testing.assert_allclose(vad_to_distribution("rm8", va), vad_to_distribution("rm8", full))


def test_nan_points_stay_nan():
    p = vad_to_distribution("rm8", [[np.nan, 0, 0], [0, 0, 0]])
    assert np.isnan(p[0]).all() and p[1].sum() == pytest.approx(1)


def test_bad_input():
    with pytest.raises(AffectZooError, match="softmax"):
        distribution_to_vad("rm8", np.array([-1.0, *[0] * 7]))
    with pytest.raises(AffectZooError, match="8 categories"):
        distribution_to_vad("rm8", np.ones(7))
    with pytest.raises(AffectZooError, match="valence, arousal"):
        vad_to_distribution("rm8", np.ones(4))
    with pytest.raises(UndefinedMappingError, match="measured"):
        space_gaussians(LabelSpace("x", "1", categories=(Category("a"),)))
    with pytest.raises(UnknownNameError, match="happy"):
        space_gaussians(LabelSpace("x", "1", categories=(Category("a", "hapy"),)))
