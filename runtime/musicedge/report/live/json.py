"""Readings as JSON, an object a line (docs/reading.schema.json)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from musicedge.report.json import compact
from musicedge.report.live import LiveReport

if TYPE_CHECKING:
    from musicedge.stream import Reading


class JsonReadings(LiveReport):
    """One object a line (https://jsonlines.org), flushed with each reading.

    Parameters
    ----------
    stream
        Where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, reading: Reading) -> None:
        """Write one line."""
        self._stream.write(compact(reading.to_dict()) + "\n")
        self._stream.flush()
