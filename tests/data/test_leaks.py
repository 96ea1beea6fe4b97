from pathlib import Path

import numpy as np
import pytest
from datakit import sample

from affectzoo.data.leaks import check_leaks, check_parts, check_time_overlap
from affectzoo.errors import LeakError
from affectzoo.structures.sample import AffectSample
from affectzoo.structures.signal import Signal, SignalRef

PARTS = {"train": ["a1", "a2"], "val": ["b1"], "test": ["c1", "c2"]}
CLEAN = {"a1": "A", "a2": "A", "b1": "B", "c1": "C", "c2": "D"}


def test_clean_parts_pass():
    check_leaks(PARTS, {"speaker": CLEAN, "session": {k: k for k in CLEAN}})


@pytest.mark.parametrize("group", ["speaker", "session", "trial", "clip"])
@pytest.mark.parametrize(("key", "value", "parts"), [("c2", "A", "train and test"), ("b1", "C", "val and test")])
def test_a_planted_group_is_found(group, key, value, parts):
    with pytest.raises(LeakError, match=rf"{parts} share {group} {value} .*'{key}'"):
        check_leaks(PARTS, {"fine": {k: k for k in CLEAN}, group: {**CLEAN, key: value}})


def test_a_key_in_two_parts_is_found():
    with pytest.raises(LeakError, match="train and test share key a1"):
        check_leaks({**PARTS, "test": ["c1", "a1"]}, {})


def test_a_missing_group_cannot_be_ruled_out():
    with pytest.raises(LeakError, match="1 items have no speaker to check, such as 'b1'"):
        check_leaks(PARTS, {"speaker": {**CLEAN, "b1": ""}})


def test_many_leaks_are_listed_in_part():
    parts = {"train": [f"a{i}" for i in range(8)], "test": [f"b{i}" for i in range(8)]}
    groups = {"speaker": {k: k[1] for keys in parts.values() for k in keys}}
    with pytest.raises(LeakError, match=r"share speaker 0, 1, 2, 3, 4 and 3 more .*'a0' in train and 'b0' in test"):
        check_leaks(parts, groups)


@pytest.mark.parametrize(
    ("windows", "leak"),
    [
        ({"a1": (0, 2), "c1": (2, 4)}, False),  # they touch
        ({"a1": (0, 2), "c1": (1.9, 4)}, True),
        ({"a1": (0, 9), "a2": (1, 2), "c1": (3, 4)}, True),  # inside an earlier, longer one
        ({"c1": (0, 9), "c2": (1, 2), "b1": (8, 10)}, True),
        ({"a1": (0, 2), "a2": (1, 3)}, False),  # one part
    ],
)
def test_overlap_in_time(windows, leak):
    spans = {k: ("rec", float(a), float(b)) for k, (a, b) in windows.items()}
    if leak:
        with pytest.raises(LeakError, match="overlap in time in recording 'rec'"):
            check_time_overlap(PARTS, spans)
    else:
        check_time_overlap(PARTS, spans)
    check_time_overlap(PARTS, {k: (k, a, b) for k, (_, a, b) in spans.items()})  # other recordings


def test_windows_of_one_file_are_found_by_check_parts():
    def window(key, start, stop, path="r.wav"):
        return AffectSample(key, {"audio": SignalRef(Path(path), "audio", start, stop)}, groups={"speaker": key})

    parts = {"train": ["a"], "test": ["b"]}
    check_parts(parts, [window("a", 0, 2), window("b", 2, 4)], ["speaker"])
    with pytest.raises(LeakError, match="'a' ends at 2.000 s, 'b' starts at 1.000 s"):
        check_parts(parts, [window("a", 0, 2), window("b", 1, 3)], ["speaker"])
    with pytest.raises(LeakError, match="overlap in time"):  # the whole file on one side
        check_parts(parts, [window("a", 0, None), window("b", 7, 8)], ["speaker"])


def test_signals_in_memory_overlap_by_their_recording():
    def window(key, t0):
        data = np.zeros(20, np.float32)
        return AffectSample(key, {"eeg": Signal(data, 10.0, t0)}, groups={"recording": "r", "subject": key})

    parts = {"train": ["a"], "test": ["b"]}
    check_parts(parts, [window("a", 0.0), window("b", 2.0)], ["subject"])
    with pytest.raises(LeakError, match="overlap in time"):
        check_parts(parts, [window("a", 0.0), window("b", 1.0)], ["subject"])


def test_check_parts_reads_the_groups_of_samples():
    with pytest.raises(LeakError, match="share speaker s1"):
        check_parts({"train": ["k001"], "test": ["k007"]}, [sample(1), sample(7)], ["speaker"])
