"""An explanation as a picture: the piece over time, the map on the spectrogram, and its check."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure

from musicedge.analysis import MOODS
from musicedge.library import named
from musicedge.report.explanation.words import sentences, title
from musicedge_training.pictures.axes import IMAGE, hertz_axis, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from musicedge.explanation import Explanation

_SIZE = (12, 14)  # inches
_DPI = 110
_RANGE = 70.0  # dB that the colours span, down from the loudest
_CHARACTERS = 150  # of a line below the plots
_LEVELS, _BELOW_MAP = "cividis", "Greys"  # told apart without red and green
_FOR, _AGAINST = "#d55e00", "#0072b2"  # Okabe and Ito
_OPACITY = 0.9  # of the strongest cells
_STRONG = 0.98  # quantile from which cells count as that, as on the page
_MOOD_LINES = {"valence": "-", "arousal": "--", "danceability": ":"}
_MOST_GENRES = 6


def draw(explanation: Explanation) -> bytes:
    """Return the picture as the bytes of a PNG file."""
    # File names and labels are text, whatever signs of mathematics are in them.
    with mpl.rc_context({"text.parse_math": False, "font.size": 9}):
        figure = Figure(_SIZE, layout="constrained")
        path = named(explanation.analysis.path or "")
        figure.suptitle(f"{path}\n{title(explanation)}")
        axes = figure.subplots(
            6,
            3,
            gridspec_kw={
                "height_ratios": [1, 2, 1.3, 1.3, 4, 2.2],
                "width_ratios": [10, 0.25, 1.5],
            },
        )
        for row in (0, 2, 3, 5):
            axes[row, 1].set_axis_off()
        for row in (0, 1, 2, 3, 5):
            axes[row, 2].set_axis_off()
        _piece(explanation, axes[:4, 0], axes[1, 1])
        _moment(explanation, *axes[4])
        _check(explanation, axes[5, 0])
        lines = [line for each in sentences(explanation) for line in wrap(each, _CHARACTERS)]
        figure.supxlabel("\n".join(lines), fontsize=9, x=0.02, ha="left")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _piece(explanation: Explanation, plots: Sequence[Axes], key: Axes) -> None:
    """Draw the whole piece on four plots with one time axis."""
    waveform, levels, genres, moods = plots
    overview, segments = explanation.overview, explanation.analysis.segments
    times = (np.arange(len(overview.peaks)) + 0.5) * overview.column_seconds
    waveform.fill_between(times, *overview.peaks.T, linewidth=0.4)
    waveform.set(ylim=(-1, 1), ylabel="waveform")
    top = float(max(overview.levels.max(), explanation.levels.max()))
    end = len(overview.levels) * overview.column_seconds
    image = levels.imshow(
        overview.levels.T,
        extent=(0, end, 0, overview.levels.shape[1]),
        vmin=top - _RANGE,
        vmax=top,
        cmap=_LEVELS,
        **IMAGE,
    )
    levels.figure.colorbar(image, cax=key, label="dB")
    hertz_axis(levels, explanation.borders)
    mean = {entry.label: entry.score for entry in explanation.analysis.genre}
    names = list(mean)[:_MOST_GENRES]
    joints = [(one.end + other.start) / 2 for one, other in pairwise(segments)]
    borders = [segments[0].start, *joints, segments[-1].end]
    scores = [
        [{entry.label: entry.score for entry in each.genre}.get(name, np.nan) for each in segments]
        for name in names
    ]
    if names:
        genres.pcolormesh(borders, np.arange(len(names) + 1), scores, vmin=0, vmax=1, cmap=_LEVELS)
        genres.set_yticks(np.arange(len(names)) + 0.5, names)
        genres.invert_yaxis()
    middles = [(each.start + each.end) / 2 for each in segments]
    for mood in MOODS:
        values = [getattr(each, mood) for each in segments]
        line = [np.nan if value is None else value for value in values]
        moods.plot(middles, line, _MOOD_LINES[mood], marker=".", label=mood)
    moods.set(ylim=(0, 1))
    moods.legend(loc="lower right", ncols=len(MOODS), frameon=False)
    for plot in plots:
        plot.set_xlim(0, overview.seconds)
        time_axis(plot)
        plot.axvspan(explanation.window.start, explanation.window.end, fill=False, color=_FOR, lw=2)
    moods.set_xlabel("time, min:s")


def _moment(explanation: Explanation, plot: Axes, key: Axes, side: Axes) -> None:
    """Draw the map on the spectrogram of its window, and beside it what each band is worth."""
    influence = explanation.maps[explanation.of]
    seconds, borders = explanation.seconds, explanation.borders
    extent = (seconds[0], seconds[-1], 0, len(borders) - 1)
    top = float(explanation.levels.max())
    plot.imshow(
        explanation.levels.T,
        extent=extent,
        vmin=top - _RANGE,
        vmax=top + _RANGE / 2,
        cmap=_BELOW_MAP,
        **IMAGE,
    )
    rows = np.searchsorted(borders, explanation.hertz)
    most = float(np.quantile(np.abs(influence), _STRONG)) or 1.0
    cells = np.where((influence.T > 0)[..., np.newaxis], to_rgba(_FOR), to_rgba(_AGAINST))
    cells[..., 3] = np.minimum(np.abs(influence.T) / most, 1) * _OPACITY
    plot.pcolormesh(seconds, rows, cells)
    colours = LinearSegmentedColormap.from_list("influence", [_AGAINST, "white", _FOR])
    scale = ScalarMappable(Normalize(-most, most), colours)
    plot.figure.colorbar(scale, cax=key, extend="both", label=f"log-odds of {explanation.of}")
    hertz_axis(plot, explanation.borders)
    time_axis(plot)
    plot.set_xlabel("time, min:s")
    middles = (rows[:-1] + rows[1:]) / 2
    worth = [explanation.value - part.without for part in explanation.bands]
    paints = [_FOR if value > 0 else _AGAINST for value in worth]
    side.barh(middles, worth, height=np.diff(rows) * 0.85, color=paints)
    side.axvline(0, color="black", lw=0.8)
    side.set(ylim=(0, len(borders) - 1), yticks=[], xlabel="worth of a band")


def _check(explanation: Explanation, plot: Axes) -> None:
    """Draw the value while cells are covered, by the map and by chance."""
    curves = explanation.curves
    plot.fill_between(
        curves.covered,
        curves.random.min(axis=0),
        curves.random.max(axis=0),
        color="0.8",
        label="random orders: range",
    )
    plot.plot(curves.covered, curves.random.mean(axis=0), ":", color="0.3", label="and mean")
    plot.plot(curves.covered, curves.deletion, "-", color=_FOR, label="the map's first cells first")
    plot.plot(curves.covered, curves.insertion, "--", color=_AGAINST, label="its first cells last")
    plot.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="share of cells covered",
        ylabel=f"value of {explanation.of}",
    )
    plot.legend(loc="upper right", frameon=False)
