import numpy as np
import pytest
import torch

from affectzoo.data.collate import collate
from affectzoo.errors import AffectZooError
from affectzoo.face.arkit import NUMBERS, blendshapes_to_aus
from affectzoo.face.blendshape_units import BlendshapeUnits, CheckedBlendshapes
from affectzoo.face.compose import ARCH, compose, compose_artefact, with_units
from affectzoo.face.landmarks import BLENDSHAPES
from affectzoo.face.models.blendshape_au import BlendshapeAu
from affectzoo.face.models.emotion_au import EmotionAu
from affectzoo.face.synthetic_units import generate
from affectzoo.labels.space import load_space
from affectzoo.labels.vad import distribution_to_vad, mixture_sd
from affectzoo.structures.sample import AffectBatch, AffectSample, BatchSignal
from affectzoo.structures.signal import Signal
from affectzoo.testing import check_model
from affectzoo.zoo.factory import create_model
from affectzoo.zoo.pretrained import load_artefact, save_artefact

SMALL = {"backbone_options": {"width": 16, "depth": 1}, "size": 32}
SPACE = "ekman7+vad+arkit_au"


def clips(model, lengths=(3, 5, 2), seed=0):
    """Clips of faces and blendshapes, made of single pictures."""
    pictures = generate(max(lengths), seed=seed, size=32)
    samples = []
    for i, n in enumerate(lengths):
        signals = {
            m: Signal(np.concatenate([p.signals[m].data for p in pictures[:n]]), 10.0) for m in ("face", "blendshapes")
        }
        samples.append(AffectSample(f"k{i}", signals))
    return collate([model.prepare(s) for s in samples], model.label_space)


def trained(tmp_path, space="ekman7+vad", **options):
    torch.manual_seed(0)
    model = create_model("face/face_net", label_space=space, **SMALL, **options).eval()
    licences = dict.fromkeys(("code", "weights", "data"), "none: a test")
    folder = save_artefact(
        model, tmp_path, tag="t", golden=clips(model), licences=licences, training={"dataset": "none"}
    )
    return model, folder


def test_composed_model_says_what_its_parts_say(tmp_path):
    find = {"detector": "centerface"}
    model, folder = trained(tmp_path, uncertainty=True, views=1, find=find)
    made = compose(folder)
    assert made.arch == ARCH and made.label_space == load_space(SPACE) and not made.training
    assert made.modalities == ("face", "blendshapes") and made.options == model.options | {"relation": 0}
    batch = clips(made)
    before, after = model(batch), made(batch)
    for field in ("emotion", "vad"):
        assert torch.equal(before.fields[field].values, after.fields[field].values)
    assert torch.equal(before.vad.uncertainty, after.vad.uncertainty)
    shapes = batch.signals["blendshapes"]
    units = [blendshapes_to_aus(d[m].numpy()).mean(0) for d, m in zip(shapes.data, shapes.mask, strict=True)]
    np.testing.assert_allclose(after.au.values.detach().numpy(), units, atol=1e-5)


def test_composed_model_is_a_checkpoint_like_any(tmp_path):
    _, folder = trained(tmp_path)
    made = compose(folder)
    licences = dict.fromkeys(("code", "weights", "data"), "none: a test")
    again = save_artefact(
        made, tmp_path / "out", tag="t", golden=clips(made), licences=licences, training={"dataset": "none"}
    )
    back, _ = load_artefact(again)
    assert type(back) is EmotionAu and torch.equal(back(clips(made)).au.values, made(clips(made)).au.values)


def test_compose_refuses_what_it_cannot_copy(tmp_path):
    with pytest.raises(AffectZooError, match="action units of its own"):
        compose(trained(tmp_path / "au", space="ekman7+abaw12")[1])
    with pytest.raises(AffectZooError, match="SmallCnn"):
        compose("face/small_cnn.synthetic")


@pytest.mark.parametrize("granularity", ["clip", "frame", "track"])
def test_contract(granularity):
    torch.manual_seed(0)
    model = EmotionAu(SPACE, granularity=granularity, **SMALL)
    check_model(model, clips(model))
    if granularity != "track":
        model = BlendshapeAu(SPACE, granularity=granularity)
        check_model(model, clips(model))


def test_rules_in_torch_are_those_in_numpy():
    shapes = np.random.default_rng(0).uniform(size=(200, 52)).astype(np.float32)
    got = BlendshapeUnits(load_space("arkit_au"))(torch.tensor(shapes)).numpy()
    np.testing.assert_allclose(got, blendshapes_to_aus(shapes), atol=1e-4)


def test_units_alone_need_no_training_and_have_no_parameters():
    model = BlendshapeAu("arkit_au").eval()
    assert not list(model.parameters()) and len(model.state_dict()) == 3
    batch = clips(model, (1, 1, 1))
    shapes = batch.signals["blendshapes"].data[:, 0].numpy()
    np.testing.assert_allclose(model(batch).au.values.numpy(), blendshapes_to_aus(shapes), atol=1e-4)
    assert model.reset_head("ekman7+arkit_au")(batch).emotion.values.shape == (3, 7)
    assert not list(model.reset_head("arkit_au").parameters())


