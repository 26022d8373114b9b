"""Outcomes as one self-contained page that sorts, filters and draws them in a browser."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from musicedge.analysis import MOODS
from musicedge.audio import printable
from musicedge.errors import MusicedgeError
from musicedge.library import STDIN, named
from musicedge.report.json import json_object
from musicedge.report.page import embedded, page_around_data
from musicedge.report.text import mood_line

if TYPE_CHECKING:
    from musicedge.analysis import ModelInfo
    from musicedge.library import Outcome

SCALE, UNKNOWN = 10_000, 65_535  # of the windows' values in 16 bits; tracks.js reads them

_STYLES = ("theme.css", "library.css")
_SCRIPTS = (
    "elements.js",
    "axes.js",
    "timeline.js",
    "marks.js",
    "tracks.js",
    "plane.js",
    "details.js",
    "library.js",
)


class LibraryPage:
    """A page with a list that sorts and filters, the mood plane, and each track's timeline.

    The data stand in the page as a JSON list: first what holds for all, then an object a file, as
    they come. The windows' values are those of the JSON form, packed (`packed`), since a library
    has hundreds of thousands.

    Parameters
    ----------
    stream
        Where to write, in UTF-8.
    labels
        The model's genres; scores stand in their order.
    model
        Which model gives the results.
    """

    def __init__(self, stream: TextIO, labels: Sequence[str], model: ModelInfo) -> None:
        self._stream = stream
        self._labels = tuple(labels)
        self._model = model
        self._end: str | None = None

    def write(self, outcome: Outcome) -> None:
        """Write one outcome's object, on a line of its own."""
        self._begin()
        self._stream.write(",\n" + embedded(track_row(outcome, self._labels)))
        self._stream.flush()

    def close(self) -> None:
        """Write the page's end."""
        self._stream.write("\n]" + self._begin())
        self._stream.flush()

    def _begin(self) -> str:
        """Write the beginning, once, and return the end."""
        if self._end is None:
            from musicedge import __version__

            before, self._end = page_around_data("library.html", _STYLES, _SCRIPTS)
            about = {
                "version": __version__,
                "model": self._model.to_dict(),
                "labels": list(self._labels),
            }
            self._stream.write(before + "[\n" + embedded(about))
        return self._end


def track_row(outcome: Outcome, labels: Sequence[str]) -> dict[str, Any]:
    """Return the object of one file, as tracks.js reads it."""
    whole = json_object(outcome, timeline=True)
    if isinstance(outcome.result, MusicedgeError):
        return {"error": whole["error"]["message"]}
    segments = whole["segments"]
    return {
        **_names(outcome.path),
        "duration": whole["duration"],
        "music": whole["music"],
        "genre": _scores(whole["genre"], labels),
        **{mood: whole[mood] for mood in MOODS},
        "mood": mood_line(outcome.result),
        "notes": [printable(note) for note in whole["notes"]],
        "start": [each["start"] for each in segments],
        "end": [each["end"] for each in segments],
        "values": packed(
            (
                *(_scores(each["genre"], labels) or (None for _ in labels)),
                *(each[mood] for mood in MOODS),
            )
            for each in segments
        ),
    }


def _scores(genre: list[dict[str, Any]], labels: Sequence[str]) -> list[float] | None:
    """Return ranked genres in the order of the labels, or None where there is no music."""
    scores = {entry["label"]: entry["score"] for entry in genre}
    return [scores[label] for label in labels] if scores else None


def _names(path: str) -> dict[str, str]:
    """Return folder, with its separator, and name, each in one line that steers nothing."""
    name = Path(path).name
    if path == STDIN or not path.endswith(name):
        return {"folder": "", "name": named(path)}
    return {"folder": printable(path.removesuffix(name)), "name": printable(name)}


def packed(rows: Iterable[Sequence[float | None]]) -> str:
    """Return values in [0, 1] as base64 of ten-thousandths, 16 bits each, the low byte first.

    Nothing is lost: the JSON form has four decimals. None becomes `UNKNOWN`.
    """
    numbers = [UNKNOWN if value is None else round(value * SCALE) for row in rows for value in row]
    return base64.b64encode(struct.pack(f"<{len(numbers)}H", *numbers)).decode("ascii")
