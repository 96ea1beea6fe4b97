"""Equal shares of a group in every epoch and batch: how items are drawn, by processes, and after a stop."""

from collections import Counter

import lightning as L
import numpy as np
from datakit import Model, dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from test_datamodule import Probe, quiet, trainer

from affectzoo.data import sampler as module
from affectzoo.data.datamodule import AffectDataModule
from affectzoo.data.sampler import TrainOrder, draw_shares

SHARES = np.array(["big"] * 200 + ["small"] * 30 + ["middle"] * 70)
LENGTHS = np.random.default_rng(0).integers(10, 500, 300)


def epoch(order, n):
    order.set_epoch(n)
    return list(order)


def test_every_value_has_an_equal_share_of_an_epoch_as_long_as_before():
    for number in range(4):
        drawn = draw_shares(SHARES, 3, number)
        assert Counter(SHARES[drawn]) == {"big": 100, "small": 100, "middle": 100}
        assert len(set(drawn[SHARES[drawn] == "big"])) == 100  # none twice where there are enough


def test_items_are_gone_through_in_rounds():
    seen = Counter()
    for number in range(7):
        seen.update(draw_shares(SHARES, 0, number).tolist())
        for value in ("big", "small", "middle"):
            counts = {seen[i] for i in np.flatnonzero(value == SHARES)}
            assert max(counts) - min(counts) <= 1
    assert seen[0] in (3, 4) and seen[200] in (23, 24) and seen[230] == 10


def test_the_draw_is_a_function_of_seed_and_epoch():
    assert np.array_equal(draw_shares(SHARES, 1, 2), draw_shares(list(SHARES), 1, 2))
    assert not np.array_equal(draw_shares(SHARES, 1, 2), draw_shares(SHARES, 1, 3))
    assert not np.array_equal(draw_shares(SHARES, 1, 2), draw_shares(SHARES, 2, 2))
    assert {tuple(SHARES[draw_shares(SHARES, 0, e)[:3]]) for e in range(20)} != {("big", "middle", "small")}


def test_the_balanced_order_does_not_change_between_releases():
    order = TrainOrder([5, 1, 9, 2, 7, 3], 2, seed=0, shares=list("aabbbb"))
    assert [epoch(order, e) for e in range(2)] == GOLDEN


#: Of numpy's default_rng: rounds at [0, 2**30 + 1, value, round], turns at [0, 2**30, epoch], batches at [0, epoch].
GOLDEN = [[2, 0, 5, 1, 4, 0], [2, 0, 3, 1, 5, 1]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=120),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 5),
    st.booleans(),
    st.integers(1, 3),
)
def test_each_process_has_all_values_in_every_batch(values, batch, world, number, bucket, forms):
    shares = [f"v{v}" for v in values]
    lengths = np.arange(forms * len(shares)).reshape(forms, -1) % 11
    g = len(set(shares))
    before, got = module._process, []
    try:
        for rank in range(world):
            module._process = lambda rank=rank: (rank, world)
            order = TrainOrder(lengths, batch, 1, bucket, shares)
            got.append([i % len(shares) for i in epoch(order, number)])
            assert len(got[-1]) == len(order) == len(shares) // g * g // world
    finally:
        module._process = before
    full = len(got[0]) // batch * batch  # the last, smaller batch is what is left over
    for items in got:
        for i in range(0, full, batch):
            counts = Counter(dict.fromkeys(set(shares), 0))
            counts.update(shares[j] for j in items[i : i + batch])
            assert max(counts.values()) - min(counts.values()) <= 1
    together = Counter(sum(got, []))
    drawn = Counter(draw_shares(shares, 1, number).tolist())
    assert not together - drawn and (drawn - together).total() < world


def test_buckets_pad_less_within_the_values():
    lengths = LENGTHS + 400 * (SHARES == "big")  # one corpus has longer recordings

    def waste(order):
        batches = [lengths[order[i : i + 9]] for i in range(0, 297, 9)]
        return sum(b.max() * len(b) - b.sum() for b in batches) / lengths.sum()

    bucket, plain = (TrainOrder(lengths, 9, bucket=b, shares=SHARES) for b in (True, False))
    assert waste(epoch(bucket, 0)) < 0.75 * waste(epoch(plain, 0))


def test_resume_skips_batches_of_that_epoch():
    order = TrainOrder(LENGTHS, 8, shares=SHARES)
    whole = epoch(order, 2)
    order.resume_at(2, 5)
    assert epoch(order, 2) == whole[40:] and epoch(order, 2) == whole


def test_a_balanced_run_that_stops_within_an_epoch_goes_on_with_the_next_batch(tmp_path):
    quiet()

    def data():
        return AffectDataModule(dataset(), batch_size=4, val_fraction=0.2, balance="speaker", cache=False).attach(
            Model()
        )

    whole, first, rest = Probe(), Probe(), Probe()
    trainer(tmp_path / "a", max_epochs=3).fit(whole, datamodule=data())
    save = L.pytorch.callbacks.ModelCheckpoint(tmp_path / "b", every_n_train_steps=5, save_top_k=-1)
    trainer(tmp_path / "b", [save], max_steps=10).fit(first, datamodule=data())
    (path,) = (tmp_path / "b").glob("*step=10.ckpt")
    trainer(tmp_path / "c", max_epochs=3).fit(rest, datamodule=data(), ckpt_path=path, weights_only=True)
    assert len(whole.seen) == 24 and first.seen == whole.seen[:10] and rest.seen == whole.seen[10:]


def test_one_value_is_no_balance():
    order = TrainOrder(LENGTHS, 8, shares=["one"] * 300)
    assert sorted(epoch(order, 0)) == list(range(300))
