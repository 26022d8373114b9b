"""Which stretches of a signal are digital silence, told from its samples."""

from __future__ import annotations

import numpy as np

from musicedge.frontend import Float32
from musicedge.hops import HopTrack

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
        self._track = HopTrack(hop_length, _extremes)

    def push(self, samples: Float32) -> None:
        """Take more samples, np.ndarray [shape=(n,)]."""
        self._track.push(samples)

    def is_silent(self, start: int, end: int) -> bool:
        """Whether the hops of the frames ``[start, end)`` are digital silence.

        Hops that have not been pushed yet, as at the very end, are not looked at; those that were
        forgotten must not be asked for.
        """
        extremes = self._track.between(start, end)
        if len(extremes) == 0:
            return True
        half_range = (float(extremes[:, 1].max()) - float(extremes[:, 0].min())) / 2
        return half_range < SILENCE_PEAK

    def forget(self, before: int) -> None:
        """Drop what belongs to frames before `before`."""
        self._track.forget(before)


def _extremes(hops: Float32) -> Float32:
    return np.stack([hops.min(axis=1), hops.max(axis=1)], axis=1)
