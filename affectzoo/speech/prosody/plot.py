"""A picture of a recording's prosody: waveform, pitch, level."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from affectzoo.plots.figure import COLOURS, new_figure, save_figure
from affectzoo.speech.prosody.frames import FRAME_RATE
from affectzoo.speech.prosody.measures import ProsodyMeasures
from affectzoo.speech.prosody.spectrum import F0_MAX, F0_MIN
from affectzoo.speech.prosody.tracks import ProsodyTracks

BLUE, RED, GREEN = COLOURS[:3]
#: Columns of pixels that a waveform is drawn in.
COLUMNS = 2000
#: Of more frames than these, every second (third, ...) is drawn, and the picture says so. Ours.
MOST_FRAMES = 20000
SMALL = {"fontsize": 8, "frameon": False, "loc": "upper right", "ncols": 3}


def plot_prosody(audio: np.ndarray, rate_hz: float, found: ProsodyMeasures, path: str | Path, title: str = "") -> Path:
    """Draw audio (N,) in [-1, 1] and what `measure` found in it to .png, .pdf or .svg; returns the path.

    audio may be (N, 2) too: the lowest and highest sample of each step of 1 / rate_hz.
    Three panels over seconds: the waveform with speech shaded; the pitch on a logarithmic axis with its median; the
    level with syllable nuclei. The headline gives the contour class with its confidence.
    """
    figure = new_figure(1200, 750)
    wave, pitch, level = figure.subplots(3, 1, sharex=True, height_ratios=(2, 3, 2))
    step = -(-len(found.tracks.f0_hz) // MOST_FRAMES)
    seconds = np.arange(0, len(found.tracks.f0_hz), step) / FRAME_RATE
    found = replace(found, tracks=ProsodyTracks(**{k: v[::step] for k, v in vars(found.tracks).items()}))
    speech = found.tracks.speech.numpy()
    _waveform(wave, audio, rate_hz)
    low, high = wave.get_ylim()
    wave.fill_between(seconds, low, high, where=speech, step="mid", color=GREEN, alpha=0.15, lw=0, label="speech")
    wave.set_ylabel("amplitude")
    _pitch(pitch, seconds, found)
    _level(level, seconds, found)
    for axes in (wave, pitch, level):
        axes.grid(color="0.92")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(**SMALL)
    sure = found["contour_confidence"]
    headline = found.contour if found.contour == "too_short" else f"{found.contour} (confidence {sure:.2f})"
    wave.set_title(f"{title}: {headline}" if title else headline, fontsize=11)
    level.set_xlabel("time (s)" if step == 1 else f"time (s); of pitch, speech and level one frame in {step} is drawn")
    level.set_xlim(0, max(len(audio) / rate_hz, 1 / FRAME_RATE))
    return save_figure(figure, path)


def _waveform(axes, audio: np.ndarray, rate_hz: float) -> None:
    """Each column of pixels from its lowest to its highest sample."""
    edges = np.unique(np.linspace(0, len(audio), min(COLUMNS, len(audio)) + 1).astype(int)[:-1])
    lowest, highest = audio.T if audio.ndim == 2 else (audio, audio)
    low, high = np.minimum.reduceat(lowest, edges), np.maximum.reduceat(highest, edges)
    axes.fill_between(edges / rate_hz, low, high, color=BLUE, lw=0.5)


def _pitch(axes, seconds: np.ndarray, found: ProsodyMeasures) -> None:
    f0, voiced = found.tracks.f0_hz.numpy(), np.isfinite(found.tracks.f0_hz.numpy())
    axes.set_yscale("log", base=2)
    axes.set_ylim(F0_MIN, F0_MAX)
    ticks = [50, 100, 200, 400]
    axes.set_yticks(ticks, [str(t) for t in ticks])
    axes.set_ylabel("pitch (Hz)")
    if not voiced.any():
        axes.text(0.5, 0.5, "no voice", transform=axes.transAxes, ha="center", color="0.5")
        return
    axes.plot(seconds[voiced], f0[voiced], "o", ms=2.5, color=BLUE)
    median = found["f0_median_hz"]
    if np.isfinite(median):
        label = f"median {median:.0f} Hz, range {found['f0_range_st']:.1f} semitones"
        axes.axhline(median, color=RED, lw=1, label=label if found["pitch_reliable"] else f"{label} (few frames)")


def _level(axes, seconds: np.ndarray, found: ProsodyMeasures) -> None:
    level, nucleus = found.tracks.level_db.numpy(), found.tracks.nucleus.numpy()
    axes.plot(seconds, level, color=BLUE, lw=1.2)
    axes.set_ylim(max(level.min(), level.max() - 70) - 3, level.max() + 6)
    axes.set_ylabel("level (dBFS)")
    if nucleus.any():
        label = f"syllable nuclei, {found['syllable_rate_hz']:.1f} a second of speech"
        axes.plot(seconds[nucleus], level[nucleus], "v", ms=5, color=RED, label=label)
