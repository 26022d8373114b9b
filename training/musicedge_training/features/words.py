"""A song's figures in words, and what differs from the first song where there are several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from musicedge.library import named
from musicedge.report.explanation.words import hertz_words
from musicedge.report.text import clock, percent
from musicedge_training.features.figures import Figures
from musicedge_training.features.songs import Song

DOMINANT = 3  # pitch classes that are named
_SHORT = 10.0  # seconds; below, tenths are worth showing


@dataclass(frozen=True)
class Row:
    """A figure of all songs.

    Attributes
    ----------
    label
        What it is.
    values
        In words, one a song.
    differences
        From the first song, in words; the first is empty.
    """

    label: str
    values: tuple[str, ...]
    differences: tuple[str, ...]


def title(song: Song) -> str:
    """Return a song's name and length."""
    seconds = song.features.figures.seconds
    return f"{named(song.path)} ({clock(seconds, tenths=seconds < _SHORT)})"


def rows(songs: Sequence[Figures]) -> list[Row]:
    """Return the figures of songs, each beside that of the first."""
    return [
        _row("tempo", songs, _tempo, _tempo_difference),
        _row("beats", songs, lambda each: f"{each.beats}"),
        _row("percussive", songs, lambda each: percent(each.percussive), _points("percussive")),
        _row(
            "spectral centroid",
            songs,
            lambda each: f"{each.centroid:,.0f} Hz",
            lambda each, first: f"{each.centroid - first.centroid:+,.0f} Hz",
        ),
        *(_band_row(index, songs) for index in range(len(songs[0].bands))),
        _row("pitch classes", songs, _pitch_classes, _shared_pitch_classes),
        _row(
            "log-mel",
            songs,
            lambda each: f"{each.frames:,} frames, {each.segments:,} beat by beat",
        ),
        _row(
            "smaller by",
            songs,
            lambda each: f"{each.frames / each.segments:.0f} x",
        ),
    ]


def text(songs: Sequence[Song]) -> str:
    """Return the figures of songs as indented lines, a block a song."""
    table = rows([song.features.figures for song in songs])
    width = max(len(row.label) for row in table)
    blocks = []
    for index, song in enumerate(songs):
        against = f", against {named(Path(songs[0].path).name)}" if index else ""
        lines = [title(song) + against]
        for row in table:
            difference = f" ({row.differences[index]})" if row.differences[index] else ""
            lines.append(f"  {row.label:<{width}}  {row.values[index]}{difference}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _row(
    label: str,
    songs: Sequence[Figures],
    words: Callable[[Figures], str],
    difference: Callable[[Figures, Figures], str] = lambda each, first: "",
) -> Row:
    later = [difference(each, songs[0]) for each in songs[1:]]
    return Row(label, tuple(map(words, songs)), ("", *later))


def _band_row(index: int, songs: Sequence[Figures]) -> Row:
    band = songs[0].bands[index]
    label = "energy, " + hertz_words(band.start, band.end)
    return _row(
        label,
        songs,
        lambda each: percent(each.bands[index].share),
        lambda each, first: _point_words(each.bands[index].share - first.bands[index].share),
    )


def _tempo(figures: Figures) -> str:
    return "no beat found" if figures.tempo is None else f"{figures.tempo:.0f} beats a minute"


def _tempo_difference(figures: Figures, first: Figures) -> str:
    if figures.tempo is None or first.tempo is None:
        return ""
    return f"{figures.tempo - first.tempo:+.0f}"


def _points(name: str) -> Callable[[Figures, Figures], str]:
    return lambda each, first: _point_words(getattr(each, name) - getattr(first, name))


def _point_words(difference: float) -> str:
    return f"{100 * difference:+.0f} points"


def _pitch_classes(figures: Figures) -> str:
    return ", ".join(
        f"{each.label} {percent(each.share)}" for each in figures.pitch_classes[:DOMINANT]
    )


def _shared_pitch_classes(figures: Figures, first: Figures) -> str:
    names = [{each.label for each in song.pitch_classes[:DOMINANT]} for song in (figures, first)]
    shared = [each.label for each in first.pitch_classes if each.label in names[0] & names[1]]
    return f"{' and '.join(shared)} in both" if shared else "none in both"
