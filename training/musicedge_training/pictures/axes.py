"""What pictures over time share: axes of time and of rows, such as bands, with their units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from musicedge.report.text import clock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

IMAGE: dict[str, Any] = {"aspect": "auto", "origin": "lower", "interpolation": "nearest"}
"""How a picture is put on its plot."""

_HERTZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_MOST_TICKS = 16


def hertz_axis(plot: Axes, borders: NDArray[np.float64]) -> None:
    """Label rows that are bands, [shape=(n + 1,)] borders of them in Hz, from the lowest up."""
    row_axis(
        plot,
        borders,
        _HERTZ,
        lambda hertz: f"{hertz / 1000:g}k" if hertz >= 1000 else f"{hertz:g}",
        "frequency, Hz",
    )


def row_axis(
    plot: Axes,
    borders: NDArray[np.float64],
    values: Sequence[float],
    words: Callable[[float], str],
    label: str,
) -> None:
    """Put ticks where values lie among the borders of rows, as far as they have room."""
    shown, places = [], []
    for value in values:
        place = float(np.interp(value, borders, np.arange(len(borders))))
        least = places[-1] + len(borders) / _MOST_TICKS if places else 0
        if borders[0] < value < borders[-1] and place >= least:
            shown.append(value)
            places.append(place)
    plot.set_yticks(places, list(map(words, shown)))
    plot.set(ylim=(0, len(borders) - 1), ylabel=label)


def time_axis(plot: Axes) -> None:
    """Label the horizontal axis, in seconds, as minutes and seconds."""
    plot.xaxis.set_major_formatter(
        FuncFormatter(lambda seconds, _: clock(seconds, tenths=seconds % 1 > 0.01))
    )
