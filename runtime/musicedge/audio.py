"""A song in (path, bytes, file object, array), mono float32 blocks at a wanted rate out.

Memory stays bounded at any length: a block is decoded, mixed down, resampled and handed on before
the next. What decodes is chosen by content, never by name; see `musicedge.decoding`.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from numpy.typing import ArrayLike

from musicedge.decoding import decoder_for
from musicedge.decoding.base import MAX_CHANNELS, SAMPLE_RATE_RANGE
from musicedge.decoding.reader import BLOCK_SAMPLES, MAX_SAMPLE, AudioReader, beyond_end
from musicedge.decoding.samples import ArrayDecoder
from musicedge.decoding.sources import SPOOL_LIMIT, open_source, printable
from musicedge.errors import AudioFormat, AudioValues
from musicedge.suffixes import AUDIO_SUFFIXES

__all__ = [
    "AUDIO_SUFFIXES",
    "BLOCK_SAMPLES",
    "MAX_CHANNELS",
    "MAX_SAMPLE",
    "SAMPLE_RATE_RANGE",
    "SPOOL_LIMIT",
    "AudioReader",
    "from_array",
    "open",
    "printable",
]

_MAX_SECONDS = 1e9  # 30 years


def open(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    sample_rate: int | None,
    offset: float = 0.0,
    duration: float | None = None,
    name: str | None = None,
) -> AudioReader:
    """Open an input for reading as mono blocks.

    Parameters
    ----------
    source
        A path; the bytes of a file; or a binary file object, which is copied from its present
        position to its end (up to `SPOOL_LIMIT` bytes) to the temporary folder and left open. Only
        local files are read: neither URLs nor playlists lead to other places.
    sample_rate
        The rate of the blocks, in Hz; None for the source's own.
    offset, duration
        Seconds to skip at the beginning, and to read from there; None reads to the end. A duration
        that reaches beyond the end is cut there.
    name
        What errors call the input; by default its path, ``standard input``, or what it is.

    Returns
    -------
    AudioReader
        To be used as a context manager, or iterated to its end.

    Raises
    ------
    AudioNotFound, AudioPermission
        There is no such file; it may not be read.
    AudioFormat, MediaExtraMissing
        It is not audio that the installed decoders understand, or no regular file; PyAV is missing.
    AudioEmpty
        It is empty, or `offset` is beyond its end.
    AudioValues
        `offset`, `duration`, the source's rate or its number of channels is out of range.

    Examples
    --------
    >>> from musicedge import audio
    >>> with audio.open("song.mp3", sample_rate=32_000) as reader:  # doctest: +SKIP
    ...     seconds = sum(len(block) for block in reader) / reader.sample_rate
    """
    if sample_rate is not None:
        _check_rate(sample_rate)
    file, name = open_source(source, name)
    try:
        # Else the numbers below could leave what integers and decoders hold.
        if not 0 <= offset <= _MAX_SECONDS:
            raise AudioValues(f"{name}: the offset is {offset:g} s; give 0 or more seconds")
        if duration is not None and not 0 < duration <= _MAX_SECONDS:
            raise AudioValues(f"{name}: the duration is {duration:g} s; give more than 0 seconds")
        decoder = decoder_for(file, name)
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):  # a failing disk
            reason = error.strerror or error
            raise AudioFormat(f"{name}: reading fails ({reason}); copy it elsewhere") from None
        raise
    reader = AudioReader(
        decoder, name=name, sample_rate=sample_rate, offset=offset, duration=duration, file=file
    )
    frames = decoder.frames
    if offset and frames is not None and round(offset * decoder.sample_rate) >= frames:
        reader.close()
        raise beyond_end(name, offset, frames / decoder.sample_rate)
    return reader


def from_array(
    samples: ArrayLike, source_rate: int, *, sample_rate: int, name: str = "array"
) -> AudioReader:
    """Read an array as mono blocks.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,) or (channels, n), dtype=float]
        Full scale at +-1; at most `MAX_CHANNELS` channels. Not copied as a whole.
    source_rate, sample_rate
        The rates of the array and of the blocks, in Hz.
    name
        What errors call it.

    Returns
    -------
    AudioReader
        As `open` returns.

    Raises
    ------
    AudioEmpty
        The array holds no samples.
    AudioValues
        Its type, shape or rate is none of these.
    """
    _check_rate(sample_rate)
    name = printable(name)
    return AudioReader(ArrayDecoder(samples, source_rate, name), name=name, sample_rate=sample_rate)


def _check_rate(sample_rate: int) -> None:
    low, high = SAMPLE_RATE_RANGE
    if not low <= sample_rate <= high:
        raise ValueError(f"sample_rate is {sample_rate!r}: must be from {low} to {high} Hz")
