import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.face.features import FaceCrop
from affectzoo.structures.signal import Signal


def frames(t, h, w, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (t, h, w, 3), np.uint8)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(8, 40),
    st.sampled_from(["centre", "stretch"]),
    st.booleans(),
)
def test_shape_and_range(t, h, w, size, crop, grey):
    signal = Signal(frames(t, h, w), 25.0, t0_s=2.0, mask=np.arange(t) != 1)
    out = FaceCrop(size, crop, grey=grey)(signal)
    assert out.data.shape == (t, size, size, 1 if grey else 3) and out.data.dtype == np.float32
    assert out.data.min() >= 0 and out.data.max() <= 1
    assert (out.rate_hz, out.t0_s) == (25.0, 2.0) and np.array_equal(out.mask, signal.mask)


def test_a_face_of_the_right_size_is_not_touched():
    x = frames(2, 64, 64)
    assert np.array_equal(FaceCrop(64, dtype="uint8")(Signal(x, 1.0)).data, x)
    assert np.array_equal(FaceCrop(64)(Signal(x, 1.0)).data, x.astype(np.float32) / 255)


def test_centre_cuts_and_stretch_keeps_the_sides():
    x = np.zeros((1, 32, 64, 3), np.uint8)
    x[:, :, :16], x[:, :, 48:] = 255, 255
    assert FaceCrop(32, "centre")(Signal(x, 1.0)).data.max() == 0
    assert FaceCrop(32, "stretch")(Signal(x, 1.0)).data[:, :, :6].min() > 0.99


@pytest.mark.parametrize("shape", [(96, 130), (40, 30)])
def test_resize_equals_pillows_antialiased_bilinear(shape):
    x = frames(1, *shape)
    ours = FaceCrop(48, "stretch", dtype="uint8")(Signal(x, 1.0)).data[0].astype(int)
    theirs = np.asarray(Image.fromarray(x[0]).resize((48, 48), Image.BILINEAR)).astype(int)
    assert np.abs(ours - theirs).max() <= 1


def test_grey_is_luma():
    x = np.zeros((1, 16, 16, 3), np.uint8)
    x[...] = (255, 100, 10)
    expected = (0.299 * 255 + 0.587 * 100 + 0.114 * 10) / 255
    assert FaceCrop(16, grey=True)(Signal(x, 1.0)).data == pytest.approx(expected, abs=1e-6)


def test_long_clips_are_the_same_frame_by_frame():
    x = frames(300, 12, 12)
    whole = FaceCrop(8)(Signal(x, 25.0)).data
    assert np.array_equal(whole[[0, 255, 256, 299]], FaceCrop(8)(Signal(x[[0, 255, 256, 299]], 25.0)).data)


def test_spec_tells_crops_apart_and_is_json():
    specs = {json.dumps(FaceCrop(*a).spec) for a in [(64,), (32,), (64, "stretch"), (64, "centre", "uint8")]}
    assert len(specs) == 4


@pytest.mark.parametrize(
    "data",
    [
        frames(1, 8, 8)[0],
        frames(1, 8, 8)[..., :1],
        frames(1, 8, 8).astype(np.float32),
        frames(0, 8, 8),
        frames(1, 0, 8),
    ],
)
def test_foreign_frames_are_refused(data):
    with pytest.raises(AffectZooError, match="uint8 RGB"):
        FaceCrop()(Signal(data, 1.0))


def test_unknown_options():
    with pytest.raises(UnknownNameError, match="centre"):
        FaceCrop(crop="center")
    with pytest.raises(UnknownNameError, match="dtype"):
        FaceCrop(dtype="float64")
    with pytest.raises(AffectZooError, match="8 pixels"):
        FaceCrop(4)
