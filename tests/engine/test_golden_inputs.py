"""A checkpoint holds none of the recordings that it was tried on."""

import torch

from affectzoo.engine.run import unrecognisable
from affectzoo.structures.sample import AffectBatch, BatchSignal


def test_golden_inputs_are_the_same_values_in_another_order():
    data = torch.arange(2 * 3 * 16, dtype=torch.uint8).view(2, 3, 4, 4)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    batch = AffectBatch(["a", "b"], {"face": BatchSignal(data, mask, 1.0, torch.zeros(2))})
    made = unrecognisable(batch).signals["face"]
    for i in range(2):
        before, after = data[i][mask[i]].flatten(), made.data[i][mask[i]].flatten()
        assert torch.equal(before.sort().values, after.sort().values)
        assert (before == after).float().mean() < 0.5
    assert torch.equal(made.data[1, 1:], data[1, 1:]) and made.data.dtype == torch.uint8
    assert torch.equal(batch.signals["face"].data, torch.arange(96, dtype=torch.uint8).view(2, 3, 4, 4))
    assert torch.equal(unrecognisable(batch).signals["face"].data, made.data)
