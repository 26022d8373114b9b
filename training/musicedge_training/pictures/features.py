"""Features of songs as a picture: a column a song, a row a feature, and the figures below."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from musicedge_training.features.figures import PITCH_CLASSES
from musicedge_training.features.panels import (
    Kind,
    Panel,
    heading,
    panels,
    shown_beats,
    value_range,
)
from musicedge_training.features.songs import Song
from musicedge_training.features.words import Row, rows, title
from musicedge_training.pictures.axes import hertz_axis, row_axis, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTHS = (12.0, 9.0)  # inches, of a song alone and of one among several
_HEIGHTS = {"frequency": 2.4, "pitch class": 1.9, "tempo": 2.2, "strength": 1.1}
_LINE = 0.17  # inches
_DPI = 110
_COLOURS = "cividis"  # told apart without red and green
_BEATS, _CURVE = "#d55e00", "#0072b2"  # Okabe and Ito
_TEMPI = (30, 40, 60, 80, 120, 160, 240)


def draw(songs: Sequence[Song], kinds: Sequence[Kind], form: Literal["png", "svg"]) -> bytes:
    """Return the picture as the bytes of a file.

    Parameters
    ----------
    songs
        Side by side, with the same colours for the same values.
    kinds
        What to draw.
    form
        The file's format.
    """
    table = rows([song.features.figures for song in songs])
    columns = [panels(song.features, kinds) for song in songs]
    everything = [panel for column in columns for panel in column]
    heights = [_HEIGHTS[panel.axis] for panel in columns[0]]
    lines = _LINE * (len(table) + 1)
    width = _WIDTHS[len(songs) > 1] * len(songs)
    # Names are text, whatever signs of mathematics are in them.
    settings = {"text.parse_math": False, "font.size": 9, "svg.fonttype": "none"}
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script without a font
        figure = Figure((width, sum(heights) + 0.35 * len(heights) + lines), layout="constrained")
        grid = figure.add_gridspec(
            len(heights) + 1, 2 * len(songs), width_ratios=[40, 1] * len(songs),
            height_ratios=[*heights, lines],
        )  # fmt: skip
        for index, song in enumerate(songs):
            for row, panel in enumerate(columns[index]):
                plot = figure.add_subplot(grid[row, 2 * index])
                key = figure.add_subplot(grid[row, 2 * index + 1])
                _panel(panel, value_range(everything, panel.axis), song, plot, key)
                if row == 0:
                    plot.set_title(f"{title(song)}\n\n{plot.get_title()}")
            words = figure.add_subplot(grid[len(heights), 2 * index])
            words.set_axis_off()
            words.text(0, 1, _lines(table, index), va="top", family="monospace")
        buffer = io.BytesIO()
        metadata = {
            "Title": ", ".join(map(title, songs)),
            "Description": _description(songs, kinds),
        }
        if form == "svg":
            metadata["Date"] = None
        figure.savefig(buffer, format=form, dpi=_DPI, metadata=metadata)
    return buffer.getvalue()


def _panel(panel: Panel, limits: tuple[float, float], song: Song, plot: Axes, key: Axes) -> None:
    """Draw one picture of a song, and beside it what its colours mean."""
    figures = song.features.figures
    plot.set_title(heading(panel, song.features))
    if panel.is_curve:
        middles = (panel.times[:-1] + panel.times[1:]) / 2
        plot.plot(middles, panel.values[:, 0], _CURVE, lw=0.8)
        plot.set(ylim=limits, ylabel=f"strength, {panel.unit}")
        key.set_axis_off()
    else:
        low, high = limits
        rows_of = np.arange(len(panel.borders))
        image = plot.pcolorfast(
            panel.times, rows_of, panel.values.T, vmin=low, vmax=high, cmap=_COLOURS
        )
        plot.figure.colorbar(image, cax=key, label=panel.unit)
    if panel.with_beats:
        beats, _ = shown_beats(song.features.beats)
        plot.vlines(beats, 0, 1, _BEATS, transform=plot.get_xaxis_transform(), lw=0.7, alpha=0.8)
    if panel.axis == "frequency":
        hertz_axis(plot, panel.borders)
    elif panel.axis == "pitch class":
        plot.set_yticks(np.arange(len(PITCH_CLASSES)) + 0.5, PITCH_CLASSES)
        plot.set_ylabel("pitch class")
    elif panel.axis == "tempo":
        row_axis(plot, panel.borders, _TEMPI, str, "tempo, beats a minute")
        if figures.tempo is not None:
            place = float(np.interp(figures.tempo, panel.borders, rows_of))
            plot.axhline(place, color=_BEATS, ls="--", lw=1)
    plot.set(xlim=(0, figures.seconds), xlabel="time, min:s")
    time_axis(plot)


def _lines(table: Sequence[Row], index: int) -> str:
    """Return a song's figures as lines."""
    width = max(len(row.label) for row in table)
    lines = []
    for row in table:
        difference = f" ({row.differences[index]})" if row.differences[index] else ""
        lines.append(f"{row.label:<{width}}  {row.values[index]}{difference}")
    return "\n".join(lines)


def _description(songs: Sequence[Song], kinds: Sequence[Kind]) -> str:
    """Return what the picture shows, for who does not see it."""
    shown = ", ".join(panel.title.lower() for panel in panels(songs[0].features, kinds))
    return f"{shown} over time of {' and '.join(map(title, songs))}"
