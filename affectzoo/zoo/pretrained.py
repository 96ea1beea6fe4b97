"""Checkpoints that prove themselves: config.json, model.safetensors, golden.safetensors, README.md.

Loading checks, in this order: the hashes of all files, the label space's hash, every tensor's name and shape,
the transforms, and that the golden inputs still give the golden outputs. Anything else is an error; there is
no path on which a model keeps random weights.
"""

import copy
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from affectzoo.errors import AffectZooError, FileError, UnknownNameError
from affectzoo.schema import to_dict
from affectzoo.structures.record import EvalRecord
from affectzoo.structures.sample import AffectBatch, BatchSignal
from affectzoo.zoo.base import AffectModel
from affectzoo.zoo.card import write_card
from affectzoo.zoo.catalogue import checkpoints, find_checkpoint, model_entry
from affectzoo.zoo.config import (
    CARD,
    CONFIG,
    GOLDEN,
    RECORD,
    TRAINING_KEYS,
    WEIGHTS,
    WHOLE,
    Licences,
    PretrainedConfig,
    Training,
    check_sha256,
    file_sha256,
    read_config,
)
from affectzoo.zoo.factory import build_model

__all__ = ["Licences", "PretrainedConfig", "Training", "load_artefact", "load_strictly", "save_artefact"]

#: How closely golden outputs must be met: wide enough for another CPU or BLAS, too narrow for another model
#: (ours).
RTOL, ATOL = 1e-3, 1e-4
DTYPES = {"float32": torch.float32, "float16": torch.float16}
_told: set[str] = set()


def save_artefact(
    model: AffectModel,
    folder: str | Path,
    *,
    tag: str,
    golden: AffectBatch,
    licences: Licences | dict[str, str],
    training: Training | dict[str, Any],
    training_keys: tuple[str, ...] | list[str] = (),
    record: EvalRecord | None = None,
    calibration: dict[str, float] | None = None,
    notes: str = "",
    dtype: str = "float32",
    trained: str = WHOLE,
    standardised: str = "",
) -> Path:
    """Write the checkpoint `<folder>/<family>.<model>.<tag>/` and return its path; an older one is replaced.

    golden: a small batch of model inputs (after the transforms); its outputs are stored with it.
    training_keys: sha256[:16] of 'dataset:key' of every item trained on. calibration: field -> temperature.
    trained: 'encoder' for a model whose heads are untrained: it can be fine-tuned, and refuses to predict.
    standardised: the group by whose own statistics features were standardised; such a checkpoint refuses to predict.
    dtype: 'float16' halves the file; floats are rounded before the golden outputs are computed.
    The folder is written aside, loaded back with all checks, and only then renamed into place.
    Raises AffectZooError for a model without a catalogue name, non-finite weights or empty licences.
    """
    if dtype not in DTYPES:
        raise UnknownNameError("storage dtype", dtype, DTYPES)
    if not model.arch:
        raise AffectZooError("the model has no catalogue name (arch): build it with create_model or build_model")
    temp = _aside(Path(folder))
    try:
        _write_tensors(model, golden, temp, DTYPES[dtype])
        keys = _write_keys(training_keys, temp)
        config = PretrainedConfig(
            arch=model.arch,
            tag=tag,
            options=_plain_json(model.options, "options"),
            label_space=_plain_json(model.label_space.to_dict(), "label_space"),
            weights_sha256=file_sha256(temp / WEIGHTS),
            golden_sha256=file_sha256(temp / GOLDEN),
            licences=licences if isinstance(licences, Licences) else Licences(**licences),
            training=training if isinstance(training, Training) else Training(**training),
            transforms=_transform_specs(model),
            calibration=dict(calibration or {}),
            dtype=dtype,
            notes=notes,
            training_keys_sha256=file_sha256(temp / TRAINING_KEYS) if keys else "",
            training_keys=keys,
            trained=trained,
            standardised=standardised,
        )
        (temp / CONFIG).write_text(json.dumps(config.to_json(), indent=1) + "\n", encoding="utf-8")
        if record is not None:
            record.write(temp / RECORD)
        (temp / CARD).write_text(write_card(config, model_entry(model.arch).card, record), encoding="utf-8")
        _load_folder(temp, check=True)
        return _put_in_place(temp, temp.parent / config.folder_name)
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def _aside(parent: Path) -> Path:
    """An empty folder below `parent`, for what is not complete yet."""
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=".saving-", dir=parent))


