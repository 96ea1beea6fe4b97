"""Late fusion: golden values of the rules, missing rows, leaks that must still be seen, weights out of fold."""

import argparse
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.commands import fuse as command
from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.fusion.fuse import align, fuse
from affectzoo.fusion.origin import same_items, unite_training_keys
from affectzoo.fusion.weights import fit_weights, fuse_out_of_fold
from affectzoo.labels.space import load_space
from affectzoo.leaderboard.trained import NOTE, join_folds, key_hash
from affectzoo.structures.table import PredictionTable, TableMeta

SPACE = load_space("seed3")


def table(p, keys=None, train=("t1",), dataset="a", errors=None, space=SPACE, **meta):
    p = np.asarray(p, float)
    keys = [f"k{i}" for i in range(len(p))] if keys is None else list(keys)
    frame = pd.DataFrame({"key": keys, "track": "", "t_s": np.nan})
    for i, name in enumerate(space.names("emotion")):
        frame[f"emotion.{name}"] = p[:, i]
    frame["source"], frame["warning"], frame["error"] = "", "", "" if errors is None else errors
    hashes = tuple(key_hash(dataset, k) for k in train)
    return PredictionTable(
        frame, TableMeta(space.to_dict(), {"emotion": "probabilities"}, training_keys=hashes, **meta)
    )


ONE, TWO = [[0.8, 0.1, 0.1], [0.2, 0.3, 0.5]], [[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]]


def test_golden_values_of_both_rules():
    got = fuse([table(ONE), table(TWO)], [1, 1]).values("emotion")
    want = np.array([[0.4, 0.05, 1e-7], [0.04, 0.06, 0.3]])
    np.testing.assert_allclose(got, want / want.sum(1, keepdims=True), atol=1e-9)
    got = fuse([table(ONE), table(TWO)]).values("emotion")  # the square roots of those products
    np.testing.assert_allclose(got, np.sqrt(want) / np.sqrt(want).sum(1, keepdims=True), atol=1e-9)
    got = fuse([table(ONE), table(TWO)], [3, 1], rule="mean").values("emotion")
    np.testing.assert_allclose(got, [[0.725, 0.2, 0.075], [0.2, 0.275, 0.525]], atol=1e-12)


def test_a_weight_of_one_table_alone_gives_that_table():
    got = fuse([table(ONE), table(TWO)], [1, 0])
    np.testing.assert_allclose(got.values("emotion"), ONE, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.sampled_from(["log", "mean"]), st.floats(0.1, 5))
def test_fusion_is_a_distribution_and_does_not_depend_on_the_order(seed, rule, w):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(3), 4), rng.dirichlet(np.ones(3), 4)
    one = fuse([table(p), table(q)], [w, 1], rule)
    two = fuse([table(q[::-1], [f"k{i}" for i in (3, 2, 1, 0)]), table(p)], [1, w], rule)
    np.testing.assert_allclose(one.values("emotion").sum(1), 1, atol=1e-9)
    by_key = two.frame.set_index("key").loc[one.frame.key, two.columns("emotion")].to_numpy()
    np.testing.assert_allclose(by_key, one.values("emotion"), atol=1e-9)
    same = fuse([table(p), table(p)], [w, 1], "mean").values("emotion")
    np.testing.assert_allclose(same, p, atol=1e-9)


def test_rows_that_only_some_tables_answer():
    one, two = table(ONE), table([*TWO, [0.1, 0.1, 0.8]], ["k0", "k1", "k2"], errors=["", "broken file", ""])
    with pytest.raises(AffectZooError, match="2 of 3 rows"):
        fuse([one, two])
    common = fuse([one, two], missing="common")
    assert list(common.frame.key) == ["k0"] and common.meta.notes["fusion"]["rows left out"] == 2
    every = fuse([one, two], [2, 1], missing="any")
    assert list(every.frame.key) == ["k0", "k1", "k2"] and every.meta.notes["fusion"]["answered"] == [2, 2]
    cubed = np.array([0.2, 0.3, 0.5]) ** 3
    np.testing.assert_allclose(every.values("emotion")[1], cubed / cubed.sum(), atol=1e-9)
    with pytest.raises(AffectZooError, match="weight 0"):
        fuse([one, two], [1, 0], missing="any")
    with pytest.raises(AffectZooError, match="no answered row"):
        fuse([one, table(TWO, ["x", "y"])], missing="common")


