"""Emotify: 400 excerpts of a minute and what listeners felt (Aljanaki, Wiering, Veltkamp, 2016).

From https://www2.projects.science.uu.nl/memotion/emotifydata/: ``data.csv`` and
``emotifymusic.zip``. The page states no licence and asks to cite "Studying emotion induced by music
through a crowdsourcing game", Information Processing and Management 52(1), 2016. The music is
Magnatune's, under CC BY-NC-SA.

``data.csv`` has one line for each time that a listener heard a piece: the piece's number, its
genre, 0 or 1 for each of nine feelings, and about the listener. Pieces 1 to 100 are classical, the
next hundreds rock, electronic and pop: piece 101 is ``emotifymusic/rock/1.mp3``. The moods are made
of the shares of listeners who felt each (see `gems`); danceability is the share of those who felt
like dancing, of the source ``joyful-activation``. The artists are not known: every piece is its own
group.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from musicedge_training.datasets.dataset import Dataset, DatasetError, incomplete
from musicedge_training.datasets.folds import with_folds
from musicedge_training.datasets.gems import FEELINGS, gems_moods
from musicedge_training.datasets.rows import Row, read_rows
from musicedge_training.datasets.track import MoodLabel, Track

_GENRES = ("classical", "rock", "electronic", "pop")
_EACH = 100  # pieces of each genre


def recognises(root: Path) -> bool:
    """Return whether a folder has Emotify's layout."""
    return (root / "data.csv").is_file() and _music(root) is not None


def load(root: Path) -> Dataset:
    """Read Emotify.

    Parameters
    ----------
    root
        The folder that holds ``data.csv`` and ``emotifymusic``.

    Raises
    ------
    DatasetError
        A file or a column is missing, or a label is wrong.
    """
    music = _music(root)
    if music is None:
        raise DatasetError(
            f"{root}: there is no folder 'emotifymusic' with {', '.join(_GENRES)} in it; unpack"
            " emotifymusic.zip there"
        )
    heard: defaultdict[int, list[Row]] = defaultdict(list)
    for row in read_rows(root / "data.csv", ("track id", "genre", *FEELINGS)):
        number = row.whole("track id", 1, _EACH * len(_GENRES))
        if number is None or row["genre"] != _GENRES[(number - 1) // _EACH]:
            raise row.error(f"piece {number} cannot be of genre {row['genre']!r}")
        heard[number].append(row)
    tracks = [_track(music, number, rows) for number, rows in sorted(heard.items())]
    notes = incomplete(len(tracks), _EACH * len(_GENRES), "pieces")
    return with_folds(Dataset("emotify", root, tracks, notes=notes))


def _music(root: Path) -> Path | None:
    """Return the folder of the genres' folders."""
    for music in (root / "emotifymusic", root):
        if all((music / genre).is_dir() for genre in _GENRES):
            return music
    return None


def _track(music: Path, number: int, rows: list[Row]) -> Track:
    shares = {name: sum(_felt(row, name) for row in rows) / len(rows) for name in FEELINGS}
    genre = rows[0]["genre"]
    inner = (number - 1) % _EACH + 1
    return Track(
        id=f"emotify/{genre}.{inner:03}",
        path=music / genre / f"{inner}.mp3",
        kind="music",
        collection="emotify",
        group=f"emotify/{genre}.{inner:03}",
        fold=-1,
        genres=(genre,),
        moods={
            **gems_moods(shares),
            "danceability": MoodLabel(shares["joyful_activation"], "joyful-activation"),
        },
    )


def _felt(row: Row, feeling: str) -> int:
    felt = row.whole(feeling, 0, 1)
    if felt is None:
        raise row.error(f"{feeling} is empty: must be 0 or 1")
    return felt
