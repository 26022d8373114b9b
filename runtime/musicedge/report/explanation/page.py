"""An explanation as one self-contained page: the piece, the moment, the map on its spectrogram."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from musicedge.library import Outcome
from musicedge.report.explanation.json import explanation_object
from musicedge.report.explanation.words import sentences, title
from musicedge.report.html import track_row
from musicedge.report.page import embedded, page_around_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicedge.explanation import Explanation
    from musicedge.frontend import Float32

_STYLES = ("theme.css", "explanation.css")
_SCRIPTS = (
    "elements.js",
    "axes.js",
    "timeline.js",
    "tracks.js",
    "spectrogram.js",
    "piece.js",
    "moment.js",
    "curves.js",
    "explanation.js",
)
_RANGE = 70.0  # dB that the colours span, down from the loudest


def explanation_page(explanation: Explanation, labels: Sequence[str]) -> str:
    """Return the page.

    Parameters
    ----------
    explanation
        What was found.
    labels
        The model's genres.
    """
    before, after = page_around_data("explanation.html", _STYLES, _SCRIPTS)
    return before + embedded(_data(explanation, labels)) + after


def _data(explanation: Explanation, labels: Sequence[str]) -> dict[str, Any]:
    from musicedge import __version__

    overview, analysis = explanation.overview, explanation.analysis
    top = float(max(overview.levels.max(), explanation.levels.max()))
    return {
        **explanation_object(explanation),
        "version": __version__,
        "title": title(explanation),
        "sentences": sentences(explanation),
        "labels": list(labels),
        "track": track_row(Outcome(analysis.path or "", analysis), labels),
        "decibels": [top - _RANGE, top],
        "borders": explanation.borders.round(1).tolist(),
        "rows": np.searchsorted(explanation.borders, explanation.hertz).tolist(),
        "overview": {
            "seconds": overview.seconds,
            "column": overview.column_seconds,
            "peaks": _bytes(overview.peaks, -1, 1),
            "levels": _bytes(overview.levels, top - _RANGE, top),
        },
        "levels": _bytes(explanation.levels, top - _RANGE, top),
    }


def _bytes(values: Float32, low: float, high: float) -> str:
    """Return values as base64 of bytes, row by row, `low` as 0 and `high` as 255."""
    scaled = np.clip((values - low) / (high - low), 0, 1) * 255
    return base64.b64encode(scaled.round().astype(np.uint8).tobytes()).decode("ascii")
