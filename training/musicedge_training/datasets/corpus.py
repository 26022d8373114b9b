"""The development corpus: 2,880 labelled clips of music, speech and noise, from public collections.

A folder with ``tracks.csv`` (one row a clip), ``audio/`` and ``rooms/`` (impulse responses). It is
research data under its collections' own licences and is not redistributed with musicedge.

Moods have several sources, whose scales differ: ``rated`` (listeners, first 6 s), ``mood-words``
(norms of editors' words), ``echonest`` (Echo Nest), ``joyful-activation`` (a proxy for
danceability) and ``gems`` (arousal and valence as sums of the Geneva Emotional Music Scale's
feelings).
"""

from __future__ import annotations

from pathlib import Path

from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.gems import FEELINGS, gems_moods
from musicedge_training.datasets.rows import Row, read_rows
from musicedge_training.datasets.track import GENRES, MOODS, MoodLabel, Track

_KINDS = ("music", "speech", "noise")
_LAST_FOLD = 4
_COLUMNS = (
    *("id", "path", "kind", "genre", "genre_set", "group", "fold"),
    *("arousal", "valence", "mood_source", "danceability", "danceability_source"),
    *(f"gems_{name}" for name in FEELINGS),
)


def recognises(root: Path) -> bool:
    """Return whether a folder has the corpus's layout."""
    return (root / "tracks.csv").is_file() and (root / "rooms").is_dir()


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
    return [_track(root, row) for row in read_rows(table, _COLUMNS)]


def room_paths(root: str | Path) -> list[Path]:
    """Return the impulse responses of the rooms, sorted."""
    return sorted((Path(root) / "rooms").glob("*.flac"))


def _track(root: Path, row: Row) -> Track:
    collection, slash, name = row["id"].partition("/")
    if not slash:
        raise row.error("the id must be like 'collection/name'")
    genres = tuple(genre for genre in (row["genre"] or row["genre_set"]).split("|") if genre)
    unknown = set(genres) - set(GENRES)
    if unknown:
        raise row.error(f"unknown genre {sorted(unknown)[0]!r}")
    if row["kind"] not in _KINDS:
        raise row.error(f"unknown kind {row['kind']!r}")
    fold = row.whole("fold", 0, _LAST_FOLD)
    if fold is None:
        raise row.error("it has no fold")
    path = root / row["path"]
    if not path.is_file():
        raise row.error(f"there is no file {row['path']!r}")
    return Track(
        id=row["id"],
        path=path,
        kind=row["kind"],
        collection=collection,
        group=row["group"],
        fold=fold,
        genres=genres,
        moods=_moods(row),
        noise_kind=_noise_kind(row, name) if row["kind"] == "noise" else None,
    )


def _noise_kind(row: Row, name: str) -> str:
    """Return the kind in a name such as ``esc.rain.1-17367-A``."""
    parts = name.split(".")
    if len(parts) < 2:
        raise row.error("the name tells no kind of noise: must be like 'noise/esc.rain.1'")
    return parts[1]


def _moods(row: Row) -> dict[str, MoodLabel]:
    moods: dict[str, MoodLabel] = {}
    for mood in MOODS:
        value = row.number(mood)
        if value is not None:
            source = row["danceability_source" if mood == "danceability" else "mood_source"]
            moods[mood] = MoodLabel(value, source)
    shares = {name: row.number(f"gems_{name}") for name in FEELINGS}
    known = {name: share for name, share in shares.items() if share is not None}
    if len(known) == len(FEELINGS):
        moods |= gems_moods(known)
    elif known:
        raise row.error(f"of the {len(FEELINGS)} feelings there are {len(known)}")
    return moods
