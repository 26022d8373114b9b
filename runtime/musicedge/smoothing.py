"""Readings that follow one another, smoothed over time: explicit, and one number to set."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from musicedge.analysis import MOODS, Segment
from musicedge.pace import SMOOTH
from musicedge.readings import Float64, ranked


class Smoothing:
    """An exponential moving average over the windows since the music began.

    What lies `seconds` back has 1/e of the weight of what is newest. The weights always sum to 1,
    so the first windows count as any others, and nothing is drawn towards a starting value. Where a
    window holds no music, nothing is averaged, and the next music begins anew.

    Parameters
    ----------
    seconds
        The time constant; 0 for none: every window as it is.

    Raises
    ------
    ValueError
        `seconds` is no finite number of at least 0.
    """

    def __init__(self, seconds: float = SMOOTH) -> None:
        if not 0 <= seconds < math.inf:
            raise ValueError(f"smooth is {seconds!r}: must be 0 or more seconds")
        self._seconds = seconds
        self.reset()

    def reset(self) -> None:
        """Forget all windows so far."""
        self._mean: Float64 | None = None
        self._weight = 0.0  # of all windows so far, that of the newest being 1
        self._end = 0.0

    def push(self, window: Segment, *, holds_music: bool) -> Segment:
        """Return the average up to a window, with that window's times.

        Parameters
        ----------
        window
            Later than the one before.
        holds_music
            Whether it holds music; if not, it is returned as it is.
        """
        if not holds_music:
            self.reset()
            return window
        labels = sorted(entry.label for entry in window.genre)
        moods = [name for name in MOODS if getattr(window, name) is not None]
        scores = {entry.label: entry.score for entry in window.genre}
        values = np.array(
            [
                window.music,
                *(getattr(window, name) for name in moods),
                *(scores[label] for label in labels),
            ]
        )
        mean = self._average(values, window.end)
        first = 1 + len(moods)
        return replace(
            window,
            music=float(mean[0]),
            genre=ranked(zip(labels, mean[first:], strict=True)),
            **{name: float(value) for name, value in zip(moods, mean[1:first], strict=True)},
        )

    def _average(self, values: Float64, end: float) -> Float64:
        elapsed, self._end = end - self._end, end
        if self._mean is None or self._seconds == 0:
            self._mean, self._weight = values, 1.0
        else:
            self._weight = 1 + self._weight * math.exp(-elapsed / self._seconds)
            self._mean = self._mean + (values - self._mean) / self._weight
        return self._mean
