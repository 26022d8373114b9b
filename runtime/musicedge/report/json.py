"""Outcomes as JSON of schema 1: a list, or an object a line (docs/analysis.schema.json)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from musicedge.analysis import SCHEMA
from musicedge.errors import MusicedgeError
from musicedge.library import displayed

if TYPE_CHECKING:
    from musicedge.library import Outcome


def json_object(outcome: Outcome, *, timeline: bool = False) -> dict[str, Any]:
    """Return the JSON object of an outcome: the analysis, or the error in its place.

    Parameters
    ----------
    outcome
        What became of one input.
    timeline
        Whether an analysis gets its ``segments``.
    """
    path = displayed(outcome.path)
    if isinstance(outcome.result, MusicedgeError):
        error = {"type": type(outcome.result).__name__, "message": displayed(str(outcome.result))}
        return {"schema": SCHEMA, "path": path, "error": error}
    return {**outcome.result.to_dict(timeline=timeline), "path": path}


class JsonLines:
    """One object a line (https://jsonlines.org), complete after each line."""

    def __init__(self, stream: TextIO, *, timeline: bool = False) -> None:
        self._stream = stream
        self._timeline = timeline

    def write(self, outcome: Outcome) -> None:
        """Write one line."""
        self._stream.write(compact(json_object(outcome, timeline=self._timeline)) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing ends the form."""


class JsonList:
    """One list of objects, written as they come; valid once it is closed."""

    def __init__(self, stream: TextIO, *, timeline: bool = False) -> None:
        self._stream = stream
        self._timeline = timeline
        self._written = 0

    def write(self, outcome: Outcome) -> None:
        """Write one object, on a line of its own."""
        text = compact(json_object(outcome, timeline=self._timeline))
        self._stream.write((",\n" if self._written else "[\n") + text)
        self._stream.flush()
        self._written += 1

    def close(self) -> None:
        """Close the list; it is a list also when nothing was written."""
        self._stream.write("\n]\n" if self._written else "[]\n")
        self._stream.flush()


def compact(value: dict[str, Any]) -> str:
    """Return the JSON of a value on one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
