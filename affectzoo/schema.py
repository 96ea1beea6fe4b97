"""Strict reading of YAML and JSON into frozen dataclasses: an unknown key is an error with the near match."""

import dataclasses
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from affectzoo.errors import AffectZooError, FileError, UnknownNameError

T = TypeVar("T")


def from_dict(cls: type[T], data: Any, where: str = "") -> T:
    """Build dataclass `cls` from a mapping.

    Nested dataclasses, `list[X]`, `tuple[X, ...]` and `dict[str, X]` of dataclasses are built too.
    Raises UnknownNameError for an unknown key, AffectZooError for a missing or wrongly typed one.
    """
    where = where or cls.__name__
    if not isinstance(data, dict):
        raise AffectZooError(f"{where}: expected a mapping with keys, got {type(data).__name__}")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in data:
        if key not in fields:
            raise UnknownNameError("key", key, fields, where)
    missing = [n for n, f in fields.items() if n not in data and _required(f)]
    if missing:
        raise AffectZooError(f"{where}: missing key(s) {', '.join(map(repr, missing))}")
    return cls(**{k: _convert(hints[k], v, f"{where}.{k}") for k, v in data.items()})


def check_arguments(function: Callable, names: Iterable[str], where: str, skip: int = 1) -> None:
    """Raise UnknownNameError for a name that `function` does not take; its first `skip` parameters are no options."""
    known = list(inspect.signature(function).parameters)[skip:]
    for name in names:
        if name not in known:
            raise UnknownNameError("option", name, known, where)


def to_dict(obj: Any) -> Any:
    """The JSON-able form of a dataclass (tuples become lists, empty optional fields are kept)."""
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: to_dict(getattr(obj, f.name)) for f in dataclasses.fields(obj)}
    if isinstance(obj, dict):
        return {k: to_dict(v) for k, v in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [to_dict(v) for v in obj]
    return obj


def read_yaml(path: str | Path) -> Any:
    """Read one YAML file (safe loader); errors name the file."""
    return _read(path, yaml.safe_load, yaml.YAMLError, "YAML")


def read_json(path: str | Path) -> Any:
    """Read one JSON file; errors name the file."""
    return _read(path, json.loads, json.JSONDecodeError, "JSON")


def _read(path, parse, error, kind):
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileError(path, "no such file") from None
    except (OSError, UnicodeDecodeError) as e:
        raise FileError(path, f"cannot be read ({e})") from None
    try:
        return parse(text)
    except error as e:
        raise FileError(path, f"is not valid {kind} ({e})") from None


def _required(f: dataclasses.Field) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        options = [a for a in args if a is not type(None)]
        for option in options[:-1]:
            try:
                return _convert(option, value, where)
            except AffectZooError:
                continue
        return _convert(options[-1], value, where)
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, where)
    if origin in (list, tuple):
        if not isinstance(value, (list, tuple)):
            raise AffectZooError(f"{where}: expected a list, got {type(value).__name__}")
        inner = args[0] if args else Any
        return origin(_convert(inner, v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise AffectZooError(f"{where}: expected a mapping, got {type(value).__name__}")
        return {str(k): _convert(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint is Any or not isinstance(hint, type):
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (str, int, float, bool, dict, list) and (type(value) is not hint):
        raise AffectZooError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value
