"""Labelled music of the user's own: a CSV that names files and what they are."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from musicedge.analysis import MOODS
from musicedge.audio import printable
from musicedge.errors import MusicedgeError

COLUMNS = ("path", "genre", *MOODS, "group", "fold")
"""Any label may be empty, and any column but the first may be absent."""

SOURCES = {
    "valence": "mood_source",
    "arousal": "mood_source",
    "danceability": "danceability_source",
}
"""The column that tells where a mood's labels are from; scales differ between sources."""

NO_MUSIC = ("speech", "noise")  # rows of such a ``kind`` have no genre and no mood

_MAX_BYTES = 64 << 20


class ManifestError(MusicedgeError):
    """A manifest cannot be read, or one of its rows breaks a rule."""


@dataclass(frozen=True)
class LabelledTrack:
    """A file, and what is known of it.

    Attributes
    ----------
    path
        The audio file.
    genre
        Empty where it is not known.
    moods, sources
        Those of `MOODS` that are known, on any scale, and where each label is from.
    group
        What is not independent, such as an artist's tracks; the path where none is told.
    fold
        Of a division for training; None where none is told.
    """

    path: Path
    genre: str = ""
    moods: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    fold: int | None = None


def read_manifest(path: Path) -> list[LabelledTrack]:
    """Read the rows of music; paths in it are relative to the manifest's folder.

    Raises
    ------
    ManifestError
        The file cannot be read, has no column ``path`` or no label at all, or a row breaks a rule;
        the message names the line.
    """
    name = printable(str(path))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ManifestError(f"{name}: larger than {_MAX_BYTES >> 20} MiB; give a smaller one")
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns = reader.fieldnames or []
            if "path" not in columns:
                raise ManifestError(
                    f"{name}: there is no column path; its first line must name the columns "
                    f"{', '.join(COLUMNS)}"
                )
            tracks = [
                _track(path.parent, row, f"{name}, line {reader.line_num}")
                for row in reader
                if row.get("kind") not in NO_MUSIC
            ]
    except OSError as error:
        raise ManifestError(f"{name}: cannot be read: {error.strerror}") from None
    except (ValueError, csv.Error) as error:
        reason = printable(str(error))[:200]
        raise ManifestError(f"{name}: not a table in UTF-8 with commas ({reason})") from None
    if not any(track.genre or track.moods for track in tracks):
        raise ManifestError(
            f"{name}: no row has a label; fill one of the columns genre, {', '.join(MOODS)}"
        )
    return tracks


def draw(
    tracks: Sequence[LabelledTrack], *, fold: int | None = None, limit: int | None = None
) -> list[LabelledTrack]:
    """Return tracks so that the genres take turns: any first part of them holds all alike.

    The order is drawn by chance, and the same in every run.

    Parameters
    ----------
    tracks
        Those without a genre take turns as if that were one.
    fold
        Only the tracks of this one; None for all.
    limit
        How many at most; None for all.

    Raises
    ------
    ManifestError
        No track is of that fold.
    """
    chosen = [track for track in tracks if fold is None or track.fold == fold]
    if not chosen:
        known = ", ".join(str(each) for each in sorted({t.fold for t in tracks} - {None}))
        raise ManifestError(f"no track is of fold {fold}; folds there are: {known or 'none'}")
    genres = sorted({track.genre for track in chosen})
    by_genre = [[track for track in chosen if track.genre == genre] for genre in genres]
    for members in by_genre:
        random.Random(0).shuffle(members)
    turns = zip_longest(*by_genre)
    return [track for turn in turns for track in turn if track is not None][:limit]


def _track(folder: Path, row: Mapping[str, str], where: str) -> LabelledTrack:
    if not row["path"]:
        raise ManifestError(f"{where}: the path is empty; name a file or leave the row out")
    path = folder.absolute() / row["path"]  # "-" alone would be standard input
    if path.is_dir():
        raise ManifestError(f"{where}: {printable(str(path))} is a folder; name a file")
    return LabelledTrack(
        path=path,
        genre=(row.get("genre") or "").strip(),
        moods=dict(_moods(row, where)),
        sources={mood: row.get(column) or "" for mood, column in SOURCES.items()},
        group=row.get("group") or row["path"],
        fold=_fold(row.get("fold") or "", where),
    )


def _moods(row: Mapping[str, str], where: str) -> Iterator[tuple[str, float]]:
    for mood in MOODS:
        text = (row.get(mood) or "").strip()
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ManifestError(
                f"{where}: {mood} is {printable(text)!r}; give a number, or leave it empty"
            )
        yield mood, value


def _fold(text: str, where: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise ManifestError(
            f"{where}: fold is {printable(text)!r}; give a whole number, or leave it empty"
        ) from None
