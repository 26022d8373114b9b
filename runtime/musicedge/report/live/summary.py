"""What was heard in all: gathered while readings come, and told when they have ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from musicedge.analysis import MOODS, GenreScore
from musicedge.audio import printable
from musicedge.report.live.durations import Durations
from musicedge.report.text import clock, genre_rows, mood_line, mood_rows, percent, row_lines

if TYPE_CHECKING:
    from musicedge.report.live import Setting
    from musicedge.stream import Reading

_TENTHS_BELOW = 60.0  # seconds


class Heard:
    """The sum of a session, in memory that does not grow with its length.

    Every reading counts for the sound that came since the one before.

    Parameters
    ----------
    setting
        What is listened to.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._end = 0.0
        self._seconds = 0.0
        self._music = 0.0
        self._first: Counter[str] = Counter()
        self._sums = dict.fromkeys(MOODS, 0.0)
        self._weights = dict.fromkeys(MOODS, 0.0)
        self._compute = Durations()
        self._latency = Durations()
        self._compute_ms = 0.0
        self._skipped = 0
        self._overruns = 0

    def add(self, reading: Reading) -> None:
        """Count one reading."""
        seconds, self._end = max(reading.end - self._end, 0.0), reading.end
        self._seconds += seconds
        if reading.is_music:
            self._music += seconds
        if reading.genre:
            self._first[reading.genre[0].label] += seconds  # type: ignore[assignment]
        for mood in MOODS:
            value = getattr(reading.raw, mood)
            if value is not None:
                self._sums[mood] += seconds * value
                self._weights[mood] += seconds
        self._compute.add(reading.compute_ms)
        self._compute_ms += reading.compute_ms
        if reading.latency_ms is not None:
            self._latency.add(reading.latency_ms)
        self._skipped += reading.skipped
        self._overruns = max(self._overruns, reading.overruns)

    @property
    def genre(self) -> tuple[GenreScore, ...]:
        """The genres that came first, with the share of the music for which they did, ranked."""
        total = sum(self._first.values())
        ranked = self._first.most_common()
        return tuple(GenreScore(label, seconds / total) for label, seconds in ranked if seconds)

    @property
    def valence(self) -> float | None:
        """The mean over the music, as of the other moods."""
        return self._mean("valence")

    @property
    def arousal(self) -> float | None:
        """The mean over the music."""
        return self._mean("arousal")

    @property
    def danceability(self) -> float | None:
        """The mean over the music."""
        return self._mean("danceability")

    def lines(self, *, top: int, ascii_only: bool) -> list[str]:
        """Return the summary for people.

        Parameters
        ----------
        top
            Genres to name.
        ascii_only
            Whether the bars may be of ASCII only.
        """
        name = printable(self._setting.source)
        if not self._seconds:
            return [f"{name}: nothing was heard"]
        length = clock(self._seconds, tenths=self._seconds < _TENTHS_BELOW)
        lines = [f"{name} ({length}, {self._setting.model})"]
        if self._music:
            share = percent(self._music / self._seconds)
            by = "; genres by how long each came first" if self.genre else ""
            lines.append(f"  music in {share} of the time{by}")
        else:
            lines.append("  no music")
        rows = [*genre_rows(self, top), *mood_rows(self)]
        lines += row_lines(rows, mood_line(self), ascii_only=ascii_only)
        lines += [f"  {figure}" for figure in self._figures()]
        if self._setting.recording is not None:
            lines.append(f"  recorded in {printable(self._setting.recording)}")
        return lines

    def _mean(self, mood: str) -> float | None:
        weight = self._weights[mood]
        return self._sums[mood] / weight if weight else None

    def _figures(self) -> Iterator[str]:
        count = len(self._compute)
        load = percent(self._compute_ms / (1000 * self._seconds))
        compute = f"compute {self._compute.percentile(50):.1f} ms each ({load} of one core)"
        yield f"{count} reading{'s' if count > 1 else ''}; {compute}"
        if self._setting.realtime and len(self._latency):
            usual, most = (self._latency.percentile(percent) for percent in (50, 95))
            yield f"latency {usual:.0f} ms (95 % within {most:.0f} ms)"
        if self._skipped:
            yield f"readings skipped for newer sound: {self._skipped}"
        if self._overruns:
            yield f"gaps where sound was lost: {self._overruns}"