def load_artefact(folder_or_name: str | Path, check: bool = True) -> tuple[AffectModel, PretrainedConfig]:
    """The model (eval mode, float32, CPU) and config of a checkpoint, proved as the module says.

    folder_or_name: a name of the catalogue ('speech/logmel_cnn.tag'), a folder (a name that is also a
    relative folder means the name: write './name' for the folder), or 'hf-hub:org/name@<40 hex digits>'.
    check=False leaves out the golden run only. Raises FileError naming the file at fault.
    """
    folder = find_folder(folder_or_name)
    model, config = _load_folder(folder, check)
    if config.research and config.name not in _told:
        _told.add(config.name)
        print(
            f"{config.name}: research weights; licence of the weights: {config.licences.weights}; "
            f"of the data: {config.licences.data}",
            file=sys.stderr,
        )
    return model, config


def find_folder(folder_or_name: str | Path) -> Path:
    """The folder that `load_artefact` means, without reading it. Raises UnknownNameError or FileError."""
    text = str(folder_or_name)
    if text.startswith("hf-hub:"):
        from affectzoo.zoo.weights import hub_folder

        return hub_folder(text)
    path = Path(folder_or_name)
    is_name = isinstance(folder_or_name, str) and not text.startswith((".", "/", "~"))
    if is_name and (text in checkpoints() or not path.exists()):
        return find_checkpoint(text)
    path = path.expanduser()
    if not path.exists():
        raise FileError(path, "no such checkpoint folder")
    if not path.is_dir():
        raise FileError(path, f"is not a checkpoint: a folder with {CONFIG} and {WEIGHTS} is read, never a pickle")
    return path


def load_strictly(model: AffectModel, tensors: dict[str, torch.Tensor], where: object) -> None:
    """Copy tensors into the model; FileError lists every missing, unexpected or differently shaped one."""
    own = model.state_dict()
    faults = [f"missing: {', '.join(m)}" for m in [sorted(set(own) - set(tensors))] if m]
    faults += [f"unexpected: {', '.join(u)}" for u in [sorted(set(tensors) - set(own))] if u]
    faults += [
        f"{n} has shape {tuple(tensors[n].shape)}, the model {tuple(own[n].shape)}"
        for n in sorted(set(own) & set(tensors))
        if own[n].shape != tensors[n].shape
    ]
    if faults:
        raise FileError(where, f"the tensors do not fit the model; {'; '.join(faults)}")
    model.load_state_dict(tensors, strict=True)


def _load_folder(folder: Path, check: bool) -> tuple[AffectModel, PretrainedConfig]:
    config = read_config(folder)
    check_sha256(folder / WEIGHTS, config.weights_sha256)
    check_sha256(folder / GOLDEN, config.golden_sha256)
    try:
        cfg = {**config.options, "_target_": model_entry(config.arch).target, "card": {"name": config.arch}}
        model = build_model(cfg, config.space).eval()
    except AffectZooError as e:
        raise FileError(folder / CONFIG, str(e)) from None
    except (TypeError, ValueError, RuntimeError) as e:
        raise FileError(folder / CONFIG, f"its options do not build the model ({e})") from None
    tensors, meta = _read_tensors(folder / WEIGHTS)
    if meta.get("label_space_hash") != config.space.hash:
        raise FileError(
            folder / CONFIG,
            f"label space {config.space.name!r} is not the one that the weights were saved with",
        )
    load_strictly(model, tensors, folder / WEIGHTS)
    if _transform_specs(model) != config.transforms:
        raise FileError(
            folder / CONFIG,
            f"the model's transforms are {_transform_specs(model)}, the checkpoint was made with {config.transforms}",
        )
    if check:
        _check_golden(model, folder / GOLDEN)
    return model, config


