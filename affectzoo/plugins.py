"""Who is there: entry points, resource roots and manifests. Strings only; nothing listed is imported.

A plug-in is an installed package named by an entry point of the group `affectzoo.plugins`; the entry point's
value is the package's import name. Beside the package's `__init__.py` lies `plugin.yaml`, its manifest:

    roots: [_root, ..]          folders, relative to the package, where configs/ and datasets/ are looked for;
                                the first that has configs/ is the plug-in's resource root
    label_spaces: label_spaces  folder of label-space YAMLs, relative to the package
    readers:                    how files become signals, in order of preference
      - {modalities: [audio], extensions: [.wav, .flac], target: mypkg.reader.read_audio,
         stream: mypkg.stream.AudioStream}      optional: the same piece by piece (docs/long_audio.md)
      - {modalities: [face], extensions: [.mp4], target: mypkg.reader.read_video,
         tracks: mypkg.tracks.FaceTracks}       optional: the subjects in it, found and followed
    checks:                     what makes answers doubtful: a function of a Signal that gives short codes
      - {modality: audio, target: mypkg.quality.audio_warnings}
    verbs:                      extra command-line verbs
      - {name: tidy, target: mypkg.tidy_command, help: one line}

The built-in families enter by the same door.
"""

import os
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.schema import from_dict, read_yaml

GROUP = "affectzoo.plugins"
CACHE_VARIABLE = "AFFECTZOO_CACHE"


@dataclass(frozen=True)
class Reader:
    """A function `target(path) -> dict[modality, Signal]` for files with one of `extensions`.

    stream: a class that takes such recordings piece by piece (`inference.stream.SignalStream`); '' for none.
    tracks: a class that finds and follows the subjects in such recordings (`inference.tracks.SubjectTracks`), for
        models that say how (`AffectModel.find`); '' for none.
    """

    modalities: tuple[str, ...]
    extensions: tuple[str, ...]
    target: str
    stream: str = ""
    tracks: str = ""


@dataclass(frozen=True)
class Check:
    """A function `target(signal) -> tuple[str, ...]`: codes that say why an answer about the signal is doubtful."""

    modality: str
    target: str


@dataclass(frozen=True)
class Verb:
    """An extra command: `target` is a module with `add_arguments(parser)` and `run(args) -> int`."""

    name: str
    target: str
    help: str = ""


@dataclass(frozen=True)
class Manifest:
    """The contents of `plugin.yaml`."""

    roots: tuple[str, ...] = ("_root", ".", "..")
    label_spaces: str = "label_spaces"
    readers: tuple[Reader, ...] = ()
    checks: tuple[Check, ...] = ()
    verbs: tuple[Verb, ...] = ()


@dataclass(frozen=True)
class Plugin:
    """An installed plug-in: its entry-point name, import package, folders and manifest."""

    name: str
    package: str
    folder: Path
    root: Path
    manifest: Manifest


@cache
def plugins() -> tuple[Plugin, ...]:
    """All installed plug-ins, the built-in one first, then by name. Imports none of them."""
    found = {e.name: e.value for e in entry_points(group=GROUP)}
    if "affectzoo" not in found.values():
        found["builtin"] = "affectzoo"  # a source tree on sys.path without an installation
    order = sorted(found, key=lambda n: (found[n] != "affectzoo", n))
    return tuple(_plugin(name, found[name]) for name in order)


def _plugin(name: str, package: str) -> Plugin:
    spec = find_spec(package.split(":")[0])
    if spec is None or not spec.submodule_search_locations:
        raise AffectZooError(f"plug-in {name!r}: package {package!r} cannot be found")
    folder = Path(next(iter(spec.submodule_search_locations))).resolve()
    manifest = from_dict(Manifest, read_yaml(folder / "plugin.yaml") or {}, str(folder / "plugin.yaml"))
    for candidate in manifest.roots:
        if (folder / candidate / "configs").is_dir():
            return Plugin(name, package, folder, (folder / candidate).resolve(), manifest)
    raise AffectZooError(f"plug-in {name!r}: no configs/ in any of {', '.join(manifest.roots)} under {folder}")


