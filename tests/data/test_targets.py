import numpy as np
import pytest

from affectzoo.data.targets import DERIVED_VAD, project_samples, project_targets
from affectzoo.errors import UndefinedMappingError
from affectzoo.labels.space import ActionUnit, Axis, LabelSpace, State, load_space
from affectzoo.structures.sample import AffectSample, Target, class_target

RAVDESS, EMODB4 = load_space("ravdess8"), load_space("emodb4")
ANGRY = (-0.51, 0.59, 0.25)  # Russell & Mehrabian 1977, Table 4


def known(values, mask=None, **kw):
    values = np.asarray(values, np.float32)
    return Target(values, np.ones(values.shape, bool) if mask is None else np.array(mask), **kw)


def test_the_same_space_changes_nothing():
    targets = {"emotion": class_target(EMODB4, "anger")}
    assert project_targets(targets, EMODB4, EMODB4)["emotion"] is targets["emotion"]


@pytest.mark.parametrize("name", EMODB4.names("emotion"))
def test_a_class_goes_to_its_name(name):
    out = project_targets({"emotion": class_target(EMODB4, name)}, EMODB4, RAVDESS)["emotion"]
    assert RAVDESS.names("emotion")[out.values.argmax()] == name and out.values.sum() == 1 and out.mask.all()


def test_lost_mass_is_masked_never_spread():
    out = project_targets({"emotion": class_target(RAVDESS, "disgust")}, RAVDESS, EMODB4)["emotion"]
    assert not out.mask.any() and not out.values.any()
    votes = np.zeros(8, np.float32)
    votes[[RAVDESS.index("emotion", "anger"), RAVDESS.index("emotion", "disgust")]] = 0.9, 0.1
    assert not project_targets({"emotion": known(votes)}, RAVDESS, EMODB4)["emotion"].mask.any()


def test_a_missing_label_stays_missing():
    out = project_targets({"emotion": class_target(EMODB4, None)}, EMODB4, load_space("ravdess8+vad"))
    assert not out["emotion"].mask.any() and not out["vad"].mask.any()
    assert project_targets({}, EMODB4, RAVDESS) == {}


def test_vad_is_derived_from_emotion_and_says_so():
    out = project_targets({"emotion": class_target(EMODB4, "anger")}, EMODB4, load_space("emodb4+vad"))
    assert out["vad"].derived == DERIVED_VAD and out["vad"].mask.all() and out["emotion"].derived is None
    np.testing.assert_allclose(out["vad"].values, ANGRY, atol=1e-6)
    half = known([0.5, 0, 0.5, 0])
    np.testing.assert_allclose(
        project_targets({"emotion": half}, EMODB4, load_space("va"))["vad"].values, [-0.255, 0.295], atol=1e-6
    )


def test_rated_vad_wins_over_derived_even_where_it_is_masked():
    space = load_space("emodb4+va")
    targets = {"emotion": class_target(space, "anger"), "vad": known([0.2, 0.0], [True, False])}
    out = project_targets(targets, space, load_space("vad"))["vad"]
    assert out.derived is None and out.mask.tolist() == [True, False, False]
    np.testing.assert_allclose(out.values, [0.2, 0, 0], atol=1e-7)
    alone = project_targets({"emotion": class_target(space, "anger")}, space, load_space("vad"))["vad"]
    assert alone.derived == DERIVED_VAD


def test_vad_ranges_are_affine():
    nine = LabelSpace("nine", "1", axes=(Axis("arousal", 1, 9), Axis("valence", 1, 9)))
    out = project_targets({"vad": known([1.0, 7.0])}, nine, load_space("va"))["vad"]
    np.testing.assert_allclose(out.values, [0.5, -1.0], atol=1e-6)


def test_over_time_the_axis_is_kept():
    t = known(np.stack([class_target(EMODB4, n).values for n in ("anger", "sadness")]), rate_hz=4.0, t0_s=1.0)
    out = project_targets({"emotion": t}, EMODB4, load_space("ravdess8+vad"))
    assert out["emotion"].values.shape == (2, 8) and out["vad"].values.shape == (2, 3)
    assert (out["vad"].rate_hz, out["vad"].t0_s) == (4.0, 1.0)
    np.testing.assert_allclose(out["vad"].values[0], ANGRY, atol=1e-6)


def units(kind, *numbers):
    return LabelSpace(f"{kind}{len(numbers)}", "1", action_units=tuple(ActionUnit(n, kind=kind) for n in numbers))


def test_action_units_by_name_and_kind():
    a, b = units("presence", 1, 4, 12), units("presence", 12, 25, 1)
    out = project_targets({"au": known([1.0, 0.0, 1.0], [True, True, False])}, a, b)["au"]
    assert out.values.tolist() == [0, 0, 1] and out.mask.tolist() == [False, False, True]
    strong = project_targets({"au": known([1.9, 3.0, 2.0])}, units("intensity", 1, 4, 12), a)["au"]
    assert strong.values.tolist() == [0, 1, 1] and strong.mask.all()
    with pytest.raises(UndefinedMappingError, match="presence does not say how strong"):
        project_targets({"au": known([1.0, 0.0, 1.0])}, a, units("intensity", 1, 4, 12))


def test_states_by_name_or_alias():
    a = LabelSpace("a", "1", states=(State("doubt"), State("calm")))
    b = LabelSpace("b", "1", states=(State("unsure", aliases=("doubt",)),))
    assert project_targets({"state": known([1.0, 0.0])}, a, b)["state"].values.tolist() == [1.0]
    with pytest.raises(UndefinedMappingError):
        project_targets({"state": known([1.0])}, LabelSpace("c", "1", states=(State("x"),)), b)


def test_losses_are_counted_by_class():
    samples = [AffectSample(n, {}, {"emotion": class_target(RAVDESS, n)}) for n in RAVDESS.names("emotion")]
    out, lost = project_samples([*samples, AffectSample("none", {})], RAVDESS, EMODB4)
    assert lost == {f"emotion:{n}": 1 for n in ("calm", "disgust", "fear", "surprise")}
    assert len(out) == 9 and sum(bool(s.targets["emotion"].mask.any()) for s in out if s.targets) == 4
