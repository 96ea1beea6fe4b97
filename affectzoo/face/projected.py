"""VAD as the mean of an emotion distribution, inside a model: nobody rated it and nothing is trained."""

import numpy as np
import torch
from torch import nn

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.labels.vad import AXES, space_gaussians
from affectzoo.structures.prediction import PredictionField


class ProjectedVad(nn.Module):
    """Emotion logits (..., K) -> VAD, sum_c p_c mu_c, and the standard deviation of the mixture of the classes.

    As labels.vad.distribution_to_vad and mixture_sd; classes without a Gaussian have no part. Raises AffectZooError for
    a label space without emotions and axes.
    """

    def __init__(self, space: LabelSpace):
        super().__init__()
        if not {"emotion", "vad"} <= set(space.fields):
            raise AffectZooError(f"project: {space.name!r} needs emotions and valence, arousal or dominance")
        mean, sd, known = space_gaussians(space)
        columns = [AXES.index(name) for name in space.names("vad")]
        mean, second = mean[:, columns], (sd**2 + mean**2)[:, columns]
        for name, values in (("mean", mean), ("second", second), ("known", known)):
            values = torch.as_tensor(np.where(known[:, None], values, 0) if values.ndim == 2 else known.copy())
            self.register_buffer(name, values.float(), persistent=False)

    def forward(self, logits: torch.Tensor) -> PredictionField:
        """See the class."""
        p = logits.float().softmax(-1) * self.known
        p = p / p.sum(-1, keepdim=True)
        mean = p @ self.mean
        return PredictionField(mean, "value", (p @ self.second - mean.square()).clamp(min=1e-6).sqrt())
