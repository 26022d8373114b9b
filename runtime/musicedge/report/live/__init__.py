"""Readings of a stream written down as they come, one module a form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musicedge.stream import Reading


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is listened to, and with what; it stays the same while readings come.

    Attributes
    ----------
    source
        The name of the microphone or file, as it is when listening begins.
    model
        The model's name and variant, such as ``"cnn int8"``.
    provider
        The execution provider that runs it.
    genres, moods
        What the model tells, in the order of its card.
    window
        Seconds of sound that one reading looks at.
    every
        Seconds of sound between two readings.
    realtime
        Whether the sound comes by itself; else, as from a file at any speed, nothing is ever late.
    recording
        The file that takes down what is heard, where one does.
    """

    source: str
    model: str
    provider: str
    genres: tuple[str, ...]
    moods: tuple[str, ...]
    window: float
    every: float
    realtime: bool = True
    recording: str | None = None


class LiveReport(ABC):
    """A form in which readings are written to a text stream, each at once."""

    def begin(self) -> None:  # noqa: B027 - most forms have nothing there
        """Write what comes before the first reading."""

    @abstractmethod
    def write(self, reading: Reading) -> None:
        """Write one reading."""

    def note(self, text: str) -> bool:
        """Show what happened to the source; False where the form has no place for that."""
        return False

    def tick(self, source: str) -> None:  # noqa: B027
        """Do what has to be done several times a second, also while no reading comes.

        Parameters
        ----------
        source
            The name of what is listened to now: another input may have taken the first one's place.
        """

    def close(self) -> None:  # noqa: B027
        """Write what ends the report; the stream stays open."""
