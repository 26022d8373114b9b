"""Outcomes as plain text for people, as a pipe or a file gets it; terminals get panel.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from musicedge.analysis import MOODS, mood_words
from musicedge.audio import printable
from musicedge.errors import MusicedgeError
from musicedge.library import named

if TYPE_CHECKING:
    from musicedge.analysis import Analysis, GenreScore, Segment
    from musicedge.library import Outcome

TOP = 5  # genres shown where nothing else is asked for

_BAR_WIDTH = 24
_SHORT = 10.0  # seconds; below, tenths are worth showing
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Scored(Protocol):
    """What has a genre and moods: a piece, a window of it, or a reading of a stream."""

    @property
    def genre(self) -> tuple[GenreScore, ...]:
        """All genres, ranked; empty where there is no music."""

    @property
    def valence(self) -> float | None:
        """In [0, 1], as the other moods."""

    @property
    def arousal(self) -> float | None:
        """In [0, 1]."""

    @property
    def danceability(self) -> float | None:
        """In [0, 1]."""


@dataclass(frozen=True)
class Row:
    """A labelled value and its length as a bar, in [0, 1]."""

    label: str
    value: str
    fraction: float


def genre_rows(scored: Scored, top: int) -> list[Row]:
    """Return the first genres as rows."""
    return [Row(each.label, percent(each.score), each.score) for each in scored.genre[:top]]


def mood_rows(scored: Scored) -> list[Row]:
    """Return the moods that there are as rows."""
    values = [(mood, getattr(scored, mood)) for mood in MOODS]
    return [Row(mood, f"{value:.2f}", value) for mood, value in values if value is not None]


def mood_line(scored: Scored) -> str | None:
    """Return the quadrant of valence and arousal in words, where both are known."""
    if scored.valence is None or scored.arousal is None:
        return None
    return mood_words(scored.valence, scored.arousal)


def row_lines(rows: Sequence[Row], mood: str | None, *, ascii_only: bool) -> list[str]:
    """Return rows with their bars as indented lines, and below them the mood in words."""
    width = max((len(row.label) for row in rows), default=0)
    lines = []
    for row in rows:
        length = bar(row.fraction, _BAR_WIDTH, ascii_only=ascii_only)
        lines.append(f"  {row.label:<{width}}  {row.value:>5}  {length}".rstrip())
    if mood is not None:
        lines.append(f"  {'mood':<{width}}  {mood}")
    return lines


def music_words(analysis: Analysis) -> str:
    """Say whether there is music; how much of the piece it fills stands in the notes."""
    if analysis.is_music:
        return "music"
    return f"no music (probability of music: {percent(analysis.music)})"


def facts(analysis: Analysis) -> str:
    """Return the length and the model, as they stand beside the file's name."""
    length = clock(analysis.duration, tenths=analysis.duration < _SHORT)
    return f"{length}, {analysis.model.name} {analysis.model.variant}"


def scored_line(lead: Sequence[str], scored: Scored, genre_width: int, *, top: int = 1) -> str:
    """Return one line: what leads it, then the first genres and the moods, or that there are none.

    Parameters
    ----------
    lead
        What stands first, such as a time.
    scored
        A window or a reading.
    genre_width
        Characters of the longest label that may come.
    top
        Genres to name.
    """
    parts = [
        f"{each.label:<{genre_width}}  {percent(each.score):>5}" for each in scored.genre[:top]
    ]
    parts.extend(f"{row.label} {row.value}" for row in mood_rows(scored))
    return "  ".join([*lead, *(parts or ["no music"])])


def segment_genre(segment: Segment) -> GenreScore | None:
    """Return the first genre of a segment, or None where there is none."""
    return segment.genre[0] if segment.genre else None


def segment_holds_music(segment: Segment) -> bool:
    """Whether anything is said of a segment: a model without some heads leaves theirs out."""
    return bool(segment.genre) or any(getattr(segment, mood) is not None for mood in MOODS)


def percent(share: float) -> str:
    """Return a share of 1 in whole per cent; what is above 0 never reads 0."""
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def clock(seconds: float, *, tenths: bool = False) -> str:
    """Return seconds as m:ss or h:mm:ss, rounded, or with tenths.

    Examples
    --------
    >>> clock(61.2), clock(7.5, tenths=True), clock(36_000)
    ('1:01', '0:07.5', '10:00:00')
    """
    count = round(seconds * 10) if tenths else round(seconds) * 10
    minutes, rest = divmod(count, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest // 10:02d}" + (f".{rest % 10}" if tenths else "")
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes}:{text}"


def spans(segments: Sequence[Segment]) -> list[tuple[str, str]]:
    """Return begin and end of each segment, all with tenths where one of them needs them."""
    times = [time for each in segments for time in (each.start, each.end)]
    tenths = any(abs(time - round(time)) >= 0.05 for time in times)
    return [(clock(each.start, tenths=tenths), clock(each.end, tenths=tenths)) for each in segments]


def bar(fraction: float, width: int, *, ascii_only: bool = False) -> str:
    """Return a bar of at most `width` characters, to an eighth of one where Unicode allows."""
    eighths = round(min(max(fraction, 0.0), 1.0) * width * 8)
    if ascii_only:
        return "#" * round(eighths / 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def is_ascii(stream: TextIO) -> bool:
    """Whether a stream's encoding cannot hold the characters of bars and frames."""
    try:
        "█▏╭…".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


class PlainText:
    """A block of indented lines a file; failures are left to standard error.

    Parameters
    ----------
    stream
        Where to write.
    top
        Genres to show.
    timeline
        Whether to add a line for each segment.
    """

    def __init__(self, stream: TextIO, *, top: int = TOP, timeline: bool = False) -> None:
        self._stream = stream
        self._top = top
        self._timeline = timeline
        self._ascii = is_ascii(stream)
        self._written = 0

    def write(self, outcome: Outcome) -> None:
        """Write the block of one file."""
        if isinstance(outcome.result, MusicedgeError):
            return
        if self._written:
            self._stream.write("\n")
        self._stream.write("\n".join(self._lines(outcome.path, outcome.result)) + "\n")
        self._stream.flush()
        self._written += 1

    def close(self) -> None:
        """Nothing ends the form."""

    def _lines(self, path: str, analysis: Analysis) -> list[str]:
        rows = [*genre_rows(analysis, self._top), *mood_rows(analysis)]
        lines = [f"{named(path)} ({facts(analysis)})", f"  {music_words(analysis)}"]
        lines.extend(row_lines(rows, mood_line(analysis), ascii_only=self._ascii))
        lines.extend(f"  note: {printable(note)}" for note in analysis.notes)
        if self._timeline:
            lines.extend(f"  {line}" for line in _timeline(analysis))
        return lines


def _timeline(analysis: Analysis) -> list[str]:
    times = [f"{begin}-{end}" for begin, end in spans(analysis.segments)]
    width = max(map(len, times), default=0)
    genres = [segment_genre(each) for each in analysis.segments]
    genre_width = max((len(each.label) for each in genres if each), default=0)
    return [
        scored_line([f"{time:>{width}}"], segment, genre_width)
        for time, segment in zip(times, analysis.segments, strict=True)
    ]
