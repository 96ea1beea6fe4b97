"""Late fusion of a face and a voice stream: a state for every segment of a clip."""

import torch
from torch import nn

from affectzoo.errors import AffectZooError
from affectzoo.face.features import FaceCrop
from affectzoo.labels.space import LabelSpace
from affectzoo.speech.features import LogMel
from affectzoo.speech.models.logmel_cnn import LogMelEncoder
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.heads import AffectHeads


class LateFusion(AffectModel):
    """Each stream is encoded alone, averaged over common segments, and concatenated (ours).

    Segments of `segment_s` seconds start where the recording's first signal starts. The answer of a segment
    is dated at its middle; it is valid where that middle lies within the recording and at least one stream
    has a valid frame (the other then counts as zeros). The first segment needs no middle. Two convolutions
    over five segments follow the concatenation, so an answer also sees 4 segments on either side.

    face_size: side of the face in pixels; n_mels: see LogMel; width: channels of the first stage of either
    stream; dim: length of a stream's embedding.
    """

    modalities = ("face", "audio")

    def __init__(
        self,
        label_space: LabelSpace | str,
        segment_s: float = 0.5,
        face_size: int = 48,
        n_mels: int = 64,
        width: int = 16,
        dim: int = 96,
        dropout: float = 0.2,
    ):
        super().__init__(label_space)
        if not segment_s > 0:
            raise AffectZooError(f"segment_s must be positive, got {segment_s}")
        self.segment_s, self.face_size, self.n_mels = segment_s, face_size, n_mels
        self.width, self.dim, self.dropout = width, dim, dropout
        self.transforms = {"face": FaceCrop(face_size), "audio": LogMel(n_mels=n_mels)}
        self.face = FaceEncoder(width, dim)
        self.audio = LogMelEncoder(n_mels, width, dim)
        self.context = nn.ModuleList([nn.Conv1d(2 * dim, dim, 5, padding=2), nn.Conv1d(dim, dim, 5, padding=2)])
        self.drop = nn.Dropout(dropout)
        self.heads = AffectHeads(dim, self.label_space)

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Segment vectors (B, S, dim) from face (B, T, size, size, 3) and log-mel frames (B, T', n_mels)."""
        face, audio = batch.signals["face"], batch.signals["audio"]
        sounds, sounds_mask = self.audio(audio.data, audio.mask)
        heard = BatchSignal(sounds, sounds_mask, audio.rate_hz / self.audio.stride, audio.t0_s)
        seen = BatchSignal(self.face(face.data), face.mask, face.rate_hz, face.t0_s)
        start = torch.minimum(face.t0_s, audio.t0_s)
        steps = max(_segment_of(s, start, self.segment_s).amax().item() + 1 for s in (seen, heard))
        pooled = [segment_means(s, start, self.segment_s, steps) for s in (seen, heard)]
        mask = (pooled[0][1] | pooled[1][1]) & middles_inside([face, audio], start, self.segment_s, steps)
        x = torch.cat([p[0] for p in pooled], -1)
        for layer in self.context:
            x = nn.functional.gelu(layer((x * mask[..., None]).transpose(1, 2)).transpose(1, 2))
        return Encoded(self.drop(x), mask, 1 / self.segment_s, start + self.segment_s / 2)


class FaceEncoder(nn.Module):
    """Frames (B, T, H, W, 3) in 0 to 1 to vectors (B, T, dim), each frame alone (group normalisation)."""

    def __init__(self, width: int, dim: int):
        super().__init__()
        sizes = (3, width, 2 * width, 4 * width)
        self.layers = nn.Sequential(
            *(
                layer
                for a, b in zip(sizes, sizes[1:], strict=False)
                for layer in (nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.GroupNorm(8, b), nn.ReLU())
            )
        )
        self.project = nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(9 * sizes[-1], dim), nn.GELU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        frames = (x.flatten(0, 1).permute(0, 3, 1, 2) - 0.5) / 0.25
        return self.project(self.layers(frames)).unflatten(0, x.shape[:2])


def segment_means(
    signal: BatchSignal, start: torch.Tensor, segment_s: float, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Means (B, steps, D) over the valid frames of each segment, 0 without any; their mask (B, steps)."""
    index = _segment_of(signal, start, segment_s).clamp(max=steps - 1)
    member = nn.functional.one_hot(index, steps) * signal.mask[..., None]
    count = member.sum(1)
    total = member.to(signal.data.dtype).transpose(1, 2) @ signal.data
    return total / count.clamp(min=1)[..., None], count > 0


def middles_inside(signals: list[BatchSignal], start: torch.Tensor, segment_s: float, steps: int) -> torch.Tensor:
    """(B, steps) bool: the segment's middle lies before the end of the longest signal, or it is the first."""
    last = [(s.mask * torch.arange(1, s.mask.shape[1] + 1, device=s.mask.device)).amax(1) for s in signals]
    ends = torch.stack([s.t0_s - start + n / s.rate_hz for s, n in zip(signals, last, strict=True)])
    middle = (torch.arange(steps, device=start.device) + 0.5) * segment_s
    return (middle < ends.amax(0)[:, None]) | (middle == middle[0])


def _segment_of(signal: BatchSignal, start: torch.Tensor, segment_s: float) -> torch.Tensor:
    """(B, T) number of the segment in which each frame lies; `start` (B,) is where segment 0 begins."""
    frames = torch.arange(signal.data.shape[1], device=start.device) / signal.rate_hz
    offset = (signal.t0_s - start)[:, None] + frames
    # A frame on a boundary belongs to the later segment, also when its time is rounded down in float32.
    return (offset / segment_s + 1e-4).floor().long()
