"""Affine ranges: exact ends, inverse, and nothing clipped."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.ranges import RANGES, Range, count_outside, from_canonical, to_canonical

ENDS = {
    "sam9": (1, 9, 5),
    "likert5": (1, 5, 3),
    "unit": (0, 1, 0.5),
    "likert7": (1, 7, 4),
    "percent": (0, 100, 50),
    "signed": (-1, 1, 0),
}


@pytest.mark.parametrize("name", ENDS)
def test_ends_and_middle(name):
    np.testing.assert_array_equal(to_canonical(np.array(ENDS[name]), name), [-1, 1, 0])
    np.testing.assert_array_equal(from_canonical([-1, 1, 0], name), ENDS[name])


def test_all_ranges_are_tested():
    assert set(ENDS) == set(RANGES)


@given(st.sampled_from(sorted(RANGES)), st.lists(st.floats(0, 1), max_size=6))
def test_there_and_back(name, shares):
    r = RANGES[name]
    x = r.low + np.array(shares) * (r.high - r.low)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = np.clip(x, r.low, r.high)
        y = to_canonical(x, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rounding may pass the end by one unit in the last place
        np.testing.assert_allclose(from_canonical(y, name), x, rtol=1e-12, atol=1e-12)


def test_outside_is_counted_and_kept():
    with pytest.warns(UserWarning, match="2 of 4 values lie outside 'sam9'"):
        y = to_canonical([0.0, 5.0, 10.0, np.nan], "sam9")
    np.testing.assert_allclose(y, [-1.25, 0, 1.25, np.nan])
    with pytest.warns(UserWarning, match="1 of 2 canonical"):
        assert from_canonical([1.5, 0.0], "unit")[0] == 1.25
    assert count_outside([0, 1, 9, 9.1, np.nan], "sam9") == 2


def test_own_range_and_bad_names():
    assert to_canonical(3, Range("own", 2, 4)) == 0
    with pytest.raises(UnknownNameError, match="sam9"):
        to_canonical(1, "sam")
    with pytest.raises(AffectZooError, match="must exceed"):
        Range("bad", 1, 1)
