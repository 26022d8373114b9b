"""How much sample data a PCM container promises and holds; how an Ogg file ends.

Decoders trim their lengths to what is there without a word: a cut-off file would pass for a short
one. The chunk layouts are those of the RIFF (Microsoft and IBM, 1991), RF64 (EBU Tech 3306), AIFF
(Apple, 1989), Wave64 (Sonic Foundry), Core Audio Format (Apple) and AU (NeXT) specifications.
"""

from __future__ import annotations

import os
import struct
from itertools import chain
from typing import BinaryIO, NamedTuple

from musicedge.decoding.sources import copy_of, pieces_of

_MAX_CHUNKS = 10_000  # before the sample data; real files hold a few
_NO_SEEK_SLACK = 4096


class _Layout(NamedTuple):
    """Where chunks begin, their header, the sample data's id, what sizes are padded to."""

    first: int
    header: str
    data: bytes
    align: int
    size_includes_header: bool = False


_WAVE64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_FORM_TYPES = (b"WAVE", b"AIFF", b"AIFC")
_LAYOUTS = {
    b"RIFF": _Layout(12, "<4sI", b"data", 2),
    b"RF64": _Layout(12, "<4sI", b"data", 2),
    b"BW64": _Layout(12, "<4sI", b"data", 2),
    b"RIFX": _Layout(12, ">4sI", b"data", 2),
    b"FORM": _Layout(12, ">4sI", b"SSND", 2),
    b"riff": _Layout(40, "<16sQ", _WAVE64_DATA, 8, size_includes_header=True),
    b"caff": _Layout(8, ">4sQ", b"data", 1),
}


class SampleData(NamedTuple):
    """The chunk that holds the samples.

    Attributes
    ----------
    size_at
        Where its 32-bit size stands in the file.
    promised
        Bytes that the size says; None where the writer could not seek back to fill it in.
    present
        Bytes from its beginning to its promised end, or to the end of the file if that is nearer.
    zero_but_filled
        Whether its size is 0 though samples follow, as a writer leaves it that cannot seek.
    """

    size_at: int
    promised: int | None
    present: int
    zero_but_filled: bool = False

    @property
    def promised_ratio(self) -> float:
        """How many times what is there the header promises; 1 where it is all there."""
        if self.promised is None or self.present == 0:
            return 1.0
        return self.promised / self.present


def sample_data(file: BinaryIO) -> SampleData | None:
    """Return the sample data chunk of a PCM container; None for other files."""
    end = os.fstat(file.fileno()).st_size
    magic = _read(file, 0, 4)
    if magic in (b".snd", b"dns."):
        return _au(file, end, "<" if magic == b"dns." else ">")
    layout = _LAYOUTS.get(magic)
    if layout is None or (layout.first == 12 and _read(file, 8, 4) not in _FORM_TYPES):
        return None
    position, large = layout.first, None
    width = struct.calcsize(layout.header)
    for _ in range(_MAX_CHUNKS):
        header = _read(file, position, width)
        if len(header) < width:
            return None
        identifier, size = struct.unpack(layout.header, header)
        start = position + width
        size -= width if layout.size_includes_header else 0
        if size < 0:
            return None
        if identifier == b"ds64":  # RF64: the sizes that 32 bits do not hold
            sizes = _read(file, start, 16)
            large = struct.unpack("<QQ", sizes)[1] if len(sizes) == 16 else None
        if identifier == layout.data:
            if size == 0xFFFFFFFF and large is not None:
                size = large
            return _chunk(file, layout, start, size, end)
        position = start + size + -size % layout.align
    return None


def with_unknown_size(file: BinaryIO, name: str, data: SampleData) -> BinaryIO:
    """Return a temporary copy whose sample data's size says that it is unknown, not zero."""
    pieces = (
        pieces_of(file, 0, data.size_at),
        [struct.pack("<I", 0xFFFFFFFF)],
        pieces_of(file, data.size_at + 4),
    )
    return copy_of(chain.from_iterable(pieces), name)


def _chunk(file: BinaryIO, layout: _Layout, start: int, size: int, end: int) -> SampleData:
    size_at = start - 4  # true of the 32-bit layouts, the only ones whose size is ever mended
    there = max(0, end - start)
    if size == 0 and there > 0 and layout.header == "<4sI":
        filled = not _is_chunk_chain(file, layout, start, end)
        return SampleData(size_at, None, there if filled else 0, filled)
    return SampleData(size_at, None if _is_unknown(size) else size, min(size, there))


def _au(file: BinaryIO, end: int, order: str) -> SampleData | None:
    header = _read(file, 4, 8)
    if len(header) < 8:
        return None
    start, size = struct.unpack(f"{order}II", header)
    return SampleData(8, None if _is_unknown(size) else size, min(size, max(0, end - start)))


def _is_unknown(size: int) -> bool:
    """Whether a size is what a writer puts that cannot seek back.

    FFmpeg puts the largest 32-bit number; SoX and arecord put the largest signed one, less room for
    headers or to the next page; CAF puts -1.
    """
    return size >= 2**63 or any(limit - _NO_SEEK_SLACK <= size <= limit for limit in (2**31, 2**32))


def _is_chunk_chain(file: BinaryIO, layout: _Layout, position: int, end: int) -> bool:
    """Whether chunks with readable names fill the file from here to its end."""
    for _ in range(_MAX_CHUNKS):
        if position >= end:
            return True
        header = _read(file, position, 8)
        if len(header) < 8 or not all(32 <= byte < 127 for byte in header[:4]):
            return False
        size: int = struct.unpack(layout.header, header)[1]
        position += 8 + size + size % 2
    return False


class OggEnd(NamedTuple):
    """How an Ogg file ends: whether in a later stream of a chain, and with an end mark."""

    is_chained: bool
    is_complete: bool


_OGG_PAGE = struct.Struct("<4sBBqIIIB")  # RFC 3533, section 6
_OGG_LAST_PAGE = 65_307  # the most that a page takes
_OGG_BEGIN, _OGG_END = 2, 4


def ogg_end(file: BinaryIO) -> OggEnd | None:
    """Return how an Ogg file ends; None for other files, or where the last page is not found."""
    serials: set[int] = set()
    position = 0
    for _ in range(_MAX_CHUNKS):  # every stream begins before any goes on
        page = _read(file, position, _OGG_PAGE.size + 255)
        if len(page) < _OGG_PAGE.size or page[:4] != b"OggS":
            return None
        _, _, flags, _, serial, _, _, segments = _OGG_PAGE.unpack(page[: _OGG_PAGE.size])
        if not flags & _OGG_BEGIN:
            break
        serials.add(serial)
        lacing = page[_OGG_PAGE.size : _OGG_PAGE.size + segments]
        position += _OGG_PAGE.size + segments + sum(lacing)
    size = os.fstat(file.fileno()).st_size
    tail = _read(file, max(0, size - 2 * _OGG_LAST_PAGE), 2 * _OGG_LAST_PAGE)
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) - at < _OGG_PAGE.size:
        return None
    _, _, flags, _, serial, _, _, segments = _OGG_PAGE.unpack_from(tail, at)
    lacing = tail[at + _OGG_PAGE.size : at + _OGG_PAGE.size + segments]
    whole = len(tail) - at >= _OGG_PAGE.size + segments + sum(lacing)
    return OggEnd(serial not in serials, bool(flags & _OGG_END) and whole)


def _read(file: BinaryIO, position: int, count: int) -> bytes:
    if position > os.fstat(file.fileno()).st_size:
        return b""
    file.seek(position)
    return file.read(count)
