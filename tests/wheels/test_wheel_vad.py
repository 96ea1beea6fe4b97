"""Wheel sectors and valence-arousal-dominance."""

import numpy as np
import pytest

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import Category, LabelSpace
from affectzoo.labels.wheel_vad import nearest_sector, sector_vad


def test_golden_mean_of_measured_terms():
    s = sector_vad("wheel5")
    i = s.names.index("mad")
    assert s.basis[i] == "measured" and set(s.terms[i]) == {"hostile", "angry", "hate"}
    # Russell & Mehrabian 1977: hostile -.42 .53 .30, angry -.51 .59 .25, hate -.56 .59 .13
    np.testing.assert_allclose(s.values[i], [-1.49 / 3, 1.71 / 3, 0.68 / 3], atol=1e-12)


def test_sector_without_term_is_undefined_or_backed_off():
    plain, backed = sector_vad("wheel5"), sector_vad("wheel5", back_off=True)
    hurt, mad, peaceful = (plain.names.index(n) for n in ("mad/hurt", "mad", "peaceful"))
    assert plain.basis[hurt] == "undefined" and np.isnan(plain.values[hurt]).all()
    assert backed.basis[hurt] == "parent" and np.array_equal(backed.values[hurt], plain.values[mad])
    assert backed.basis[peaceful] == "undefined", "no measured term anywhere in the sector"


def test_term_that_stands_twice_counts_once():
    below = (Category("a/x", "angry", parents=("a",)), Category("a/y", "sad", parents=("a",)))
    space = LabelSpace("t", "1", categories=(Category("a", "angry"), *below))
    np.testing.assert_allclose(sector_vad(space).values[0], [(-0.51 - 0.63) / 2, (0.59 - 0.27) / 2, -0.04])


@pytest.mark.parametrize("level", (1, 2))
def test_every_measured_sector_is_nearest_to_itself(level):
    s = sector_vad("wheel4")
    here = [i for i, n in enumerate(s.names) if ("/" in n) == (level == 2) and s.basis[i] == "measured"]
    index, distance = nearest_sector("wheel4", s.values[here], level)
    np.testing.assert_allclose(s.values[index], s.values[here])
    np.testing.assert_allclose(distance, 0, atol=1e-12)


def test_nearest_sector_shapes_and_missing_points():
    index, distance = nearest_sector("wheel1", np.full((2, 3, 2), 0.5))
    assert index.shape == distance.shape == (2, 3)
    index, distance = nearest_sector("wheel1", [np.nan, 0, 0])
    assert index == -1 and np.isnan(distance)


def test_bad_input():
    with pytest.raises(AffectZooError, match="last axis"):
        nearest_sector("wheel1", np.zeros((3, 4)))
    with pytest.raises(AffectZooError, match="level 3"):
        nearest_sector("wheel1", np.zeros(3), level=3)
    circle = (Category("a", "sad", parents=("b",)), Category("b", parents=("a",)))
    loop = LabelSpace("t", "1", categories=circle)
    with pytest.raises(AffectZooError, match="circle"):
        nearest_sector(loop, np.zeros(3))
