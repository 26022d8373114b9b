"""A few numbers for every hop of a signal that arrives in pieces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from musicedge.frontend import Float32


class HopTrack:
    """What is measured of every hop, kept for as long as it is asked for.

    Parameters
    ----------
    hop_length
        Samples in a hop.
    measure : callable
        Takes hops, np.ndarray [shape=(n, m)], and returns np.ndarray [shape=(n, k)]; m is
        `hop_length`, or less for the hop that the signal is in the middle of.
    """

    def __init__(self, hop_length: int, measure: Callable[[Float32], Float32]) -> None:
        self._hop = hop_length
        self._measure = measure
        self._rows = measure(np.empty((0, hop_length), np.float32))
        self._first = 0  # which hop the rows begin with
        self._pending: Float32 = np.empty(0, np.float32)  # samples of the unfinished hop

    def push(self, samples: Float32) -> None:
        """Take more samples, np.ndarray [shape=(n,)]."""
        if len(self._pending):
            samples = np.concatenate([self._pending, samples])
        count = len(samples) // self._hop
        self._pending = samples[count * self._hop :].copy()
        if count:
            hops = samples[: count * self._hop].reshape(count, self._hop)
            self._rows = np.concatenate([self._rows, self._measure(hops)])

    def between(self, start: int, end: int) -> Float32:
        """Return the rows of the hops ``[start, end)``, np.ndarray [shape=(n, k)].

        Hops that have not been pushed yet, as at the very end, are left out, but the unfinished one
        counts with what is there of it.

        Raises
        ------
        ValueError
            The first of them was forgotten.
        """
        first, last = start - self._first, end - self._first
        if first < 0:
            raise ValueError(f"frame {start} was forgotten: the first one is {self._first}")
        rows = self._rows[first:last]
        if last > len(self._rows) and len(self._pending):
            rows = np.concatenate([rows, self._measure(self._pending[np.newaxis])])
        return rows

    def forget(self, before: int) -> None:
        """Drop the hops before `before`."""
        count = min(max(0, before - self._first), len(self._rows))
        if count:
            self._rows = self._rows[count:].copy()
            self._first += count
