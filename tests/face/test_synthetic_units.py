import numpy as np
import pytest

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.arkit import NUMBERS, blendshapes_to_aus
from affectzoo.face.synthetic_units import BYSTANDERS, COVERS, EDGES, FREE, RULE, SPACE, blendshapes_of, generate
from affectzoo.labels.space import load_space
from affectzoo.testing import check_dataset

UNITS = [a.number for a in load_space(SPACE).action_units]


def units_of(samples):
    return np.stack([s.targets["au"].values for s in samples])


def test_data_set_keeps_its_contract():
    check_dataset("face_synthetic_units", n=60, size=16)


def test_same_picture_whatever_n_and_options_is_asked_for():
    few, many = generate(3, seed=2, size=32), generate(6, seed=2, size=32)
    for a, b in zip(few, many, strict=False):
        assert a.key == b.key and np.array_equal(a.signals["face"].data, b.signals["face"].data)
    assert not np.array_equal(few[0].signals["face"].data, generate(1, seed=3, size=32)[0].signals["face"].data)


def test_intensities_follow_the_rule_and_vad_is_independent():
    samples = generate(1200, size=16)
    vad, au = np.stack([s.targets["vad"].values for s in samples]), units_of(samples)
    for axis, (positive, negative) in enumerate(RULE.values()):
        for sign, units in ((1, positive), (-1, negative)):
            for unit in set(units) & set(UNITS) - set(BYSTANDERS):
                expected = 5 * np.clip(sign * vad[:, axis], 0, None)
                np.testing.assert_allclose(au[:, UNITS.index(unit)], expected, atol=1e-5)
    assert np.abs(np.corrcoef(vad.T) - np.eye(3)).max() < 0.1 and np.abs(vad.std(0) - 1 / 3**0.5).max() < 0.03
    emotion = np.stack([s.targets["emotion"].values for s in samples])
    np.testing.assert_allclose(emotion.sum(1), 1, atol=1e-5)
    assert not samples[0].targets["au"].mask[[UNITS.index(14), UNITS.index(45)]].any()


def test_planted_units_come_together_and_others_do_not():
    there = units_of(generate(3000, size=16, units="random", edges=EDGES)) > 0
    rate = {u: there[:, UNITS.index(u)].mean() for u in FREE}
    for a, b, p in EDGES:
        given = there[there[:, UNITS.index(a)], UNITS.index(b)].mean()
        assert given == pytest.approx(1 - (1 - p) * 0.8, abs=0.04) and rate[b] < 0.4
    planted = {frozenset(e[:2]) for e in EDGES}
    free = [(a, b) for a in FREE for b in FREE if a < b and {a, b} not in planted]
    lift = [np.corrcoef(there[:, UNITS.index(a)], there[:, UNITS.index(b)])[0, 1] for a, b in free]
    assert np.abs(lift).max() < 0.08
    levels = units_of(generate(50, size=16, units="random"))
    assert levels[levels > 0].min() >= 2  # present in a space of presence too


def test_a_cover_hides_its_half_and_labels_stay():
    plain, hidden = (generate(40, size=32, units="random", hide=h) for h in (0.0, 1.0))
    assert {s.attributes["hidden"] for s in hidden} == set(COVERS)
    for a, b in zip(plain, hidden, strict=True):
        first, last = (round(x * 32) for x in COVERS[b.attributes["hidden"]])
        face = b.signals["face"].data[0]
        assert len(np.unique(face[first:last])) == 1
        rest = np.r_[0:first, last:32]
        assert np.array_equal(face[rest], a.signals["face"].data[0, rest])
        assert np.array_equal(a.targets["au"].values, b.targets["au"].values)


def test_blendshapes_are_read_back_as_the_units():
    for units in ({1: 3.0}, {4: 5.0, 2: 1.0}, {12: 4.0, 25: 2.0}, {12: 5.0, 10: 2.0}, {26: 5.0}, {15: 2.5}, {43: 4.0}):
        got = dict(zip(NUMBERS, blendshapes_to_aus(blendshapes_of(units)), strict=True))
        for unit, level in units.items():
            assert got[unit] == pytest.approx(level, abs=1e-3), (units, unit)
    smile = dict(zip(NUMBERS, blendshapes_to_aus(blendshapes_of({6: 4.0, 12: 4.0})), strict=True))
    assert smile[6] == pytest.approx(4, abs=1e-3) and smile[12] == pytest.approx(4, abs=1e-3)
    assert not blendshapes_of({}).any() and not blendshapes_of({9: 5.0}).any()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"units": "emotion"}, "units"),
        ({"units": "random", "edges": [(1, 15, 0.5)]}, "15"),
        ({"units": "random", "edges": [(1, 25, 1.5)]}, "probability"),
        ({"edges": EDGES}, "units: random"),
        ({"hide": 2.0}, "hide"),
    ],
)
def test_odd_options_are_errors(options, match):
    with pytest.raises((AffectZooError, UnknownNameError), match=match):
        generate(1, **options)
