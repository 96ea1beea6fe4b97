"""What all pictures share: colours that colour-blind readers can tell apart, and saving without pyplot.

Pictures use matplotlib's object interface, so nothing global is touched and no figure stays open.
"""

from pathlib import Path

from affectzoo.errors import FileError, UnknownNameError

#: Okabe & Ito 2008, without black and yellow (too pale for lines).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5B4B8A", "#7F7F7F")
MARKERS = "osD^vP*X"
FORMATS = (".png", ".pdf", ".svg")


def new_figure(width_px: int = 1000, height_px: int = 1000):
    """An empty matplotlib Figure of that many pixels at 125 dots an inch, where 9 pt is readable."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_px / 125, height_px / 125), dpi=125, layout="constrained")


def save_figure(figure, path: str | Path) -> Path:
    """Write as .png, .pdf or .svg and return the path. Raises for another ending or an unwritable folder."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UnknownNameError("picture format", path.suffix, FORMATS, str(path))
    FigureCanvasAgg(figure)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, facecolor="white")
    except OSError as e:
        raise FileError(path, f"cannot be written ({e})") from None
    return path