def resource_files(*parts: str, pattern: str = "*.yaml") -> dict[str, Path]:
    """Files under `<root>/<parts>` of every plug-in, keyed by path without suffix ('speech/logmel_cnn').

    Raises AffectZooError when two plug-ins offer the same name.
    """
    found: dict[str, Path] = {}
    for plugin in plugins():
        base = plugin.root.joinpath(*parts)
        for path in sorted(base.rglob(pattern)) if base.is_dir() else ():
            _add(found, path.relative_to(base).with_suffix("").as_posix(), path)
    return found


def label_space_files() -> dict[str, Path]:
    """Label-space YAMLs of every plug-in, keyed by name."""
    found: dict[str, Path] = {}
    for plugin in plugins():
        base = plugin.folder / plugin.manifest.label_spaces
        for path in sorted(base.glob("*.yaml")) if base.is_dir() else ():
            _add(found, path.stem, path)
    return found


def _add(found: dict[str, Path], name: str, path: Path) -> None:
    if name in found:
        raise AffectZooError(f"two plug-ins offer {name!r}: {found[name]} and {path}")
    found[name] = path


def cache_folder() -> Path:
    """The folder named by AFFECTZOO_CACHE, or affectzoo/ in the user's cache folder: features and downloads."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(CACHE_VARIABLE) or Path(base) / "affectzoo")


def verbs() -> tuple[Verb, ...]:
    """Extra command-line verbs of every plug-in."""
    return tuple(v for p in plugins() for v in p.manifest.verbs)


def find_reader(modalities: tuple[str, ...] | list[str], extension: str) -> Reader:
    """The first reader that gives all `modalities` from a file with `extension` ('.wav').

    Raises UnknownNameError when no plug-in reads such a file for these modalities.
    """
    wanted, ext = set(modalities), extension.lower()
    readers = [r for p in plugins() for r in p.manifest.readers if wanted <= set(r.modalities)]
    for reader in readers:
        if ext in reader.extensions:
            return reader
    known = {e for r in readers for e in r.extensions}
    raise UnknownNameError(f"file type for {'+'.join(sorted(wanted))}", ext or "(none)", known)


def find_stream(modalities: tuple[str, ...] | list[str]) -> str:
    """Target of the first reader that takes exactly `modalities` piece by piece. Raises AffectZooError for none."""
    readers = [r for p in plugins() for r in p.manifest.readers if r.stream]
    for reader in readers:
        if set(reader.modalities) == set(modalities):
            return reader.stream
    known = sorted({"+".join(r.modalities) for r in readers})
    raise AffectZooError(
        f"no reader takes {'+'.join(modalities)} piece by piece, so there are no windows over it "
        f"(possible for: {', '.join(known) or 'nothing that is installed'})"
    )


def find_tracks(modalities: tuple[str, ...] | list[str]) -> str:
    """Target of the first reader that gives all `modalities` of tracked subjects. Raises AffectZooError for none."""
    for plugin in plugins():
        for reader in plugin.manifest.readers:
            if reader.tracks and set(modalities) <= set(reader.modalities):
                return reader.tracks
    raise AffectZooError(f"no reader finds subjects in recordings of {'+'.join(modalities)} (tracks:)")


def find_checks(modality: str) -> tuple[str, ...]:
    """Targets of the checks of a modality, of every plug-in."""
    return tuple(c.target for p in plugins() for c in p.manifest.checks if c.modality == modality)


def import_target(target: str) -> Any:
    """Import `package.module.name`, but only from an installed plug-in's package (configs are data, not code)."""
    packages = {p.package for p in plugins()}
    top = target.split(".")[0]
    if top not in packages:
        raise UnknownNameError("target package", target, packages)
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as e:
        if isinstance(e, ModuleNotFoundError) and e.name and e.name.split(".")[0] != top:
            raise  # a missing optional dependency says its own name
        raise AffectZooError(f"target {target!r} cannot be imported ({e})") from e
