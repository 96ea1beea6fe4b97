"""affectzoo info: all about one model, checkpoint or data set."""

import argparse
import json
from pathlib import Path

from affectzoo.errors import UnknownNameError

HELP = "all about one model, checkpoint or data set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("name", help="speech/logmel_cnn, speech/logmel_cnn.TAG, a checkpoint folder, or a data set")


def run(args: argparse.Namespace) -> int:
    """Print what the name stands for. Raises UnknownNameError with the nearest of all names."""
    from affectzoo.data.card import list_datasets
    from affectzoo.zoo.catalogue import checkpoints, model_files

    name, models, tagged = args.name, model_files(), checkpoints()
    if name in models:
        lines = _model(name, [n for n in tagged if n.rpartition(".")[0] == name])
    elif name in tagged or (Path(name) / "config.json").is_file():
        lines = _checkpoint(name)
    elif name in list_datasets():
        lines = _dataset(name)
    else:
        raise UnknownNameError("model, checkpoint or data set", name, [*models, *tagged, *list_datasets()])
    print("\n".join(lines))
    return 0


def _model(name: str, tagged: list[str]) -> list[str]:
    from affectzoo.zoo.catalogue import model_entry
    from affectzoo.zoo.factory import create_model

    entry = model_entry(name)
    model = create_model(name, "vad")
    count = sum(p.numel() for p in model.parameters())
    return [
        f"model {name}: {entry.card.summary}",
        f"reads: {', '.join(entry.card.modalities)}",
        *_options(model.options),
        f"parameters: {count:,} (with heads for the space 'vad')",
        f"source: {entry.card.source or '-'}",
        f"code: {entry.target}",
        f"checkpoints: {', '.join(sorted(tagged)) or 'none'}",
    ]


def _checkpoint(name: str) -> list[str]:
    from affectzoo.structures.record import EvalRecord
    from affectzoo.zoo.config import ENCODER, RECORD
    from affectzoo.zoo.pretrained import find_folder, load_artefact

    folder = find_folder(name)
    model, config = load_artefact(folder)
    lic, t, space = config.licences, config.training, config.space
    lines = [
        f"checkpoint {config.name} (all hashes and golden outputs hold)",
        f"folder: {folder}",
        f"reads: {', '.join(model.modalities)}",
        *_options(config.options),
        f"parameters: {sum(p.numel() for p in model.parameters()):,}",
        f"weights sha256: {config.weights_sha256}",
        f"label space: {space.name} version {space.version}, hash {space.hash}",
        *(f"  {f}: {', '.join(space.names(f))}" for f in space.fields),
        f"licence of the code: {lic.code}",
        f"licence of the weights: {lic.weights}",
        f"licence of the data: {lic.data}",
        f"trained on: {t.dataset} {t.revision}, split {t.split or '-'}, part {t.part or '-'}, "
        f"{len(config.training_keys) or 'unknown'} items",
    ]
    if config.trained == ENCODER:
        lines.append("only its encoder is trained, without labels: for fine-tuning (init=), it predicts nothing")
    if config.calibration:
        lines.append(f"calibration: {', '.join(f'{f} {v:.4g}' for f, v in config.calibration.items())}")
    if (folder / RECORD).is_file():
        lines += _scores(EvalRecord.read(folder / RECORD))
    return [*lines, *([f"notes: {config.notes}"] if config.notes else [])]


def _scores(record) -> list[str]:
    def text(s) -> str:
        if s.value is None:
            return "undefined"
        return f"{s.value:.4f}" + ("" if s.low is None else f" ({s.low:.4f} to {s.high:.4f})")

    lines = [f"scores on {record.benchmark.name} (n = {record.n}):"]
    return lines + [f"  {name}: {text(s)}" for name, s in sorted(record.scores.items())]


def _dataset(name: str) -> list[str]:
    from affectzoo.data.card import load_card

    card = load_card(name)
    size = ", ".join(
        filter(None, [f"{card.items} items" if card.items else "", f"{card.hours} h" if card.hours else ""])
    )
    return [
        f"data set {name}: {card.title}",
        f"revision: {card.revision}",
        f"modalities: {', '.join(card.modalities)}",
        f"label space: {card.label_space or 'given by an option'}",
        f"size: {size or 'generated or not stated'}",
        f"groups: {', '.join(card.groups) or '-'}",
        f"splits: {', '.join(card.splits) or '-'}",
        f"licence of the data: {card.licence.data}" + (f" ({card.licence.note})" if card.licence.note else ""),
        f"free for any use: {'yes' if card.free_for_any_use else 'no'}",
        f"source: {card.source}",
        f"how to obtain: {card.how_to_obtain}",
        *(f"trap: {t}" for t in card.traps),
    ]


def _options(options: dict) -> list[str]:
    return ["options:", *(f"  {k}: {json.dumps(v, default=str)}" for k, v in options.items())]
