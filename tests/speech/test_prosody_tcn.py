"""The network over mel bands and prosody: padding, what the masks leave alone, and that it learns."""

import pytest
import torch
from test_logmel_cnn import make_batch, trained_norms, values

from affectzoo.data.collate import collate
from affectzoo.labels.space import load_space
from affectzoo.speech.augment import SpecAugment
from affectzoo.speech.models.prosody_tcn import ProsodyTCN
from affectzoo.speech.prosody.features import COLUMNS
from affectzoo.speech.synthetic import generate

SPACE = load_space("ekman7+vad")
WIDE = 64 + len(COLUMNS)


@pytest.mark.parametrize("extra", [1, 7, 40])
def test_padding_and_neighbours_change_nothing(extra):
    model, lengths = trained_norms(ProsodyTCN(SPACE, width=16)), [97, 41, 12]
    plain, padded = (values(model, make_batch(lengths, t, n_mels=WIDE)) for t in (97, 97 + extra))
    for name in plain:
        torch.testing.assert_close(plain[name], padded[name], atol=1e-5, rtol=0)
    for i, n in enumerate(lengths):
        alone = values(model, make_batch([n], seed=i, n_mels=WIDE))
        torch.testing.assert_close(plain["emotion"][i], alone["emotion"][0], atol=1e-5, rtol=0)


def test_masks_fall_on_the_mel_bands_alone():
    x, mask = torch.ones(6, 80, WIDE), torch.ones(6, 80, dtype=torch.bool)
    torch.manual_seed(0)
    out, _ = SpecAugment(columns=64).train()(x, mask)
    assert (out[..., 64:] == 1).all() and (out[..., :64] == 0).any()


def test_it_hears_the_pitch_column():
    """The pitch contour alone changes the answer: the model reads what LogMelProsody gives it."""
    model = trained_norms(ProsodyTCN(SPACE, width=16))
    batch = collate([model.prepare(s) for s in generate(2, seconds=0.8)], SPACE)
    before = values(model, batch)["emotion"]
    batch.signals["audio"].data[..., 64 + COLUMNS.index("f0_st")] *= -1
    assert not torch.allclose(before, values(model, batch)["emotion"], atol=1e-3)


def test_size():
    assert 1.3e6 < sum(p.numel() for p in ProsodyTCN(SPACE).parameters()) < 1.5e6
