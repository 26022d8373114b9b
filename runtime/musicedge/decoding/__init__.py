"""Decoders: chooses the one for an open file, by the file's content."""

from __future__ import annotations

from typing import BinaryIO

from musicedge.decoding.base import Decoder, DecodingFailed, NotRecognised
from musicedge.decoding.containers import SampleData, sample_data
from musicedge.errors import AudioError, AudioFormat, MediaExtraMissing

MEDIA_EXTRA = "pip install 'musicedge[media]'"


def decoder_for(file: BinaryIO, name: str) -> Decoder:
    """Return a decoder of a file: libsndfile where it decodes it, else PyAV (FFmpeg).

    Parameters
    ----------
    file
        A regular file, unbuffered; it stays open and belongs to the caller.
    name
        What errors call it.

    Raises
    ------
    AudioValues
        The sample rate or the number of channels is out of range.
    MediaExtraMissing
        libsndfile does not decode the file, and PyAV is not installed.
    AudioFormat
        Neither decodes it.
    """
    data = sample_data(file)
    decoder = _choose(file, name, data)
    if data is not None and decoder.frames is not None:
        decoder.frames = round(decoder.frames * data.promised_ratio)
    return decoder


def successor_of(decoder: Decoder, file: BinaryIO | None, name: str) -> Decoder | None:
    """Return a decoder that may go on where one failed; None where there is none.

    Raises
    ------
    MediaExtraMissing
        PyAV might, but is not installed.
    """
    if file is None or decoder.label != "soundfile":
        return None
    try:
        from musicedge.decoding.ffmpeg import PyAVDecoder

        successor = PyAVDecoder(file, name)
    except ImportError:
        raise MediaExtraMissing(f"{name}: PyAV may decode it: {MEDIA_EXTRA}") from None
    except (DecodingFailed, AudioError):
        return None
    if successor.sample_rate != decoder.sample_rate:
        successor.close()
        return None
    return successor


def _choose(file: BinaryIO, name: str, data: SampleData | None) -> Decoder:
    from musicedge.decoding.libsndfile import SoundFileDecoder  # soundfile is slow to import

    first: SoundFileDecoder | None = None
    try:
        first = SoundFileDecoder(file, name, data)
        if first.partial is None:
            return first
        refusal: Exception | str = first.partial
    except DecodingFailed as failure:
        refusal = failure
    try:
        from musicedge.decoding.ffmpeg import PyAVDecoder

        second = PyAVDecoder(file, name)
    except ImportError:
        if first is not None:
            first.notes.append(f"{refusal}; PyAV decodes all of it: {MEDIA_EXTRA}")
            return first
        raise MediaExtraMissing(
            f"{name}: libsndfile does not decode it ({refusal}); if it is audio or video, "
            f"PyAV may: {MEDIA_EXTRA}"
        ) from None
    except DecodingFailed as failure:
        if first is not None:
            first.notes.append(str(refusal))
            return first
        raise AudioFormat(
            f"{name}: not audio that libsndfile or FFmpeg understands (libsndfile: {refusal}; "
            f"FFmpeg: {failure}); give an audio or video file"
        ) from None
    except BaseException:
        if first is not None:
            first.close()
        raise
    if first is not None:
        first.close()
    if not isinstance(refusal, NotRecognised):
        second.notes.insert(0, f"decoded by PyAV: libsndfile refused it ({refusal})")
    return second
