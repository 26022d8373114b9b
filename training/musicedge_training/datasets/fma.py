"""FMA: the Free Music Archive's tracks with genres and, for some, Echo Nest's moods.

Defferrard, Benzi, Vandergheynst and Bresson, "FMA: a dataset for music analysis", ISMIR 2017. From
https://github.com/mdeff/fma: ``fma_metadata.zip``, and one of ``fma_small.zip`` (8,000 clips of
30 s), ``fma_medium.zip`` (25,000) and ``fma_large.zip`` (106,574). That page lists the archives'
SHA-1, and the folders in them hold files ``checksums``. The metadata is under CC BY 4.0, each track
under the licence that its artist chose; the authors mean the dataset for research.

``fma_metadata/tracks.csv`` has three lines of headers, ``echonest.csv`` four; the last begins with
``track_id``. Of ``genre_top``, those with a name of ours are genres (their Rock holds metal and
punk too). Echo Nest's valence, energy (our arousal) and danceability are of the source
``echonest``. A track with neither is left out. The group is the artist, and the official split has
no artist in two parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from musicedge_training.datasets.dataset import Dataset, DatasetError, OfficialSplit, incomplete
from musicedge_training.datasets.folds import with_folds
from musicedge_training.datasets.rows import Row, read_cells
from musicedge_training.datasets.track import GENRES, MoodLabel, Track, genre_named

_METADATA = "fma_metadata"
_SUBSETS = ("small", "medium", "large")  # each holds those before it
_FOLDERS = {"fma_small": "small", "fma_medium": "medium", "fma_large": "large", "fma_full": "large"}
_CLIPS = {"small": 8_000, "medium": 25_000, "large": 106_574}
_PARTS = {"training": "train", "validation": "validation", "test": "test"}
_MOST_BYTES = 2**30  # tracks.csv has 260 MB, most of it biographies

_TRACK_COLUMNS = {
    "subset": ("set", "subset"),
    "split": ("set", "split"),
    "genre": ("track", "genre_top"),
    "artist": ("artist", "id"),
}
_MOOD_COLUMNS = {
    mood: ("echonest", "audio_features", name)
    for mood, name in {
        "valence": "valence",
        "arousal": "energy",
        "danceability": "danceability",
    }.items()
}

# Clips without any sound: https://github.com/mdeff/fma/issues/44.
_SILENT = frozenset({99134, 108925, 133297})


def recognises(path: Path) -> bool:
    """Return whether a folder holds FMA's metadata, or lies beside it and holds the clips."""
    return _root(path) is not None


def load(path: Path) -> Dataset:
    """Read FMA.

    Parameters
    ----------
    path
        The folder that holds ``fma_metadata`` and the clips of one subset, such as ``fma_small``;
        or, where there are several, the folder of one subset's clips.

    Raises
    ------
    DatasetError
        A file or a column is missing, a table is not the published one (by its SHA-1 in
        ``fma_metadata/checksums``, where that is), or a label is wrong.
    """
    root = _root(path)
    if root is None:
        raise DatasetError(
            f"{path}: there is no file '{_METADATA}/tracks.csv'; unpack {_METADATA}.zip there"
        )
    clips = _clips(path, root)
    subset = _FOLDERS[clips.name]
    wanted = _SUBSETS[: _SUBSETS.index(subset) + 1]
    _check_hashes(root / _METADATA)
    moods = {row["track_id"]: row for row in _rows(root, "echonest.csv", _MOOD_COLUMNS)}
    tracks, parts, count = [], [], 0
    for row in _rows(root, "tracks.csv", _TRACK_COLUMNS):
        if row["subset"] not in _SUBSETS:
            raise row.error(f"unknown subset {row['subset']!r}")
        if row["split"] not in _PARTS:
            raise row.error(f"unknown split {row['split']!r}")
        if row["subset"] in wanted:
            count += 1
            track = _track(clips, row, moods.get(row["track_id"]))
            if track is not None:
                tracks.append(track)
                parts.append(_PARTS[row["split"]])
    left_out = (
        f"without a genre of ours or a mood, left out: {count - len(tracks)} of {count} clips"
    )
    notes = (left_out, *incomplete(count, _CLIPS[subset], f"clips of {clips.name}"))
    return with_folds(Dataset("fma", path, tracks, OfficialSplit.of(parts), notes))


