"""Why a model says what it says of a moment of a piece, found out from the model file alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from musicedge import audio
from musicedge.analysis import MOODS, Analysis, Segment
from musicedge.errors import AudioValues, NothingToExplain
from musicedge.explanation import Explanation, Part
from musicedge.faithfulness import CURVE_RUNS, curves
from musicedge.frontend import Float32
from musicedge.mel import band_borders
from musicedge.occlusion import BANDS, MASKS, MOMENTS, Occluder, influence_maps
from musicedge.overview import Overview, OverviewMaker, decibels
from musicedge.readings import Float64, target_names
from musicedge.road import Judged, Road
from musicedge.windows import WindowCutter

if TYPE_CHECKING:
    from musicedge.model import Model

RUNS = MASKS + CURVE_RUNS + MOMENTS + BANDS
"""Windows that are run at most, beside those of the whole piece."""


class MapMaker(Protocol):
    """What tells how much each cell of a window speaks for a value."""

    @property
    def method(self) -> str:
        """What it is called."""

    def __call__(self, occluder: Occluder, of: str) -> Float64:
        """Return the map of a window, np.ndarray [shape=(moments, bands)], in log-odds."""


def explain(
    model: Model,
    source: str | os.PathLike[str] | bytes,
    *,
    at: float | None = None,
    of: str | None = None,
    by: MapMaker | None = None,
    name: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Explanation:
    """Tell what a model goes by in one window of a piece.

    Parameters
    ----------
    model
        The model.
    source
        A path, or the bytes of a file. It is read twice.
    at
        A moment in seconds; the window around it is explained. Without it, the one in which the
        value is highest.
    of
        What to explain, one of `musicedge.readings.target_names`; without it, the first genre.
    by
        What makes the map; by default parts of the window are covered, which needs the model alone.
    name
        What results and errors call the source.
    progress
        Called with the number of windows that were run, now and then; at most `RUNS` in all.

    Raises
    ------
    AudioError
        The source cannot be used, or the moment is not in it.
    NothingToExplain
        There is no music in the piece, or at that moment.
    ModelInvalid
        The network fails, or gives what its card does not promise.
    ValueError
        The model gives no value of that name.

    Examples
    --------
    >>> import musicedge
    >>> found = musicedge.explain(musicedge.load("cnn"), "song.mp3")  # doctest: +SKIP
    >>> found.of, found.value, found.bands[0].without  # doctest: +SKIP
    ('rock', 0.71, 0.44)
    """
    names = target_names(model.card)
    if of is not None and of not in names:
        raise ValueError(f"of is {of!r}: must be one of {', '.join(names)}")
    if of is None and model.card.head("genre") is None:
        of = names[0]
    analysis = model.analyze(source, name=name)
    called = audio.printable(analysis.path or "source")
    index = _surest(analysis, of, called) if at is None else _around(analysis, at, of, called)
    window = analysis.segments[index]
    of = of if of is not None else window.genre[0].label
    target = names.index(of)
    with np.errstate(all="ignore"):  # what overflows is checked where it can matter
        overview, frames = _second_look(model, source, name, index)
        occluder = Occluder(model, frames)
        if by is None:
            method, maps = "occlusion", influence_maps(occluder, progress=progress)
            named = dict(zip(names, maps, strict=True))
        else:
            method, named = by.method, {of: by(occluder, of)}
        check = curves(occluder, named[of], target, progress=progress)
        without = _without_lines(occluder, target, progress)
    grid, config = occluder.grid, model.card.frontend
    borders = band_borders(config)
    seconds, hertz = window.start + grid.frames / config.frame_rate, borders[grid.bands]
    return Explanation(
        analysis=analysis,
        window=window,
        of=of,
        value=float(check.deletion[0]),
        seconds=seconds,
        hertz=hertz,
        method=method,
        maps=named,
        moments=_parts(seconds, without[: len(seconds) - 1]),
        bands=_parts(hertz, without[len(seconds) - 1 :]),
        curves=check,
        overview=overview,
        levels=decibels(frames, config),
        borders=borders,
    )


def _value(window: Segment, of: str | None) -> float | None:
    """Return a window's value of a target, by default of its first genre; None where it has none.

    A model is asked for nothing where there is digital silence, so that there is no value either.
    """
    if of == "music":
        return window.music or None
    if of in MOODS:
        mood: float | None = getattr(window, of)
        return mood
    scores = [entry.score for entry in window.genre if of in (None, entry.label)]
    return scores[0] if scores else None


def _surest(analysis: Analysis, of: str | None, name: str) -> int:
    """Return the index of the window in which the value is highest."""
    values = [_value(window, of) for window in analysis.segments]
    known = [(value, -index) for index, value in enumerate(values) if value is not None]
    if not known or (of != "music" and not analysis.is_music):
        why = "nothing but digital silence"
        if analysis.music > 0:
            why = f"no music in it (probability {analysis.music:.2f})"
        raise NothingToExplain(f"{name}: {why}, so there is nothing to explain; give some music")
    return -max(known)[1]


def _around(analysis: Analysis, at: float, of: str | None, name: str) -> int:
    """Return the index of the window whose middle is next to a moment."""
    windows = analysis.segments
    start, end = windows[0].start, max(windows[-1].end, analysis.duration)
    if not start <= at <= end:
        raise AudioValues(
            f"{name}: the moment is {at:g} s, but the piece lasts from {start:g} to {end:.3f} s; "
            "give one in between"
        )
    distances = [abs((each.start + each.end) / 2 - at) for each in windows]
    index = int(np.argmin(distances))
    window = windows[index]
    if _value(window, of) is None:
        raise NothingToExplain(
            f"{name}: no music from {window.start:g} to {window.end:g} s (probability "
            f"{window.music:.2f}), so there is nothing to explain; choose another moment"
        )
    return index


def _second_look(
    model: Model, source: str | os.PathLike[str] | bytes, name: str | None, index: int
) -> tuple[Overview, Float32]:
    """Read a piece again; return its overview, and the frames of a window without repetitions."""
    card = model.card
    maker = OverviewMaker(model.front_end)
    road = Road(model.front_end, WindowCutter(card.window_frames, card.hop_frames))
    frames: Float32 | None = None
    seen = 0
    with audio.open(source, sample_rate=card.frontend.sample_rate, name=name) as reader:
        for window, _ in _windows(reader, road, maker):
            if seen == index:
                frames = window.frames[: window.end - window.start]
            seen += 1
    if frames is None:
        called = audio.printable(reader.name)
        raise AudioValues(f"{called}: it changed while it was read; try again")
    return maker.finish(), frames


def _windows(reader: audio.AudioReader, road: Road, maker: OverviewMaker) -> Iterator[Judged]:
    for block in reader:
        maker.push(block)
        yield from road.push(block)
    yield from road.finish()


def _without_lines(
    occluder: Occluder, target: int, progress: Callable[[int], None] | None
) -> Float64:
    """Return the value without each moment, and after them without each band."""
    n_moments, n_bands = occluder.grid.shape
    shown = np.ones((n_moments + n_bands, n_moments, n_bands), bool)
    for moment in range(n_moments):
        shown[moment, moment] = False
    for band in range(n_bands):
        shown[n_moments + band, :, band] = False
    return occluder.values(list(shown), progress=progress)[:, target]


def _parts(borders: Float64, without: Float64) -> tuple[Part, ...]:
    starts, ends = borders[:-1].tolist(), borders[1:].tolist()
    return tuple(map(Part, starts, ends, without.tolist()))
