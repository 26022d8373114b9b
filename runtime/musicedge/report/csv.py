"""Outcomes as CSV (RFC 4180): a row a file, or a row a segment."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from musicedge.analysis import MOODS
from musicedge.errors import MusicedgeError
from musicedge.report.json import json_object

if TYPE_CHECKING:
    from musicedge.library import Outcome

_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
)  # what makes a spreadsheet run a cell (OWASP, CSV injection)


class CsvTable:
    """One header and one row for each file, or for each segment of each file.

    Every genre has a column of its own, ``genre.<label>``, next to ``genre``, the first one. A
    failed file is one row whose ``error`` says why. No cell starts a formula in a spreadsheet: a
    relative path that begins with ``=``, ``+``, ``-`` or ``@`` is written with ``./`` before it.

    Parameters
    ----------
    stream
        Where to write; opened with ``newline=""``.
    labels
        The model's genres, in the order of the columns.
    timeline
        Whether the rows are segments.
    """

    def __init__(self, stream: TextIO, labels: Sequence[str], *, timeline: bool = False) -> None:
        self._stream = stream
        self._timeline = timeline
        self._genres = {label: f"genre.{label}" for label in labels}
        span = ("start", "end") if timeline else ("duration",)
        self._columns = (
            "path",
            *span,
            "music",
            "genre",
            *MOODS,
            *self._genres.values(),
            "model",
            "variant",
            "notes",
            "error",
        )
        self._rows = csv.DictWriter(stream, self._columns, restval="", lineterminator="\r\n")
        self._begun = False

    def write(self, outcome: Outcome) -> None:
        """Write the row or rows of one outcome."""
        self._begin()
        self._rows.writerows(self._of(outcome))
        self._stream.flush()

    def close(self) -> None:
        """Make sure that there is a header."""
        self._begin()
        self._stream.flush()

    def _begin(self) -> None:
        if not self._begun:
            self._rows.writeheader()
            self._begun = True

    def _of(self, outcome: Outcome) -> Iterable[dict[str, Any]]:
        whole = json_object(outcome, timeline=self._timeline)
        path = _safe_path(whole["path"])
        if isinstance(outcome.result, MusicedgeError):
            error = whole["error"]
            yield {"path": path, "error": f"{error['type']}: {error['message']}"}
            return
        for part in whole["segments"] if self._timeline else [whole]:
            row = {key: part[key] for key in self._columns if key in part}
            row.update({self._genres[entry["label"]]: entry["score"] for entry in part["genre"]})
            row["path"] = path
            row["genre"] = safe(part["genre"][0]["label"]) if part["genre"] else ""
            row["model"] = safe(whole["model"]["name"])
            row["variant"] = safe(whole["model"]["variant"])
            row["notes"] = safe("; ".join(whole["notes"]))
            yield row


def safe(text: str) -> str:
    """Return a text as a cell that starts no formula in a spreadsheet."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _safe_path(path: str) -> str:
    # "./" keeps the path a path, which an apostrophe would not; "-" alone is standard input.
    return f"./{path}" if path.startswith(_FORMULA) and path != "-" else path