def test_steps_without_a_mesh_are_left_out():
    def pred(model, mask):
        batch = clips(model, (3,))
        shapes, face = batch.signals["blendshapes"], batch.signals["face"]
        shapes = BatchSignal(shapes.data, torch.tensor([mask]), 10.0, shapes.t0_s)
        return model(AffectBatch(batch.keys, {"face": face, "blendshapes": shapes})), shapes

    found, shapes = pred(EmotionAu(SPACE, **SMALL).eval(), [True, False, True])
    np.testing.assert_allclose(
        found.au.values[0].detach(), blendshapes_to_aus(shapes.data[0, [0, 2]].numpy()).mean(0), atol=1e-4
    )
    by_frame, _ = pred(EmotionAu(SPACE, granularity="frame", **SMALL).eval(), [True, False, True])
    assert by_frame.mask.tolist() == [[True, False, True]]
    none, _ = pred(EmotionAu(SPACE, **SMALL).eval(), [False] * 3)
    assert bool(none.au.values.isnan().all()) and bool(none.emotion.values.isfinite().all())


def test_clear_errors():
    with pytest.raises(AffectZooError, match="AU09.*arkit_au"):
        BlendshapeAu("openface17")
    with pytest.raises(AffectZooError, match="intensity.*arkit_au"):
        BlendshapeUnits(load_space("abaw12").__class__("p", "1", action_units=load_space("abaw12").action_units[:1]))
    with pytest.raises(AffectZooError, match="relation"):
        EmotionAu(SPACE, relation=8, **SMALL)
    check = CheckedBlendshapes()
    with pytest.raises(AffectZooError, match="columns"):
        check(Signal(np.zeros((2, 52), np.float32), 1.0, names=BLENDSHAPES[::-1]))
    with pytest.raises(AffectZooError, match=r"\[0, 1\]"):
        check(Signal(np.full((2, 52), 1.5, np.float32), 1.0))
    hidden = Signal(np.full((2, 52), np.nan, np.float32), 1.0, mask=np.array([False, False]))
    assert len(check(hidden)) == 2


def test_with_units_copies_the_tensors():
    torch.manual_seed(0)
    model = create_model("face/face_net", label_space="vad", **SMALL)
    made = with_units(model)
    with torch.no_grad():
        next(model.parameters()).zero_()
    assert bool(next(made.parameters()).any()) and len(made.label_space.action_units) == len(NUMBERS)


def test_projected_vad_is_the_mean_of_the_calibrated_distribution(tmp_path):
    torch.manual_seed(0)
    model = create_model("face/face_net", label_space="ferplus8", **SMALL).eval()
    licences = dict.fromkeys(("code", "weights", "data"), "none: a test")
    how = {"licences": licences, "training": {"dataset": "none"}, "calibration": {"emotion": 2.0}}
    folder = save_artefact(model, tmp_path, tag="t", golden=clips(model), **how)
    made = compose(folder, project=True, find={"detector": "blazeface"})
    assert made.label_space == load_space("ferplus8+vad+arkit_au") and made.find == {"detector": "blazeface"}
    batch = clips(made)
    with torch.no_grad():
        pred, before = made(batch), model(batch)
    p = (before.emotion.values / 2.0).softmax(-1)
    assert torch.allclose(pred.emotion.values.softmax(-1), p, atol=1e-6)
    np.testing.assert_allclose(pred.vad.values, distribution_to_vad("ferplus8", p.numpy())[0], atol=1e-6)
    np.testing.assert_allclose(pred.vad.uncertainty, mixture_sd("ferplus8", p.numpy()), atol=1e-5)


def test_projected_vad_trains_the_emotions_and_needs_them():
    model = create_model("face/face_net", label_space="ferplus8+vad", project=True, **SMALL)
    batch = clips(model)
    model(batch).vad.values.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in model.parameters())
    again = model.reset_head("ekman7+vad")(batch)
    assert again.vad.values.shape == (3, 3) and again.emotion.values.shape == (3, 7)
    with pytest.raises(AffectZooError, match="needs emotions"):
        create_model("face/face_net", label_space="vad", project=True, **SMALL)
    with pytest.raises(AffectZooError, match="uncertainty"):
        create_model("face/face_net", label_space="ferplus8+vad", project=True, uncertainty=True, **SMALL)


def test_composed_artefact_keeps_terms_and_training_keys_and_holds_no_recording(tmp_path):
    torch.manual_seed(0)
    model = create_model("face/face_net", label_space="ferplus8", **SMALL).eval()
    licences = dict.fromkeys(("code", "weights", "data"), "terms of a test")
    how = {"licences": licences, "training": {"dataset": "d"}, "training_keys": ["0123456789abcdef"]}
    folder = save_artefact(model, tmp_path / "a", tag="t", golden=clips(model), **how)
    back, config = load_artefact(compose_artefact(folder, tmp_path / "b", "t", project=True))
    assert type(back) is EmotionAu and config.training_keys == ("0123456789abcdef",)
    assert config.licences.data == "terms of a test" and "MediaPipe" in config.licences.code
    assert "nobody rated" in config.notes
