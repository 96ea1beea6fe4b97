"""face_resnet is one of timm's networks and keeps small faces large enough."""

import pytest
import timm
import torch

import affectzoo.face.backbone  # noqa: F401  (registers it)


@pytest.mark.parametrize("size", [(48, 48), (47, 50)])
def test_three_halvings_leave_a_map(size):
    net = timm.create_model("face_resnet", pretrained=False, num_classes=0, in_chans=1, width=16).eval()
    maps = net.forward_features(torch.rand(2, 1, *size))
    assert maps.shape == (2, 64, -(-size[0] // 8), -(-size[1] // 8)) and net.num_features == 64
    assert torch.allclose(net.forward_head(maps), maps.mean((2, 3)), atol=1e-6)


def test_the_default_is_under_three_million_parameters_and_has_a_classifier_on_demand():
    net = timm.create_model("face_resnet", num_classes=5, width=48)
    assert sum(p.numel() for p in net.parameters()) < 3e6
    assert net(torch.rand(2, 3, 48, 48)).shape == (2, 5)
    net.reset_classifier(0)
    assert net(torch.rand(2, 3, 48, 48)).shape == (2, net.num_features)


def test_every_parameter_of_a_fresh_network_has_a_gradient():
    torch.manual_seed(0)
    net = timm.create_model("face_resnet", width=8, drop_path_rate=0.1).eval()
    net(torch.rand(4, 3, 48, 48)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in net.parameters())
