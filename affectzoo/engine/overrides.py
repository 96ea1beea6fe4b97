"""What a user typed against the configuration: unknown names get their near match, wrong types are refused.

Hydra composes before any code of ours runs, and its own messages offer no near match. OmegaConf knows the type of a
value only where a schema declares it; here the default in the YAML file is the schema.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, InstantiationException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from affectzoo.errors import AffectZooError, UnknownNameError, nearest
from affectzoo.plugins import plugins, resource_files
from affectzoo.schema import read_yaml

#: What a wrong configuration raises, ours and Hydra's.
CONFIG_ERRORS = (AffectZooError, HydraException, OmegaConfBaseException)
#: Numbers for which Lightning also takes a word ('auto') or a list.
_OPEN = ("trainer.devices",)


def configs() -> str:
    """The folder of our own configs; those of plug-ins are added by engine.config.PluginSearchPath."""
    return str(plugins()[0].root / "configs")


def known_keys() -> tuple[list[str], list[str]]:
    """Keys that train.yaml gives, and the groups of its defaults list ('model', 'experiment', ...)."""
    base = read_yaml(f"{configs()}/train.yaml")
    groups = [str(next(iter(d))) for d in base.pop("defaults") if isinstance(d, dict)]
    return [*base], [g for g in groups if " " not in g]


def refuse_null_groups(words: Sequence[str]) -> None:
    """Raise AffectZooError for GROUP=null, which Hydra 1.3 answers with a traceback."""
    for group in known_keys()[1]:
        if f"{group}=null" in words:
            raise AffectZooError(f"{group}=null: a group takes no null; ~{group} takes it out")


def explain(error: Exception, words: Sequence[str]) -> str:
    """One line about an error of CONFIG_ERRORS, with the near match where a name is wrong. words: the overrides."""
    text = " ".join(str(error).split())
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _unknown("config", error.missing_cfg_file.removesuffix(".yaml"), _config_files(), "/")
    if isinstance(error, OverrideParseException):
        return f"{error.override!r} is not NAME=VALUE ({text})"
    if isinstance(error, InstantiationException):
        return _reason(error)
    key = re.match(r"Could not override '([^']+)'", text)
    if not key:
        return text
    return (
        _unknown("setting", key[1].split("@")[0], _settings(words), ".") + " A key of its own is added by +NAME=VALUE."
    )


def check_types(cfg: DictConfig, words: Sequence[str]) -> None:
    """Raise AffectZooError for a value that is no number, truth value, list or mapping where its default is one.

    words: the overrides that made `cfg`. A null is always allowed; what has no default, or text, is not checked.
    """
    default = _default(words)
    for override in OverridesParser.create().parse_overrides(list(words)):
        key = override.key_or_group
        if override.is_delete() or key in _OPEN or default is None:
            continue
        old, new = (OmegaConf.select(c, key) for c in (default, cfg))
        wanted = _kind(old)
        if wanted and new is not None and _kind(new) != wanted:
            raise AffectZooError(f"{key}: expected a {wanted} such as {old}, got {new!r}")


def _unknown(kind: str, word: str, known: Sequence[str], separator: str) -> str:
    """The message for a name; it lists what is known beside it, and what is near it anywhere."""
    parent = word.rpartition(separator)[0]
    beside = (n for n in known if n.rpartition(separator)[0] == parent)
    return str(UnknownNameError(kind, word, {*beside, *nearest(word, known)}))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, (int, float)):
        return "number"
    return "list" if OmegaConf.is_list(value) else "mapping" if OmegaConf.is_dict(value) else ""


def _reason(error: BaseException) -> str:
    """The key of what could not be built, and the first cause."""
    key = re.search(r"full_key: (\S+)", str(error))
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{key[1] + ': ' if key else ''}{' '.join(str(error).split())}"


def _config_files() -> list[str]:
    groups = known_keys()[1]
    return [n for n in resource_files("configs") if n.split("/")[0] in groups]


def _settings(words: Sequence[str]) -> list[str]:
    config = _default(words)
    keys, groups = known_keys()
    return [*{*keys, *groups, *(() if config is None else _dotted(OmegaConf.to_container(config), ""))}]


def _dotted(node: dict[str, Any], path: str) -> Iterator[str]:
    for key, value in node.items():
        yield f"{path}{key}"
        if isinstance(value, dict):
            yield from _dotted(value, f"{path}{key}.")


def _default(words: Sequence[str]) -> DictConfig | None:
    """The configuration of the groups that were chosen, without single values; None when they do not compose."""
    groups = known_keys()[1]
    chosen = [w for w in words if w.lstrip("+").split("=")[0].split("@")[0] in groups and not w.startswith("~")]
    try:
        ready = GlobalHydra.instance().is_initialized()
        with nullcontext() if ready else initialize_config_dir(configs(), version_base="1.3"):
            return compose("train", overrides=chosen)
    except CONFIG_ERRORS:
        return None
