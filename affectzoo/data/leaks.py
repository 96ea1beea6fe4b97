"""Leak checks: no key, no group and no stretch of a recording may lie in two parts of a split."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from affectzoo.errors import LeakError
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal, SignalRef

#: part -> keys, as Folds.parts gives them
Parts = Mapping[str, Sequence[str]]


def check_parts(parts: Parts, samples: Iterable[AffectSample], disjoint: Sequence[str]) -> None:
    """All checks on a split's parts: keys, each group of `disjoint`, overlap in time. Raises LeakError."""
    samples = list(samples)
    check_leaks(parts, {g: {s.key: s.groups.get(g, "") for s in samples} for g in disjoint})
    for m in sorted({m for s in samples for m in s.signals}):
        spans = {s.key: _span(s, s.signals[m]) for s in samples if m in s.signals}
        check_time_overlap(parts, {k: span for k, span in spans.items() if span is not None})


def check_leaks(parts: Parts, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Raise LeakError when two parts share a key or a value of a group.

    groups: group name -> key -> value. The message names the values and example keys. A key without a value
    is a leak that cannot be ruled out, and is an error too.
    """
    problems = [_shared("key", a, b, {k: k for k in (*parts[a], *parts[b])}, parts) for a, b in combinations(parts, 2)]
    for name, value in groups.items():
        nameless = [k for keys in parts.values() for k in keys if not value.get(k)]
        if nameless:
            problems.append(f"{len(nameless)} items have no {name} to check, such as {nameless[0]!r}")
            continue
        problems += [_shared(name, a, b, value, parts) for a, b in combinations(parts, 2)]
    _raise(problems)


def check_time_overlap(parts: Parts, spans: Mapping[str, tuple[str, float, float]]) -> None:
    """Raise LeakError when two parts hold overlapping stretches of one recording.

    spans: key -> (recording, start_s, stop_s). Windows that only touch do not overlap.
    """
    part_of = {k: p for p, keys in parts.items() for k in keys}
    recordings: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for key, (recording, start, stop) in spans.items():
        if key in part_of:
            recordings[recording].append((start, stop, key))
    _raise([_first_overlap(name, sorted(windows), part_of) for name, windows in recordings.items()])


def _shared(name: str, a: str, b: str, value: Mapping[str, str], parts: Parts) -> str | None:
    first, second = defaultdict(list), defaultdict(list)
    for keys, found in ((parts[a], first), (parts[b], second)):
        for k in keys:
            found[value[k]].append(k)
    both = sorted(set(first) & set(second))
    if not both:
        return None
    shown = ", ".join(both[:5]) + (f" and {len(both) - 5} more" if len(both) > 5 else "")
    return (
        f"{a} and {b} share {name} {shown} (for example {first[both[0]][0]!r} in {a} and {second[both[0]][0]!r} in {b})"
    )


def _first_overlap(recording: str, windows: list[tuple[float, float, str]], part_of: Mapping[str, str]) -> str | None:
    latest: dict[str, tuple[float, str]] = {}  # part -> the window so far that ends last
    for start, stop, key in windows:
        part = part_of[key]
        for other, (end, other_key) in latest.items():
            if other != part and start < end - 1e-9:
                return (
                    f"{other} and {part} overlap in time in recording {recording!r}: {other_key!r} ends at "
                    f"{end:.3f} s, {key!r} starts at {start:.3f} s"
                )
        if part not in latest or stop > latest[part][0]:
            latest[part] = (stop, key)
    return None


def _span(sample: AffectSample, signal: Signal | SignalRef) -> tuple[str, float, float] | None:
    """The stretch of a file, or of the recording that the group `recording` names for a signal in memory."""
    if isinstance(signal, SignalRef):
        return str(signal.path), signal.start_s, float("inf") if signal.stop_s is None else signal.stop_s
    if "recording" not in sample.groups:
        return None
    return sample.groups["recording"], signal.t0_s, signal.t0_s + signal.duration_s


def _raise(problems: Iterable[str | None]) -> None:
    found = [p for p in problems if p]
    if found:
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        raise LeakError("; ".join(found[:3]) + more)
