"""The order of items: bucketed by length, a pure function of (seed, epoch), disjoint over processes."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler

#: Training sorts by length within this many batches, so that batches are alike in length and still random.
POOL = 20
#: Which random numbers of a seed: above every epoch, whose own are at (seed, epoch).
_TURN, _ROUND = 2**30, 2**30 + 1


class TrainOrder(DistributedSampler):
    """Random order for a DataLoader with the same `batch_size`; consecutive runs of it have like lengths.

    It is a DistributedSampler, so Lightning neither replaces nor wraps it, and calls `set_epoch`. Every
    process gets the same number of items: up to world-1 are left out of an epoch, others in each.

    lengths: (N,) of the items; or (K, N) where each item lies there in K forms, then an epoch takes each item once
    in a form drawn for it, as index form * N + item. bucket False: no sorting.

    shares: None, or the value of a group (corpus) for each of the N items. An epoch is then as long as it would be
    without, and every value has an equal share of it and, but for one item, of each process's every batch; see
    draw_shares.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        batch_size: int,
        seed: int = 0,
        bucket: bool = True,
        shares: Sequence[str] | None = None,
    ):
        self.lengths, self.batch_size, self.bucket = np.atleast_2d(np.asarray(lengths)), batch_size, bucket
        self.seed, self.epoch, self.shares = seed, 0, shares
        self.values = 1 if shares is None else len(set(shares))
        self.rank, self.num_replicas = _process()
        self.resume = (-1, 0)

    def __len__(self) -> int:
        return self.lengths.shape[1] // self.values * self.values // self.num_replicas

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch's order."""
        self.epoch = epoch

    def resume_at(self, epoch: int, batch: int) -> None:
        """Leave out the first `batch` batches the next time, if that is `epoch`."""
        self.resume = (epoch, batch)

    def __iter__(self) -> Iterator[int]:
        order = self.order(self.epoch)[self.rank :: self.num_replicas]
        skip = self.resume[1] * self.batch_size if self.resume[0] == self.epoch else 0
        self.resume = (-1, 0)
        return iter(order[skip:].tolist())

    def order(self, epoch: int) -> np.ndarray:
        """All processes' items of an epoch, interleaved: process r takes r, r + world, ..."""
        rng = np.random.default_rng([self.seed, epoch])
        step, (forms, n) = self.batch_size * self.num_replicas, self.lengths.shape
        order = rng.permutation(n) if self.shares is None else draw_shares(self.shares, self.seed, epoch)
        order = order[: len(self) * self.num_replicas]
        if forms > 1:
            order = order + n * rng.integers(forms, size=len(order))
        body, rest = np.split(order, [len(order) // step * step])
        if self.bucket:
            pools = [body[i : i + POOL * step] for i in range(0, len(body), POOL * step)]
            body = np.concatenate([self._by_length(p) for p in pools] or [body])
        batches = body.reshape(-1, step)
        if self.values > 1:  # a process takes consecutive items, so that each has all values in its batch
            parts = batches.reshape(-1, self.num_replicas, self.batch_size)
            batches = parts.swapaxes(1, 2).reshape(-1, step)
        return np.concatenate([batches[rng.permutation(len(batches))].ravel(), rest])

    def _by_length(self, pool: np.ndarray) -> np.ndarray:
        """A pool sorted by length; with shares each value's items for themselves, in the places that they have."""
        pool = pool.copy()
        for i in range(self.values):
            strand = pool[i :: self.values]
            pool[i :: self.values] = strand[np.argsort(self.lengths.flat[strand], kind="stable")]
        return pool


def draw_shares(shares: Sequence[str], seed: int, epoch: int) -> np.ndarray:
    """Indices of the items of an epoch: each value of the group in turn, N // values items of each.

    A value's items are gone through in rounds, each in a new random order and begun where the last epoch ended: over
    the epochs every item is drawn as often as any other of its value, give or take once, and an epoch draws an item
    twice only where a round ends in it. A pure function of its arguments.
    """
    values = np.asarray(shares)
    names = sorted(set(shares))
    count = len(values) // len(names)
    turn = np.random.default_rng([seed, _TURN, epoch]).permutation(len(names))
    drawn = [_rounds(np.flatnonzero(values == names[g]), epoch * count, count, (seed, _ROUND, g)) for g in turn]
    return np.stack(drawn, 1).ravel()


def _rounds(items: np.ndarray, start: int, count: int, seed: tuple[int, ...]) -> np.ndarray:
    """`count` places from `start` on in the endless row of random orders of the items."""
    first, last = start // len(items), (start + count - 1) // len(items)
    orders = [np.random.default_rng([*seed, n]).permutation(items) for n in range(first, last + 1)]
    return np.concatenate(orders)[start - first * len(items) :][:count]


class TrainLoader(DataLoader):
    """A DataLoader over a TrainOrder that Lightning can resume in the middle of an epoch.

    Its state is the epoch and how many batches of it were given out. With `overfit_batches` Lightning puts a sampler of
    its own here, and every epoch begins at its first batch.
    """

    given = 0

    def __iter__(self):
        own = isinstance(self.sampler, TrainOrder)
        self.given = self.sampler.resume[1] if own and self.sampler.resume[0] == self.sampler.epoch else 0
        for batch in super().__iter__():
            self.given += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Where the current epoch is."""
        return {"epoch": getattr(self.sampler, "epoch", 0), "batch": self.given}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on after the last batch of the state."""
        if isinstance(self.sampler, TrainOrder):
            self.sampler.resume_at(state_dict["epoch"], state_dict["batch"])


class EvalOrder(DistributedSampler):
    """Every item once, over all processes, longest first; nothing is padded or repeated."""

    def __init__(self, lengths: Sequence[int]):
        self.rank, self.num_replicas = _process()
        self.indices = np.argsort(-np.asarray(lengths), kind="stable")[self.rank :: self.num_replicas]

    def __len__(self) -> int:
        return len(self.indices)

    def set_epoch(self, epoch: int) -> None:
        """The order is the same in every epoch."""

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices.tolist())


def eval_batch_size(n: int, batch_size: int) -> int:
    """The largest batch size up to `batch_size` that gives every process the same number of batches of n
    items.

    Processes hold n // world items or one more; an uneven number of batches would let one wait for the
    others.
    """
    fewest, more = divmod(n, _process()[1])
    if not more:
        return batch_size
    return next((b for b in range(batch_size, 1, -1) if fewest % b), 1)


def _process() -> tuple[int, int]:
    """(rank, number of processes)."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1
