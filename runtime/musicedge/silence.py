"""Which stretches of a signal are digital silence, told from its samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicedge.frontend import Float32

SILENCE_PEAK = 1e-4
"""Full scale is 1, so -80 dBFS.

The quietest thing that a 16-bit recording holds is its own dither: triangular, at most 2 steps of
2**-15, which is -84 dBFS (Lipshitz, Wannamaker and Vanderkooy, "Quantization and dither: a
theoretical survey", Journal of the Audio Engineering Society 40, 1992). What stays below -80 dBFS
is nothing that anybody recorded.
"""


class SilenceMeter:
    """Tells of any stretch of frames whether the samples under it are digital silence.

    Half the distance between the highest and the lowest sample is compared with `SILENCE_PEAK`, so
    that a constant offset, which no ear hears, counts as silence as well. A network is not asked:
    front-ends that normalise would show it an arbitrary pattern.

    Parameters
    ----------
    hop_length
        Samples between frames.
    """

    def __init__(self, hop_length: int) -> None:
        self._hop = hop_length
        self._low: Float32 = np.empty(0, np.float32)  # one value a hop
        self._high: Float32 = np.empty(0, np.float32)
        self._first = 0  # which hop they begin with
        self._pending: Float32 = np.empty(0, np.float32)  # samples of the unfinished hop

    def push(self, samples: Float32) -> None:
        """Take more samples, np.ndarray [shape=(n,)]."""
        if len(self._pending):
            samples = np.concatenate([self._pending, samples])
        count = len(samples) // self._hop
        hops = samples[: count * self._hop].reshape(count, self._hop)
        self._pending = samples[count * self._hop :].copy()
        self._low = np.concatenate([self._low, hops.min(axis=1)])
        self._high = np.concatenate([self._high, hops.max(axis=1)])

    def is_silent(self, start: int, end: int) -> bool:
        """Whether the hops of the frames ``[start, end)`` are digital silence.

        Hops that have not been pushed yet, as at the very end, are not looked at; those that were
        forgotten must not be asked for.
        """
        first, last = start - self._first, end - self._first
        if first < 0:
            raise ValueError(f"frame {start} was forgotten: the first one is {self._first}")
        low, high = self._low[first:last], self._high[first:last]
        if last > len(self._low) and len(self._pending):
            low, high = np.append(low, self._pending.min()), np.append(high, self._pending.max())
        if len(low) == 0:
            return True
        return bool(_half_range(low, high) < SILENCE_PEAK)

    def forget(self, before: int) -> None:
        """Drop what belongs to frames before `before`."""
        count = min(max(0, before - self._first), len(self._low))
        self._low, self._high = self._low[count:].copy(), self._high[count:].copy()
        self._first += count


def _half_range(low: NDArray[np.float32], high: NDArray[np.float32]) -> float:
    return (float(high.max()) - float(low.min())) / 2
