"""One input's mono blocks at a wanted rate: cut, checked, resampled, and its end judged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO

import numpy as np

from musicedge.decoding import MEDIA_EXTRA, successor_of
from musicedge.decoding.base import Decoder, DecodingFailed, Float32
from musicedge.errors import (
    AudioEmpty,
    AudioFormat,
    AudioTruncated,
    AudioValues,
    MediaExtraMissing,
    MusicedgeError,
)
from musicedge.resampling import Resampler

BLOCK_SAMPLES = 2**16
"""The most samples in a block: 256 KiB of float32."""

_DECODED_SAMPLES = 2**18
"""About how many samples, over all channels, are decoded at once: 1 MiB of float32. Smaller pieces
suit caches, and the front-end less, which works on blocks of frames: a quarter of this takes a
tenth more time from file to result."""

MAX_SAMPLE = 1_000.0
"""The largest magnitude of a sample, full scale being 1: 60 dB above full scale is no recording but
integers stored as floats. Less than that is clipping to come, and no error."""

# A shortfall up to this is an encoder's delay and padding (at most two codec frames: 2 x 2048
# samples at 22 kHz) or a header's rounding; none of it is worth refusing a song for.
_SHORTFALL_S = 0.25
_SHORTFALL_RATIO = 0.001


class AudioReader:
    """Mono blocks of one input at one rate: a context manager, and iterable once.

    Made by `open` and `from_array`. Leaving the ``with`` block, the end of the iteration, and an
    error in it all close the input.

    Attributes
    ----------
    name : str
        What errors call the input.
    sample_rate : int
        The rate of the blocks, in Hz.
    source_rate, channels : int
        The rate, in Hz, and the number of channels of the input.
    decoder : str
        ``"soundfile"``, ``"pyav"`` or ``"array"``; it changes if PyAV has to go on where libsndfile
        stops.
    source_duration : float or None
        Seconds that the input says it lasts, before `offset` and `duration` cut it, if it does.
    notes : list of str
        What a user should know about how it was decoded; complete when the iteration ends.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        name: str,
        sample_rate: int | None,
        offset: float = 0.0,
        duration: float | None = None,
        file: BinaryIO | None = None,
    ) -> None:
        self.name = name
        self.source_rate = decoder.sample_rate
        self.sample_rate = decoder.sample_rate if sample_rate is None else sample_rate
        self.channels = decoder.channels
        self.decoder = decoder.label
        self.notes = decoder.notes
        self.source_duration = (
            None if decoder.frames is None else decoder.frames / decoder.sample_rate
        )
        self._source = decoder
        self._file = file
        self._frames = decoder.frames
        self._end = 0  # frames decoded, from the source's beginning
        self._remedy = ""
        self._start = round(offset * self.source_rate)
        self._stop = (
            None if duration is None else self._start + max(1, round(duration * self.source_rate))
        )
        self._iterated = False

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the input; more than once does no harm."""
        self._iterated = True
        self._source.close()
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[Float32]:
        """Yield the blocks, np.ndarray [shape=(n,), dtype=float32], finite, n at most 2**16.

        Raises
        ------
        AudioEmpty
            There are no samples, or none after the offset.
        AudioTruncated
            The file ends before the length that its header promises; the blocks that it holds have
            been yielded.
        AudioFormat
            The file cannot be decoded to its end; the blocks before have been yielded.
        AudioValues
            A sample is not finite or is far beyond full scale.
        """
        if self._iterated:
            raise RuntimeError(f"{self.name} has been read or closed: open it again")
        self._iterated = True
        return self._closing_blocks()

    def _closing_blocks(self) -> Iterator[Float32]:
        try:
            for block in self._resampled():
                for start in range(0, len(block), BLOCK_SAMPLES):
                    yield block[start : start + BLOCK_SAMPLES]
        finally:
            self.close()

    def _resampled(self) -> Iterator[Float32]:
        """Yield what `_cut` yields at the wanted rate; what it ends with, raise at the very end."""
        resampler = Resampler(self.source_rate, self.sample_rate)
        ending: MusicedgeError | None = None
        try:
            for block in self._cut():
                yield resampler.push(block)
        except (AudioTruncated, AudioFormat) as error:
            ending = error
        yield resampler.finish()
        if ending is not None:
            raise ending

    def _cut(self) -> Iterator[Float32]:
        """Yield the blocks between offset and end, checked; then raise what is wrong, if it is."""
        # More samples may come out of the resampler than go in.
        size = min(_DECODED_SAMPLES, _DECODED_SAMPLES * self.source_rate // self.sample_rate)
        position = self._start
        failure: DecodingFailed | None = None
        try:
            for decoded in self._decoded(size):
                block = decoded if self._stop is None else decoded[: self._stop - position]
                check_samples(block, self.name, position, self.source_rate)
                position += len(block)
                yield block
                if position == self._stop:
                    return
        except DecodingFailed as error:
            failure = error
        self._judge_end(position - self._start, failure)

    def _decoded(self, size: int) -> Iterator[Float32]:
        """Yield what is decoded from the offset on; where libsndfile fails, PyAV goes on."""
        try:
            yield from self._decoded_from(self._start, size)
            return
        except DecodingFailed as error:
            failure = error
        reached = self._end
        self._take_over(failure)
        yield from self._decoded_from(max(self._start, reached), size)

    def _decoded_from(self, start: int, size: int) -> Iterator[Float32]:
        self._end = self._source.seek(start) if start else 0
        for decoded in self._source.blocks(size):
            skip = max(0, start - self._end)
            self._end += len(decoded)
            if skip < len(decoded):
                yield decoded[skip:]

    def _take_over(self, failure: DecodingFailed) -> None:
        """Let another decoder go on in the place of the one that failed, or raise its failure."""
        try:
            successor = successor_of(self._source, self._file, self.name)
        except MediaExtraMissing:
            self._remedy = f"{MEDIA_EXTRA}, which may decode the rest, or "
            raise failure from None
        if successor is None:
            raise failure
        at = _seconds(self._end / self.source_rate)
        self.notes.append(f"decoded by PyAV from {at} on: libsndfile stopped there ({failure})")
        self._source.close()
        self._source = successor
        self.decoder = successor.label
        successor.notes = self.notes

    def _judge_end(self, kept: int, failure: DecodingFailed | None) -> None:
        """Raise what is wrong with an input that ended, by itself, after `kept` frames of use."""
        rate, frames, end = self.source_rate, self._frames, self._end
        expected = frames
        if expected is not None and self._stop is not None:
            expected = min(expected, self._stop)
        missing = 0 if expected is None else expected - max(end, self._source.reached)
        cause = "" if failure is None else f" ({failure})"
        ends = f"{self.name}: the audio ends at {_seconds(end / rate)}{cause}"
        remedy = f"{self._remedy}get the whole file"
        if kept:
            # Rounded down: rounded up, the same error would come again.
            part = math.floor(100 * kept / rate) / 100
            remedy = f"{self._remedy}use --duration {part:.2f} to classify the part that is there"
        if frames and missing > rate * _SHORTFALL_S + frames * _SHORTFALL_RATIO:
            raise AudioTruncated(
                f"{ends}, but its header promises {_seconds(frames / rate)}; {remedy}"
            )
        if failure is not None and (expected is None or not kept):
            raise AudioFormat(f"{ends}: the rest cannot be decoded; {remedy}")
        if not kept and self._start:
            raise beyond_end(self.name, self._start / rate, end / rate)
        if not kept:
            raise AudioEmpty(f"{self.name}: it holds no samples; give a file with sound in it")
        if failure is not None and missing > 0:
            self.notes.append(f"the last {missing / rate:.2f} s could not be decoded{cause}")


def check_samples(block: Float32, name: str, position: int, sample_rate: int) -> None:
    """Raise AudioValues where a sample is not finite or is far beyond full scale.

    Parameters
    ----------
    block : np.ndarray [shape=(n,)]
        At least one sample.
    name
        What the error calls the input.
    position, sample_rate
        Where the block begins, in samples, and their rate in Hz.
    """
    peak = max(block.max(), -block.min())
    if peak <= MAX_SAMPLE:  # false for NaN too
        return
    with np.errstate(invalid="ignore"):
        bad = int(np.flatnonzero(~(np.abs(block) <= MAX_SAMPLE))[0])
    value = float(block[bad])
    at = (position + bad) / sample_rate
    if math.isfinite(value):
        reason = f"{value:g}, and full scale is 1; scale the samples to within +-1"
    else:
        reason = f"{value}, not a finite number; repair it or export it again"
    raise AudioValues(f"{name}: the sample at {at:.3f} s is {reason}")


def beyond_end(name: str, offset: float, end: float) -> AudioEmpty:
    """Return the error for an offset, in seconds, that is not before the end."""
    return AudioEmpty(
        f"{name}: the offset of {offset:g} s is beyond its end at {_seconds(end)}; "
        "give a smaller one"
    )


def _seconds(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds:.2f} s"
    return f"{seconds:.2f} s ({seconds / 3600:.1f} h)"
