"""Masked spectrogram modelling: the encoder of a log-mel network learns to fill gaps in speech, without labels."""

from collections.abc import Sequence

import torch
from torch import nn

from affectzoo.errors import AffectZooError
from affectzoo.speech.models.logmel_cnn import LogMelEncoder
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel


class MaskedSpectrogram(nn.Module):
    """The loss of a model whose `encoder` is a LogMelEncoder: how well it predicts frames that it does not see.

    The idea is that of Mockingjay (Liu et al. 2020, ICASSP) and MAE-AST (Baade et al. 2022, Interspeech): about half of
    an utterance is hidden in spans of whole frames, and the rest must tell what was there. Ours are the choices. What
    is hidden becomes 0 after the input normalisation, as under the masks that fine-tuning draws (SpecAugment); a linear
    layer on the encoder's vectors predicts the frames, so that what fills a gap must lie in the vectors themselves; the
    loss is the mean squared error of hidden valid frames, each band normalised to mean 0 and variance 1 over a batch's
    valid frames, so that 1 is the error of predicting the mean.

    hidden, seen: shortest and longest span that is hidden, and that is left between two, in vectors of the encoder (80
    ms); lengths are uniform. The longest gap should not exceed the encoder's reach: a vector sees 40 frames (400 ms) on
    either side of its own eight, and the middle of a longer gap would be predicted from nothing.
    Raises AffectZooError for a model without such an encoder, or ranges that are none.
    """

    def __init__(self, model: AffectModel, hidden: Sequence[int] = (2, 5), seen: Sequence[int] = (2, 5)):
        super().__init__()
        encoder = getattr(model, "encoder", None)
        if not isinstance(encoder, LogMelEncoder):
            name = model.arch or type(model).__name__
            raise AffectZooError(f"pretrain: {name} has no LogMelEncoder as its encoder; speech/logmel_cnn has")
        for name, span in (("hidden", hidden), ("seen", seen)):
            if len(span) != 2 or not 1 <= span[0] <= span[1]:
                raise AffectZooError(f"pretrain.{name}: must be [shortest, longest], from 1 up, got {list(span)}")
        self.hidden, self.seen = tuple(hidden), tuple(seen)
        self.encoder = encoder
        n_mels = encoder.norm.norm.num_features
        self.decode = nn.Sequential(
            nn.Linear(encoder.dim, encoder.stride * n_mels), nn.Unflatten(-1, (encoder.stride, n_mels))
        )

    def forward(self, batch: AffectBatch) -> torch.Tensor:
        """The loss of a batch with freshly drawn gaps, from torch's global generator."""
        signal = batch.signals["audio"]
        places = draw_places(len(batch), -(-signal.data.shape[1] // self.encoder.stride), self.hidden, self.seen)
        return self.loss(signal.data, signal.mask, places.to(signal.data.device))

    def loss(self, frames: torch.Tensor, mask: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The loss where places (B, ceil(T / 8)) bool of frames (B, T, n_mels) with mask (B, T) are hidden."""

        hidden = self._frames(places, mask)

        def hide(x: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x * ~hidden[..., None], valid

        vectors, kept = self.encoder(frames, mask, hide)
        predicted = self.decode(vectors).flatten(1, 2)[:, : mask.shape[1]]
        return hidden_error(predicted, normalised(frames, mask), hidden & mask & self._frames(kept, mask))

    def _frames(self, places: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Places (B, ceil(T / 8)) at the rate of mask (B, T)."""
        return places.repeat_interleave(self.encoder.stride, dim=1)[:, : mask.shape[1]]


def normalised(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """x (B, T, F) with mean 0 and variance 1 in each of the F bands over the frames where mask (B, T) is True.

    Not the encoder's own normalisation, whose scale is learned: it could shrink, and the loss with it.
    """
    valid = x[mask].float()
    variance, mean = torch.var_mean(valid, dim=0, correction=0)
    return (x.float() - mean) / (variance + 1e-5).sqrt()


def hidden_error(predicted: torch.Tensor, target: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Mean squared error of predicted and target (B, T, F) where hidden (B, T) is True; 0 when nothing is."""
    error = (predicted.float() - target.float()).square().mean(-1)
    return (error * hidden).sum() / hidden.sum().clamp(min=1)


def draw_places(items: int, places: int, hidden: tuple[int, int], seen: tuple[int, int]) -> torch.Tensor:
    """(items, places) bool: spans that are hidden (True) and seen by turns, lengths uniform within the two ranges.

    The first and last span of an item are cut by its ends. Every place is hidden with a probability of about the mean
    hidden length over the mean length of both.
    """
    pairs = -(-(places + max(hidden[1], seen[1])) // (hidden[0] + seen[0]))
    begins_hidden = torch.rand(items, 1) < sum(hidden) / (sum(hidden) + sum(seen))
    turn = (torch.arange(2 * pairs) % 2 == 0) == begins_hidden
    shortest, longest = (torch.where(turn, h, s) for h, s in zip(hidden, seen, strict=True))
    lengths = shortest + (torch.rand(turn.shape) * (longest - shortest + 1)).long()
    edges = lengths.cumsum(1) - (torch.rand(items, 1) * lengths[:, :1]).long()  # the first span began before
    span = torch.searchsorted(edges, torch.arange(places).repeat(items, 1), right=True)
    return turn.gather(1, span)
