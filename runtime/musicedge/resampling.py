"""Mono sound from one sample rate to another, as it comes."""

from __future__ import annotations

from typing import Any

import numpy as np

from musicedge.frontend import Float32

QUALITY = "HQ"
"""soxr's name for 20 bits of precision. Of the lower steps, MQ changes no score of the shipped
model and LQ hardly any, for a tenth less time; QQ halves it and changes more than MP3 does."""


class Resampler:
    """soxr's streaming resampler; where both rates are the same, samples pass as they are.

    What comes out does not depend on how the sound is cut into pieces. Some milliseconds of it are
    held back until more comes.

    Parameters
    ----------
    source_rate, sample_rate
        Of what goes in and of what comes out, in Hz.
    """

    def __init__(self, source_rate: int, sample_rate: int) -> None:
        self._stream: Any = None
        if source_rate != sample_rate:
            import soxr  # late: many files have the model's rate already

            self._stream = soxr.ResampleStream(
                source_rate, sample_rate, 1, dtype="float32", quality=QUALITY
            )

    def push(self, samples: Float32) -> Float32:
        """Take samples, np.ndarray [shape=(n,)], and return those that are ready."""
        if self._stream is None:
            return samples
        ready: Float32 = self._stream.resample_chunk(samples)
        return ready

    def finish(self) -> Float32:
        """End the sound, and return what was held back."""
        rest: Float32 = np.empty(0, np.float32)
        if self._stream is not None:
            rest = self._stream.resample_chunk(rest, last=True)
        return rest
