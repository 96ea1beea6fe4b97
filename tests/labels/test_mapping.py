"""Mappings: no mass is invented, exact rows are inverse, every pair maps or says why not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError, UndefinedMappingError, UnknownNameError
from affectzoo.labels.mapping import KINDS, map_spaces
from affectzoo.labels.space import (
    ActionUnit,
    Axis,
    Category,
    LabelSpace,
    State,
    list_spaces,
    load_space,
)
from affectzoo.labels.vad import DATA, space_gaussians, vad_to_distribution

EMOTIONS = [n for n in list_spaces() if load_space(n).categories]


@cache
def emotion_pairs():
    pairs = []
    for a in EMOTIONS:
        for b in EMOTIONS:
            try:
                pairs.append((a, b, map_spaces(a, b)))
            except UndefinedMappingError:
                continue
    return pairs


def row(a, b, name):
    return next(r for r in map_spaces(a, b).rows if r.source == name)


@pytest.mark.parametrize("a", list_spaces())
def test_every_pair_maps_or_says_why(a):
    for b in list_spaces():
        try:
            m = map_spaces(a, b)
        except UndefinedMappingError as e:
            assert repr(a) in str(e) or repr(b) in str(e)
            assert a != b
            continue
        s, t = load_space(a).size(m.source_field), load_space(b).size(m.target_field)
        q, lost = m.apply(np.full((2, s), 1 / s))
        assert len(m.rows) == s and q.shape == (2, t) and lost.shape == (2,) and m.covered.shape == (t,)
        assert all(r.kind in KINDS and bool(r.lost) == (r.kind != "exact") for r in m.rows)
        assert all((r.kind == "undefined") == (not r.targets) for r in m.rows)
        names = load_space(b).names(m.target_field)
        assert {x for r in m.rows for x in r.targets} == {n for n, c in zip(names, m.covered, strict=True) if c}
        assert sum(m.report()["counts"].values()) == s


@pytest.mark.parametrize("name", list_spaces())
def test_a_space_maps_onto_itself(name):
    for field in load_space(name).fields:
        m = map_spaces(name, name, field)
        assert all(r.targets == (r.source,) for r in m.rows)
        np.testing.assert_array_equal(m.matrix, np.eye(len(m.rows)))


def test_exact_rows_are_inverse():
    found = 0
    for a, b, m in emotion_pairs():
        for r in m.rows:
            if r.kind == "exact":
                back = row(b, a, r.targets[0])
                assert back.kind == "exact" and back.targets == (r.source,), (a, b, r)
                found += a != b
    assert found > 500


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_there_and_back_never_invents_mass(data):
    a, b, m = data.draw(st.sampled_from(emotion_pairs()))
    p = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(m.rows), max_size=len(m.rows))))
    q, lost = m.apply(p)
    assert (q >= 0).all() and lost >= 0
    assert q.sum() + lost == pytest.approx(p.sum(), abs=1e-9)
    try:
        back = map_spaces(b, a)
    except UndefinedMappingError:
        return
    again, lost_too = back.apply(q)
    assert again.sum() + lost + lost_too == pytest.approx(p.sum(), abs=1e-9)
    exact = [i for i, r in enumerate(m.rows) if r.kind == "exact"]
    assert (again[exact] >= p[exact] - 1e-12).all()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_order_of_the_source_changes_nothing(data):
    a, b, m = data.draw(st.sampled_from(emotion_pairs()))
    order = data.draw(st.permutations(range(len(m.rows))))
    source = load_space(a)
    shuffled = map_spaces(replace(source, categories=tuple(source.categories[i] for i in order)), b)
    np.testing.assert_array_equal(shuffled.matrix, m.matrix[order])
    kinds = [(r.source, r.targets, r.kind, r.rule) for r in shuffled.rows]
    assert kinds == [(r.source, r.targets, r.kind, r.rule) for r in (m.rows[i] for i in order)]


def test_goemotions_to_ekman_as_published():
    published = {
        "anger": "anger annoyance disapproval",
        "disgust": "disgust",
        "fear": "fear nervousness",
        "happiness": "joy amusement approval excitement gratitude love optimism relief pride admiration desire caring",
        "sadness": "sadness disappointment embarrassment grief remorse",
        "surprise": "surprise realization confusion curiosity",
        "neutral": "neutral",
    }
    m = map_spaces("goemotions28", "ekman7")
    got = {t: {r.source for r in m.rows if r.targets == (t,)} for t in m.target.names("emotion")}
    assert got == {t: set(words.split()) for t, words in published.items()}
    assert {r.source for r in m.rows if r.kind == "exact"} == {"disgust", "neutral"}


def test_fused_classes_to_eight_are_plain_sums():
    m = map_spaces("fused14_ours", "rm8")
    p = np.arange(1, 15, dtype=float)
    at = dict(zip(m.source.names("emotion"), p, strict=True))
    q, lost = m.apply(p)
    got = dict(zip(m.target.names("emotion"), q, strict=True))
    assert lost == 0
    assert got["happiness"] == at["happiness"] + at["elated_fused"] + at["hopeful_fused"] + at["loved_fused"]
    assert got["sadness"] == at["sadness"] + at["proud_fused"] + at["fatigued_fused"]
    assert got["surprise"] == at["surprise"] + at["astonishment"]
    assert [got[n] for n in ("contempt", "anger", "neutral")] == [at[n] for n in ("contempt", "anger", "neutral")]


ROWS = [
    ("ravdess8", "ekman7", "calm", (), "undefined"),
    ("ravdess8", "ekman7", "anger", ("anger",), "exact"),
    ("parrott6", "ekman6", "joy", ("happiness",), "exact"),
    ("parrott6", "ekman6", "anger", ("anger",), "lossy"),  # Parrott's anger holds disgust
    (
        "parrott135",
        "ekman6",
        "anger/disgust/revulsion",
        ("disgust",),
        "lossy",
    ),  # by its middle tier, not anger
    ("parrott135", "ekman6", "joy/cheerfulness/bliss", ("happiness",), "lossy"),
    ("parrott135", "parrott25", "joy/cheerfulness/bliss", ("joy/cheerfulness",), "lossy"),
    ("parrott25", "parrott6", "joy/pride", ("joy",), "lossy"),
    ("parrott6", "ekman6", "love", (), "undefined"),
    ("plutchik", "ekman6", "terror", ("fear",), "lossy"),
    ("plutchik", "ekman6", "trust", (), "undefined"),
    ("affectnet8", "plutchik", "contempt", ("disgust", "anger"), "lossy"),  # a dyad
    ("emodb7", "plutchik", "boredom", ("boredom",), "lossy"),  # Plutchik's boredom is weak disgust
    ("emodb7", "iemocap4", "happiness", ("happiness",), "lossy"),  # hap and exc are merged there
    ("abaw8", "affectnet8", "other", (), "undefined"),
    ("ekman6", "seed3", "surprise", (), "undefined"),
    ("ekman6", "seed3", "fear", ("negative",), "lossy"),
    ("goemotions28", "seed3", "annoyance", ("negative",), "lossy"),  # two steps: anger, negative
    ("seed3", "ekman7", "positive", (), "undefined"),
    ("fused14_ours", "goemotions28", "proud_fused", ("sadness",), "lossy"),  # not pride
    ("geneva20", "ekman6", "hate", ("anger",), "lossy"),
    ("rm9_calm_ours", "ravdess8", "calm", ("calm",), "exact"),
]


@pytest.mark.parametrize(("a", "b", "name", "targets", "kind"), ROWS)
def test_single_rows(a, b, name, targets, kind):
    r = row(a, b, name)
    assert (r.targets, r.kind) == (targets, kind)


def test_declared_tables_name_real_classes():
    maps = yaml.safe_load((DATA / "maps.yaml").read_text())
    for name, table in maps["spaces"].items():
        names = set(load_space(name).names("emotion"))
        narrower = [n for words in table["wider"].values() for n in words]
        assert set(narrower) <= names and len(narrower) == len(set(narrower)) and table["source"]
    for name, notes in maps["caveats"].items():
        assert set(notes) <= set(load_space(name).names("emotion"))


def test_word_in_two_places_is_shared_equally():
    a = LabelSpace("a", "1", categories=(Category("bored"),))
    b = LabelSpace("b", "1", categories=(Category("sad/bored"), Category("bad/bored"), Category("x")))
    m = map_spaces(a, b)
    assert m.rows[0].kind == "lossy" and "several places" in m.rows[0].lost
    np.testing.assert_array_equal(m.apply([0.4])[0], [0.2, 0.2, 0])


def test_composed_spaces_keep_their_declared_rows():
    m = map_spaces("goemotions28+vad", "ekman7+vad", "emotion")
    np.testing.assert_array_equal(m.matrix, map_spaces("goemotions28", "ekman7").matrix)
    assert map_spaces("goemotions28+vad", "ekman7+vad").target_field == "vad"
    assert map_spaces("goemotions28+vad", "vad").source_field == "vad"  # rated before derived


def test_emotion_to_vad_and_back():
    m = map_spaces("ravdess8", "va")
    mean, _, _ = space_gaussians("ravdess8")
    q, lost = m.apply(np.eye(8))
    np.testing.assert_allclose(q, mean[:, :2])
    assert not lost.any() and {r.kind for r in m.rows} == {"lossy"}
    m = map_spaces("vad", "rm8")
    x = [[-0.6, 0.6, -0.4]]
    np.testing.assert_array_equal(m.apply(x)[0], vad_to_distribution("rm8", x))
    assert m.matrix is None and m.kind == "lossy"
    assert any("dominance is estimated" in r.lost for r in map_spaces("va", "rm8").rows)


def test_a_point_needs_half_of_the_mass():
    m = map_spaces("abaw8", "vad")
    p = np.zeros((2, 8))
    p[:, 1], p[:, 7] = (0.6, 0.4), (0.4, 0.6)  # anger, other
    q, lost = m.apply(p)
    np.testing.assert_allclose(q[0], [-0.51, 0.59, 0.25])
    assert np.isnan(q[1]).all() and lost.tolist() == [0.4, 0.6]


def test_axes_by_name_and_range():
    other = LabelSpace("x", "1", axes=(Axis("arousal", 1, 9), Axis("valence", 0, 1), Axis("dominance")))
    m = map_spaces("vad", other)
    q, _ = m.apply([[-1.0, 1.0, 0.5], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(q, [[9, 0, 0.5], [5, 0.5, 0]])
    np.testing.assert_allclose(map_spaces(other, "vad").apply(q)[0], [[-1, 1, 0.5], [0, 0, 0]])
    q, _ = map_spaces("va", "vad").apply([0.1, 0.2])
    np.testing.assert_array_equal(q, [0.1, 0.2, np.nan])
    p = map_spaces(other, "rm8").apply([[7.0, 0.9, 0.4]])[0]
    np.testing.assert_allclose(p, vad_to_distribution("rm8", [[0.8, 0.5, 0.4]]))
    np.testing.assert_allclose(map_spaces("rm8", other).apply(np.eye(8)[:1])[0], [[4 * 0.51 + 5, 0.905, 0.46]])


def test_action_units():
    m = map_spaces("disfa8", "bp4d12")
    p = np.arange(8) / 10
    q, lost = m.apply(p)
    assert dict(zip(m.target.names("au"), q, strict=True))["AU12"] == p[5]
    assert np.isnan(q).sum() == 7 and np.nansum(q) + lost == pytest.approx(p.sum())
    assert row("disfa8", "bp4d12", "AU12").kind == "exact" and row("disfa8", "bp4d12", "AU09").kind == "undefined"
    q, _ = map_spaces("disfa8_intensity", "disfa8").apply([0, 1.99, 2, 5, np.nan, 0, 0, 3])
    np.testing.assert_array_equal(q, [0, 0, 1, 1, np.nan, 0, 0, 1])
    assert row("disfa8_intensity", "disfa8", "AU12").kind == "lossy"
    with pytest.raises(UndefinedMappingError, match="how strong"):
        map_spaces("disfa8", "openface17")


def test_a_missing_unit_does_not_spoil_the_others():
    q, _ = map_spaces("openface18", "disfa8").apply([np.nan, *[1.0] * 17])
    assert np.isnan(q).sum() == 1


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ("disfa8", "ekman7", "not a feeling"),
        ("ekman7", "disfa8", "muscles"),
        ("disfa8", "vad", "no measured"),
        ("vad", "disfa8", "muscles"),
        ("ambivalence_hesitancy", "ekman7", "beside any emotion"),
        ("ekman7", "ambivalence_hesitancy", "implies or excludes"),
        ("seed3", "parrott6", "no emotion of 'seed3'"),
        ("ambivalence_hesitancy", "disfa8", "does not determine"),
    ],
)
def test_no_sense_raises_with_the_reason(a, b, why):
    with pytest.raises(UndefinedMappingError, match=why):
        map_spaces(a, b)


def test_states_by_name_or_alias():
    other = LabelSpace("x", "1", states=(State("confusion"), State("ah")))
    q, lost = map_spaces("ambivalence_hesitancy", other).apply([0.7])
    np.testing.assert_array_equal(q, [np.nan, 0.7])
    assert lost == 0
    with pytest.raises(UndefinedMappingError, match="counterpart"):
        map_spaces("ambivalence_hesitancy", LabelSpace("y", "1", states=(State("z"),)))


def test_bad_input():
    m = map_spaces("rm8", "ekman7")
    with pytest.raises(AffectZooError, match="do not fit the 8 names"):
        m.apply(np.ones(7))
    with pytest.raises(AffectZooError, match="softmax"):
        m.apply(-np.ones(8))
    with pytest.raises(UnknownNameError, match="emotion"):
        map_spaces("rm8", "ekman7", "emotions")
    with pytest.raises(UndefinedMappingError, match="tension"):
        map_spaces("rm8", LabelSpace("x", "1", axes=(Axis("tension"),)))
    with pytest.raises(UndefinedMappingError, match="lacks valence or arousal"):
        map_spaces(LabelSpace("x", "1", axes=(Axis("valence"),)), "rm8")
    with pytest.raises(ValueError, match="read-only"):
        m.matrix[0, 0] = 2
    presence = LabelSpace("p", "1", action_units=(ActionUnit(3),))
    with pytest.raises(UndefinedMappingError, match="counterpart"):
        map_spaces(presence, "disfa8")
