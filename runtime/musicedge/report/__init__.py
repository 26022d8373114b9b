"""Outcomes written down, one module a form: `write` for each outcome and `close` at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from musicedge.library import Outcome


class Report(Protocol):
    """A form in which outcomes are written, one after the other, to a text stream."""

    def write(self, outcome: Outcome) -> None:
        """Write one outcome."""

    def close(self) -> None:
        """Write what ends the report; the stream stays open."""
