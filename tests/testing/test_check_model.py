from dataclasses import replace

import pytest
import torch
from toykit import toy_batch, toy_model

from affectzoo.labels.space import load_space
from affectzoo.testing import check_model


@pytest.mark.parametrize("space", ["ravdess8+vad", "disfa8_intensity+ambivalence_hesitancy"])
@pytest.mark.parametrize("arch", ["toy/mean", "toy/steps"])
def test_a_good_model_passes_and_is_left_as_it_was(toy, arch, space):
    model = toy_model(arch, space, dropout=0.5).train()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    check_model(model, toy_batch(model, (8, 23, 12)))
    assert model.training and all(torch.equal(t, before[n]) for n, t in model.state_dict().items())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("LeaksPadding", "more padding .* changes the answer"),
        ("LooksAside", "item . alone is answered differently"),
        ("DeadWeight", "no gradient reaches unused"),
    ],
)
def test_wrong_models_are_named(toy, wrong, message):
    toy_model()  # imports the plug-in's module
    import toyzoo.models

    model = getattr(toyzoo.models, wrong)("ravdess8+vad")
    with pytest.raises(AssertionError, match=message):
        check_model(model, toy_batch(model, (8, 23, 12)))


def break_options(model):
    model.dim = 7


def break_heads(model):
    model.reset_head = lambda space: None


def break_space(model):
    inner, other = model.forward, replace(load_space("ravdess8+vad"), version="9")
    model.forward = lambda batch: replace(inner(batch), space=other)


def break_weights(model):
    model.encode[0].weight.data[0, 0] = float("nan")


def break_input(model):
    inner = model.encode.forward
    model.encode.forward = lambda x: inner(x.mul_(2))


def break_repeat(model):
    model.encode[2].p, model.encode[2].eval = 0.5, None
    model.encode[2].forward = lambda x: torch.nn.functional.dropout(x, 0.5, True)


def break_json(model):
    model.size = {4}


def break_state(model):
    model.encode.add_module("later", torch.nn.Tanh())
    model.register_buffer("late", torch.ones(1))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_options, "options do not rebuild"),
        (break_heads, "reset_head must return"),
        (break_space, "label space is not"),
        (break_weights, "not finite"),
        (break_input, "in place"),
        (break_repeat, "second call"),
        (break_json, "JSON"),
        (break_state, "options do not rebuild"),
    ],
)
def test_each_clause_can_fail(toy, damage, message):
    model = toy_model()
    model.arch = ""
    batch = toy_batch(model)
    damage(model)
    with pytest.raises(AssertionError, match=message):
        check_model(model, batch)


def test_a_batch_of_one_shows_nothing_and_is_refused(toy):
    model = toy_model()
    with pytest.raises(AssertionError, match="at least two"):
        check_model(model, toy_batch(model, (8,)))