def test_other_fields_are_fused_by_their_kind():
    space = load_space("va+ambivalence_hesitancy")
    state = space.names("state")[0]
    data = {"key": ["a"], "track": "", "t_s": np.nan, "vad.valence": 0.5, "vad.arousal": -1.0, f"state.{state}": 0.9}
    meta = TableMeta(space.to_dict(), {"vad": "value", "state": "probabilities"}, training_keys=("0" * 16,))
    rest = {"source": "", "warning": "short", "error": ""}
    one = PredictionTable(pd.DataFrame({**data, **rest}), meta)
    two = PredictionTable(
        pd.DataFrame({**data, **rest, "vad.valence": -0.1, f"state.{state}": 0.2, "warning": "short, clipped"}), meta
    )
    got = fuse([one, two], [2, 1])
    assert got.frame["vad.valence"][0] == pytest.approx(0.3) and got.frame["vad.arousal"][0] == pytest.approx(-1)
    odds = 9.0**2 * 0.25
    assert got.frame[f"state.{state}"][0] == pytest.approx(odds / (1 + odds))
    assert got.frame.warning[0] == "short, clipped"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fuse([table(ONE)]), AffectZooError, "two tables"),
        (lambda: fuse([table(ONE), table(TWO)], rule="max"), UnknownNameError, "rule"),
        (lambda: fuse([table(ONE), table(TWO)], missing="drop"), UnknownNameError, "missing"),
        (lambda: fuse([table(ONE), table(TWO)], [1, 1, 1]), AffectZooError, "do not fit 2 tables"),
        (lambda: fuse([table(ONE), table(TWO)], [-1, 2]), AffectZooError, "at least 0"),
        (lambda: fuse([table(ONE), table(TWO)], [0, 0]), AffectZooError, "not all 0"),
        (lambda: fuse([table(ONE), table(TWO)], [np.nan, 1]), AffectZooError, "numbers"),
        (lambda: fuse([table(ONE), table(TWO, granularity="step", rate_hz=2.0)]), AffectZooError, "granularity"),
        (lambda: fuse([table(ONE), table(np.eye(4)[:2], space=load_space("seed4"))]), AffectZooError, "project"),
        (lambda: fuse([table(ONE), table(TWO, train=())]), AffectZooError, "table 2 does not tell"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_training_keys_are_united_so_that_a_leak_of_either_is_seen():
    fused = fuse([table(ONE, train=["x"]), table(TWO, train=["y", "x"])])
    assert set(fused.meta.training_keys) == {key_hash("a", "x"), key_hash("a", "y")}
    unknown = fuse([table(ONE, train=["x"]), table(TWO, train=())], unknown_training=True)
    assert unknown.meta.training_keys == () and NOTE not in unknown.meta.notes


def folds_of(p, dataset, names="01"):
    """Out-of-fold table of two items; the model of each fold has trained on the other item."""
    parts = {n: table([p[i]], [f"k{i}"], [f"k{1 - i}"], dataset) for i, n in enumerate(names)}
    return join_folds(parts)


def test_training_keys_by_fold_stay_by_fold():
    one, two = folds_of(ONE, "a"), folds_of(TWO, "b")
    lists = fuse([one, two]).meta.notes[NOTE]
    assert lists == {
        "0": sorted([key_hash("a", "k1"), key_hash("b", "k1")]),
        "1": sorted([key_hash("a", "k0"), key_hash("b", "k0")]),
    }
    told = same_items(two, "b", "a")
    assert fuse([one, told]).meta.notes[NOTE] == one.meta.notes[NOTE]
    flat = table(TWO, train=["k9"])
    assert all(key_hash("a", "k9") in keys for keys in fuse([one, flat]).meta.notes[NOTE].values())
    with pytest.raises(AffectZooError, match="other folds"):
        unite_training_keys([one, folds_of(TWO, "a", "AB")])
    with pytest.raises(AffectZooError, match="none of"):
        same_items(two, "c", "a")
    with pytest.raises(AffectZooError, match="1 of 2 training keys"):
        same_items(table(ONE, train=["k0", "elsewhere"]), "a", "b")


def noisy(rng, truth, sharp):
    """Answers with log-odds of the truth around `sharp`, of unit noise."""
    logits = sharp * np.eye(3)[truth] + rng.normal(size=(len(truth), 3))
    e = np.exp(logits)
    return e / e.sum(1, keepdims=True)


def example(n=240, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    tables = [table(noisy(rng, truth, s)) for s in (2.0, 0.0)]
    keys = list(tables[0].frame.key)
    return tables, dict(zip(keys, np.eye(3)[truth], strict=True)), {k: i % 4 for i, k in enumerate(keys)}


def test_fitted_weights_find_the_table_that_knows_something():
    tables, truth, folds = example()
    found = fit_weights(tables, truth, folds)
    assert set(found.by_fold) == {"0", "1", "2", "3"}
    for good, useless in found.by_fold.values():
        assert good > 1.5 and useless < 0.5
    fused = fuse_out_of_fold(tables, truth, folds, tag="x")
    t = np.stack([truth[k] for k in fused.frame.key])
    nll = lambda x: -(t * np.log(x.values("emotion"))).sum(1).mean()  # noqa: E731
    assert nll(fused) < min(nll(tables[0]), nll(fuse(tables)))
    assert fused.meta.model["arch"] == "fusion/log" and "by fold" in fused.meta.notes["fusion"]["fitted"]
    json.dumps(fused.meta.notes)


def test_weights_of_a_fold_do_not_see_that_folds_labels():
    """Labels of fold 2 turned round: its own weights stay, those of the other folds change."""
    tables, truth, folds = example()
    turned = {k: np.roll(t, 1) if folds[k] == 2 else t for k, t in truth.items()}
    one, two = fit_weights(tables, truth, folds), fit_weights(tables, turned, folds)
    assert one.by_fold["2"] == two.by_fold["2"]
    assert abs(one.by_fold["1"][0] - two.by_fold["1"][0]) > 0.1 and one.of_all != two.of_all
    of_fold_2 = [i for i, k in enumerate(align(tables).rows.key) if folds[k] == 2]
    np.testing.assert_array_equal(one.rows[:, of_fold_2[0]], one.by_fold["2"])


def test_gradient_of_the_fit_is_that_of_finite_differences():
    """The optimum is one: no step of 1 % to either side is better."""
    tables, truth, folds = example(80)
    w = np.array(fit_weights(tables, truth, folds).of_all)
    t = np.stack([truth[k] for k in align(tables).rows.key])

    def loss(w):
        p = fuse(tables, w).values("emotion")
        return -(t * np.log(p)).sum() / len(t) + 5.0 / len(t) * (np.log(w / 0.5) ** 2).sum()

    assert all(
        loss(w) < loss(w * (1 + d)) for d in (np.array(x) for x in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]))
    )


