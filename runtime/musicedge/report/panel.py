"""Outcomes as panels on a terminal: bars, colours where it has them, and any width."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from musicedge.analysis import MOODS
from musicedge.audio import printable
from musicedge.errors import MusicedgeError
from musicedge.library import named
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
from musicedge.report.text import (
    TOP,
    bar,
    facts,
    genre_rows,
    is_ascii,
    mood_line,
    mood_rows,
    music_words,
    percent,
    segment_genre,
    segment_holds_music,
    spans,
)

if TYPE_CHECKING:
    from musicedge.analysis import Analysis, GenreScore
    from musicedge.library import Outcome

_WIDEST = 80  # columns: longer bars are no easier to compare
_NARROW = 60  # columns: below, a line of the timeline has no room for the end of its span
_FRAME = 4  # columns of a panel's border and padding
_NO_MUSIC = "no music"


class Panels:
    """A panel a file on a terminal; failures are left to standard error.

    Parameters
    ----------
    stream
        The terminal. Its width, its colours (and ``NO_COLOR``) and its encoding are respected.
    top
        Genres to show.
    timeline
        Whether to add a line for each segment.
    """

    def __init__(self, stream: TextIO, *, top: int = TOP, timeline: bool = False) -> None:
        self._console = Console(file=stream, highlight=False, emoji=False, markup=False)
        self._top = top
        self._timeline = timeline
        self._pen = Pen(ascii_only=is_ascii(stream))

    def write(self, outcome: Outcome) -> None:
        """Write the panel of one file."""
        if not isinstance(outcome.result, MusicedgeError):
            self._console.print(self._panel(outcome.path, outcome.result))

    def close(self) -> None:
        """Nothing ends the form."""

    def _panel(self, path: str, analysis: Analysis) -> Panel:
        width = min(self._console.width, _WIDEST)
        inner = max(width - _FRAME, 1)
        lines: list[Text] = []
        if not analysis.is_music:
            lines.append(Text(music_words(analysis), "bold"))
        lines += self._bars(analysis, inner)
        lines += [Text(f"note: {printable(note)}", "dim") for note in analysis.notes]
        if self._timeline:
            lines += [Text(), *self._segments(analysis, inner)]
        return Panel(
            Group(*lines),
            title=Text(self._pen.cut(named(path), inner - 2, keep_end=True), "bold"),
            title_align="left",
            subtitle=Text(self._pen.cut(facts(analysis), inner - 2), "dim"),
            subtitle_align="right",
            box=box.ASCII if self._pen.ascii_only else box.ROUNDED,
            border_style="dim",
            width=width,
        )

    def _bars(self, analysis: Analysis, inner: int) -> list[Text]:
        genres, moods = genre_rows(analysis, self._top), mood_rows(analysis)
        widths = RowWidths.fitting([*genres, *moods], inner)
        lines = [self._pen.row(row, widths, FIRST_GENRE, FIRST_GENRE) for row in genres[:1]]
        lines += [self._pen.row(row, widths, GENRE) for row in genres[1:]]
        if genres and moods:
            lines.append(Text())
        lines += [self._pen.row(row, widths, MOOD_STYLES[row.label]) for row in moods]
        words = mood_line(analysis)
        if words is not None and widths.bar >= LEAST_BAR:
            lines.append(joined(GAP, self._pen.cell("mood", widths.label), Text(words)))
        return lines

    def _segments(self, analysis: Analysis, inner: int) -> list[Text]:
        narrow = inner + _FRAME < _NARROW
        times = [begin if narrow else f"{begin} - {end}" for begin, end in spans(analysis.segments)]
        firsts = [segment_genre(each) for each in analysis.segments]
        headings = [mood[:3] if narrow else mood for mood in MOODS]
        widths = self._segment_widths(times, firsts, headings, inner)

        def line(*cells: tuple[str, str]) -> Text:
            parts = [
                self._pen.cell(text, width, style, right=index not in (1, 2))
                for index, ((text, style), width) in enumerate(zip(cells, widths, strict=True))
                if width
            ]
            return joined(" ", *parts)

        names = ["at" if narrow else "from - to", "genre", "", "", *headings]
        lines = [line(*((name, "dim") for name in names))]
        for time, segment, genre in zip(times, analysis.segments, firsts, strict=True):
            if genre is None:
                words = "" if segment_holds_music(segment) else _NO_MUSIC
                first = [(words, "dim"), ("", ""), ("", "")]
            else:
                length = bar(genre.score, widths[2], ascii_only=self._pen.ascii_only)
                first = [(genre.label, GENRE), (length, GENRE), (percent(genre.score), "")]
            values = [(getattr(segment, mood), MOOD_STYLES[mood]) for mood in MOODS]
            moods = [("" if value is None else f"{value:.2f}", style) for value, style in values]
            lines.append(line((time, ""), *first, *moods))
        return lines

    def _segment_widths(
        self,
        times: list[str],
        firsts: list[GenreScore | None],
        headings: list[str],
        inner: int,
    ) -> list[int]:
        """Return the width of each column of the timeline, 0 for those without room."""
        time = max(map(len, times), default=0)
        share = len("100 %")
        genre = max([len(_NO_MUSIC), *(cell_len(each.label) for each in firsts if each)])
        moods = [max(len(heading), len("0.00")) for heading in headings]
        room = inner - time - share - 2
        if room < len(_NO_MUSIC) + sum(moods) + len(moods):
            moods = [0] * len(moods)
        else:
            room -= sum(moods) + len(moods)
        genre = max(min(genre, room), 1)
        length = room - genre - 1
        return [time, genre, length if length >= LEAST_BAR and any(firsts) else 0, share, *moods]
