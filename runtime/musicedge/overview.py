"""A whole piece in as many columns as a screen can show: its waveform and its log-mel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicedge.frontend import Float32, FrontEnd
from musicedge.frontend_config import FrontEndConfig
from musicedge.hops import HopTrack

MOST_COLUMNS = 1600


@dataclass(frozen=True)
class Overview:
    """A piece in columns of equal length, the last of which may be shorter.

    Attributes
    ----------
    column_seconds
        Length of a column.
    seconds
        Length of the piece.
    peaks : np.ndarray [shape=(n, 2), dtype=float32]
        The lowest and the highest sample in each column, full scale at +-1.
    levels : np.ndarray [shape=(m, n_mels), dtype=float32]
        The mean over each column of every mel band's level, in dB.
    """

    column_seconds: float
    seconds: float
    peaks: Float32
    levels: Float32


class OverviewMaker:
    """Makes the overview of a piece whose samples come in pieces; memory does not grow with it.

    Parameters
    ----------
    front_end
        What makes the log-mel, as for the network.
    most
        Columns; from half of them on there are, where the piece is long enough.
    """

    def __init__(self, front_end: FrontEnd, most: int = MOST_COLUMNS) -> None:
        self._config = front_end.config
        self._stream = front_end.stream()
        self._track = HopTrack(self._config.hop_length, _extremes)
        self._hops = 0
        self._samples = 0
        self._peaks = _Columns(most, lambda rows: _extremes(rows.reshape(len(rows), -1)))
        self._levels = _Columns(most, lambda rows: rows.mean(axis=1))

    def push(self, samples: Float32) -> None:
        """Take samples at the front-end's rate, np.ndarray [shape=(n,)]."""
        self._samples += len(samples)
        self._track.push(samples)
        whole = self._samples // self._config.hop_length
        self._add_peaks(whole)
        self._levels.push(decibels(self._stream.push(samples), self._config))

    def finish(self) -> Overview:
        """End the piece and return its overview."""
        self._add_peaks(math.ceil(self._samples / self._config.hop_length))
        self._levels.push(decibels(self._stream.finish(), self._config))
        return Overview(
            self._peaks.size / self._config.frame_rate,
            self._samples / self._config.sample_rate,
            self._peaks.finish(),
            # Frames that are centred reach over the end: there may be one more than hops.
            self._levels.finish(),
        )

    def _add_peaks(self, hops: int) -> None:
        self._peaks.push(self._track.between(self._hops, hops))
        self._track.forget(hops)
        self._hops = hops


class _Columns:
    """Rows joined to columns; when there are too many of these, neighbours are joined again.

    Parameters
    ----------
    most
        Columns, an even number.
    join : callable
        Makes one row of several: np.ndarray [shape=(n, m, k)] becomes [shape=(n, k)].

    Attributes
    ----------
    size
        Rows in a column.
    """

    def __init__(self, most: int, join: Callable[[Float32], Float32]) -> None:
        self._most = most
        self._join = join
        self._columns: list[Float32] = []
        self._count = 0
        self._rest: Float32 | None = None
        self.size = 1

    def push(self, rows: Float32) -> None:
        """Take rows, np.ndarray [shape=(n, k)]."""
        rest = rows if self._rest is None else np.concatenate([self._rest, rows])
        while count := min(len(rest) // self.size, self._most - self._count):
            used = rest[: count * self.size]
            self._columns.append(self._join(used.reshape(count, self.size, -1)))
            rest = rest[count * self.size :]
            self._count += count
            if self._count == self._most:
                columns = np.concatenate(self._columns)
                self._count //= 2
                self._columns = [self._join(columns.reshape(self._count, 2, -1))]
                self.size *= 2
        self._rest = rest.copy()

    def finish(self) -> Float32:
        """Return the columns, np.ndarray [shape=(n, k)]; the last one may be of fewer rows."""
        rest = self._rest
        if rest is not None and len(rest):
            self._columns.append(self._join(rest[np.newaxis]))
        return np.concatenate(self._columns)


def decibels(frames: Float32, config: FrontEndConfig) -> Float32:
    """Return log-mel frames as levels in dB.

    Parameters
    ----------
    frames : np.ndarray [shape=(t, n_mels)]
        As the front-end gives them, scaled and shifted.
    config
        Its constants.

    Returns
    -------
    np.ndarray [shape=(t, n_mels)]
        10 log10 of the power in each band, as far down as the constants' `log_offset`.
    """
    logarithms = frames * np.float32(config.scale) + np.float32(config.mean)
    per_unit = 10 / math.log(10) if config.logarithm == "ln" else 1.0
    levels: Float32 = logarithms * np.float32(per_unit * 2 / config.power)
    return levels


def _extremes(rows: NDArray[Any]) -> Float32:
    return np.stack([rows.min(axis=1), rows.max(axis=1)], axis=1)
