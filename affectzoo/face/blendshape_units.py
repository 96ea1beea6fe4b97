"""Action units out of blendshapes by the fixed rules of `affectzoo.face.arkit`, inside a model: nothing is trained."""

import numpy as np
import torch
from torch import nn

from affectzoo.errors import AffectZooError
from affectzoo.face.arkit import DEAD, FULL, NUMBERS, SPACE, WEIGHTS
from affectzoo.face.landmarks import BLENDSHAPES
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.prediction import PredictionField
from affectzoo.structures.sample import BatchSignal
from affectzoo.structures.signal import Signal
from affectzoo.zoo.base import Transform
from affectzoo.zoo.heads import AffectHeads

MODALITY = "blendshapes"


class CheckedBlendshapes(Transform):
    """Signal (T, 52) in [0, 1] as it is, float32, once its columns and values are what the rules expect."""

    def __call__(self, signal: Signal) -> Signal:
        """Raises AffectZooError for other columns, their order, or valid values outside [0, 1]."""
        if signal.data.ndim != 2 or signal.data.shape[1] != len(BLENDSHAPES) or not len(signal.data):
            raise AffectZooError(f"blendshapes must be (T, {len(BLENDSHAPES)}), got {signal.data.shape}")
        if signal.names and tuple(signal.names) != BLENDSHAPES:
            raise AffectZooError("blendshapes: the columns are not those of affectzoo.face.landmarks.BLENDSHAPES")
        valid = signal.data if signal.mask is None else signal.data[signal.mask]
        if not ((valid >= 0) & (valid <= 1)).all():
            raise AffectZooError("blendshapes must lie in [0, 1]")
        return Signal(signal.data.astype(np.float32), signal.rate_hz, signal.t0_s, signal.mask, signal.names)


class BlendshapeUnits(nn.Module):
    """Blendshapes (..., 52) -> intensities (..., K) of a label space's units: `arkit.blendshapes_to_aus` in torch.

    The rules are buffers, so that a checkpoint keeps those that it was made with. Raises AffectZooError for a space
    with units that no rule gives, or with presence.
    """

    def __init__(self, space: LabelSpace):
        super().__init__()
        numbers = [a.number for a in space.action_units]
        lacking = [f"AU{n:02d}" for n in numbers if n not in NUMBERS]
        if lacking or space.au_kind != "intensity":
            fault = f"blendshapes do not tell {', '.join(lacking)}" if lacking else "the rules give intensity"
            raise AffectZooError(f"label space {space.name!r}: {fault}; use {SPACE!r} and project its answers")
        for name, values in (("weights", WEIGHTS), ("dead", DEAD), ("full", FULL)):
            self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32))
        self._columns = [NUMBERS.index(n) for n in numbers]

    def forward(self, shapes: torch.Tensor) -> torch.Tensor:
        """See the class."""
        activity = ((shapes @ self.weights - self.dead) / (self.full - self.dead)).clamp(0, 1)
        six, twelve = NUMBERS.index(6), NUMBERS.index(12)
        columns = list(activity.unbind(-1))
        columns[six] = (columns[six] * columns[twelve]).sqrt()
        return 5 * torch.stack([columns[i] for i in self._columns], -1)


class BlendshapeHeads(AffectHeads):
    """AffectHeads whose action units are read from blendshapes by rule; `read` gives them, forward the other fields."""

    def __init__(self, dim: int, label_space: LabelSpace, uncertainty: bool = False):
        super().__init__(dim, label_space, uncertainty)
        self.units = None
        if "au" in self.linear:
            del self.linear["au"]
            self.units = BlendshapeUnits(label_space)

    def read(self, shapes: BatchSignal, by_step: bool) -> dict[str, PredictionField]:
        """{'au': field} by step, or its mean over the valid steps (NaN where there is none); {} without units."""
        if self.units is None:
            return {}
        values = self.units(shapes.data.to(self.units.weights.dtype))
        if not by_step:
            keep = shapes.mask[..., None]
            values = torch.where(keep, values, 0.0).sum(1) / keep.sum(1)
        return {"au": PredictionField(values, "value")}
