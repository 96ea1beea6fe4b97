"""Predictions for the tests of label spaces."""

import torch

from affectzoo.labels.space import load_space
from affectzoo.structures.prediction import AffectPrediction, PredictionField


def prediction(space="ravdess8+vad", n=3, steps=None, kind="logits", seed=0):
    """Random fields of a space: vad and AU intensity are values, the others of `kind`."""
    g = torch.Generator().manual_seed(seed)
    space = load_space(space)
    shape = (n,) if steps is None else (n, steps)
    fields = {}
    for f in space.fields:
        x = torch.randn(*shape, space.size(f), generator=g)
        value = f == "vad" or space.au_kind == "intensity"
        fields[f] = PredictionField(x.tanh() if value else x, "value" if value else kind)
    time = {} if steps is None else {"rate_hz": 10.0, "t0_s": torch.zeros(n), "mask": torch.ones(n, steps, dtype=bool)}
    return AffectPrediction([f"k{i}" for i in range(n)], space, fields, **time)
