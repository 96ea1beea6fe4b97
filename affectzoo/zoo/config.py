"""config.json of a checkpoint: what it is, what it learned from, the hashes that prove it. No torch here."""

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.labels.space import LabelSpace
from affectzoo.schema import from_dict, read_json, to_dict

SCHEMA_VERSION = 1
#: Tags with this ending mark weights that not everyone may use; loading one prints its licences.
RESEARCH = "-research"
CONFIG, WEIGHTS, GOLDEN, CARD = "config.json", "model.safetensors", "golden.safetensors", "README.md"
RECORD, TRAINING_KEYS = "record.json", "training_keys.txt"
#: What of a checkpoint is trained: all of it, or its encoder only, which is for fine-tuning and predicts nothing.
WHOLE, ENCODER = "whole", "encoder"


@dataclass(frozen=True)
class Licences:
    """Three licences, each of them said: SPDX identifiers where there is one, else the terms in words."""

    code: str
    weights: str
    data: str

    def __post_init__(self):
        empty = [n for n in ("code", "weights", "data") if not str(getattr(self, n)).strip()]
        if empty:
            raise AffectZooError(f"licences: {', '.join(empty)} must not be empty; a checkpoint says all three")


@dataclass(frozen=True)
class Training:
    """Where the weights come from: data set, revision, split with hash and part, seeds, command."""

    dataset: str
    revision: str = ""
    split: str = ""
    split_sha256: str = ""
    part: str = ""
    seeds: tuple[int, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class PretrainedConfig:
    """See the module.

    options: all arguments of the model but the label space. label_space: LabelSpace.to_dict(), with its hash.
    transforms: spec of the transform of each modality; loading refuses a checkpoint whose transforms have
    changed.
    calibration: field -> temperature (> 0) by which logits are divided. dtype: how floats are stored.
    trained: 'whole', or 'encoder' for one that was trained without labels and whose heads are random.
    standardised: the group (speaker) by whose own statistics its features were standardised; '' for none.
    training_keys: sha256[:16] of 'dataset:key' of every item trained on; kept in training_keys.txt, not in
    the JSON.
    """

    arch: str
    tag: str
    options: dict[str, Any]
    label_space: dict[str, Any]
    weights_sha256: str
    golden_sha256: str
    licences: Licences
    training: Training
    transforms: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, float] = field(default_factory=dict)
    dtype: str = "float32"
    notes: str = ""
    training_keys_sha256: str = ""
    training_keys: tuple[str, ...] = ()
    trained: str = WHOLE
    standardised: str = ""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self):
        check_tag(self.tag)
        if self.trained not in (WHOLE, ENCODER):
            raise UnknownNameError("trained part", self.trained, (WHOLE, ENCODER))
        if "hash" not in self.label_space:
            raise AffectZooError("label_space: has no hash")
        space = self.space
        for field_name, t in self.calibration.items():
            if field_name not in space.fields or not t > 0:
                raise AffectZooError(
                    f"calibration of {field_name!r}: {t!r} is not a temperature of a field of "
                    f"{space.name!r} ({', '.join(space.fields)})"
                )
        odd = [k for k in self.training_keys if not re.fullmatch(r"[0-9a-f]{16}", k)]
        if odd:
            raise AffectZooError(f"training key {odd[0]!r} is not 16 hex digits of sha256('dataset:key')")

    @property
    def name(self) -> str:
        """'speech/logmel_cnn.tag'."""
        return f"{self.arch}.{self.tag}"

    @property
    def research(self) -> bool:
        """Whether not everyone may use the weights."""
        return self.tag.endswith(RESEARCH)

    @property
    def folder_name(self) -> str:
        """'speech.logmel_cnn.tag'."""
        return f"{self.arch.replace('/', '.')}.{self.tag}"

    @property
    def space(self) -> LabelSpace:
        """The label space, checked against its hash."""
        return LabelSpace.from_dict(self.label_space)

    def check_answers(self) -> None:
        """Raise AffectZooError when an answer to a recording would mean nothing.

        The heads are untrained, or the features were standardised by statistics that one recording does not have.
        """
        if self.standardised:
            raise AffectZooError(
                f"{self.name}: its features are standardised with all recordings of each {self.standardised} "
                "(data.standardise), so that it cannot answer to one; train without that"
            )
        if self.trained == ENCODER:
            raise AffectZooError(
                f"{self.name}: only its encoder is trained, without labels; its heads are random and predict nothing. "
                "Fine-tune it first: affectzoo train ... init=FOLDER"
            )

    def to_json(self) -> dict[str, Any]:
        """What config.json holds: everything but the training keys."""
        return {k: v for k, v in to_dict(self).items() if k != "training_keys"}


def check_tag(tag: object) -> None:
    """Raise AffectZooError for a tag that cannot be part of a folder name."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(tag)):
        raise AffectZooError(f"tag {tag!r}: letters, digits, '_' and '-' only (it becomes a folder name)")


def read_config(folder: str | Path) -> PretrainedConfig:
    """Read and check config.json and training_keys.txt of a checkpoint folder.

    Raises FileError (naming the file) for a missing file, a newer schema, an edited label space or edited
    keys.
    """
    path = Path(folder) / CONFIG
    data = read_json(path)
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise FileError(
            path,
            f"checkpoint schema {version!r} is not known here (up to {SCHEMA_VERSION}); update affectzoo",
        )
    try:
        config = from_dict(PretrainedConfig, data, str(path))
    except FileError:
        raise
    except AffectZooError as e:
        raise FileError(path, str(e).removeprefix(f"{path}: ").removeprefix(f"{path}.")) from None
    return replace(config, training_keys=_read_keys(Path(folder) / TRAINING_KEYS, config.training_keys_sha256))


def _read_keys(path: Path, sha256: str) -> tuple[str, ...]:
    if not sha256:
        return ()
    check_sha256(path, sha256)
    return tuple(path.read_text(encoding="utf-8").split())


def file_sha256(path: str | Path) -> str:
    """sha256 of a file in hex, read in pieces. Raises FileError when it cannot be read."""
    try:
        with open(path, "rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except FileNotFoundError:
        raise FileError(path, "no such file") from None
    except OSError as e:
        raise FileError(path, f"cannot be read ({e})") from None


def check_sha256(path: str | Path, expected: str) -> None:
    """Raise FileError unless the file has this sha256."""
    found = file_sha256(path)
    if found != expected:
        raise FileError(
            path,
            f"sha256 is {found[:16]}..., expected {expected[:16]}...; it is damaged or another file",
        )
