"""One picture of the live read-out: what is heard now, as lines of a given width and height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from musicedge.analysis import GenreScore, mood_words
from musicedge.audio import printable
from musicedge.report.drawing import (
    FIRST_GENRE,
    GAP,
    GENRE,
    LEAST_BAR,
    MOOD_STYLES,
    Pen,
    RowWidths,
    joined,
)
from musicedge.report.live.plane import LEAST_HEIGHT, LEAST_WIDTH, Point, plane
from musicedge.report.live.text import level_words
from musicedge.report.text import Row, clock, percent

if TYPE_CHECKING:
    from musicedge.report.live import Setting
    from musicedge.stream import Reading

WIDEST = 100  # columns: longer bars are no easier to compare
_FRAME = 4  # columns of the panel's border and padding
_BESIDE = 3  # columns between the bars and the plane
_PLANE_SHARE = 0.38  # of the columns, where they are few
_WIDEST_PLANE = 31
_LEAST_BARS = 30  # columns

_QUIETEST = -60.0  # dBFS at the left end of the level's bar
_LOUD, _TOO_LOUD = -9.0, -3.0  # dBFS: louder than most masters; a sine at full scale
_LEVEL_STYLES = ("green", "yellow", "red")
_WIDEST_VALUE = len("-100 dB")
_NOTHING = "–"


@dataclass
class Now:
    """What the read-out shows.

    Attributes
    ----------
    source
        The name of what is listened to.
    reading
        The newest, or None before the first and while none comes.
    heard
        Seconds of sound so far.
    genres
        Its genres, in the order of the rows.
    trail
        Recent valence and arousal, the newest last.
    peak
        The highest recent level, in dBFS.
    latency_ms, compute_ms
        Usual values of late; None where unknown.
    skipped, overruns
        Since the beginning.
    note
        What happened to the source, where that is news.
    """

    source: str
    reading: Reading | None = None
    heard: float = 0.0
    genres: Sequence[GenreScore] = ()
    trail: Sequence[Point] = field(default_factory=tuple)
    peak: float = _QUIETEST
    latency_ms: float | None = None
    compute_ms: float | None = None
    skipped: int = 0
    overruns: int = 0
    note: str | None = None


class View:
    """Draws what is heard now; every row has its place, whatever is heard.

    Parameters
    ----------
    setting
        What is listened to.
    top
        Genres to show.
    ascii_only
        Whether the terminal can show ASCII only.
    """

    def __init__(self, setting: Setting, *, top: int, ascii_only: bool) -> None:
        self._setting = setting
        self._top = min(top, len(setting.genres))
        self._pen = Pen(ascii_only=ascii_only)
        labels = ["level", "music", "mood", *setting.genres, *setting.moods]
        self._widest_label = max(labels, key=cell_len)

    def draw(self, now: Now, width: int, height: int) -> Panel:
        """Return the picture.

        Parameters
        ----------
        now
            What to show.
        width, height
            Columns and lines of the terminal. What has no room is left out: where columns are few,
            the plane and then the bars; where lines are few, genres, the figures, the moods.
        """
        width = min(width, WIDEST)
        inner = max(width - _FRAME, 1)
        figures = self._figures(now, inner)
        spare = height - 2 - 1 - len(figures)
        if spare < 3 + self._top:
            figures, spare = [], height - 2 - 1
        beside = self._plane_width(inner)
        bars = self._bars(now, inner - beside - _BESIDE if beside else inner, spare)
        if beside and len(bars) >= LEAST_HEIGHT:
            ascii_only = self._pen.ascii_only
            picture = plane(now.trail, beside, len(bars), ascii_only=ascii_only)
            left = inner - beside - _BESIDE
            bars = [
                joined("", bar, Text(" " * (left - bar.cell_len + _BESIDE)), side)
                for bar, side in zip_longest(bars, picture, fillvalue=Text())
            ]
        lines = [*bars, self._news(now, inner), *figures][: max(height - 2, 1)]
        for line in lines:
            line.no_wrap, line.overflow = True, "crop"
        return Panel(
            Group(*lines),
            title=self._title(now.source, inner - 2),
            title_align="left",
            subtitle=Text(self._pen.cut(self._facts(), inner - 2), "dim"),
            subtitle_align="right",
            box=box.ASCII if self._pen.ascii_only else box.ROUNDED,
            border_style="dim",
            width=width,
        )

    def _title(self, source: str, room: int) -> Text:
        recording = self._setting.recording
        if recording is None:
            return Text(self._pen.cut(printable(source), room), "bold")
        mark = "REC" if self._pen.ascii_only else "●"
        half = room // 2
        name = self._pen.cut(printable(source), half)
        file = self._pen.cut(printable(recording), room - half - len(mark) - 3, keep_end=True)
        return Text.assemble((name, "bold"), "  ", (f"{mark} ", "bold red"), file)

    def _facts(self) -> str:
        provider = self._setting.provider.removesuffix("ExecutionProvider")
        return f"{self._setting.model} on {provider}, every {self._setting.every:g} s"

    def _plane_width(self, inner: int) -> int:
        """Return the columns of the plane, or 0 where it has no room or nothing to show."""
        if not {"valence", "arousal"} <= set(self._setting.moods):
            return 0
        width = min(int(inner * _PLANE_SHARE), _WIDEST_PLANE)
        width = (width - 1) // 2 * 2 + 1  # odd, as it is drawn
        fits = width >= LEAST_WIDTH and inner - width - _BESIDE >= _LEAST_BARS
        return width if fits else 0

    def _bars(self, now: Now, width: int, height: int) -> list[Text]:
        widest = Row(self._widest_label, " " * _WIDEST_VALUE, 0)
        widths = RowWidths.fitting([widest], width)
        lines = [self._level(now, widths), self._music(now, widths), Text()]
        moods = self._moods(now, widths)
        top = self._top
        room = height - len(lines)
        if moods and room < 1 + len(moods) + 1:
            moods = []
        gap = 1 if top and moods else 0
        top = max(min(top, room - len(moods) - gap), min(top, 1))
        lines += self._genres(now, widths, top)
        lines += [Text()] * gap + moods
        return lines

    def _level(self, now: Now, widths: RowWidths) -> Text:
        if now.reading is None:
            return self._pen.row(Row("level", _NOTHING, 0), widths, "")
        level = now.reading.level
        style = _LEVEL_STYLES[(level > _LOUD) + (level > _TOO_LOUD)]
        line = self._pen.row(Row("level", level_words(level), _loudness(level)), widths, style)
        if now.peak > level and widths.bar >= LEAST_BAR:
            mark = "|" if self._pen.ascii_only else "▏"
            place = min(int(_loudness(now.peak) * widths.bar), widths.bar - 1)
            if place > int(_loudness(level) * widths.bar):
                line = _marked(line, widths.label + len(GAP) + place, mark, style)
        return line

    def _music(self, now: Now, widths: RowWidths) -> Text:
        reading = now.reading
        if reading is None:
            return self._pen.row(Row("music", _NOTHING, 0), widths, "")
        strong = "bold green" if reading.is_music else ""
        row = Row("music", percent(reading.music), reading.music)
        return self._pen.row(row, widths, "green" if reading.is_music else "dim", strong)

    def _news(self, now: Now, width: int) -> Text:
        """Return the line above the figures, which is mostly empty."""
        if now.note is not None:
            return Text(self._pen.cut(printable(now.note), width), "bold yellow")
        if now.reading is not None and now.reading.early:
            heard = now.reading.end - now.reading.start
            words = f"early: {heard:.1f} of {self._setting.window:g} s heard"
            return Text(self._pen.cut(words, width), "dim")
        return Text()

    def _genres(self, now: Now, widths: RowWidths, top: int) -> list[Text]:
        rows = [Row(each.label, percent(each.score), each.score) for each in now.genres[:top]]
        lines = [self._pen.row(row, widths, FIRST_GENRE, FIRST_GENRE) for row in rows[:1]]
        lines += [self._pen.row(row, widths, GENRE) for row in rows[1:]]
        if not lines and top:
            waiting = "waiting for sound" if now.heard else "listening"
            words, style = (waiting, "dim") if now.reading is None else ("no music", "bold")
            lines.append(Text(words, style))
        return lines + [Text()] * (top - len(lines))

    def _moods(self, now: Now, widths: RowWidths) -> list[Text]:
        lines = []
        for mood in self._setting.moods:
            value = getattr(now.reading, mood, None)
            row = Row(mood, _NOTHING, 0) if value is None else Row(mood, f"{value:.2f}", value)
            lines.append(self._pen.row(row, widths, MOOD_STYLES[mood]))
        if {"valence", "arousal"} <= set(self._setting.moods):
            words = ""
            if now.trail:
                words = mood_words(*now.trail[-1])
            room = max(widths.bar, 0) + len(GAP) + widths.value
            if len(words) > room:
                words = words.partition(",")[0]
            cells = [self._pen.cell("mood", widths.label), Text(self._pen.cut(words, room))]
            lines.append(joined(GAP, *cells))
        return lines

    def _figures(self, now: Now, width: int) -> list[Text]:
        """Return the figures at the bottom, each with a fixed width so that none of them moves."""
        compute = load = _NOTHING
        if now.compute_ms is not None:
            compute = _short(now.compute_ms, 1)
            load = percent(now.compute_ms / (1000 * self._setting.every))
        latency = _NOTHING if now.latency_ms is None else _short(now.latency_ms, 0)
        heard = clock(now.heard)
        cells = [
            f"{heard:<7}",
            f"latency {latency:>6}",
            f"skipped {now.skipped:<3}",
            f"lost {now.overruns:<2}",
            f"compute {compute:>7} ({load})",
        ]
        lines = [cells[0]]
        for cell in cells[1:]:
            if len(lines[-1]) + 2 + len(cell) <= width:
                lines[-1] += f"  {cell}"
            else:
                lines.append(cell)
        return [Text(self._pen.cut(line.rstrip(), width), "dim") for line in lines]


def _loudness(level: float) -> float:
    """Return a level in dBFS as a share of the bar."""
    return min(max(1 - level / _QUIETEST, 0.0), 1.0)


def _short(milliseconds: float, decimals: int) -> str:
    """Return a duration in few characters, however long it is."""
    if milliseconds >= 999.5:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.{decimals}f} ms"


def _marked(line: Text, place: int, mark: str, style: str) -> Text:
    """Return a line with one of its characters replaced."""
    return joined("", line[:place], Text(mark, style), line[place + 1 :])
