"""The live read-out: a terminal's screen that is drawn anew with each reading."""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import suppress
from statistics import median
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live

from musicedge.report.live import LiveReport
from musicedge.report.live.ranking import SteadyRanking
from musicedge.report.live.suspension import Suspension
from musicedge.report.live.view import Now, View
from musicedge.report.text import TOP, is_ascii

if TYPE_CHECKING:
    from musicedge.report.live import Setting
    from musicedge.stream import Reading

_TRAIL = 30.0  # seconds of the way over the plane
_HOLD = 2.0  # seconds for which a peak stands
_USUAL = 20  # readings of which the median is shown, for a figure that can be read
_NOTE = 6.0  # seconds for which news of the source stand, once there are readings again
_LEAST_PATIENCE = 1.0  # seconds, and two readings that did not come: then sound is waited for
_LEAST_PAUSE = 0.08  # seconds between two pictures, however fast a file is replayed


class LiveScreen(LiveReport):
    """Shows the newest reading on a terminal of any size, which it gives back as it was.

    Parameters
    ----------
    stream
        The terminal. Its size, its colours (and ``NO_COLOR``) and its encoding are respected.
    setting
        What is listened to.
    top
        Genres to show.
    """

    def __init__(self, stream: TextIO, setting: Setting, *, top: int = TOP) -> None:
        self._console = Console(file=stream, highlight=False, emoji=False, markup=False)
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._view = View(setting, top=top, ascii_only=is_ascii(stream))
        self._suspension = Suspension()
        self._setting = setting
        self._patience = _LEAST_PATIENCE + 2 * setting.every if setting.realtime else math.inf
        self._taken = 0.0  # when the newest reading came
        self._now = Now(setting.source)
        self._ranking = SteadyRanking()
        self._trail: deque[tuple[float, tuple[float, float]]] = deque()
        self._levels: deque[tuple[float, float]] = deque()
        self._latencies: deque[float] = deque(maxlen=_USUAL)
        self._computes: deque[float] = deque(maxlen=_USUAL)
        self._size = self._console.size
        self._noted = 0.0
        self._drawn = 0.0
        self._is_behind = False  # whether a reading was not drawn yet

    def begin(self) -> None:
        """Take the screen."""
        self._suspension.begin()
        self._live.start()
        self._draw()

    def write(self, reading: Reading) -> None:
        """Show one reading; where many come at once, the newest of them."""
        self._take(reading)
        if time.monotonic() - self._noted > _NOTE:
            self._now.note = None
        self._is_behind = True
        self._catch_up()

    def note(self, text: str) -> bool:
        """Show what happened to the source, whose name stands on the frame already."""
        self._now.note = text.removeprefix(f"{self._now.source}: ")
        self._noted = time.monotonic()
        self._draw()
        return True

    def tick(self, source: str) -> None:
        """Obey Ctrl-Z, follow the terminal's size, and show nothing that is true no more."""
        self._now.source = source
        if self._suspension.wanted:
            self._live.stop()
            self._suspension.suspend()
            self._live.start()
            self._draw()
        elif self._now.reading is not None and time.monotonic() - self._taken > self._patience:
            self._forget()
            self._draw()
        elif self._console.size != self._size:
            self._draw()
        self._catch_up()

    def close(self) -> None:
        """Give the screen back."""
        self._suspension.end()
        with suppress(OSError):  # the terminal itself went away
            self._live.stop()

    def _draw(self) -> None:
        self._drawn, self._is_behind = time.monotonic(), False
        self._size = self._console.size
        self._live.update(self._view.draw(self._now, *self._size), refresh=True)

    def _catch_up(self) -> None:
        if self._is_behind and time.monotonic() - self._drawn >= _LEAST_PAUSE:
            self._draw()

    def _take(self, reading: Reading) -> None:
        self._taken = time.monotonic()
        now, end = self._now, reading.end
        now.reading, now.heard = reading, end
        now.genres = self._ranking.update(reading.genre, end)
        if reading.valence is None or reading.arousal is None:
            self._trail.clear()
        else:
            self._trail.append((end, (reading.valence, reading.arousal)))
        self._levels.append((end, reading.level))
        for recent, seconds in ((self._trail, _TRAIL), (self._levels, _HOLD)):
            while recent and recent[0][0] < end - seconds:
                recent.popleft()
        now.trail = [point for _, point in self._trail]
        now.peak = max(level for _, level in self._levels)
        self._computes.append(reading.compute_ms)
        now.compute_ms = median(self._computes)
        if reading.latency_ms is not None and self._setting.realtime:
            self._latencies.append(reading.latency_ms)
            now.latency_ms = median(self._latencies)
        now.skipped += reading.skipped
        now.overruns = max(now.overruns, reading.overruns)

    def _forget(self) -> None:
        """Take what was heard off the picture."""
        self._now.reading, self._now.genres, self._now.trail = None, (), ()
        self._trail.clear()
        self._levels.clear()
