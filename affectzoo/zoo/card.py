"""README.md of a checkpoint, generated from its config and its EvalRecord; no number is typed by hand."""

from affectzoo.structures.record import EvalRecord, Score
from affectzoo.zoo.catalogue import ModelCard
from affectzoo.zoo.config import ENCODER, PretrainedConfig

_UNITS = {
    "vad": "-1 to 1",
    "emotion": "probabilities that sum to 1",
    "state": "independent probabilities 0 to 1",
}
_INTENDED = (
    "Research on affect recognition, teaching, and prototypes whose users have agreed to be analysed. The "
    "outputs describe how raters of the training data would label an expression; they are not a person's "
    "feelings. Not for decisions about a person (hiring, schooling, policing, health, insurance), and not "
    "for lie detection."
)


def write_card(config: PretrainedConfig, card: ModelCard | None, record: EvalRecord | None = None) -> str:
    """Markdown text of the card: use, bias, licences, labels, training, scores with interval and controls."""
    parts = [
        f"# {config.name}",
        card.summary if card else "",
        _run(config, card),
        _section("Intended use", _INTENDED),
        _section("Licences", _licences(config)),
        _section("Outputs, in this order", _labels(config)),
        _section("Training", _training(config)),
        _section("Scores", _scores(config, record)),
        _section("Known bias and limits", _bias(config, record)),
        _section("Notes", config.notes),
    ]
    if card and card.source:
        parts.append(_section("Source of the architecture", card.source))
    return "\n\n".join(p for p in parts if p) + "\n"


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _run(config: PretrainedConfig, card: ModelCard | None) -> str:
    reads = f"Reads {', '.join(card.modalities)}. " if card else ""
    if config.trained == ENCODER:
        return (
            f"{reads}Only the encoder is trained, without labels. The heads are random: it predicts nothing, and "
            "refuses to. Fine-tune it:\n\n```\naffectzoo train experiment=EXPERIMENT init=FOLDER\n```"
        )
    return (
        f"{reads}Run it:\n\n```\naffectzoo predict FILES --model {config.name}\n```\n\n"
        "```python\nfrom affectzoo import load_predictor\n\n"
        f'table = load_predictor({config.name!r})("FILE")\n```'
    )


def _licences(config: PretrainedConfig) -> str:
    rows = [
        ("code", config.licences.code),
        ("weights", config.licences.weights),
        ("training data", config.licences.data),
    ]
    text = _table(("of", "licence"), rows)
    if config.research:
        text += "\n\nResearch weights: the data's terms do not let everyone use them."
    return text


def _labels(config: PretrainedConfig) -> str:
    space = config.space
    rows = []
    for field in space.fields:
        unit = _UNITS.get(field) or (
            "intensity 0 to 5" if space.au_kind == "intensity" else "probability of presence 0 to 1"
        )
        temperature = config.calibration.get(field)
        rows.append((field, ", ".join(space.names(field)), unit, "-" if temperature is None else f"{temperature:.4g}"))
    head = f"Label space `{space.name}` version {space.version}, hash `{space.hash}`.\n\n"
    return head + _table(("field", "names", "unit", "calibration temperature"), rows)


def _training(config: PretrainedConfig) -> str:
    t = config.training
    split = f"{t.split} (sha256 {t.split_sha256[:16]})" if t.split_sha256 else t.split
    rows = [
        ("data set", t.dataset),
        ("revision", t.revision),
        ("split", split),
        ("part", t.part),
        ("seeds", ", ".join(map(str, t.seeds))),
        ("command", f"`{t.command}`" if t.command else ""),
        ("trained", f"the {config.trained} only" if config.trained == ENCODER else ""),
        ("items trained on", str(len(config.training_keys)) if config.training_keys else "not recorded"),
        ("storage", config.dtype),
        ("weights sha256", f"`{config.weights_sha256}`"),
    ]
    return _table(("", ""), [r for r in rows if r[1]])


def _scores(config: PretrainedConfig, record: EvalRecord | None) -> str:
    if record is None:
        return "This checkpoint was saved without an evaluation record; nothing is claimed."
    b = record.benchmark
    controls = sorted(record.controls)
    seen = "unknown" if record.trained_on is None else record.trained_on
    rows = [
        (
            f"`{name}`" + (" (main)" if name == b.main else ""),
            _number(s.value),
            _interval(s),
            *(_number(record.controls[c].get(name)) for c in controls),
        )
        for name, s in sorted(record.scores.items())
    ]
    text = (
        f"Benchmark `{b.name}` on {b.dataset} {b.revision}, split {b.split} (sha256 {b.split_sha256[:16]}), "
        f"n = {record.n}, {record.n_failed} failed, {record.n_missing} missing. "
        f"Test items among the training items: {seen}.\n\n"
    )
    text += _table(("metric", "value", "interval", *(f"control: {c}" for c in controls)), rows)
    detail = [
        (f"`{name}`", label, _number(v))
        for name, s in sorted(record.scores.items())
        for label, v in _in_order(s.per_class, config.space.names(name.split("/")[0]))
    ]
    if detail:
        text += "\n\n" + _table(("metric", "class", "value"), detail)
    return text + "".join(f"\n\n{remark}" for remark in record.remarks)


def _bias(config: PretrainedConfig, record: EvalRecord | None) -> str:
    text = (
        f"Trained on {config.training.dataset} only: its speakers, raters, languages, recording conditions "
        "and acted or induced emotions are what the model knows. Other people and other rooms were "
        "not tested unless a score above says so."
    )
    rows = [
        (attribute, value, f"`{metric}`", _number(v))
        for attribute, values in sorted(record.slices.items() if record else ())
        for value, metrics in sorted(values.items())
        for metric, v in sorted(metrics.items())
    ]
    if not rows:
        unknown = "Scores by group (gender, age, ...) were not measured; differences are unknown."
        return f"{text}\n\n{unknown}"
    return f"{text}\n\n" + _table(("attribute", "value", "metric", "score"), rows)


def _in_order(values: dict[str, float | None], names: tuple[str, ...]) -> list[tuple[str, float | None]]:
    """Items in the label space's order: a record that was read from its file is sorted by name."""
    place = {n: i for i, n in enumerate(names)}
    return sorted(values.items(), key=lambda item: (place.get(item[0], len(names)), item[0]))


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(s: Score) -> str:
    return "-" if s.low is None or s.high is None else f"{s.low:.4f} to {s.high:.4f}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in row) + " |" for row in lines
    )
