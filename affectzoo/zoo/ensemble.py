"""Several models of one architecture as one: their encoders side by side, their answers averaged before the softmax."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace
from affectzoo.structures.sample import AffectBatch
from affectzoo.zoo.base import AffectModel, Encoded
from affectzoo.zoo.factory import create_model
from affectzoo.zoo.heads import AffectHeads


class Ensemble(AffectModel):
    """`members` models of the architecture `of`, each with `options`.

    The heads read the members' features one after the other. `merge` gives them the members' own heads divided by
    their number, so that logits (and VAD before its tanh) are the means of the members': a product of experts.
    train.py trains the members one by one, each with a seed of its own (affectzoo.engine.members).
    """

    def __init__(
        self, label_space: LabelSpace | str, of: str, members: int = 3, options: Mapping[str, Any] | None = None
    ):
        super().__init__(label_space)
        if members < 2:
            raise AffectZooError(f"an ensemble needs at least 2 members, got {members}")
        models = [create_model(of, self.label_space, **dict(options or {})) for _ in range(members)]
        if type(models[0].heads) is not AffectHeads or models[0].heads.spread is not None:
            raise AffectZooError(f"an ensemble averages linear heads; {of!r} with these options has others")
        self.of, self.members, self.options_of = of, members, models[0].options  # all of them, as a checkpoint needs
        dim = sum(m.heads.dim for m in models)
        self.modalities, self.transforms = models[0].modalities, models[0].transforms
        self.max_seconds = models[0].max_seconds
        for m in models:
            del m.heads
        self.encoders = torch.nn.ModuleList(models)
        self.heads = AffectHeads(dim, self.label_space)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that rebuild this model, without the label space."""
        return {"of": self.of, "members": self.members, "options": self.options_of}

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """The members' features (..., members * D) on the time axis that they share."""
        encoded = [m.forward_features(batch) for m in self.encoders]
        values = torch.cat([e.values for e in encoded], -1)
        return Encoded(values, encoded[0].mask, encoded[0].rate_hz, encoded[0].t0_s)

    @torch.no_grad()
    def merge(self, models: Sequence[AffectModel]) -> "Ensemble":
        """Take over trained members. Raises AffectZooError for another number, label space or architecture."""
        odd = [m for m in models if m.label_space.hash != self.label_space.hash or m.arch != self.of]
        if odd or len(models) != self.members:
            raise AffectZooError(f"this ensemble takes {self.members} models {self.of} in {self.label_space.name}")
        for own, m in zip(self.encoders, models, strict=True):
            own.load_state_dict({k: v for k, v in m.state_dict().items() if not k.startswith("heads.")}, strict=True)
        for name, layer in self.heads.linear.items():
            parts = [m.heads.linear[name] for m in models]
            layer.weight.copy_(torch.cat([p.weight for p in parts], 1) / self.members)
            layer.bias.copy_(torch.stack([p.bias for p in parts]).mean(0))
        return self
