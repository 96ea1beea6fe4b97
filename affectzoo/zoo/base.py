"""AffectModel: what every model of the zoo is. Preprocessing, label space and arguments travel with it."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.structures.prediction import AffectPrediction
from affectzoo.structures.sample import AffectBatch, AffectSample
from affectzoo.structures.signal import Signal
from affectzoo.zoo.heads import AffectHeads


class Transform:
    """Raw Signal in, model input out: deterministic, cached on disk, stored with the checkpoint.

    A transform keeps every argument of __init__ under its own name; together they are its `spec`, which is part
    of the cache key, so bump `version` when the code changes what comes out.
    """

    version: ClassVar[int] = 1

    def __call__(self, signal: Signal) -> Signal:
        """Transform one signal. Raises AffectZooError for silent, too short or foreign input."""
        raise NotImplementedError

    @property
    def spec(self) -> dict[str, Any]:
        """JSON-able identity: class, version, arguments."""
        return {"transform": type(self).__qualname__, "version": self.version, **init_arguments(self)}


@dataclass
class Encoded:
    """Features before the heads: (B, D), or (B, T, D) with mask (B, T), rate_hz and t0_s (B,)."""

    values: torch.Tensor
    mask: torch.Tensor | None = None
    rate_hz: float | None = None
    t0_s: torch.Tensor | None = None


class AffectModel(nn.Module):
    """Subclass contract.

    - class attribute `modalities`: which signals of a batch it reads.
    - `find`: how the subjects of a recording are found before the transforms see them, a policy for the `tracks:` class
      of its reader (a mapping of plain values); an option of models that have one. None: the recording is the subject.
    - `context_steps`, of a model that answers over time by looking back: how many steps (0 when it has none).
    - class attribute `max_seconds`: the longest recording that is predicted as a whole, where its reader offers windows
      instead (ours: 10 min, whose activations are some hundred MB).
    - __init__(self, label_space, **options): every option is stored under its own name (it goes to config.json);
      sets `self.transforms` (one Transform a modality) and `self.heads = AffectHeads(dim, self.label_space)`.
    - `forward_features(batch) -> Encoded`; must not depend on padding or on the other items of the batch (eval mode).
    """

    modalities: ClassVar[tuple[str, ...]] = ()
    max_seconds: ClassVar[float] = 600.0
    find: Mapping[str, Any] | None = None
    context_steps: int = 0
    arch: str = ""  # set by the factory: the name in the catalogue
    heads: AffectHeads
    transforms: dict[str, Transform]

    def __init__(self, label_space: LabelSpace | str):
        super().__init__()
        self.label_space = as_space(label_space)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that rebuild this model, without the label space."""
        return {k: v for k, v in init_arguments(self).items() if k != "label_space"}

    def forward_features(self, batch: AffectBatch) -> Encoded:
        """Encode a batch."""
        raise NotImplementedError

    def forward_head(self, encoded: Encoded, keys: list[str]) -> AffectPrediction:
        """Fields of the label space from encoded features."""
        return AffectPrediction(
            keys,
            self.label_space,
            self.heads(encoded.values),
            encoded.rate_hz,
            encoded.t0_s,
            encoded.mask,
            embedding=encoded.values,
        )

    def forward(self, batch: AffectBatch) -> AffectPrediction:
        """Predict. Raises AffectZooError when the batch lacks a modality."""
        missing = set(self.modalities) - set(batch.signals)
        if missing:
            raise AffectZooError(
                f"{self.arch or type(self).__name__} needs {', '.join(sorted(missing))}; "
                f"the batch has {', '.join(sorted(batch.signals)) or 'no signals'}"
            )
        return self.forward_head(self.forward_features(batch), batch.keys)

    def reset_head(self, label_space: LabelSpace | str) -> "AffectModel":
        """New, randomly initialised heads for another label space; the encoder stays. Returns self."""
        self.label_space = as_space(label_space)
        self.heads = AffectHeads(self.heads.dim, self.label_space).to(next(self.parameters()).device)
        return self

    def prepare(self, sample: AffectSample) -> AffectSample:
        """Load the sample's signals and transform those that this model reads."""
        loaded = sample.load(self.modalities)
        missing = set(self.modalities) - set(loaded.signals)
        if missing:
            raise AffectZooError(f"{sample.key}: has no {', '.join(sorted(missing))}")
        signals = {m: self.transforms[m](loaded.signals[m]) for m in self.modalities}
        return AffectSample(sample.key, signals, sample.targets, sample.groups, sample.attributes)


def init_arguments(obj: Any) -> dict[str, Any]:
    """Arguments of obj's __init__, read back from attributes of the same names (scikit-learn's convention)."""
    own = inspect.signature(type(obj).__init__).parameters.items()
    names = [n for n, p in own if n != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return {n: getattr(obj, n) for n in names}
