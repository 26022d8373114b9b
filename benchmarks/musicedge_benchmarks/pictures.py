"""Pictures: what accuracy costs in time and in bytes, and how cost grows with the hours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from musicedge.errors import MusicedgeError
from musicedge_benchmarks.extras import require
from musicedge_benchmarks.memory import MEGABYTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from musicedge_benchmarks.comparison import Row
    from musicedge_benchmarks.endurance import Endurance
    from musicedge_benchmarks.growth import FileGrowth, Growth
    from musicedge_benchmarks.worth import Worths

SUFFIXES = (".png", ".svg", ".pdf")

_MARKERS = "osD^vP*X"
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito
_AREA = 60.0  # square points a megabyte
_MARGIN = 0.05  # of accuracy, so that a difference that means nothing looks like nothing


class PictureError(MusicedgeError):
    """There is nothing to draw, or nowhere to put it."""


def check_picture(path: Path) -> None:
    """Refuse what no picture can be written to, before anything is measured.

    Raises
    ------
    PictureError
        The suffix is none of `SUFFIXES`, or the folder is not there.
    ExtraMissing
        matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise PictureError(f"{path}: cannot be drawn; give a name with {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise PictureError(f"{path}: there is no folder {path.parent}; make it first")
    require("pictures", "plot", "matplotlib")


def draw_comparison(rows: Sequence[Row], path: Path, worths: Worths | None = None) -> None:
    """Draw accuracy against milliseconds a window, the file's size as the area of the mark.

    A mark is at the median, and a line goes to the 95th percentile. What stands to the upper left
    of another is better in both.

    Parameters
    ----------
    rows
        Those whose accuracy is not known are left out.
    path
        Its suffix is the format.
    worths
        Accuracies that were measured; None for those that the cards tell.

    Raises
    ------
    PictureError
        No accuracy is known, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    of = "five folds, from the card"
    if worths is not None and worths.models:
        rows, of = list(_with_measured(rows, worths)), f"measured on {worths.source}"
    known = [row for row in rows if row.accuracy is not None]
    if not known:
        raise PictureError(f"{path}: not drawn, since no model's accuracy is known")
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    models = list(dict.fromkeys(row.model for row in known))
    settings = list(dict.fromkeys((row.threads, row.batch) for row in known))
    for row in known:
        colour = _COLOURS[models.index(row.model) % len(_COLOURS)]
        marker = _MARKERS[settings.index((row.threads, row.batch)) % len(_MARKERS)]
        axes.plot([row.window.p50, row.window.p95], [row.accuracy] * 2, color=colour, alpha=0.5)
        area = _AREA * row.bytes / MEGABYTE
        axes.scatter(row.window.p50, row.accuracy, area, color=colour, marker=marker, alpha=0.7)
    for index, model in enumerate(models):
        size = next(row.bytes for row in known if row.model == model) / MEGABYTE
        label = f"{model}, {size:.2f} MB"
        axes.scatter([], [], 60, color=_COLOURS[index % len(_COLOURS)], label=label)
    for index, (threads, batch) in enumerate(settings):
        label = f"threads {threads}, windows at once {batch}"
        axes.scatter([], [], 60, color="grey", marker=_MARKERS[index % len(_MARKERS)], label=label)
    axes.set_xlim(left=0)
    scores = [row.accuracy for row in known if row.accuracy is not None]
    axes.set_ylim(min(scores) - _MARGIN, max(scores) + _MARGIN)
    axes.set_xlabel("milliseconds a window: median, and a line to the 95th percentile")
    axes.set_ylabel(f"genre accuracy, {of}")
    axes.set_title("Accuracy against time; the area is the size of the file")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", bbox_to_anchor=(1, 0), frameon=False)
    _save(figure, path)


def _with_measured(rows: Sequence[Row], worths: Worths) -> Iterator[Row]:
    """Yield the rows with the accuracy that was measured of their model, or none."""
    measured = {(each.model, each.provider): each.accuracy for each in worths.models}
    for row in rows:
        score = measured.get((row.model, row.provider))
        yield replace(row, accuracy=None if score is None else score.value)


def draw_growth(growth: Growth | None, endurance: Endurance | None, path: Path) -> None:
    """Draw time and memory against hours, of files and of listening, as far as measured.

    Parameters
    ----------
    growth
        Files of several lengths, each in a process of its own.
    endurance
        One long listening.
    path
        Its suffix is the format.

    Raises
    ------
    PictureError
        Nothing was measured, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    files = growth.files if growth is not None else []
    rows = bool(files) + (endurance is not None)
    if not rows:
        raise PictureError(f"{path}: not drawn, since nothing was measured")
    figure = Figure(figsize=(9, 3.5 * rows), layout="constrained")
    axes = list(figure.subplots(rows, 2, squeeze=False).flat)
    if files:
        time, memory, *axes = axes
        _draw_files(files, time, memory)
    if endurance is not None:
        heard, resident, taken = zip(*endurance.looks, strict=True)
        time, memory = axes
        time.plot(heard, taken, color=_COLOURS[0])
        _straight(time, heard[-1], taken[-1])
        time.set(title="Listening", xlabel="hours heard", ylabel="seconds")
        megabytes = [each / MEGABYTE for each in resident]
        memory.plot(heard, megabytes, color=_COLOURS[0])
        memory.set(title="Memory while listening", xlabel="hours heard", ylabel="MB resident")
        memory.set_ylim(0, 1.2 * max(megabytes))
    _save(figure, path)


def _draw_files(files: Sequence[FileGrowth], time: Axes, memory: Axes) -> None:
    hours = [file.hours for file in files]
    walls, cpus = zip(*((file.wall.median, file.cpu.median) for file in files), strict=True)
    time.plot(hours, walls, "o-", color=_COLOURS[0], label="from start to end")
    time.plot(hours, cpus, "s-", color=_COLOURS[1], label="processor time")
    _straight(time, hours[-1], cpus[-1])
    time.set(title="Files of several lengths", xlabel="hours of music", ylabel="seconds")
    for file, colour in zip(files, _COLOURS, strict=False):
        done, resident = zip(*file.looks, strict=True)
        megabytes = [each / MEGABYTE for each in resident]
        memory.plot(done, megabytes, color=colour, label=f"{file.hours:g} h")
    memory.set(title="Memory meanwhile", xlabel="hours done, about", ylabel="MB resident")
    memory.set_ylim(0, 1.2 * max(megabytes))
    memory.legend(frameon=False, loc="lower center")


def _straight(axes: Axes, hours: float, seconds: float) -> None:
    """Draw the straight line from nothing to the end."""
    axes.plot([0, hours], [0, seconds], ":", color="grey", label="a straight line")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def _save(figure: Figure, path: Path) -> None:
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise PictureError(f"{path}: cannot be written: {error.strerror}") from None
