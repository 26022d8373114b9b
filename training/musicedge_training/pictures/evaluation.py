"""A judgement as a picture and as a page: what is taken for what; moods and their labels."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musicedge.report.page import page_around_data

if TYPE_CHECKING:
    from musicedge_training.judgement import Judgement, MoodPoints

_DPI = 110
_SIZES = "cividis"
_PLOTS = 3  # moods in a row
_TEMPLATE = Path(__file__).parent / "evaluation.html"


def draw(title: str, judgement: Judgement) -> bytes:
    """Return the picture as the bytes of a PNG file.

    The confusion matrix, its rows as shares of each genre's tracks, and a plot for each mood's
    source of labels.
    """
    genres, moods = judgement.genres, judgement.moods
    rows = -(-len(moods) // _PLOTS)
    heights = [*([7.0] if genres else []), *([3.6 * rows] if moods else [])] or [1.0]
    with mpl.rc_context({"text.parse_math": False, "font.size": 9}):
        figure = Figure((11, sum(heights) + 0.6), layout="constrained")
        figure.suptitle(title)
        parts = list(np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights)))
        if genres:
            _confusion(parts.pop(0).subplots(), judgement)
        if moods:
            plots = np.ravel(parts.pop(0).subplots(rows, _PLOTS, squeeze=False))
            for plot, points in zip(plots, moods, strict=False):
                _mood(plot, points, judgement)
            for plot in plots[len(moods) :]:
                plot.set_axis_off()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def page(title: str, judgement: Judgement) -> str:
    """Return a page that asks for nothing outside itself: the tables, and the picture."""
    before, after = page_around_data(_TEMPLATE, ["theme.css"], [])
    image = base64.b64encode(draw(title, judgement)).decode()
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{judgement.n} tracks. Intervals are of 95 %, by drawing whole artists.</p>",
        "<h2>Scores</h2>",
        _table(
            ("score", "value", "from", "to", "tracks"),
            [
                (name, f"{s.value:.3f}", f"{s.low:.3f}", f"{s.high:.3f}", str(s.n))
                for name, s in judgement.scores.items()
            ],
        ),
    ]
    if judgement.genres:
        parts += [
            "<h2>Genres</h2>",
            _table(
                ("genre", "tracks", "precision", "recall", "F1"),
                [
                    (r.genre, str(r.n), f"{r.precision:.3f}", f"{r.recall:.3f}", f"{r.f1:.3f}")
                    for r in judgement.genres
                ],
            ),
        ]
    parts += [
        "<h2>Pictures</h2>",
        f'<img src="data:image/png;base64,{image}" width="1210" '
        'alt="The confusion matrix of the genres, and moods against their labels; the tables '
        'above hold the figures.">',
    ]
    return before + "\n".join(parts) + after


def _confusion(plot: Axes, judgement: Judgement) -> None:
    counts = judgement.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = plot.imshow(shares, cmap=_SIZES, vmin=0, vmax=1)
    plot.figure.colorbar(image, ax=plot, label="share of the genre's tracks")
    places = range(len(judgement.labels))
    plot.set_xticks(places, judgement.labels, rotation=45, ha="right")
    plot.set_yticks(places, judgement.labels)
    plot.set_xlabel("told")
    plot.set_ylabel("genre of the track")
    plot.set_title("What is taken for what, in tracks")
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            if count:
                dark = shares[row, column] < 0.5
                plot.text(
                    column, row, str(count), ha="center", va="center", color="w" if dark else "k"
                )


def _mood(plot: Axes, points: MoodPoints, judgement: Judgement) -> None:
    plot.scatter(points.truth, points.predicted, s=9, alpha=0.5, color="#0072b2", linewidths=0)
    score = judgement.scores.get(f"{points.mood}/spearman/{points.source}")
    rank = "" if score is None else f", Spearman {score.value:.2f}"
    plot.set_title(f"{points.mood}, {points.source}{rank}")
    plot.set_xlabel("label")
    plot.set_ylabel("told")
    plot.set_xlim(0, 1)
    plot.set_ylim(0, 1)
    plot.plot((0, 1), (0, 1), color="#888888", linewidth=0.7)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in header)
    lines = [
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    ]
    body = "\n".join(lines)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
