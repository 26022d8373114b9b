"""The development corpus: 2,880 labelled clips of music, speech and noise, from public collections.

A folder with ``tracks.csv`` (one row a clip), ``audio/`` and ``rooms/`` (impulse responses). It is
research data under its collections' own licences and is not redistributed with musicedge.

Moods have several sources, whose scales differ: ``rated`` (listeners, first 6 s), ``mood-words``
(norms of editors' words), ``echonest`` (Echo Nest), ``joyful-activation`` (a proxy for
danceability) and ``gems`` (arousal and valence as sums of the Geneva Emotional Music Scale's
feelings).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from musicedge.errors import MusicedgeError
from musicedge_training.datasets.track import GENRES, MOODS, MoodLabel, Track

_KINDS = ("music", "speech", "noise")
_FOLDS = range(5)

# The corpus describes both as close to these sums of shares; scaled and centred they fit [0, 1].
_GEMS_AROUSAL = (("power", "joyful_activation", "tension"), ("calmness", "tenderness", "sadness"))
_GEMS_VALENCE = (
    ("joyful_activation", "tenderness", "calmness", "amazement"),
    ("tension", "sadness"),
)


class DatasetError(MusicedgeError):
    """A dataset is not where it was looked for, or its labels break a rule."""


def load(root: str | Path) -> list[Track]:
    """Read the corpus's labels.

    Parameters
    ----------
    root
        The folder that holds ``tracks.csv``.

    Raises
    ------
    DatasetError
        The folder, a column or an audio file is missing, the table is broken, or a label is out of
        range.
    """
    root = Path(root)
    table = root / "tracks.csv"
    if not table.is_file():
        raise DatasetError(f"{root}: holds no tracks.csv; give the corpus's folder with --data")
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"{table}: cannot be read as a table: {error}") from error
    return [_track(root, row) for row in rows]


def room_paths(root: str | Path) -> list[Path]:
    """Return the impulse responses of the rooms, sorted."""
    return sorted((Path(root) / "rooms").glob("*.flac"))


def _track(root: Path, row: Mapping[str, str]) -> Track:
    try:
        collection, name = row["id"].split("/", 1)
        genres = tuple((row["genre"] or row["genre_set"]).split("|"))
        genres = tuple(genre for genre in genres if genre)
        unknown = set(genres) - set(GENRES)
        if unknown:
            raise ValueError(f"unknown genre {sorted(unknown)[0]!r}")
        if row["kind"] not in _KINDS:
            raise ValueError(f"unknown kind {row['kind']!r}")
        fold = int(row["fold"])
        if fold not in _FOLDS:
            raise ValueError(f"fold is {fold}: must be 0 to {_FOLDS[-1]}")
        path = root / row["path"]
        if not path.is_file():
            raise ValueError(f"there is no file {row['path']!r}")
        return Track(
            id=row["id"],
            path=path,
            kind=row["kind"],
            collection=collection,
            group=row["group"],
            fold=fold,
            genres=genres,
            moods=_moods(row),
            noise_kind=_noise_kind(name) if row["kind"] == "noise" else None,
        )
    except KeyError as error:
        raise DatasetError(f"{root / 'tracks.csv'}: there is no column {error}") from error
    except ValueError as error:
        raise DatasetError(f"{root / 'tracks.csv'}: track {row.get('id')!r}: {error}") from error


def _noise_kind(name: str) -> str:
    """Return the kind in a name such as ``esc.rain.1-17367-A``."""
    parts = name.split(".")
    if len(parts) < 2:
        raise ValueError("the name tells no kind of noise: must be like 'noise/esc.rain.1'")
    return parts[1]


def _moods(row: Mapping[str, str]) -> dict[str, MoodLabel]:
    moods: dict[str, MoodLabel] = {}
    for mood in MOODS:
        source = row["danceability_source" if mood == "danceability" else "mood_source"]
        if row[mood]:
            moods[mood] = MoodLabel(_share(row, mood), source)
    if row["gems_power"]:
        for mood, (plus, minus) in {"arousal": _GEMS_AROUSAL, "valence": _GEMS_VALENCE}.items():
            total = sum(_share(row, f"gems_{name}") for name in plus)
            total -= sum(_share(row, f"gems_{name}") for name in minus)
            span = max(len(plus), len(minus))
            moods[mood] = MoodLabel(0.5 + total / (2 * span), "gems")
    return moods


def _share(row: Mapping[str, str], column: str) -> float:
    value = float(row[column])
    if not 0 <= value <= 1:
        raise ValueError(f"{column} is {value}: must be in [0, 1]")
    return value