def _root(path: Path) -> Path | None:
    """Return the folder that holds the metadata."""
    path = path.resolve()
    inner = path.name == _METADATA or path.name in _FOLDERS
    root = path.parent if inner and not (path / _METADATA).is_dir() else path
    return root if (root / _METADATA / "tracks.csv").is_file() else None


def _clips(path: Path, root: Path) -> Path:
    """Return the folder of the clips."""
    if path.resolve().name in _FOLDERS:
        return path.resolve()  # its name is not that of "."
    found = [name for name in _FOLDERS if (root / name).is_dir()]
    if not found:
        raise DatasetError(f"{path}: there is none of the folders {', '.join(_FOLDERS)} in it")
    if len(found) > 1:
        raise DatasetError(f"{path}: it holds {' and '.join(found)}; give one of these folders")
    return root / found[0]


def _check_hashes(metadata: Path) -> None:
    """Compare the tables with the published hashes, where the user kept the list of them."""
    listed = metadata / "checksums"
    if not listed.is_file():
        return
    for line, cells in read_cells(listed, separator="\t"):
        digest, _, name = cells[0].partition(" ")
        name = name.strip()
        if name not in ("tracks.csv", "echonest.csv"):
            continue
        table = metadata / name
        if not table.is_file():
            raise DatasetError(f"{table}: there is no such file")
        found = _sha1(table)
        if found != digest:
            raise DatasetError(
                f"{table}: its SHA-1 is {found}, and {listed.name}, line {line}, says {digest};"
                f" unpack {_METADATA}.zip again"
            )


def _sha1(path: Path) -> str:
    total = hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            total.update(block)
    return total.hexdigest()


def _rows(root: Path, name: str, columns: Mapping[str, tuple[str, ...]]) -> Iterator[Row]:
    """Yield the rows of a table, with ``track_id`` and `columns` under names of ours."""
    table = root / _METADATA / name
    lines = read_cells(table, most_bytes=_MOST_BYTES)
    levels: list[list[str]] = []
    for _, cells in lines:
        levels.append(cells)
        if cells[0] == "track_id" or len(levels) == 4:
            break
    header = [tuple(filter(None, names)) for names in zip(*levels, strict=False)]
    places = {"track_id": 0}
    for ours, theirs in columns.items():
        if theirs not in header:
            raise DatasetError(f"{table}: there is no column {'/'.join(theirs)!r}")
        places[ours] = header.index(theirs)
    for line, cells in lines:
        if len(cells) != len(header):
            raise DatasetError(
                f"{table}, line {line}: {len(cells)} cells for {len(header)} columns"
            )
        yield Row(table, line, {ours: cells[place] for ours, place in places.items()})


def _track(clips: Path, row: Row, moods: Row | None) -> Track | None:
    """Return a track, None for one without a label of ours or without sound."""
    number = row.whole("track_id", 0, 999_999)
    if number is None:
        raise row.error("it has no track_id")
    genre = genre_named(row["genre"])
    values = {mood: moods.number(mood) for mood in _MOOD_COLUMNS} if moods else {}
    labels = {mood: MoodLabel(v, "echonest") for mood, v in values.items() if v is not None}
    known = genre in GENRES
    if number in _SILENT or row["genre"] == "Spoken" or not (known or labels):
        return None
    if not row["artist"]:
        raise row.error("it has no artist")
    return Track(
        id=f"fma/{number:06}",
        path=clips / f"{number:06}"[:3] / f"{number:06}.mp3",
        kind="music",
        collection="fma",
        group=f"fma/{row['artist']}",
        fold=-1,
        genres=(genre,) if known else (),
        moods=labels,
    )
