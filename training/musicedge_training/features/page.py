"""Features of songs as one self-contained page: the figures in a table, the songs side by side."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musicedge.library import named
from musicedge.report.page import embedded, page_around_data
from musicedge_training.features.figures import PITCH_CLASSES
from musicedge_training.features.panels import Kind, Panel, panels, value_range
from musicedge_training.features.songs import Song
from musicedge_training.features.words import rows, title

_FOLDER = Path(__file__).parent / "pages"
_STYLES = ("theme.css", _FOLDER / "features.css")
_SCRIPTS = ("elements.js", "axes.js", "spectrogram.js", _FOLDER / "panel.js", _FOLDER / "page.js")


def page(songs: Sequence[Song], kinds: Sequence[Kind]) -> str:
    """Return the page.

    Parameters
    ----------
    songs
        Side by side, with the same colours for the same values.
    kinds
        What to draw.
    """
    before, after = page_around_data(_FOLDER / "features.html", _STYLES, _SCRIPTS)
    return before + embedded(_data(songs, kinds)) + after


def _data(songs: Sequence[Song], kinds: Sequence[Kind]) -> dict[str, Any]:
    from musicedge import __version__

    drawn = [panels(song.features, kinds) for song in songs]
    everything = [panel for column in drawn for panel in column]
    table = rows([song.features.figures for song in songs])
    return {
        "version": __version__,
        "figures": [
            {"label": row.label, "values": row.values, "differences": row.differences}
            for row in table
        ],
        "pitch_classes": PITCH_CLASSES,
        "songs": [
            {
                "title": title(song),
                "name": named(Path(song.path).name),
                "seconds": song.features.figures.seconds,
                "tempo": song.features.figures.tempo,
                "beats": song.features.beats.round(3).tolist(),
                "shares": [
                    [each.label, round(each.share, 4)]
                    for each in song.features.figures.pitch_classes
                ],
                "panels": [_panel(panel, value_range(everything, panel.axis)) for panel in column],
            }
            for song, column in zip(songs, drawn, strict=True)
        ],
    }


def _panel(panel: Panel, limits: tuple[float, float]) -> dict[str, Any]:
    low, high = limits
    scaled = np.clip((panel.values - low) / max(high - low, 1e-9), 0, 1) * 255
    levels = scaled.round().astype(np.uint8).tobytes()
    return {
        "title": panel.title,
        "axis": panel.axis,
        "unit": panel.unit,
        "limits": limits,
        "with_beats": panel.with_beats,
        "times": panel.times.round(3).tolist(),
        "borders": panel.borders.round(2).tolist(),
        "levels": base64.b64encode(levels).decode("ascii"),
    }
