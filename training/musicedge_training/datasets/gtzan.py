"""GTZAN: 1,000 clips of 30 s in ten genres (Tzanetakis and Cook, IEEE TSAP 10(5), 2002).

Described at http://marsyas.info/downloads/datasets.html, which gave ``genres.tar.gz`` (MD5
5b3d6dddb579ab49814ab86dba69e7c7, http://opihi.cs.uvic.ca/sound/genres.tar.gz). No licence is
stated; the clips are of copyrighted recordings, so they are for research and must not be passed on.

The layout is ``genres/<genre>/<genre>.NNNNN.au`` (or ``.wav``, ``.mp3``); ``genres_original``, and
the genres' folders without one around them, are found as well. Many clips repeat or distort others,
or are of the same artist (Sturm, arXiv:1306.1461). The fault-filtered split (Kereliuk, Sturm and
Larsen, IEEE TMM 17(11), 2015, arXiv:1507.04761) keeps 930 of them and has no artist in two parts:
put its files ``train_filtered.txt``, ``valid_filtered.txt`` and ``test_filtered.txt``, with lines
such as ``blues/blues.00029.wav`` (https://github.com/jongpillee/music_dataset_split), beside
``genres``. Folds are made without the artists' names, so that an artist may be in several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from musicedge.audio import AUDIO_SUFFIXES
from musicedge_training.datasets.dataset import Dataset, DatasetError, OfficialSplit, incomplete
from musicedge_training.datasets.folds import with_folds
from musicedge_training.datasets.rows import read_cells
from musicedge_training.datasets.track import GENRES, Track

_GENRES = tuple(genre for genre in GENRES if genre != "electronic")
_CLIPS = 1000
_FILTERED = 930
_PARTS = ("train", "valid", "test")
_NAME = re.compile(r"(?P<genre>[a-z]+)\.[0-9]{5}")


def recognises(root: Path) -> bool:
    """Return whether a folder has GTZAN's layout."""
    return _home(root) is not None


def load(root: Path) -> Dataset:
    """Read GTZAN.

    Parameters
    ----------
    root
        The folder that holds ``genres`` and, best, the three files of the fault-filtered split.

    Raises
    ------
    DatasetError
        The layout is another, a file of the split or a clip that it names is missing, or a line of
        it is wrong.
    """
    home = _home(root)
    if home is None:
        raise DatasetError(
            f"{root}: it must hold GTZAN's clips, such as genres/blues/blues.00000.wav, and no"
            " other audio"
        )
    clips = {path.stem: path for path in sorted(_audio(home))}
    parts = _filtered_split(root if _lists(root) else home.parent, clips)
    if parts is None:
        kept, split = list(clips), None
        notes = (
            "the fault-filtered split's files are not there: artists may be in several folds",
            *incomplete(len(kept), _CLIPS, "clips"),
        )
    else:
        kept, split = list(parts), OfficialSplit.of(list(parts.values()))
        notes = incomplete(len(kept), _FILTERED, "clips of the fault-filtered split")
    tracks = [
        Track(
            id=f"gtzan/{name}",
            path=clips[name],
            kind="music",
            collection="gtzan",
            group=f"gtzan/{name}",
            fold=-1,
            genres=(name.partition(".")[0],),
        )
        for name in kept
    ]
    return with_folds(Dataset("gtzan", root, tracks, split, notes))


def _home(root: Path) -> Path | None:
    """Return the folder of the genres' folders, if they hold GTZAN's clips and no other audio."""
    for home in (root / "genres", root / "genres_original", root):
        files = _audio(home)
        first = next(files, None)
        if first is not None and _is_clip(first) and all(map(_is_clip, files)):
            return home
    return None


def _audio(home: Path) -> Iterator[Path]:
    """Yield the audio files in the folders of a folder."""
    for path in home.glob("*/*"):
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith("."):
            yield path


def _is_clip(path: Path) -> bool:
    found = _NAME.fullmatch(path.stem)
    return found is not None and found["genre"] == path.parent.name and found["genre"] in _GENRES


def _lists(folder: Path) -> dict[str, Path]:
    """Return the lists of the fault-filtered split by part, none where a folder has none."""
    lists = {part: folder / f"{part}_filtered.txt" for part in _PARTS}
    return lists if any(path.is_file() for path in lists.values()) else {}


def _filtered_split(folder: Path, clips: Mapping[str, Path]) -> dict[str, str] | None:
    """Return the part of each clip of the fault-filtered split, None where the user has none."""
    lists = _lists(folder)
    if not lists:
        return None
    parts: dict[str, str] = {}
    for part, path in lists.items():
        for line, (cell, *_) in read_cells(path, separator="\t"):
            name = Path(cell).stem
            if not _NAME.fullmatch(name):
                raise DatasetError(
                    f"{path}, line {line}: {cell!r} must be such as 'blues/blues.00029.wav'"
                )
            if name not in clips:
                raise DatasetError(f"{path}, line {line}: there is no clip {cell!r}")
            if name in parts:
                raise DatasetError(f"{path}, line {line}: {cell!r} is in the split twice")
            parts[name] = "validation" if part == "valid" else part
    return parts
