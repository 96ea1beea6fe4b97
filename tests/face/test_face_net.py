from dataclasses import replace

import numpy as np
import pytest
import torch

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.drawing import au_matrix, draw_faces
from affectzoo.face.models.face_net import FaceNet
from affectzoo.face.temporal import CausalTCN
from affectzoo.face.timm_features import TimmFeatures
from affectzoo.structures.sample import AffectBatch, AffectSample, BatchSignal
from affectzoo.structures.signal import Signal
from affectzoo.testing import check_model

SPACE = "ekman7+vad+abaw12"
SMALL = {"backbone_options": {"width": 16, "depth": 1}, "size": 32}
SWIN = {"embed_dim": 16, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4}


def net(**options):
    torch.manual_seed(0)
    return FaceNet(SPACE, **{**SMALL, **options}).eval()


def clips(model, lengths=(3, 5, 2)):
    samples = [
        AffectSample(f"k{i}", {"face": Signal(draw_faces(au_matrix({12: 3}, n), i), 10.0)})
        for i, n in enumerate(lengths)
    ]
    return collate([model.prepare(s) for s in samples], model.label_space)


@pytest.mark.parametrize("granularity", ["clip", "frame", "track"])
@pytest.mark.parametrize("relation", [0, 8])
def test_contract(granularity, relation):
    model = net(granularity=granularity, relation=relation, uncertainty=True, grey=relation == 0)
    check_model(model, clips(model))


@pytest.mark.parametrize(
    ("backbone", "options", "positions", "channels"),
    [
        ("face_resnet", {"width": 8, "depth": 1}, 16, 32),
        ("test_resnet", {}, 1, 96),
        ("test_convnext", {}, 1, 64),
        ("test_vit", {}, 4, 64),
        ("swin_tiny_patch4_window7_224", SWIN, 16, 32),
    ],
)
def test_any_timm_network_gives_features_and_a_map(backbone, options, positions, channels):
    torch.manual_seed(0)
    features = TimmFeatures(backbone, 1, 32, options).eval()
    assert (features.positions, features.channels) == (positions, channels)
    x = torch.rand(2, 1, 32, 32)
    pooled, maps = features(x)
    assert pooled.shape == (2, features.dim) and maps.shape == (2, positions, channels)
    torch.testing.assert_close(pooled, features.net(x))  # timm's own answer without a classifier


def test_positions_of_a_map_are_rows_then_columns():
    """The answer at a position changes most where the picture above it does, in NCHW, NHWC and tokens."""
    for backbone, options, grid in (
        ("face_resnet", {"width": 8, "depth": 1}, 4),
        ("swin_tiny_patch4_window7_224", {**SWIN, "window_size": 2}, 4),
        ("test_vit", {}, 2),
    ):
        torch.manual_seed(0)
        features = TimmFeatures(backbone, 1, 32, options).eval()
        x = torch.rand(1, 1, 32, 32)
        y = x.clone()
        y[..., : 32 // grid, -32 // grid :] += 1  # the first row's last cell
        change = (features(y)[1] - features(x)[1]).norm(dim=-1)[0]
        assert int(change.argmax()) == grid - 1, backbone


def test_clip_is_the_mean_of_its_valid_frames():
    clip, frame = net(relation=8), net(relation=8, granularity="frame")
    batch = clips(clip)
    mask, frames = batch.signals["face"].mask, frame(batch).embedding
    mean = torch.stack([f[m].mean(0) for f, m in zip(frames, mask, strict=True)])
    torch.testing.assert_close(clip(batch).embedding, mean, rtol=1e-4, atol=1e-5)
    assert frame(batch).rate_hz == 10.0 and clip(batch).rate_hz is None


def test_a_track_sees_its_past_only_and_its_last_frames_suffice():
    model = net(granularity="track", layers=2, relation=8)
    assert model.context_steps == 1 + 2 * (1 + 2) and net().context_steps == 1
    face = torch.randint(0, 256, (1, 12, 32, 32, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)

    def values(frames):
        mask = torch.ones(1, frames.shape[1], dtype=torch.bool)
        pred = model(AffectBatch(["k"], {"face": BatchSignal(frames, mask, 25.0, torch.zeros(1))}))
        return torch.cat([f.values for f in pred.fields.values()], -1)[0]

    whole = values(face)
    later = face.clone()
    later[:, 8:] = 0
    torch.testing.assert_close(values(later)[:8], whole[:8], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(values(face[:, 5:])[-1], whole[-1], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(values(face[:, 6:])[-1], whole[-1], atol=1e-5)


def test_causal_network_by_impulse():
    torch.manual_seed(0)
    tcn = CausalTCN(4, layers=3).eval()
    x, mask = torch.randn(1, 40, 4), torch.ones(1, 40, dtype=torch.bool)
    y = x.clone()
    y[0, 10, 0] += 1
    moved = (tcn(y, mask) - tcn(x, mask)).abs().sum(-1)[0].nonzero().flatten()
    assert (int(moved.min()), int(moved.max())) == (10, 10 + tcn.context_steps - 1)


def test_uncertainty_is_positive_and_survives_another_label_space():
    model = net(uncertainty=True)
    vad = model(clips(model)).vad
    assert vad.uncertainty.shape == vad.values.shape and bool((vad.uncertainty >= 0.01).all())
    assert model.reset_head("va").heads.spread.out_features == 2
    assert model.reset_head("abaw12").heads.spread is None
    assert net().heads.spread is None and not any("spread" in n for n in net().state_dict())


def test_intensities_lie_in_their_range_with_and_without_a_relation():
    for relation in (0, 8):
        torch.manual_seed(0)
        model = FaceNet("openface17", relation=relation, **SMALL).eval()
        au = model(clips(model)).au
        assert au.kind == "value" and au.values.min().item() >= 0 and au.values.max().item() <= 5


def test_the_brightness_and_colour_of_a_picture_do_not_matter():
    model = net()
    batch = clips(model)
    face = batch.signals["face"]
    tinted = replace(face, data=face.data / 255 * torch.tensor([0.9, 0.6, 0.5]) + 0.05)
    one, other = (torch.cat([f.values for f in model(b).fields.values()], -1) for b in (
        batch, replace(batch, signals={"face": tinted}),
    ))  # fmt: skip
    torch.testing.assert_close(one, other, rtol=0.05, atol=0.02)


def test_clear_errors():
    with pytest.raises(AffectZooError, match="48 x 48 x 1.*32 x 32 x 3"):
        FaceNet(SPACE, backbone_options={"width": 8}, grey=True)(clips(net()))
    with pytest.raises(UnknownNameError, match="granularity"):
        net(granularity="video")
    with pytest.raises(UnknownNameError, match="resnet18"):
        net(backbone="resnet_18")
    with pytest.raises(AffectZooError, match="cannot build 'test_vit'.*40 x 40"):
        net(backbone="test_vit", backbone_options={}, size=40)
    with pytest.raises(AffectZooError, match="no edges"):
        net().au_edges()


def test_options_are_json_and_find_is_kept():
    find = {"detector": "centerface", "size": 48}
    model = net(find=find)
    assert model.find == find and model.options["find"] == find
    assert np.isfinite(model.options["dropout"])