def _write_tensors(model: AffectModel, golden: AffectBatch, folder: Path, dtype: torch.dtype) -> None:
    twin = copy.deepcopy(model).cpu().float().eval()
    state = {n: t.detach().cpu() for n, t in model.state_dict().items()}
    stored = {n: (t.to(dtype) if t.is_floating_point() else t).contiguous().clone() for n, t in state.items()}
    bad = [n for n, t in stored.items() if not bool(torch.isfinite(t.float()).all())]
    if bad:
        raise AffectZooError(f"weights are not finite ({dtype}): {', '.join(bad)}")
    twin.load_state_dict(stored)
    save_file(stored, folder / WEIGHTS, {"label_space_hash": model.label_space.hash})
    batch = golden.to("cpu")
    tensors = {f"output.{n}": t for n, t in _outputs(twin, batch).items()}
    for name, s in batch.signals.items():
        tensors |= {f"input.{name}.data": s.data, f"input.{name}.mask": s.mask, f"input.{name}.t0_s": s.t0_s}
    rates = {name: s.rate_hz for name, s in batch.signals.items()}
    tensors = {n: t.detach().contiguous().clone() for n, t in tensors.items()}
    save_file(tensors, folder / GOLDEN, {"rates_hz": json.dumps(rates)})


def _write_keys(training_keys: Iterable[str], folder: Path) -> tuple[str, ...]:
    keys = tuple(sorted(set(training_keys)))
    if keys:
        (folder / TRAINING_KEYS).write_text("".join(f"{k}\n" for k in keys), encoding="utf-8")
    return keys


def _read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as f:
            return {n: f.get_tensor(n) for n in f.keys()}, f.metadata() or {}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as e:
        raise FileError(path, f"is not a readable safetensors file ({e})") from None


@torch.no_grad()
def _outputs(model: AffectModel, batch: AffectBatch) -> dict[str, torch.Tensor]:
    pred = model(batch)
    out = {n: f.values for n, f in pred.fields.items()}
    return out if pred.mask is None else {n: v * pred.mask[..., None] for n, v in out.items()}


def _check_golden(model: AffectModel, path: Path) -> None:
    tensors, meta = _read_tensors(path)
    wanted = {n.removeprefix("output."): t for n, t in tensors.items() if n.startswith("output.")}
    if not wanted:
        raise FileError(path, "holds no golden outputs")
    try:
        rates = json.loads(meta["rates_hz"])
        signals = {
            m: BatchSignal(
                *(tensors[f"input.{m}.{part}"] for part in ("data", "mask")), rate, tensors[f"input.{m}.t0_s"]
            )
            for m, rate in rates.items()
        }
    except (KeyError, ValueError) as e:
        raise FileError(path, f"lacks a golden input ({e})") from None
    size = len(next(iter(wanted.values())))
    found = _outputs(model, AffectBatch([str(i) for i in range(size)], signals))
    if set(found) != set(wanted):
        raise FileError(
            path,
            f"the model gives {', '.join(sorted(found))}, the golden outputs are {', '.join(sorted(wanted))}",
        )
    for name, expected in wanted.items():
        got = found[name]
        if got.shape != expected.shape or not torch.allclose(got, expected, rtol=RTOL, atol=ATOL):
            off = float((got - expected).abs().max()) if got.shape == expected.shape else float("nan")
            raise FileError(
                path,
                f"golden output {name!r} is not reproduced (largest difference {off:.3g}); "
                "this code computes something else than the code that made the checkpoint",
            )


def _transform_specs(model: AffectModel) -> dict[str, Any]:
    return {m: _plain_json(t.spec, f"transform of {m}") for m, t in model.transforms.items()}


def _plain_json(value: Any, what: str) -> Any:
    try:
        return json.loads(json.dumps(to_dict(value), allow_nan=False))
    except (TypeError, ValueError) as e:
        raise AffectZooError(f"{what}: cannot be written as JSON ({e})") from None


def _put_in_place(temp: Path, target: Path) -> Path:
    temp.chmod(0o755)
    if target.exists():
        old = temp.with_name(f"{temp.name}.old")
        os.rename(target, old)
        os.rename(temp, target)
        shutil.rmtree(old)
    else:
        os.rename(temp, target)
    return target
