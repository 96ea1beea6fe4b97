"""Random views keep what they must; fixed views are where VIEWS says."""

import pytest
import torch

from affectzoo.errors import AffectZooError
from affectzoo.face.augment import VIEWS, FaceAugment, views_of

STILL = {"turn": 0.0, "scale": 0.0, "shift": 0.0, "shear": 0.0, "gamma": 0.0, "erase": 0.0}


def gradient(n=64, size=24):
    """Pictures whose grey value is 0.2 to 0.8 from left to right."""
    return torch.linspace(0.2, 0.8, size).expand(n, 1, size, size).clone()


def test_without_ranges_only_mirroring_is_left():
    torch.manual_seed(0)
    x = gradient()
    y = FaceAugment(**STILL)(x)
    same = torch.isclose(y, x, atol=1e-5).all((1, 2, 3))
    turned = torch.isclose(y, x.flip(-1), atol=1e-5).all((1, 2, 3))
    assert bool((same | turned).all()) and 16 < int(same.sum()) < 48


def test_defaults_keep_shape_and_range_and_differ_from_picture_to_picture():
    torch.manual_seed(0)
    x = gradient(8)
    y = FaceAugment()(x)
    assert y.shape == x.shape and float(y.min()) >= 0 and float(y.max()) <= 1
    assert not torch.allclose(y[0], y[1], atol=1e-2)


def test_erasing_hides_one_rectangle_of_at_most_four_tenths_of_a_side():
    torch.manual_seed(0)
    x = gradient(200, 40)
    y = FaceAugment(**{**STILL, "erase": 0.5})(x)
    changed = ~(torch.isclose(y, x, atol=1e-4) | torch.isclose(y, x.flip(-1), atol=1e-4))
    hit = changed.flatten(1).any(1)
    assert 60 < int(hit.sum()) < 140
    assert int(changed.any(2).sum(-1).max()) <= 17 and int(changed.any(3).sum(-1).max()) <= 17


def test_views_are_the_picture_its_mirror_and_moved_ones():
    x = torch.zeros(1, 1, 100, 100)
    x[..., 48:52, 48:52] = 1
    views = views_of(x, len(VIEWS))
    assert len(views) == 2 * len(VIEWS) and torch.equal(views[0], x) and torch.equal(views[1], x.flip(-1))
    weight = views[::2].sum((1, 2, 3, 4))
    right = (views[::2] * (torch.arange(100) + 0.5)).sum((1, 2, 3, 4)) / weight
    assert torch.allclose(right, torch.tensor([50 + 100 * v[0] for v in VIEWS]), atol=0.05)
    assert weight[5] > weight[0] > weight[6]  # zoomed in, as it is, zoomed out
    assert len(views_of(x, 0)) == 1
    with pytest.raises(AffectZooError, match="views"):
        views_of(x, len(VIEWS) + 1)
