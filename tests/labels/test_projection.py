"""Predictions and tables in another space: values, kinds, losses, identity."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from labelkit import prediction

from affectzoo.errors import UndefinedMappingError
from affectzoo.labels.vad import distribution_to_vad, mixture_sd, vad_to_distribution
from affectzoo.structures.prediction import PredictionField
from affectzoo.structures.project import project_prediction, project_table
from affectzoo.structures.table import PredictionTable


def test_logits_become_probabilities_before_they_are_mapped():
    pred = prediction()
    got, report = project_prediction(pred, "ekman7+vad")
    p = pred.emotion.values.softmax(-1)
    order = [pred.space.index("emotion", n) for n in got.space.names("emotion")]
    torch.testing.assert_close(got.emotion.values, p[:, order])
    assert got.emotion.kind == "probabilities" and got.vad.kind == "value"
    torch.testing.assert_close(got.vad.values, pred.vad.values)
    calm = p[:, pred.space.index("emotion", "calm")]
    torch.testing.assert_close(got.emotion.values.sum(-1) + calm, torch.ones(3))
    loss = report["fields"]["emotion"]
    assert loss["lost_mean"] == pytest.approx(calm.mean().item(), abs=1e-6)
    assert loss["lost_max"] == pytest.approx(calm.max().item(), abs=1e-6)
    assert loss["losses"] == {"calm": "no counterpart of calm in ekman7+vad"}
    assert report["fields"]["vad"]["kind"] == "exact" and report["dropped"] == []
    json.dumps(report, allow_nan=False)


def test_vad_from_emotion_with_the_spread_of_the_mixture():
    pred = prediction("rm8", kind="probabilities")
    pred.fields["emotion"] = PredictionField(torch.randn(3, 8).softmax(-1), "probabilities")
    got, report = project_prediction(pred, "vad")
    p = pred.emotion.values.double().numpy()
    np.testing.assert_allclose(got.vad.values, distribution_to_vad("rm8", p)[0], atol=1e-6)
    np.testing.assert_allclose(got.vad.uncertainty, mixture_sd("rm8", p), atol=1e-6)
    assert got.vad.kind == "value" and list(got.fields) == ["vad"]
    assert report["fields"]["vad"]["from"] == "rm8.emotion"
    both, _ = project_prediction(prediction("ravdess8+vad"), "rm8+va")
    assert both.vad.uncertainty is None  # the model's own vad is kept, not derived
    torch.testing.assert_close(both.vad.values, prediction("ravdess8+vad").vad.values[:, :2])


def test_emotion_from_vad_over_time_with_a_mask():
    pred = prediction("vad", steps=4)
    pred.mask[1, 2:] = False
    got, _ = project_prediction(pred, "rm9_calm_ours")
    x = pred.vad.values.double().numpy()
    np.testing.assert_allclose(got.emotion.values, vad_to_distribution("rm9_calm_ours", x), atol=1e-6)
    assert got.rate_hz == 10.0 and got.mask is pred.mask and got.emotion.kind == "probabilities"


def test_losses_of_padded_steps_do_not_count():
    pred = prediction("ravdess8", n=1, steps=2, kind="probabilities")
    one_hot = torch.eye(8)[torch.tensor([[2, 1]])]  # happiness, then calm
    pred.fields["emotion"] = PredictionField(one_hot, "probabilities")
    pred.mask[0, 1] = False
    assert project_prediction(pred, "ekman7")[1]["fields"]["emotion"]["lost_max"] == 0
    pred.mask[0, 1] = True
    assert project_prediction(pred, "ekman7")[1]["fields"]["emotion"]["lost_mean"] == 0.5


def test_action_units_and_uncertainty():
    pred = prediction("disfa8", kind="probabilities")
    p = torch.rand(3, 8)
    pred.fields["au"] = PredictionField(p, "probabilities", p / 10)
    got, _ = project_prediction(pred, "bp4d12")
    at = got.space.index("au", "AU12")
    torch.testing.assert_close(got.au.values[:, at], p[:, 5])
    torch.testing.assert_close(got.au.uncertainty[:, at], p[:, 5] / 10)
    assert got.au.values.isnan().any(0).sum() == got.au.uncertainty.isnan().any(0).sum() == 7
    strong = prediction("openface17")
    assert strong.au.kind == "value"
    assert project_prediction(strong, "disfa8")[0].au.kind == "probabilities"
    assert project_prediction(strong, "disfa8_intensity")[0].au.kind == "value"


def test_uncertainty_is_dropped_where_classes_merge():
    pred = prediction("goemotions28", kind="probabilities")
    p = torch.rand(3, 28).softmax(-1)
    pred.fields["emotion"] = PredictionField(p, "probabilities", p / 10)
    assert project_prediction(pred, "ekman7")[0].emotion.uncertainty is None
    got = project_prediction(pred, "goemotions28+va")[0].emotion
    torch.testing.assert_close(got.uncertainty, p / 10)


def test_rest_of_the_prediction_stays():
    pred = prediction("ravdess8", kind="probabilities")
    pred.fields["emotion"] = PredictionField(torch.full((3, 8), 0.125).double(), "probabilities")
    pred.wheel, pred.tracks, pred.embedding = [["glad"], [], []], ["a", "b", "c"], torch.zeros(3, 2)
    got, _ = project_prediction(pred, "emodb4")
    assert (got.keys, got.wheel, got.tracks) == (pred.keys, pred.wheel, pred.tracks)
    assert got.embedding is pred.embedding and got.emotion.values.dtype == torch.float64
    assert pred.space.name == "ravdess8"  # the original is untouched


def test_method_warns_of_losses_and_only_of_losses():
    with pytest.warns(UserWarning, match="of the mass on average"):
        prediction("ravdess8").project("ekman7")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prediction("ekman7").project("affectnet8")
    with pytest.warns(UserWarning, match="ambivalence_hesitancy"):
        got = prediction("ekman7").project("affectnet8+ambivalence_hesitancy")
    assert list(got.fields) == ["emotion"]


def test_nothing_to_answer_raises():
    with pytest.raises(UndefinedMappingError, match="not a feeling"):
        project_prediction(prediction("disfa8"), "ekman7")
    partial = prediction("ravdess8+disfa8")
    del partial.fields["emotion"]  # the space names a field that the prediction lacks
    with pytest.raises(UndefinedMappingError, match="not a feeling"):
        project_prediction(partial, "ekman7")


def table():
    t = PredictionTable.from_prediction(prediction("ravdess8+vad"), sources=["a.wav", "b.wav", "c.wav"])
    frame = pd.concat(
        [t.frame, t.frame.iloc[:1].assign(key="broken", error="empty", source="d.wav")], ignore_index=True
    )
    values = [c for c in frame.columns if "." in c]
    frame.loc[3, values] = np.nan
    return PredictionTable(frame, t.meta)


def test_table_equals_prediction(tmp_path):
    t = table()
    got = t.project("ekman7+va")
    want, report = project_prediction(prediction("ravdess8+vad"), "ekman7+va")
    np.testing.assert_allclose(got.values("emotion")[:3], want.emotion.values, atol=1e-6)
    np.testing.assert_allclose(got.values("vad")[:3], want.vad.values, atol=1e-6)
    assert np.isnan(got.values("emotion")[3]).all() and got.frame.error[3] == "empty"
    assert list(got.frame.columns[:3]) == ["key", "track", "t_s"] and got.frame.source[0] == "a.wav"
    assert not [c for c in got.frame.columns if c.endswith(("calm", "dominance"))]
    assert got.meta.kinds == {"vad": "value", "emotion": "probabilities"}
    note = got.meta.notes["projection"]
    assert note["fields"]["emotion"]["lost_mean"] == pytest.approx(report["fields"]["emotion"]["lost_mean"], abs=1e-6)
    again = PredictionTable.read(got.write(tmp_path / "t.parquet"))
    assert again.space == got.space and again.meta.notes == json.loads(json.dumps(got.meta.notes))


def test_table_of_classes_gains_vad_with_spread_and_remembers_both_steps():
    t = project_table(table(), "rm8")
    assert list(t.meta.kinds) == ["emotion"] and t.meta.notes["projection"]["dropped"] == ["vad"]
    got = project_table(t, "rm8+vad")
    p = t.values("emotion")[:3]
    np.testing.assert_allclose(got.values("vad")[:3], distribution_to_vad("rm8", p)[0], atol=1e-12)
    np.testing.assert_allclose(got.frame["vad.valence.sd"][:3], mixture_sd("rm8", p)[:, 0], atol=1e-12)
    note = got.meta.notes["projection"]
    assert note["to"] == "rm8+vad" and note["before"]["to"] == "rm8"
    with pytest.raises(UndefinedMappingError):
        project_table(got, "disfa8")
