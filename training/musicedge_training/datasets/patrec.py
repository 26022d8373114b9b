"""The founding lab's spectrograms: clips of the Free Music Archive, computed before, no audio.

The third lab of the course on pattern recognition at NTUA (https://github.com/slp-ntua/patrec-labs),
as the data set ``geoparslp/patreco3-multitask-affective-music`` on Kaggle. No licence is stated;
the audio, which is not part of it, is under the licences that its artists chose.

Its folder ``data`` holds ``fma_genre_spectrograms``, with ``train``, ``test`` and their lists of
genres (separated by tabs: Id, Genre), and ``multitask_dataset``, with ``train`` and its list of
moods (separated by commas: Id, valence, energy, danceability, in [0, 1], of the source
``echonest``); and both once more with ``_beat`` at the end of the name, where every frame is the
median of a beat. A spectrogram is ``<number>.fused.full.npy``, 140 x T: 128 mel bands in dB and
12 chroma. An Id may be the number, or a file name that begins with it. The 20 genres are merged to
ten and the tracks of five are left out, as the lab did.

Each track is its own group: the artists are not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicedge_training.datasets.dataset import Dataset, DatasetError, OfficialSplit
from musicedge_training.datasets.folds import with_folds
from musicedge_training.datasets.rows import Row, read_rows
from musicedge_training.datasets.track import MoodLabel, Track

ROWS = 140
"""Of a spectrogram: 128 mel bands, then 12 chroma."""

MERGED = {
    "Rock": "rock",
    "Psych-Rock": "rock",
    "Post-Rock": "rock",
    "Folk": "folk",
    "Psych-Folk": "folk",
    "Metal": "metal",
    "Punk": "metal",
    "Electronic": "electronic",
    "Chiptune": "electronic",
    "Blues": "blues",
    "Classical": "classical",
    "Hip-Hop": "hiphop",
    "Jazz": "jazz",
    "Pop": "pop",
    "Trip-Hop": "trip-hop",
    "Indie-Rock": None,
    "Post-Punk": None,
    "Soundtrack": None,
    "International": None,
    "Old-Time": None,
}
"""The ten genres that the lab's twenty become; None for those that are left out."""

_GENRES = "fma_genre_spectrograms"
_MOODS = "multitask_dataset"
_BEAT = "_beat"
_PARTS = ("train", "test")
_MOOD_COLUMNS = {"valence": "valence", "arousal": "energy", "danceability": "danceability"}
_MOST_FRAMES = 100_000  # of 30 s there are 1,291


def recognises(path: Path) -> bool:
    """Return whether a folder has the lab's layout, or is one of its four inner folders."""
    return bool(_homes(path, beat=False) or _homes(path, beat=True))


def load(path: Path, *, beat: bool = False) -> Dataset:
    """Read the lab's labels.

    Parameters
    ----------
    path
        The folder ``data``, whose genres and moods are joined by track; or one of the four inner
        folders, for its labels alone.
    beat
        Whether to take the folders of beats from ``data``.

    Raises
    ------
    DatasetError
        A file or a column is missing, a genre is unknown, a mood is out of range, or a spectrogram
        is none of 140 rows.
    """
    homes = _homes(path, beat=beat)
    if not homes:
        end = _BEAT if beat else ""
        raise DatasetError(
            f"{path}: there is no '{_GENRES}{end}/train_labels.txt' in it; give the lab's folder"
            " data"
        )
    tracks: dict[str, Track] = {}
    parts: dict[str, str] = {}
    for home in homes:
        for part, track in _labelled(home):
            known = tracks.get(track.id)
            if known is None:
                tracks[track.id], parts[track.id] = track, part
            elif known.genres and track.moods and not known.moods:
                tracks[track.id] = replace(known, moods=track.moods)
            else:
                raise DatasetError(f"{home}: {track.id!r} is labelled twice")
    # In one order whatever the lists', so that a clip has one fold by frames and by beats.
    order = sorted(tracks)
    split = OfficialSplit.of([parts[name] for name in order])
    dataset = with_folds(Dataset("patrec", path, [tracks[name] for name in order], split))
    for track in dataset.tracks:
        open_spectrogram(track.path)
    return dataset


def holds(path: Path, *, beat: bool) -> bool:
    """Return whether a folder that is one of the lab's has spectrograms by frames, or by beats."""
    if path.resolve().name.removesuffix(_BEAT) in (_GENRES, _MOODS):
        return path.resolve().name.endswith(_BEAT) == beat
    return bool(_homes(path, beat=beat))


def load_spectrogram(path: Path) -> NDArray[np.float32]:
    """Return a spectrogram, np.ndarray [shape=(140, t), dtype=float32]: mel in dB, then chroma.

    Raises
    ------
    DatasetError
        The file is missing or holds no such array.
    """
    return np.asarray(open_spectrogram(path), np.float32)


def _homes(path: Path, *, beat: bool) -> list[Path]:
    """Return the folders of labels in `path`, or `path` itself when it is one."""
    path = path.resolve()
    names = [name + (_BEAT if beat else "") for name in (_GENRES, _MOODS)]
    if path.name.removesuffix(_BEAT) in (_GENRES, _MOODS):
        homes = [path]
    else:
        homes = [path / name for name in names]
    return [home for home in homes if (home / "train_labels.txt").is_file()]


def _labelled(home: Path) -> Iterator[tuple[str, Track]]:
    """Yield the tracks of a folder that have a label, with the part that each is in."""
    moods = home.name.removesuffix(_BEAT) == _MOODS
    for part in _PARTS:
        table = home / f"{part}_labels.txt"
        if moods and part == "test" and not table.is_file():
            continue  # the lab kept these to itself
        columns = ("id", *_MOOD_COLUMNS.values()) if moods else ("id", "genre")
        for row in read_rows(table, columns, separator="," if moods else "\t"):
            track = _track(home / part, row, moods=moods)
            if track is not None:
                yield part, track


def _track(folder: Path, row: Row, *, moods: bool) -> Track | None:
    number = row["id"].partition(".")[0]
    if not (number.isascii() and number.isdigit()):
        raise row.error("the Id must begin with the track's number, as in '1042.fused.full.npy'")
    track = Track(
        id=f"patrec/{number}",
        path=folder / f"{number}.fused.full.npy",
        kind="music",
        collection="patrec",
        group=f"patrec/{number}",
        fold=-1,
    )
    if moods:
        values = {mood: row.number(column) for mood, column in _MOOD_COLUMNS.items()}
        labels = {mood: MoodLabel(v, "echonest") for mood, v in values.items() if v is not None}
        return replace(track, moods=labels) if labels else None
    if row["genre"] not in MERGED:
        raise row.error(f"unknown genre {row['genre']!r}")
    genre = MERGED[row["genre"]]
    return None if genre is None else replace(track, genres=(genre,))


def open_spectrogram(path: Path) -> NDArray[np.floating]:
    """Return a spectrogram that is read as it is used, np.ndarray [shape=(140, t)].

    Raises
    ------
    DatasetError
        The file is missing, or its header says that it is none.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python: it can fail in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"{path}: cannot be read as a spectrogram: {reason}") from error
    if not isinstance(array, np.ndarray):
        raise DatasetError(f"{path}: it is an archive of arrays: must be one array")
    good = array.ndim == 2 and len(array) == ROWS and 1 <= array.shape[1] <= _MOST_FRAMES
    if not good or array.dtype.kind != "f":
        raise DatasetError(
            f"{path}: it holds {array.dtype} of shape {array.shape}: must be floats, {ROWS} x 1 to"
            f" {_MOST_FRAMES}"
        )
    return array
