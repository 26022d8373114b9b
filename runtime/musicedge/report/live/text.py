"""Readings as plain text for people, a line each, as a pipe or a file gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from musicedge.audio import printable
from musicedge.report.live import LiveReport
from musicedge.report.text import clock, scored_line

if TYPE_CHECKING:
    from musicedge.report.live import Setting
    from musicedge.stream import Reading

TOP = 1  # genres in a line where nothing else is asked for

SILENT = -90.0  # dBFS: below the noise of 16 bits, and of any microphone


class ReadingLines(LiveReport):
    """A line a reading: its time, the level, the first genre and the moods.

    Parameters
    ----------
    stream
        Where to write.
    setting
        What is listened to.
    top
        Genres to name in each line.
    """

    def __init__(self, stream: TextIO, setting: Setting, *, top: int = TOP) -> None:
        self._stream = stream
        self._setting = setting
        self._top = top
        self._genre_width = max(map(len, setting.genres), default=0)

    def begin(self) -> None:
        """Write what is listened to."""
        self._stream.write(f"{heading(self._setting)}\n")
        self._stream.flush()

    def write(self, reading: Reading) -> None:
        """Write one line."""
        lead = [f"{clock(reading.end, tenths=True):>9}", f"{level_words(reading.level):>7}"]
        line = scored_line(lead, reading, self._genre_width, top=self._top)
        self._stream.write(f"{line}  early\n" if reading.early else f"{line}\n")
        self._stream.flush()


def heading(setting: Setting) -> str:
    """Return the source and the model on one line."""
    return f"{printable(setting.source)} ({setting.model}, every {setting.every:g} s)"


def level_words(level: float) -> str:
    """Return a level in dBFS as text of at most seven characters.

    Examples
    --------
    >>> level_words(-17.6), level_words(-120.0)
    ('-18 dB', 'silent')
    """
    return "silent" if level <= SILENT else f"{level:.0f} dB"
