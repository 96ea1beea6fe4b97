"""The catalogue: models listed from YAML, checkpoints from their folders. Nothing listed is imported.

A model is a file `configs/model/<family>/<name>.yaml` of any plug-in: `_target_`, its options and a `card`.
A checkpoint is a folder `<plug-in package>/checkpoints/<family>.<name>.<tag>/` and is called
`<family>/<name>.<tag>`.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.plugins import plugins, resource_files
from affectzoo.schema import from_dict, read_yaml
from affectzoo.zoo.config import RESEARCH, PretrainedConfig, read_config

#: Endings that betray a weights file where a name was expected.
_FILE_ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".onnx", ".json", ".yaml", ".yml")


@dataclass(frozen=True)
class ModelCard:
    """What a model's YAML says about it; `name` repeats the catalogue name, for the built model to know."""

    name: str
    modalities: tuple[str, ...]
    summary: str
    source: str = ""


@dataclass(frozen=True)
class ModelEntry:
    """One architecture: its catalogue name, import target, default options and card."""

    name: str
    target: str
    options: dict[str, Any] = field(default_factory=dict)
    card: ModelCard | None = None

    @property
    def family(self) -> str:
        """'speech' of 'speech/logmel_cnn'."""
        return self.name.split("/")[0]

    def to_config(self) -> dict[str, Any]:
        """The mapping that `factory.build_model` takes."""
        return {"_target_": self.target, **self.options, "card": {"name": self.name}}


def list_models(
    pattern: str | None = None,
    family: str | None = None,
    modality: str | None = None,
    pretrained: bool | None = None,
    label_space: str | None = None,
    licence: str | None = None,
) -> list[str]:
    """Names of models, or with `pretrained=True` of checkpoints ('speech/logmel_cnn.tag'), sorted.

    pattern, label_space and licence are fnmatch patterns ('face/*', 'ravdess*', 'CC*'); licence is that of
    the weights. label_space and licence belong to checkpoints: without pretrained=True they pick the models
    that have such a checkpoint. pretrained=False lists the models without any checkpoint.
    Raises UnknownNameError for an unknown family or modality.
    """
    entries = {name: model_entry(name) for name in model_files()}
    _check_known("family", family, {e.family for e in entries.values()})
    _check_known("modality", modality, {m for e in entries.values() for m in e.card.modalities})
    models = [
        n
        for n, e in entries.items()
        if family in (None, e.family) and (modality is None or modality in e.card.modalities)
    ]
    tags = [n for n in checkpoints() if split_name(n)[0] in models and _suits(n, label_space, licence)]
    owners = {split_name(n)[0] for n in tags}
    if pretrained:
        names = tags
    elif pretrained is False:
        names = [n for n in models if n not in owners]
    else:
        names = models if label_space is None and licence is None else owners
    return sorted(n for n in names if pattern is None or fnmatchcase(n, pattern))


def model_entry(name: str) -> ModelEntry:
    """The catalogue entry of a model ('speech/logmel_cnn', without a tag).

    Raises UnknownNameError with the nearest names; AffectZooError for what looks like a path or a hub id;
    FileError when its YAML is wrong.
    """
    refuse_paths(name)
    files = model_files()
    if name not in files:
        raise UnknownNameError("model", name, files)
    path = files[name]
    data = read_yaml(path)
    if not isinstance(data, dict) or "_target_" not in data or "card" not in data:
        raise FileError(path, "a model YAML needs _target_, options and a card {name, modalities, summary, source}")
    if "defaults" in data:
        raise FileError(path, "a model YAML stands alone: no 'defaults' list, so that it can be read without Hydra")
    card = from_dict(ModelCard, data["card"], f"{path}: card")
    if card.name != name:
        raise FileError(path, f"card.name is {card.name!r}, but the file's place says {name!r}")
    options = {k: v for k, v in data.items() if k not in ("_target_", "card")}
    return ModelEntry(name, data["_target_"], options, card)


def model_files() -> dict[str, Path]:
    """YAML file of every model, by name."""
    return resource_files("configs", "model")


def checkpoints() -> dict[str, Path]:
    """Folder of every shipped checkpoint, by name ('speech/logmel_cnn.tag'), without opening any."""
    found: dict[str, Path] = {}
    for plugin in plugins():
        for config in sorted((plugin.folder / "checkpoints").glob("*/config.json")):
            arch, _, tag = config.parent.name.rpartition(".")
            name = f"{arch.replace('.', '/')}.{tag}"
            if name in found:
                raise AffectZooError(f"two plug-ins offer checkpoint {name!r}: {found[name]} and {config.parent}")
            found[name] = config.parent
    return found


def checkpoint_config(name: str) -> PretrainedConfig:
    """The checked config.json of a shipped checkpoint; no weights are read."""
    return read_config(find_checkpoint(name))


def find_checkpoint(name: str) -> Path:
    """Folder of a shipped checkpoint by name, or by model name where only one can be meant.

    A bare model name stands for its only checkpoint, or for its only one that is not '-research'.
    Raises UnknownNameError with the nearest names, AffectZooError when several could be meant.
    """
    refuse_paths(name)
    known = checkpoints()
    if name in known:
        return known[name]
    mine = [n for n in known if split_name(n)[0] == name]
    free = [n for n in mine if not n.endswith(RESEARCH)]
    if len(mine) == 1 or len(free) == 1:
        return known[(free or mine)[0]]
    if mine:
        raise AffectZooError(f"model {name!r} has several checkpoints: {', '.join(sorted(mine))}; name one")
    if name in model_files():
        raise AffectZooError(f"model {name!r} has no checkpoint; pretrained ones: {', '.join(sorted(known)) or 'none'}")
    raise UnknownNameError("checkpoint or model", name, [*known, *model_files()])


def split_name(name: str) -> tuple[str, str]:
    """('speech/logmel_cnn', 'tag') of 'speech/logmel_cnn.tag'; the tag is '' without one."""
    family, slash, rest = name.rpartition("/")
    base, _, tag = rest.partition(".")
    return f"{family}{slash}{base}", tag


def refuse_paths(name: str) -> None:
    """Raise when a name looks like a path or a hub id: a namesake in the catalogue holds other weights."""
    if not isinstance(name, str) or not name:
        raise AffectZooError(f"a model name is a string such as 'speech/logmel_cnn', got {name!r}")
    looks = (
        name.startswith((".", "/", "~"))
        or "\\" in name
        or ":" in name
        or "@" in name
        or name.endswith("/")
        or name.lower().endswith(_FILE_ENDINGS)
    )
    if looks:
        raise AffectZooError(
            f"{name!r} looks like a path or a hub id, not like 'family/name' or 'family/name.tag'; "
            "load folders and hub ids with load_artefact or load_predictor"
        )


def _suits(name: str, label_space: str | None, licence: str | None) -> bool:
    if label_space is None and licence is None:
        return True
    config = checkpoint_config(name)
    return (label_space is None or fnmatchcase(config.label_space["name"], label_space)) and (
        licence is None or fnmatchcase(config.licences.weights, licence)
    )


def _check_known(kind: str, value: str | None, known: set[str]) -> None:
    if value is not None and value not in known:
        raise UnknownNameError(kind, value, known)
