"""From a catalogue name, or a node of a Hydra config, to a model."""

import warnings
from collections.abc import Mapping
from typing import Any

from affectzoo.errors import AffectZooError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.plugins import import_target
from affectzoo.schema import check_arguments
from affectzoo.zoo.base import AffectModel
from affectzoo.zoo.catalogue import find_checkpoint, model_entry, refuse_paths, split_name
from affectzoo.zoo.config import ENCODER, PretrainedConfig


def create_model(
    name: str, label_space: LabelSpace | str | None = None, pretrained: bool = False, **options: Any
) -> AffectModel:
    """Build a model by catalogue name; `options` override those of its YAML.

    pretrained=False: 'speech/logmel_cnn' with random weights; the label space is needed.
    pretrained=True: 'speech/logmel_cnn.tag' (the bare name where it has one checkpoint), in the checkpoint's
    label space and in eval mode. Another label space gets new random heads, and a warning lists them; a checkpoint
    whose heads are untrained needs one.
    Raises UnknownNameError for unknown names and options, AffectZooError for a path or hub id, FileError for
    a damaged checkpoint. Random weights are never returned in place of pretrained ones.
    """
    if pretrained:
        return _pretrained(name, label_space, options)
    refuse_paths(name)
    arch, tag = split_name(name)
    entry = model_entry(arch)
    if tag:
        raise AffectZooError(f"{name!r} names a checkpoint: pass pretrained=True, or {arch!r} for random weights")
    if label_space is None:
        raise AffectZooError(f"{name!r} needs a label_space: a name ('ravdess8+vad') or a LabelSpace")
    return build_model({**entry.to_config(), **_checked_names(options)}, label_space)


def build_model(cfg: Mapping[str, Any], label_space: LabelSpace | str) -> AffectModel:
    """Build a model from a mapping (or Hydra node) of `_target_`, options and `card`.

    card.name becomes `arch`.
    Raises UnknownNameError for an option that the model does not have or a target outside the plug-ins'
    packages, AffectZooError when the target is not an AffectModel.
    """
    options = _plain(cfg)
    card = options.pop("card", None) or {}
    target = options.pop("_target_", None)
    if not isinstance(target, str):
        raise AffectZooError("a model config needs _target_: the import path of its class")
    cls = import_target(target)
    if not (isinstance(cls, type) and issubclass(cls, AffectModel)):
        raise AffectZooError(f"_target_ {target!r} is not an AffectModel")
    check_arguments(cls.__init__, options, card.get("name") or target, skip=2)  # self, label_space
    model = cls(label_space=as_space(label_space), **options)
    model.arch = card.get("name", "")
    return model


def _pretrained(name: str, label_space: LabelSpace | str | None, options: dict[str, Any]) -> AffectModel:
    from affectzoo.zoo.pretrained import load_artefact, load_strictly

    folder = find_checkpoint(name)
    model, config = load_artefact(folder)
    if label_space is None:
        config.check_answers()
    if options:
        entry = model_entry(config.arch)
        wanted = {**entry.to_config(), **config.options, **_checked_names(options)}
        other = build_model(wanted, config.space)
        load_strictly(other, model.state_dict(), folder)
        model = other.eval()
    if label_space is not None:
        _change_heads(model, as_space(label_space), config)
    return model


def _change_heads(model: AffectModel, space: LabelSpace, config: PretrainedConfig) -> None:
    untrained = config.trained == ENCODER
    if space.hash == model.label_space.hash and not untrained:
        return
    old = "no labels" if untrained else repr(model.label_space.name)
    model.reset_head(space)
    new = ", ".join(f"{f} ({space.size(f)})" for f in space.fields)
    warnings.warn(
        f"{config.name}: trained for {old}; the heads for {space.name!r} are new and random: {new}. "
        "Train them before use.",
        stacklevel=4,
    )


def _checked_names(options: dict[str, Any]) -> dict[str, Any]:
    for reserved in ("_target_", "card"):
        if reserved in options:
            raise AffectZooError(f"{reserved!r} belongs to the model's YAML and cannot be overridden")
    return options


def _plain(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """A plain dict of a mapping or of a Hydra node (interpolations resolved)."""
    from omegaconf import DictConfig, OmegaConf

    if isinstance(cfg, DictConfig):
        cfg = OmegaConf.to_container(cfg, resolve=True)
    if not isinstance(cfg, Mapping):
        raise AffectZooError(f"a model config is a mapping, got {type(cfg).__name__}")
    return dict(cfg)
