"""DEAM: valence and arousal of 1,802 pieces, rated by listeners (Aljanaki, Yang, Soleymani, 2017).

The MediaEval Database for Emotional Analysis of Music, https://cvml.unige.ch/databases/DEAM/
(``DEAM_Annotations.zip`` and ``DEAM_audio.zip``); PLOS ONE 12(3), doi:10.1371/journal.pone.0173392.
The annotations are under CC BY-NC, the music under the Creative Commons licences that its artists
chose.

Each piece has the mean of at least five listeners' ratings of the whole, from 1 to 9, in
``annotations/annotations averaged per song/song_level/``; they become (rating - 1) / 8, of the
source ``deam``. The audio is ``MEMD_audio/<number>.mp3``: 1,744 excerpts of 45 s and 58 whole
songs. There are no genres here, and every piece is its own group.
"""

from __future__ import annotations

from pathlib import Path

from musicedge_training.datasets.dataset import Dataset, DatasetError, incomplete
from musicedge_training.datasets.folds import with_folds
from musicedge_training.datasets.rows import Row, read_rows
from musicedge_training.datasets.track import MoodLabel, Track

_TABLES = (
    "static_annotations_averaged_songs_1_2000.csv",
    "static_annotations_averaged_songs_2000_2058.csv",
)
_INNER = Path("annotations", "annotations averaged per song", "song_level")
_PIECES = 1802
_LOW, _HIGH = 1, 9


def recognises(root: Path) -> bool:
    """Return whether a folder has DEAM's layout."""
    return _annotations(root) is not None


def load(root: Path) -> Dataset:
    """Read DEAM.

    Parameters
    ----------
    root
        The folder that both archives were unpacked in, straight or each into a folder of its name.

    Raises
    ------
    DatasetError
        A file or a column is missing, or a rating is out of range.
    """
    annotations = _annotations(root)
    if annotations is None:
        raise DatasetError(
            f"{root}: there is no file {str(_INNER / _TABLES[0])!r}; unpack DEAM_Annotations.zip"
            " there"
        )
    homes = (root / "MEMD_audio", root / "DEAM_audio" / "MEMD_audio")
    audio = next((home for home in homes if home.is_dir()), None)
    if audio is None:
        raise DatasetError(f"{root}: there is no folder 'MEMD_audio'; unpack DEAM_audio.zip there")
    columns = ("song_id", "valence_mean", "arousal_mean")
    tracks = [
        _track(audio, row) for name in _TABLES for row in read_rows(annotations / name, columns)
    ]
    notes = incomplete(len(tracks), _PIECES, "pieces")
    return with_folds(Dataset("deam", root, tracks, notes=notes))


def _annotations(root: Path) -> Path | None:
    """Return the folder of the ratings of whole pieces."""
    for home in (root / _INNER, root / "DEAM_Annotations" / _INNER):
        if (home / _TABLES[0]).is_file():
            return home
    return None


def _track(audio: Path, row: Row) -> Track:
    number = row.whole("song_id", 1, 10**6)
    if number is None:
        raise row.error("it has no song_id")
    moods = {mood: row.number(f"{mood}_mean", _LOW, _HIGH) for mood in ("valence", "arousal")}
    return Track(
        id=f"deam/{number}",
        path=audio / f"{number}.mp3",
        kind="music",
        collection="deam",
        group=f"deam/{number}",
        fold=-1,
        moods={
            mood: MoodLabel((rating - _LOW) / (_HIGH - _LOW), "deam")
            for mood, rating in moods.items()
            if rating is not None
        },
    )
