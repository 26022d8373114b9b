"""A user's own music: a CSV that labels it, or a folder of genre-named folders.

The CSV has a line a song. Only the column ``path`` must be there; it is relative to the CSV's
folder. ``genre`` may be any name, or several with ``|`` between them for "one of these";
``valence``, ``arousal`` and ``danceability`` are in [0, 1]; ``group`` is what must not be split
between training and test, such as the artist; ``fold`` is 0 to 4. Any label may be empty, and other
columns are passed over.

In the folder, each inner folder is named after the genre of the audio in it, at any depth; a folder
in it is a group, such as an artist's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from musicedge.audio import AUDIO_SUFFIXES, printable
from musicedge.card_rules import MAX_NAME, check_text
from musicedge.library import find_audio
from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.folds import with_folds
from musicedge_training.datasets.rows import Row, read_rows
from musicedge_training.datasets.track import MOODS, MoodLabel, Track, genre_named
from musicedge_training.splits import FOLDS

SOURCE = "own"
"""The source of a user's own mood labels: a scale of its own."""

_MOST_GENRES = 1024  # that a model's card may hold
_LABELS = ("genre", *MOODS, "group", "fold")
_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}


def load(path: Path) -> Dataset:
    """Read a user's own dataset.

    Parameters
    ----------
    path
        The CSV file, or the folder of genre-named folders.

    Raises
    ------
    DatasetError
        A file or the column ``path`` is missing, a label is out of range, folds are missing or
        split a group, folders' names are no genres, or there is nothing to learn.
    """
    if path.is_dir():
        return _load_folder(path)
    tracks = [_track(row) for row in read_rows(path, ("path",), optional=_LABELS)]
    _check_genres(path, tracks)
    dataset = Dataset(path.stem, path, tracks)
    if all(track.fold < 0 for track in tracks):
        return with_folds(dataset)
    _check_folds(path, tracks)
    return dataset.checked()


def _load_folder(root: Path) -> Dataset:
    folders = sorted(inner for inner in root.iterdir() if _holds_genre(inner))
    found = {inner: _audio(inner) for inner in folders}
    tracks = [
        Track(
            id=file.relative_to(root).as_posix(),
            path=file,
            kind="music",
            collection=root.resolve().name,
            group=_group(file, folder),
            fold=-1,
            genres=(genre_named(folder.name),),
        )
        for folder, files in found.items()
        for file in files
    ]
    tables = sorted(path.name for path in root.glob("*.csv"))
    if not tracks:
        hint = f"; its labels may be in {tables[0]!r}: then give that file" if tables else ""
        raise DatasetError(
            f"{root}: there are no genre-named folders of audio in it, as in rock/song.mp3{hint}"
        )
    names = sorted(folder.name for folder, files in found.items() if files)
    if all(name.casefold() in _SPLITS or name.isdigit() for name in names):
        raise DatasetError(
            f"{root}: its folders are {', '.join(names[:3])}{', ...' if names[3:] else ''}, which"
            " are no genres; give a folder of genre-named folders, or a CSV"
        )
    _check_genres(root, tracks)
    notes = (*_left_out(root, found), *(f"not read: {printable(name)}" for name in tables))
    return with_folds(Dataset(root.resolve().name, root, tracks, notes=notes))


def _track(row: Row) -> Track:
    fold = row.whole("fold", 0, FOLDS - 1)
    moods = {mood: row.number(mood) for mood in MOODS}
    if not row["path"]:
        raise row.error("it has no path")
    return Track(
        id=row["path"],
        path=row.table.parent / row["path"],
        kind="music",
        collection=row.table.stem,
        group=row["group"] or row["path"],
        fold=-1 if fold is None else fold,
        genres=_genres(row),
        moods={
            name: MoodLabel(value, SOURCE) for name, value in moods.items() if value is not None
        },
    )


def _genres(row: Row) -> tuple[str, ...]:
    names = [genre_named(name.strip()) for name in row["genre"].split("|")]
    return tuple(dict.fromkeys(name for name in names if name))


def _holds_genre(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _audio(folder: Path) -> list[Path]:
    """Return the audio files in a folder, at any depth, in a fixed order."""
    files = [Path(name) for name in find_audio([folder])]
    return sorted(file for file in files if file != folder)


def _group(file: Path, folder: Path) -> str:
    """Return the artist's folder in the genre's that a file is in, else the file itself."""
    inner = file.relative_to(folder)
    return inner.parts[0] if len(inner.parts) > 1 else file.relative_to(folder.parent).as_posix()


def _left_out(root: Path, found: Mapping[Path, Sequence[Path]]) -> tuple[str, ...]:
    notes = []
    loose = sum(path.is_file() and path.suffix.lower() in AUDIO_SUFFIXES for path in root.iterdir())
    if loose:
        notes.append(f"audio files in no genre's folder, left out: {loose}")
    empty = [printable(folder.name) for folder, files in found.items() if not files]
    if empty:
        notes.append(f"folders without audio, left out: {', '.join(empty)}")
    return tuple(notes)


def _check_genres(source: Path, tracks: Iterable[Track]) -> None:
    seen: dict[str, str] = {}
    for track in tracks:
        for genre in track.genres:
            try:
                check_text("a genre's name", genre, MAX_NAME, least=1)
            except ValueError as error:
                raise DatasetError(f"{source}: {track.id!r}: {error}") from None
            other = seen.setdefault(genre.casefold(), genre)
            if other != genre:
                raise DatasetError(
                    f"{source}: the genres {other!r} and {genre!r} differ in case alone;"
                    " write them the same"
                )
    if len(seen) > _MOST_GENRES:
        raise DatasetError(f"{source}: it has {len(seen)} genres: must be {_MOST_GENRES} at most")


def _check_folds(source: Path, tracks: Sequence[Track]) -> None:
    folds_of: dict[str, int] = {}
    for track in tracks:
        if track.fold < 0:
            raise DatasetError(
                f"{source}: {track.id!r} has no fold, and others do; give all a fold, or none"
            )
        first = folds_of.setdefault(track.group, track.fold)
        if first != track.fold:
            raise DatasetError(
                f"{source}: the group {track.group!r} is in the folds {first} and {track.fold};"
                " a group must be in one"
            )
    empty = set(range(FOLDS)) - set(folds_of.values())
    if empty:
        raise DatasetError(
            f"{source}: no track is in fold {min(empty)}; there must be some in each of"
            f" 0 to {FOLDS - 1}"
        )
