"""Readings as CSV (RFC 4180), a row each."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, TextIO

from musicedge.analysis import MOODS
from musicedge.report.csv import safe
from musicedge.report.live import LiveReport

if TYPE_CHECKING:
    from musicedge.report.live import Setting
    from musicedge.stream import Reading

_BEFORE = ("wall", "monotonic", "start", "end", "early", "level", "is_music", "music", "genre")
_AFTER = ("latency_ms", "compute_ms", "skipped", "overruns")


class CsvReadings(LiveReport):
    """One header and a row a reading, flushed each; unsmoothed values stand in the JSON alone.

    Every genre has a column of its own, ``genre.<label>``, next to ``genre``, the first one.

    Parameters
    ----------
    stream
        Where to write; opened with ``newline=""``.
    setting
        What is listened to; its genres are the columns.
    """

    def __init__(self, stream: TextIO, setting: Setting) -> None:
        self._stream = stream
        self._genres = {label: f"genre.{label}" for label in setting.genres}
        columns = (*_BEFORE, *MOODS, *self._genres.values(), *_AFTER)
        self._rows = csv.DictWriter(
            stream, columns, restval="", extrasaction="ignore", lineterminator="\r\n"
        )

    def begin(self) -> None:
        """Write the header."""
        self._rows.writeheader()
        self._stream.flush()

    def write(self, reading: Reading) -> None:
        """Write one row."""
        row = reading.to_dict()
        scores = {self._genres[entry["label"]]: entry["score"] for entry in row["genre"]}
        first = safe(reading.genre[0].label) if reading.genre else ""
        flags = {name: str(row[name]).lower() for name in ("early", "is_music")}
        self._rows.writerow({**row, **scores, **flags, "genre": first})
        self._stream.flush()
