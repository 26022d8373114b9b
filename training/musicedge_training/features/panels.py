"""What is drawn of a song: pictures over time, of no more columns than a screen can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from librosa import util

from musicedge.mel import band_borders
from musicedge.overview import MOST_COLUMNS
from musicedge_training.features.analysis import FRAME_RATE, TEMPO_HOP, SongFeatures
from musicedge_training.features.figures import PITCH_CLASSES, Float32, Float64

Kind = Literal["mel", "chroma", "beat", "tempogram"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Axis = Literal["frequency", "pitch class", "tempo", "strength"]

DECIBELS = 70.0  # that the colours span, down from the loudest
_MOST_BEATS = 100  # lines that can be told apart on one picture


@dataclass(frozen=True)
class Panel:
    """One picture of a song.

    Attributes
    ----------
    title
        What it shows.
    axis, unit
        What its rows are, and what its values are in.
    values : np.ndarray [shape=(columns, rows)]
        Over time. A curve has one row.
    times : np.ndarray [shape=(columns + 1,)]
        Where columns begin and end, in seconds.
    borders : np.ndarray [shape=(rows + 1,)]
        Where rows begin and end: in Hz, in beats a minute, or counted.
    with_beats
        Whether the beats are drawn on it.
    """

    title: str
    axis: Axis
    unit: str
    values: Float32
    times: Float64
    borders: Float64
    with_beats: bool = False

    @property
    def is_curve(self) -> bool:
        """Whether it is a line, and not a picture with rows."""
        return self.axis == "strength"


def panels(features: SongFeatures, kinds: Sequence[Kind]) -> list[Panel]:
    """Return the pictures of some kinds, in their order."""
    found: list[Panel] = []
    hertz = band_borders(features.config)
    pitches = np.arange(len(PITCH_CLASSES) + 1.0)
    share = "1 is the strongest"
    if "mel" in kinds:
        values, times = _columns(features.levels, features.config.frame_rate)
        found.append(Panel("Log-mel", "frequency", "dB", values, times, hertz))
    if "chroma" in kinds:
        values, times = _columns(features.chroma, FRAME_RATE)
        found.append(Panel("Chroma", "pitch class", share, values, times, pitches))
    if "beat" in kinds:
        values, times = _columns(features.onsets[:, np.newaxis], FRAME_RATE, peaks=True)
        title = "Onsets of the percussive part"
        found.append(Panel(title, "strength", "dB", values, times, np.arange(2.0), True))
        values, times = features.beat_levels, features.borders
        title = "Log-mel, beat by beat"
        found.append(Panel(title, "frequency", "dB", values, times, hertz, True))
        values = features.beat_chroma
        title = "Chroma, beat by beat"
        found.append(Panel(title, "pitch class", share, values, times, pitches, True))
    if "tempogram" in kinds:
        values, times = _columns(features.tempogram, FRAME_RATE / TEMPO_HOP)
        borders = _log_borders(features.tempi)
        found.append(Panel("Tempogram", "tempo", "likeness", values, times, borders))
    return found


def value_range(shown: Sequence[Panel], axis: Axis) -> tuple[float, float]:
    """Return what the colours of all pictures with an axis span, or the height of curves.

    Parameters
    ----------
    shown
        The panels of all songs, so that the same value looks the same in each.
    axis
        Of which panels.
    """
    top = max(float(each.values.max()) for each in shown if each.axis == axis)
    ranges = {"frequency": (top - DECIBELS, top), "strength": (0.0, max(top, 1.0))}
    return ranges.get(axis, (0.0, 1.0))


def shown_beats(beats: Float64) -> tuple[Float64, int]:
    """Return the beats that are drawn, and that every how many-th of them is."""
    step = 1
    while len(beats) > _MOST_BEATS * step:
        step *= 2
    return beats[::step], step


def heading(panel: Panel, features: SongFeatures) -> str:
    """Return a panel's title, and what the lines on it are."""
    tempo = features.figures.tempo
    words = panel.title
    if panel.with_beats and tempo is None:
        return f"{words}: no beat found"
    if panel.with_beats:
        _, step = shown_beats(features.beats)
        lines = "a line a beat" if step == 1 else f"a line every {step} beats"
        return f"{words}: {lines}, {tempo:.0f} beats a minute"
    if panel.axis == "tempo" and tempo is not None:
        return f"{words}: dashed, the tempo of the beats, {tempo:.0f} a minute"
    return words


def _columns(rows: Float32, rate: float, *, peaks: bool = False) -> tuple[Float32, Float64]:
    """Join frames, `rate` a second, to columns by their mean or peak; return them and borders."""
    size = -(-len(rows) // MOST_COLUMNS)
    starts = np.arange(0, len(rows), size)
    joined = util.sync(rows.T, starts, aggregate=np.max if peaks else np.mean).T
    return joined, np.append(starts, len(rows)) / rate


def _log_borders(values: Float64) -> Float64:
    """Return the borders around values in equal steps of their logarithm."""
    half_step = np.sqrt(values[1] / values[0])
    return np.append(values / half_step, values[-1] * half_step)
