"""The layers of a network as a picture: filters, activation maps, and a map of its embedding."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

if TYPE_CHECKING:
    from musicedge_training.layers import Float32, LayerMap

_DPI = 110
_SIGNED, _SIZES = "PuOr", "cividis"  # told apart without red and green
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#333333")
_MARKERS = ("o", "^", "s", "D")  # of these and the colours no two genres below 28 share both


@dataclass(frozen=True)
class EmbeddingMap:
    """Tracks on a plane.

    Attributes
    ----------
    places : np.ndarray [shape=(n, 2)]
        Where they lie.
    genres
        The genre of each.
    """

    places: NDArray[np.float64]
    genres: Sequence[str]


def draw(
    title: str,
    filters: Float32,
    maps: Sequence[LayerMap],
    seconds: float,
    embedding: EmbeddingMap | None,
) -> bytes:
    """Return the picture as the bytes of a PNG file.

    Parameters
    ----------
    title
        What stands above it.
    filters : np.ndarray [shape=(n, bands, time)]
        Of the first layer.
    maps
        What layers make of a window; may be empty.
    seconds
        Length of that window.
    embedding
        Tracks on a plane, if there are any.
    """
    heights = [1.6, *([1.6 * len(maps)] if maps else []), *([8] if embedding else [])]
    with mpl.rc_context({"text.parse_math": False, "font.size": 9}):
        figure = Figure((11, sum(heights) + 0.6), layout="constrained")
        figure.suptitle(title)
        parts = list(np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights)))
        _filters(parts.pop(0), filters)
        if maps:
            _maps(parts.pop(0), maps, seconds)
        if embedding:
            _embedding(parts.pop(0), embedding)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _filters(figure: SubFigure, filters: Float32) -> None:
    figure.suptitle("First layer: its filters, low bands below, time to the right")
    most = float(np.abs(filters).max())
    plots = np.atleast_1d(figure.subplots(1, len(filters)))
    for plot, values in zip(plots, filters, strict=True):
        image = plot.imshow(values, vmin=-most, vmax=most, cmap=_SIGNED, origin="lower")
        plot.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=list(plots), label="weight", fraction=0.02)


def _maps(figure: SubFigure, maps: Sequence[LayerMap], seconds: float) -> None:
    figure.suptitle("Activations: mean size of all channels, and the channels that vary most")
    columns = 1 + max(len(each.liveliest) for each in maps)
    plots = figure.subplots(len(maps), columns, squeeze=False)
    for row, each in zip(plots, maps, strict=True):
        bands = each.mean.shape[0]
        row[0].set_ylabel(f"layer {each.index}, {each.channels} channels\nfrequency, low to high")
        for plot, values in zip(row, (each.mean, *each.liveliest), strict=False):
            extent = (0, seconds, 0, bands)
            plot.imshow(values, aspect="auto", origin="lower", extent=extent, cmap=_SIZES)
            plot.set_yticks([])
        for plot in row[1 + len(each.liveliest) :]:
            plot.set_axis_off()
    for plot in plots[:-1].flat:
        plot.set_xticks([])
    for plot in plots[-1]:
        plot.set_xlabel("time in the window, s")


def _embedding(figure: SubFigure, embedding: EmbeddingMap) -> None:
    figure.suptitle("Embedding: tracks that the network finds alike lie close (t-SNE)")
    plot = figure.subplots()
    genres = np.array(embedding.genres)
    for index, genre in enumerate(sorted(set(embedding.genres))):
        plot.scatter(
            *embedding.places[genres == genre].T,
            s=18,
            color=_COLOURS[index % len(_COLOURS)],
            marker=_MARKERS[index % len(_MARKERS)],
            linewidths=0.3,
            edgecolors="white",
            label=f"{genre} ({(genres == genre).sum()})",
        )
    plot.set(xticks=[], yticks=[])
    plot.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
