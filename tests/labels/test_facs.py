"""Spellings and sets of action units."""

import numpy as np
import pytest

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.facs import au_sets, au_vector, find_aus, parse_au, title


@pytest.mark.parametrize("text", [12, "12", "AU12", "au12", "AU12_r", " AU12_c", "AU 12", "AU012"])
def test_one_unit(text):
    assert parse_au(text) == 12


@pytest.mark.parametrize("text", ["AU", "AU3", "AU99", "12.5", "", "AU12_x", "AU1 AU2"])
def test_not_a_unit(text):
    with pytest.raises(UnknownNameError):
        parse_au(text)


def test_units_in_a_sentence():
    assert find_aus("AU6 and AU12 (AU 25); au01, AU12 again, AU99, AU243, 7, BAU4") == (1, 6, 12, 25)
    assert find_aus("") == ()


def test_vectors_and_sets():
    v = au_vector("disfa8", ["AU6", 12, "AU26_c"])
    np.testing.assert_array_equal(v, [0, 0, 0, 1, 0, 1, 0, 1])
    assert au_sets("disfa8", v[None], 0.5) == [(6, 12, 26)]
    assert au_sets("disfa8_intensity", [[2, 1.9, 0, 5, np.nan, 0, 0, 2]], 2) == [(1, 6, 26)]
    assert title(12) == "lip corner puller"


def test_bad_input():
    with pytest.raises(UnknownNameError, match="AU"):
        au_vector("disfa8", ["AU17"])
    with pytest.raises(AffectZooError, match="intensity"):
        au_vector("openface17", [12])
    with pytest.raises(AffectZooError, match="do not fit"):
        au_sets("disfa8", np.zeros((2, 7)), 0.5)
    with pytest.raises(UnknownNameError):
        title(3)
