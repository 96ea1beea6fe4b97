"""Where windows lie, what is cut, and the words of --every."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from affectzoo.errors import AffectZooError
from affectzoo.inference.windows import WindowCutter, WindowPlan, parse_seconds


class Ruler:
    """A stream whose samples are their own numbers: every window says where it was cut."""

    def __init__(self, rate_hz):
        self.rate_hz, self.heard = rate_hz, 0

    def hear(self, samples):
        assert samples[0] == self.heard and (np.diff(samples) == 1).all()
        self.heard += len(samples)

    def silence(self, window):
        assert self.heard == window[-1] + 1, "judged by what came later, or before all was heard"
        return "odd" if window[0] % 2 else ""


def cut(plan, rate, n, pieces=()):
    cutter = WindowCutter(plan, Ruler(rate))
    edges = sorted({0, n, *(p for p in pieces if p < n)})
    windows = [w for a, b in zip(edges, edges[1:], strict=False) for w in cutter.feed(np.arange(a, b))]
    return windows + cutter.finish(), cutter


def spans(windows):
    return [(round(w.t_s, 9), int(w.data[0]), int(w.data[-1]) + 1) for w in windows]


@pytest.mark.parametrize(
    ("every", "window", "n", "expected"),
    [
        (1, 3, 50, [(1.5, 0, 30), (2.5, 10, 40), (3.5, 20, 50), (4.5, 30, 50)]),
        (1, 3, 54, [(1.5, 0, 30), (2.5, 10, 40), (3.5, 20, 50), (4.5, 30, 54)]),
        (1, 3, 55, [(1.5, 0, 30), (2.5, 10, 40), (3.5, 20, 50), (4.5, 30, 55), (5.5, 40, 55)]),
        (2, 1, 45, [(0.5, 0, 10), (2.5, 20, 30), (4.5, 40, 45)]),
        (2, 1, 44, [(0.5, 0, 10), (2.5, 20, 30)]),
        (1, 3, 20, [(1.5, 0, 20)]),
        (1, 3, 14, [(0.7, 0, 14)]),
        (1, 3, 1, [(0.05, 0, 1)]),
        (1, 3, 0, []),
        (0.25, 0.5, 10, [(0.25, 0, 5), (0.5, 2, 7), (0.75, 5, 10), (1.0, 8, 10)]),
    ],
)
def test_spans_at_ten_samples_a_second(every, window, n, expected):
    windows, _ = cut(WindowPlan(every, window), 10.0, n)
    assert spans(windows) == expected
    assert [w.start_s for w in windows] == [s[1] / 10 for s in expected]
    assert [w.silence for w in windows] == ["odd" if s[1] % 2 else "" for s in expected]


@settings(deadline=None)
@example(0.123046875, 0.125, 9, {8}, 10.0)  # a middle that rounding puts beyond what is there
@given(
    st.floats(0.01, 5),
    st.floats(0.1, 5),
    st.integers(0, 400),
    st.sets(st.integers(1, 399), max_size=12),
    st.sampled_from([10.0, 16.0, 44.1]),
)
def test_pieces_do_not_matter_and_the_memory_is_one_window(every, window, n, pieces, rate):
    plan = WindowPlan(every, window)
    whole, _ = cut(plan, rate, n)
    windows, cutter = cut(plan, rate, n, pieces)
    assert spans(windows) == spans(whole) and [w.silence for w in windows] == [w.silence for w in whole]
    assert len(cutter._kept if n else ()) <= round(window * rate)
    for k, w in enumerate(whole):
        assert w.data[0] == round(k * every * rate) and len(w.data) <= max(1, round(window * rate))
        assert w.t_s <= n / rate + 1 / rate


def test_silence_is_kept_when_asked():
    windows, _ = cut(WindowPlan(0.1, 1, keep_silence=True), 10.0, 20)
    assert {w.silence for w in windows} == {""}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("500ms", 0.5), ("0.5", 0.5), (".25 s", 0.25), ("2min", 120), (" 3 ", 3)],
)
def test_times(text, seconds):
    assert parse_seconds(text, "--every") == seconds


@pytest.mark.parametrize("text", ["", "s", "1h", "-1s", "1,5", "nan", "inf", "1e3", "1 s s", "every"])
def test_what_is_no_time(text):
    with pytest.raises(AffectZooError, match=f"--every: '{text}' is not a time; write 1s"):
        parse_seconds(text, "--every")


@pytest.mark.parametrize(
    ("every", "window", "message"),
    [
        (0, 3, "every: 0 s is not possible, at least 0.01 s"),
        (1, 0.09, "window: 0.09 s is not possible, at least 0.1 s"),
        (1, float("nan"), "window: nan s"),
        (float("inf"), 3, "every: inf s"),
    ],
)
def test_plans_that_are_not_possible(every, window, message):
    with pytest.raises(AffectZooError, match=message):
        WindowPlan(every, window)
