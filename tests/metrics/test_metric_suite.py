"""MetricSuite: kinds, masks, alignment, names, and agreement with score_arrays."""

import math

import numpy as np
import pytest
import torch

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import ActionUnit, LabelSpace
from affectzoo.metrics.contract import SPACE, example_rows
from affectzoo.metrics.score import DEFAULTS, score_arrays
from affectzoo.metrics.suite import MetricSuite
from affectzoo.structures.prediction import AffectPrediction, PredictionField
from affectzoo.structures.sample import BatchTarget


def batch(n, seed=0, logits=False, mask=None):
    fields, targets = {}, {}
    for field in SPACE.fields:
        pred, target = example_rows(field, n, seed)
        kind = "value" if field == "vad" else "probabilities"
        if logits and field != "vad":
            pred, kind = (pred.log() if field == "emotion" else pred.logit(eps=1e-12)), "logits"
        fields[field] = PredictionField(pred, kind)
        targets[field] = BatchTarget(target, torch.ones_like(target, dtype=torch.bool) if mask is None else mask)
    return AffectPrediction([f"k{i}" for i in range(n)], SPACE, fields), targets


def test_names_and_values_equal_score_arrays():
    suite = MetricSuite.from_label_space(SPACE)
    for seed in (0, 1):
        suite.update(*batch(30, seed))
    scores = suite.compute()
    wanted = {
        f"{f}/{m}"
        for f, k in (("emotion", "emotion"), ("vad", "vad"), ("au", "au/presence"), ("state", "state"))
        for m in DEFAULTS[k]
    }
    wanted |= {"vad/ccc.valence", "vad/ccc.arousal", "au/au_f1.AU01", "au/au_f1.AU12", "au/au_f1.AU25"}
    assert set(scores) == wanted
    assert all(v.dtype == torch.float64 and v.ndim == 0 for v in scores.values())
    for field in SPACE.fields:
        pred, target = (np.concatenate(x) for x in zip(*(example_rows(field, 30, s) for s in (0, 1)), strict=True))
        for name, result in score_arrays(SPACE, field, pred, target).items():
            assert float(scores[name]) == pytest.approx(result.value, abs=1e-12), name
    assert suite.results()["vad/ccc"].n == 60
    suite.reset()
    suite.update(*batch(5))
    assert suite.results()["emotion/uar"].n == 5


def test_logits_are_converted_once_by_declared_kind():
    a, b = MetricSuite.from_label_space(SPACE), MetricSuite.from_label_space(SPACE)
    a.update(*batch(40))
    b.update(*batch(40, logits=True))
    for name, value in a.compute().items():
        assert float(b.compute()[name]) == pytest.approx(float(value), abs=1e-5), name  # float32 softmax


def test_undeclared_kinds_are_refused_not_guessed():
    suite = MetricSuite.from_label_space(SPACE)
    pred, targets = batch(5)
    pred.fields["emotion"].kind = "value"
    with pytest.raises(AffectZooError, match="kind is 'value'"):
        suite.update(pred, targets)
    pred, targets = batch(5)
    pred.fields["vad"].kind = "probabilities"
    with pytest.raises(AffectZooError, match="expected value"):
        suite.update(pred, targets)
    pred, targets = batch(5)
    pred.fields["emotion"].values = pred.fields["emotion"].values.log()  # declared probabilities, in truth logits
    with pytest.raises(AffectZooError, match="not probabilities"):
        suite.update(pred, targets)


def test_steps_masks_and_alignment():
    space = LabelSpace("steps", "1", axes=SPACE.axes)
    rng = torch.Generator().manual_seed(0)
    values = torch.rand(2, 6, 2, generator=rng, dtype=torch.float64)
    target = torch.rand(2, 6, 2, generator=rng, dtype=torch.float64)
    steps = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    labelled = torch.ones(2, 6, 2, dtype=torch.bool)
    labelled[0, 0] = False
    values[1, 5] = math.nan  # padding may hold anything
    pred = AffectPrediction(["a", "b"], space, {"vad": PredictionField(values, "value")}, 2.0, torch.zeros(2), steps)
    suite = MetricSuite.from_label_space(space, metrics={"vad": ["ccc", "ccc_seq", "rmse", "ccc.arousal"]})
    suite.update(pred, {"vad": BatchTarget(target, labelled, 2.0, torch.zeros(2))})
    keep = steps & labelled[..., 0]
    ids = torch.arange(2)[:, None].expand(2, 6)[keep]
    truth = score_arrays(space, "vad", values[keep], target[keep], None, ["ccc", "ccc_seq", "rmse", "ccc.arousal"], ids)
    for name, result in truth.items():
        assert float(suite.compute()[name]) == pytest.approx(result.value, abs=1e-12), name
    with pytest.raises(AffectZooError, match="align them first"):
        suite.update(pred, {"vad": BatchTarget(target[:, :3], labelled[:, :3], 1.0, torch.zeros(2))})


def test_fields_without_targets_are_nan_and_unknown_names_offer_the_nearest():
    suite = MetricSuite.from_label_space(SPACE, fields=["vad", "emotion"])
    pred, targets = batch(6)
    suite.update(pred, {"vad": targets["vad"]})
    assert math.isnan(suite.compute()["emotion/uar"]) and math.isfinite(suite.compute()["vad/ccc"])
    with pytest.raises(UnknownNameError, match="vad"):
        MetricSuite.from_label_space(SPACE, fields=["vda"])
    other = AffectPrediction(
        ["k"], LabelSpace("other", "1", axes=SPACE.axes), {"vad": PredictionField(torch.zeros(1, 2), "value")}
    )
    with pytest.raises(AffectZooError, match="project one to the other"):
        suite.update(other, {"vad": targets["vad"]})


def test_masked_and_absent_targets_do_not_count():
    mask = {f: torch.ones(8, SPACE.size(f), dtype=torch.bool) for f in SPACE.fields}
    pred, targets = batch(8)
    for f, t in targets.items():
        t.mask = mask[f]
        t.mask[5:] = False
        t.values[5:] = 0
    suite = MetricSuite.from_label_space(SPACE)
    suite.update(pred, targets)
    assert {r.n for r in suite.results().values()} == {5}


def test_au_intensity_takes_its_own_defaults():
    space = LabelSpace("i", "1", action_units=(ActionUnit(12, kind="intensity"), ActionUnit(25, kind="intensity")))
    suite = MetricSuite.from_label_space(space)
    pred = AffectPrediction(["a", "b"], space, {"au": PredictionField(torch.tensor([[1.0, 2], [3, 4]]), "value")})
    suite.update(pred, {"au": BatchTarget(torch.tensor([[1.0, 1], [3, 5]]), torch.ones(2, 2, dtype=torch.bool))})
    assert float(suite.compute()["au/icc31_consistency.AU12"]) == pytest.approx(1.0)
    assert set(suite.compute()) >= {"au/icc31_consistency", "au/rmse", "au/ccc"}


def test_it_is_a_module_whose_states_move_and_stay_out_of_checkpoints():
    suite = MetricSuite.from_label_space(SPACE)
    assert suite.state_dict() == {}
    suite.update(*batch(4))
    moved = suite.to("meta")
    assert all(c.stats.device.type == "meta" for c in moved.collectors.values())
    half = MetricSuite.from_label_space(SPACE).half()
    assert all(c.stats.dtype == torch.float64 for c in half.collectors.values())
