import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectzoo.data import sampler as module
from affectzoo.data.sampler import EvalOrder, TrainOrder, eval_batch_size

LENGTHS = np.random.default_rng(0).integers(10, 500, 333)


@pytest.fixture
def process(monkeypatch):
    return lambda rank, world: monkeypatch.setattr(module, "_process", lambda: (rank, world))


def epoch(order, n):
    order.set_epoch(n)
    return list(order)


def test_the_order_is_a_function_of_seed_and_epoch():
    a, b = TrainOrder(LENGTHS, 8, seed=3), TrainOrder(LENGTHS, 8, seed=3)
    for _ in range(4):
        epoch(a, 0)  # history does not matter
    assert epoch(a, 5) == epoch(b, 5)
    assert epoch(a, 5) != epoch(a, 6) and epoch(a, 5) != epoch(TrainOrder(LENGTHS, 8, seed=4), 5)
    assert sorted(epoch(a, 5)) == list(range(333)) and len(a) == 333


def test_the_order_does_not_change_between_releases():
    assert epoch(TrainOrder([5, 1, 9, 2, 7], 2, seed=0), 0) == [
        3,
        0,
        4,
        2,
        1,
    ]  # by hand from default_rng([0, 0])


def test_buckets_pad_less():
    def waste(order):
        batches = [LENGTHS[order[i : i + 8]] for i in range(0, 328, 8)]
        return sum(b.max() * len(b) - b.sum() for b in batches) / LENGTHS.sum()

    bucket, plain = TrainOrder(LENGTHS, 8), TrainOrder(LENGTHS, 8, bucket=False)
    assert waste(epoch(bucket, 0)) < 0.1 < 0.5 < waste(epoch(plain, 0))
    firsts = [max(LENGTHS[epoch(bucket, e)[:8]]) for e in range(12)]
    assert min(firsts) < 150 and max(firsts) > 350  # batches come in random order, not sorted by length


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 90), st.integers(1, 9), st.integers(1, 4), st.booleans(), st.integers(0, 5))
def test_processes_get_disjoint_equal_shares(n, batch, world, bucket, number):
    before = module._process
    shares, held = [], []
    try:
        for rank in range(world):
            module._process = lambda rank=rank: (rank, world)
            shares.append(epoch(TrainOrder(np.arange(n) % 7, batch, 1, bucket), number))
            held.append(list(EvalOrder(np.arange(n) % 7)))
    finally:
        module._process = before
    assert len({len(s) for s in shares}) == 1
    together = sum(shares, [])
    assert len(set(together)) == len(together) > n - world
    assert sorted(sum(held, [])) == list(range(n))  # evaluation: everything, once


def test_left_out_items_differ_between_epochs(process):
    process(0, 2)
    a = TrainOrder(np.ones(11), 2)
    left = {(set(range(11)) - set(a.order(e).tolist())).pop() for e in range(20)}
    assert len(left) > 3


def test_resume_skips_batches_of_that_epoch_once():
    a = TrainOrder(LENGTHS, 8)
    whole = epoch(a, 2)
    a.resume_at(2, 5)
    assert epoch(a, 2) == whole[40:] and epoch(a, 2) == whole
    a.resume_at(2, 5)
    assert len(epoch(a, 3)) == 333 and epoch(a, 2) == whole


def test_longest_first():
    assert list(EvalOrder([3, 9, 1, 9])) == [1, 3, 0, 2]


@pytest.mark.parametrize(
    ("n", "size", "world"), [(41, 10, 2), (21, 10, 2), (33, 16, 2), (40, 10, 2), (7, 3, 4), (9, 4, 1)]
)
def test_evaluation_batches_are_as_many_in_every_process(process, n, size, world):
    process(0, world)
    b = eval_batch_size(n, size)
    counts = {-(-((n - r + world - 1) // world) // b) for r in range(world)}
    assert len(counts) == 1 and b <= size
    process(0, 1)
    assert eval_batch_size(n, size) == size
