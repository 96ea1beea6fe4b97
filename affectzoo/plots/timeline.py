"""What a step-level prediction table says over time: one panel a field, one column a recording."""

from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError, UnknownNameError
from affectzoo.plots.figure import COLOURS, new_figure, save_figure
from affectzoo.structures.table import PredictionTable

MAX_KEYS = 3
MAX_LINES = 6
STYLES = ("-", "--", "-.", ":")


def plot_timeline(table: PredictionTable, path: str | Path = "timeline.png", keys: list[str] | None = None) -> Path:
    """Draw every field of a step-level table over time in seconds.

    keys: which recordings (default the first ones; each track of a recording has a column of its own, at most 3 in
    all: where a recording has more tracks, those with the most answers). A field with more than 6 names shows the 6
    that vary most over the shown steps, and says how many it left out. A band is one standard deviation, where the
    table has one; a step without a value is a gap, grey where the table says why (no speech).
    Raises AffectZooError for a clip-level table, UnknownNameError for an unknown key.
    """
    if table.meta.granularity != "step":
        raise AffectZooError("a timeline needs a step-level table; this one has one row a recording")
    shown, left_out = _choose(table, keys)
    fields = list(table.meta.kinds)
    figure = new_figure(max(1000, 620 * len(shown)), 130 + 250 * len(fields))
    grid = figure.subplots(len(fields), len(shown), squeeze=False, sharex="col", sharey="row")
    for row, field in enumerate(fields):
        lines = _lines(table, field, shown)
        for column, (key, track) in enumerate(shown):
            _draw(grid[row, column], table, field, lines, (key, track))
        _label(grid[row, 0], grid[row, -1], table, field, lines)
    for column, (key, track) in enumerate(shown):
        grid[0, column].set_title(f"{key} ({track})" if track else key, fontsize=11)
        grid[-1, column].set_xlabel("time (s)")
    if left_out:
        figure.suptitle(f"{left_out} more recordings or tracks are not shown", fontsize=9, x=0.99, ha="right")
    return save_figure(figure, path)


def _choose(table: PredictionTable, keys: list[str] | None) -> tuple[list[tuple[str, str]], int]:
    """The (key, track) pairs to draw, and how many there are besides."""
    if not len(table.frame):
        raise AffectZooError("the table has no rows")
    pairs = _pairs(table)
    for key in keys or ():
        if key not in {k for k, _ in pairs}:
            raise UnknownNameError("key of the table", key, {k for k, _ in pairs})
    wanted = pairs if keys is None else [p for key in keys for p in pairs if p[0] == key]
    return wanted[:MAX_KEYS], len(wanted) - min(len(wanted), MAX_KEYS)


def _pairs(table: PredictionTable) -> list[tuple[str, str]]:
    """Recordings in their order, the tracks of each by how many answers they have, of equal ones the earlier.

    Rows without a track in a recording that has tracks (no face was found) are no track.
    """
    frame = table.frame
    answers = (frame["error"] == "").groupby([frame["key"], frame["track"]], sort=False).sum()
    answers = answers[(answers.index.get_level_values("track") != "") | _alone(answers)]
    places = {key: i for i, key in enumerate(dict.fromkeys(frame["key"]))}
    return sorted(answers.index, key=lambda pair: (places[pair[0]], -answers[pair]))


def _alone(answers) -> np.ndarray:
    """Whether a (key, track) is the only one of its key."""
    keys = answers.index.get_level_values("key")
    return ~keys.duplicated(keep=False)


def _lines(table: PredictionTable, field: str, shown: list[tuple[str, str]]) -> list[int]:
    """Indices of the names to draw, in the order of the space."""
    here = table.frame["key"].isin([k for k, _ in shown]).to_numpy()
    values = table.values(field)[here]
    spread = np.nan_to_num(values[~np.isnan(values).all(1)]).std(0) if np.isfinite(values).any() else values[:1]
    return sorted(np.argsort(-spread.ravel(), kind="stable")[:MAX_LINES])


def _draw(axes, table: PredictionTable, field: str, lines: list[int], pair: tuple[str, str]) -> None:
    rows = table.frame[(table.frame["key"] == pair[0]) & (table.frame["track"] == pair[1])].sort_values("t_s")
    rows = rows[rows["t_s"].notna()]  # a row without a time is the file's error
    step = 1 / table.meta.rate_hz if table.meta.rate_hz else rows["t_s"].diff().median()
    t = rows["t_s"].to_numpy(float)
    gaps = np.flatnonzero(np.diff(t) > 1.5 * step) + 1  # a NaN there breaks the line
    columns = table.columns(field)
    for place, k in enumerate(lines):
        y = np.insert(rows[columns[k]].to_numpy(float), gaps, np.nan)
        x = np.insert(t, gaps, np.nan)
        colour, style = COLOURS[place], STYLES[place % len(STYLES)]
        axes.plot(x, y, style, color=colour, lw=1.6, label=table.space.names(field)[k])
        if f"{columns[k]}.sd" in rows:
            sd = np.insert(rows[f"{columns[k]}.sd"].to_numpy(float), gaps, np.nan)
            axes.fill_between(x, y - sd, y + sd, color=colour, alpha=0.15, lw=0)
    if len(t) == 1:
        for line in axes.get_lines():
            line.set_marker("o")
    _shade(axes, t[rows["error"].to_numpy() != ""], step)
    axes.grid(color="0.92")


def _shade(axes, times: np.ndarray, step: float) -> None:
    """Grey from half a step before to half a step after each time; neighbours are one area."""
    for run in np.split(times, np.flatnonzero(np.diff(times) > 1.5 * step) + 1) if len(times) else ():
        axes.axvspan(run[0] - step / 2, run[-1] + step / 2, color="0.9", lw=0)


def _label(first, last, table: PredictionTable, field: str, lines: list[int]) -> None:
    if field == "vad":
        first.set_ylim(-1.05, 1.05)
        first.axhline(0, color="0.6", lw=0.8)
    elif table.meta.kinds[field] == "probabilities":
        first.set_ylim(-0.03, 1.03)
    else:
        first.set_ylim(-0.15, 5.15)  # action-unit intensity
    first.set_ylabel(field)
    rest = table.space.size(field) - len(lines)
    title = f"({rest} more not shown)" if rest else None
    style = {"fontsize": 9, "title_fontsize": 8, "frameon": False}
    last.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title=title, **style)
