"""Random views keep what they must; fixed views are where VIEWS says."""

from dataclasses import replace

import pytest
import torch

from affectzoo.data.collate import collate
from affectzoo.data.dataset import open_dataset
from affectzoo.errors import AffectZooError
from affectzoo.face.augment import VIEWS, FaceAugment, views_of
from affectzoo.zoo.factory import create_model

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


def test_face_net_averages_the_features_of_its_views_in_use_and_moves_pictures_in_training():
    torch.manual_seed(0)
    small = {"backbone_options": {"width": 8, "depth": 1}, "grey": True, "dropout": 0.0}
    samples = open_dataset("face_synthetic", n=3).samples
    model = create_model("face/face_net", "ekman7", views=2, augment=True, **small).eval()
    alone = create_model("face/face_net", "ekman7", **small).eval()
    alone.load_state_dict(model.state_dict())
    batch = collate([model.prepare(s) for s in samples], model.label_space)
    pictures = batch.signals["face"].data[:, 0].permute(0, 3, 1, 2).float() / 255
    views = [replace(batch, signals={"face": _of(batch, v)}) for v in views_of(pictures, 2)]
    with torch.no_grad():
        mean = torch.stack([alone(v).emotion.values for v in views]).mean(0)
        assert torch.allclose(model(batch).emotion.values, mean, atol=1e-6)
        assert not torch.allclose(mean, alone(batch).emotion.values, atol=2e-5)
        assert not torch.equal(model.train()(batch).emotion.values, model(batch).emotion.values)


def _of(batch, pictures):
    return replace(batch.signals["face"], data=pictures.permute(0, 2, 3, 1)[:, None])
