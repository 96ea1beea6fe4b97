"""AffectPrediction: named fields with a declared kind, a mask and a time axis."""

from dataclasses import dataclass, field, replace

import torch

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.labels.space import FIELDS, LabelSpace

KINDS = ("logits", "probabilities", "value")
#: How logits of a field become probabilities; vad and au intensity are values and stay as they are.
ACTIVATION = {"emotion": "softmax", "au": "sigmoid", "state": "sigmoid"}


@dataclass
class PredictionField:
    """values: (B, K) or (B, T, K); kind: one of KINDS; uncertainty: of the same shape, one standard deviation."""

    values: torch.Tensor
    kind: str
    uncertainty: torch.Tensor | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise UnknownNameError("prediction kind", self.kind, KINDS)


@dataclass
class AffectPrediction:
    """What a model says about B recordings, in one label space.

    fields: of vad, emotion, au, state, each sized by the space. rate_hz None: one answer a clip, values (B, K);
    otherwise one a step, values (B, T, K), mask (B, T), t0_s (B,).
    embedding: (B, D) or (B, T, D). codes: (B, T) integers. wheel: free emotion words a recording.
    rationale: one text a recording.
    """

    keys: list[str]
    space: LabelSpace
    fields: dict[str, PredictionField]
    rate_hz: float | None = None
    t0_s: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    embedding: torch.Tensor | None = None
    codes: torch.Tensor | None = None
    wheel: list[list[str]] | None = None
    rationale: list[str] | None = None
    tracks: list[str] = field(default_factory=list)

    def __post_init__(self):
        dims = 2 if self.rate_hz is None else 3
        for name, f in self.fields.items():
            if name not in FIELDS:
                raise UnknownNameError("prediction field", name, FIELDS)
            if f.values.ndim != dims or f.values.shape[-1] != self.space.size(name):
                raise AffectZooError(
                    f"{name}: values {tuple(f.values.shape)} do not fit {self.space.size(name)} names of "
                    f"{self.space.name!r} {'a clip' if dims == 2 else 'a step'}"
                )
            if len(f.values) != len(self.keys):
                raise AffectZooError(f"{name}: {len(f.values)} rows for {len(self.keys)} keys")
            if f.uncertainty is not None and f.uncertainty.shape != f.values.shape:
                raise AffectZooError(
                    f"{name}: uncertainty {tuple(f.uncertainty.shape)} does not fit values {tuple(f.values.shape)}"
                )
            if dims == 3 and self.mask is not None and self.mask.shape != f.values.shape[:2]:
                raise AffectZooError(
                    f"{name}: mask {tuple(self.mask.shape)} does not fit values {tuple(f.values.shape)}"
                )
        self._check_lengths()

    def _check_lengths(self) -> None:
        """One entry a recording in all that has one a recording; tracks may be left out."""
        given = {n: getattr(self, n) for n in ("t0_s", "embedding", "codes", "wheel", "rationale")}
        for name, part in {**given, "tracks": self.tracks or None}.items():
            if part is not None and len(part) != len(self.keys):
                raise AffectZooError(f"{name}: {len(part)} entries do not fit {len(self.keys)} keys")

    @property
    def vad(self) -> PredictionField | None:
        """Valence, arousal, dominance (the axes of the space)."""
        return self.fields.get("vad")

    @property
    def emotion(self) -> PredictionField | None:
        """Scores over the categories of the space."""
        return self.fields.get("emotion")

    @property
    def au(self) -> PredictionField | None:
        """Action units."""
        return self.fields.get("au")

    @property
    def state(self) -> PredictionField | None:
        """Binary states."""
        return self.fields.get("state")

    def probabilities(self) -> "AffectPrediction":
        """The same prediction with every logit turned into a probability, once and by declared kind."""
        return replace(self, fields={n: _probabilities(n, f) for n, f in self.fields.items()})

    def cpu(self) -> "AffectPrediction":
        """Detached float32 tensors on the CPU."""

        def move(x):
            return None if x is None else x.detach().float().cpu()

        fields = {n: PredictionField(move(f.values), f.kind, move(f.uncertainty)) for n, f in self.fields.items()}
        mask = None if self.mask is None else self.mask.cpu()
        codes = None if self.codes is None else self.codes.cpu()
        return replace(
            self, fields=fields, t0_s=move(self.t0_s), mask=mask, embedding=move(self.embedding), codes=codes
        )

    def project(self, to: LabelSpace | str) -> "AffectPrediction":
        """This prediction in another label space (values detached); a loss is a UserWarning with its size.

        `structures.project.project_prediction` gives the full report instead of the warning.
        """
        from affectzoo.structures.project import project_prediction, warn_of_losses

        projected, report = project_prediction(self, to)
        warn_of_losses(report)
        return projected


def _probabilities(name: str, f: PredictionField) -> PredictionField:
    if f.kind != "logits":
        return f
    act = ACTIVATION.get(name)
    if act is None:
        raise AffectZooError(f"{name} has no probabilities: its kind must be 'value', not 'logits'")
    x = f.values.float()
    return PredictionField(x.softmax(-1) if act == "softmax" else x.sigmoid(), "probabilities", f.uncertainty)