def test_what_cannot_be_fitted():
    tables, truth, folds = example(12)
    with pytest.raises(AffectZooError, match="1 rows have no true emotion"):
        fit_weights(tables, {k: v for k, v in truth.items() if k != "k3"}, folds)
    with pytest.raises(AffectZooError, match="two folds"):
        fit_weights(tables, truth, dict.fromkeys(folds, 0))


def run(*words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(list(map(str, words))))


def test_command(tmp_path, capsys):
    one, two = folds_of(ONE, "a"), folds_of(TWO, "b")
    one = replace(one, meta=replace(one.meta, model={"arch": "m/one", "tag": "t", "parameters": 3}))
    a, b, out = one.write(tmp_path / "a.parquet"), two.write(tmp_path / "b.csv"), tmp_path / "c.parquet"
    assert run(a, b, "--out", out, "--weights", "1", "1", "--same-items", "b=a", "--tag", "x") == 0
    fused = PredictionTable.read(out)
    assert fused.meta.model == {"arch": "fusion/log", "tag": "x"} and fused.meta.notes[NOTE] == one.meta.notes[NOTE]
    np.testing.assert_allclose(fused.values("emotion")[1], np.array([0.04, 0.06, 0.3]) / 0.4, atol=1e-9)
    assert "2 rows fused by log from m/one.t and ?" in capsys.readouterr().out
    with pytest.raises(AffectZooError, match="SET=SET"):
        run(a, b, "--out", out, "--same-items", "b")
    with pytest.raises(AffectZooError, match="no table"):
        run(a, b, "--out", out, "--same-items", "z=a")
    with pytest.raises(AffectZooError, match="--fit"):
        run(a, b, "--out", out, "--fit", "ravdess-emobox6", "--weights", "1", "1")
