"""IEMOCAP (Busso et al. 2008): five sessions of two actors, scripted and improvised dialogues in English.

Read: SessionN/dialog/EmoEvaluation/*.txt (labels, several annotators and the actors themselves) and
SessionN/sentences/wav/<dialogue>/<utterance>.wav.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from affectzoo.data.card import DatasetCard
from affectzoo.data.dataset import existing, report_row
from affectzoo.data.native import NativeLabels, one_of, subfolder
from affectzoo.errors import AffectZooError, FileError
from affectzoo.labels.raters import mean_rating
from affectzoo.structures.sample import AffectSample, Target
from affectzoo.structures.signal import SignalRef

TARGETS = ("consensus", "votes")
RATERS = ("annotators", "self", "all")
AXES = ("valence", "arousal", "dominance")
NUMBER = r"(-?\d+(?:\.\d+)?)"
#: [6.2901 - 8.2357] Ses01F_impro01_F000 neu [2.5000, 2.5000, 2.5000]
HEAD = re.compile(rf"\[{NUMBER} - {NUMBER}\]\s+(\w+)\s+(\w+)\s+\[{NUMBER}, {NUMBER}, {NUMBER}\]\s*")
#: C-E2: Neutral; Anger; (comment) and A-F1: val 3; act 2; dom 1; (comment); E is an annotator, F and M the actors.
CATEGORIES = re.compile(r"C-(\w+):([A-Za-z ;\t]*)(?:\(.*)?")
ATTRIBUTES = re.compile(rf"A-(\w+):\s*val\s*{NUMBER}?\s*;\s*act\s*{NUMBER}?\s*;\s*dom\s*{NUMBER}?\s*(?:;.*)?")
UTTERANCE = re.compile(r"(Ses\d\d)[FM]_((?:impro|script)\w*)_([FM])\d+")


@dataclass
class Turn:
    """One utterance as its file describes it: the head line, then a line a rater and kind."""

    line: int
    name: str
    start_s: float
    stop_s: float
    label: str
    mean: tuple[float, ...]
    categories: dict[str, list[str]] = field(default_factory=dict)
    attributes: dict[str, list[float]] = field(default_factory=dict)


def iter_samples(
    root: Path,
    card: DatasetCard,
    targets: str = "consensus",
    raters: str = "annotators",
    outside: str = "leave_out",
    outside_votes: str = "drop_vote",
    label_space: str | None = None,
) -> Iterator[AffectSample]:
    """Utterances with session, speaker and dialog as groups.

    targets: 'consensus' is the majority label of the file; 'votes' the share of votes of each class (a rater
    who named several categories gives each an equal part of the vote; ours). raters: whose votes and whose
    valence, arousal and dominance (1 to 5): the annotators (their means as the file states them), the actors
    themselves, or all, each counting once. outside: what becomes of an utterance without a class of the
    space (frustration, no majority, ...): 'leave_out' or 'mask'. outside_votes: what becomes of such votes
    (labels.raters.votes_from_counts).
    """
    one_of("targets", targets, TARGETS, card)
    one_of("raters", raters, RATERS, card)
    labels = NativeLabels(card, label_space, outside, scale="likert5")
    sessions = sorted(root.glob("Session[1-5]")) or [subfolder(root, "Session1")]
    for session in sessions:
        for file in sorted(subfolder(session, "dialog/EmoEvaluation").glob("[!.]*.txt")):
            yield from _dialog(session, file, targets, raters, outside_votes, labels)
    labels.report()


def _dialog(session: Path, file: Path, targets: str, raters: str, rule: str, labels: NativeLabels):
    turns = read_turns(file)
    if targets == "votes":
        turns = [t for t in turns if _known(file, t, labels)]
        emotions = _votes(turns, raters, labels, rule)
    for i, turn in enumerate(turns):
        try:
            emotion = emotions[i] if targets == "votes" else labels.target(turn.label)
            sample = emotion and _sample(session, turn, emotion, raters, labels)
        except AffectZooError as e:
            report_row(file, turn.line, e)
            continue
        if sample is not None:
            yield sample


def read_turns(path: Path) -> list[Turn]:
    """The utterances of one dialogue. A line that cannot be read is reported and skipped.

    A head line takes the lines of its raters with it.
    """
    turns: list[Turn] = []
    turn, lost = None, 0
    for line, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if head := HEAD.fullmatch(text):
            start, stop, name, label, *mean = head.groups()
            turn = Turn(line, name, float(start), float(stop), label, tuple(map(float, mean)))
            turns.append(turn)
        elif text.startswith("["):
            report_row(path, line, f"{text!r} is not [start - end] name label [V, A, D]")
            turn, lost = None, lost + 1
        elif turn is None or not text.strip():
            continue
        elif found := CATEGORIES.fullmatch(text):
            turn.categories[found[1]] = [c.strip().lower() for c in found[2].split(";") if c.strip()]
        elif found := ATTRIBUTES.fullmatch(text):
            turn.attributes[found[1]] = [float(x or "nan") for x in found.groups()[1:]]
        else:
            report_row(path, line, f"{text!r} is neither C-rater: category; nor A-rater: val n; act n; dom n;")
    if not turns and not lost:
        report_row(path, 1, "holds no utterance ([start - end] name label [V, A, D])")
    return turns


def _known(file: Path, turn: Turn, labels: NativeLabels) -> bool:
    try:
        for category in sorted({c for named in turn.categories.values() for c in named}):
            labels.name(category)
        return True
    except AffectZooError as e:
        report_row(file, turn.line, e)
        return False


def _chosen(rater: str, raters: str) -> bool:
    """Whether a rater counts: E1, E2, ... are annotators, F1 and M1 the actors."""
    return raters == "all" or (rater[0] in "FM") == (raters == "self")


def _votes(turns: list[Turn], raters: str, labels: NativeLabels, rule: str) -> list[Target | None]:
    given = [[c for rater, c in t.categories.items() if _chosen(rater, raters) and c] for t in turns]
    names = sorted({c for votes in given for vote in votes for c in vote})
    counts = np.zeros((len(turns), len(names)))
    for i, votes in enumerate(given):
        for vote in votes:
            for c in vote:
                counts[i, names.index(c)] += 1 / len(vote)
    return labels.soft_targets(counts, names, rule)


def _sample(session: Path, turn: Turn, emotion: Target, raters: str, labels: NativeLabels) -> AffectSample:
    match = UTTERANCE.fullmatch(turn.name)
    if match is None:
        raise AffectZooError(f"{turn.name!r} is not an utterance like Ses01F_impro01_F000")
    number, style, gender = match.groups()
    if number != f"Ses{int(session.name.removeprefix('Session')):02d}":
        raise FileError(session, f"holds {turn.name}, which is of another session")
    dialog = turn.name.rsplit("_", 1)[0]
    path = existing(session / "sentences" / "wav" / dialog / f"{turn.name}.wav")
    targets = {"emotion": emotion}
    if "vad" in labels.space.fields:
        targets["vad"] = labels.vad(dict(zip(AXES, _ratings(turn, raters), strict=True)))
    return AffectSample(
        key=turn.name,
        signals={"audio": SignalRef(path, "audio")},
        targets=targets,
        groups={"session": number, "speaker": f"iemocap_{number}{gender}", "dialog": dialog},
        attributes={
            "gender": gender.lower(),
            "style": "improvised" if style.startswith("impro") else "scripted",
            "duration_s": turn.stop_s - turn.start_s,
        },
    )


def _ratings(turn: Turn, raters: str) -> tuple[float, ...]:
    """Valence, arousal and dominance on 1 to 5, NaN where nobody rated."""
    if raters == "annotators":
        return turn.mean
    rows = [r for rater, r in turn.attributes.items() if _chosen(rater, raters)]
    mean = mean_rating(np.array(rows).reshape(-1, 3).T)
    return tuple(np.where(mean.mask, mean.values, np.nan))
