"""The public datasets in miniature, written by code in exactly their real layouts."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from musicedge_training.datasets.gems import FEELINGS
from musicedge_training.datasets.track import GENRES

RATE = 22_050


def write_sound(path: Path, pitch: float = 440.0) -> Path:
    """Write a second of a tone, in the format that the suffix names, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(RATE) / RATE
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * pitch * t)).astype(np.float32), RATE)
    return path


def write_folder(root: Path, songs: dict[str, int]) -> Path:
    """Write so many songs into each folder, and return the root."""
    for folder, count in songs.items():
        for i in range(count):
            write_sound(root / folder / f"{i}.wav")
    return root


TEN = tuple(genre for genre in GENRES if genre != "electronic")
SPLIT = {"train": (0, 1, 2), "valid": (3,), "test": (4,)}
"""GTZAN's genres, and the clips of each in each list of `write_split`."""


def write_gtzan(root: Path, *, home: str = "genres", suffix: str = "au", clips: int = 5) -> Path:
    """Write a few clips of each genre, no two the same, and return the root."""
    for place, genre in enumerate(TEN):
        for number in range(clips):
            path = root / home / genre / f"{genre}.{number:05}.{suffix}"
            write_sound(path, 200.0 + 300.0 * place + 7.0 * number)
    return root


def write_split(root: Path, split: Mapping[str, Sequence[int]] = SPLIT) -> Path:
    """Write the three lists, whatever the clips' own suffix, and return the root."""
    for part, numbers in split.items():
        lines = [f"{genre}/{genre}.{number:05}.wav" for genre in TEN for number in numbers]
        (root / f"{part}_filtered.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return root


# As in Emotify's real file: spaces after the commas of the first line.
EMOTIFY_HEADER = (
    "track id, genre, amazement, solemnity, tenderness, nostalgia, calmness, power,"
    " joyful_activation, tension, sadness, mood, liked, disliked, age, gender, mother tongue"
)
PIECES = {
    1: ("classical", "1.mp3"),
    100: ("classical", "100.mp3"),
    101: ("rock", "1.mp3"),
    217: ("electronic", "17.mp3"),
    301: ("pop", "1.mp3"),
    400: ("pop", "100.mp3"),
}


def emotify_line(number: int, *felt: str, genre: str | None = None) -> str:
    """Return what one listener felt."""
    answers = ",".join(str(int(name in felt)) for name in FEELINGS)
    return f"{number},{genre or PIECES[number][0]},{answers},3,0,0,21,1,English"


def write_emotify(
    root: Path, lines: list[str] | None = None, *, header: str = EMOTIFY_HEADER
) -> Path:
    """Write the table and a song a piece, and return the root."""
    for genre, name in PIECES.values():
        write_sound(root / "emotifymusic" / genre / name)
    if lines is None:
        lines = [emotify_line(number, "power") for number in PIECES]
    (root / "data.csv").write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return root


DEAM_TABLES = "annotations/annotations averaged per song/song_level"
DEAM_FIRST = "static_annotations_averaged_songs_1_2000.csv"
DEAM_SECOND = "static_annotations_averaged_songs_2000_2058.csv"

# As in DEAM's real files: spaces after the commas of the first line, more columns in the second.
DEAM_HEADER = "song_id, valence_mean, valence_std, arousal_mean, arousal_std"
DEAM_LONG_HEADER = (
    "song_id, valence_mean, valence_std, valence_max_mean, valence_max_std, valence_min_mean,"
    " valence_min_std, arousal_mean, arousal_std, arousal_max_mean, arousal_max_std,"
    " arousal_min_mean, arousal_min_std"
)
DEAM_RATINGS = ["2,3.1,0.94,3,0.63", "3,3.5,1.75,3.3,1.62", "4,5.7,1.42,5.5,1.63", "7,1,0,9,0"]
DEAM_LATER = ["2001,5.4,1.2,7,1.1,3,0.4,6.2,0.98,8,0.6,4.2,1.4", "2058,4,1,6,1,2,1,5,1,7,1,3,1"]


def write_deam(
    root: Path, ratings: list[str] = DEAM_RATINGS, *, header: str = DEAM_HEADER, tables: str = ""
) -> Path:
    """Write both tables and a song a line, and return the root."""
    folder = root / tables / DEAM_TABLES
    folder.mkdir(parents=True)
    (folder / DEAM_FIRST).write_text("\n".join([header, *ratings]) + "\n", "utf-8")
    (folder / DEAM_SECOND).write_text("\n".join([DEAM_LONG_HEADER, *DEAM_LATER]) + "\n", "utf-8")
    for line in [*ratings, *DEAM_LATER]:
        write_sound(root / "MEMD_audio" / f"{line.partition(',')[0] or 'none'}.mp3")
    return root


# Some of the columns of FMA's real tables, in their order, after the track's number.
FMA_TRACKS = [
    ("album", "id"),
    ("album", "information"),
    ("artist", "id"),
    ("artist", "name"),
    ("set", "split"),
    ("set", "subset"),
    ("track", "genre_top"),
    ("track", "title"),
]
FMA_ECHONEST = [
    ("echonest", "audio_features", "acousticness"),
    ("echonest", "audio_features", "danceability"),
    ("echonest", "audio_features", "energy"),
    ("echonest", "audio_features", "valence"),
    ("echonest", "metadata", "album_name"),
    ("echonest", "temporal_features", "000"),
]


@dataclass
class FmaClip:
    """What FMA's tables say of one clip."""

    number: int
    subset: str
    split: str
    genre: str
    artist: int


FMA_CLIPS = [
    FmaClip(2, "small", "training", "Hip-Hop", 1),
    FmaClip(3, "medium", "training", "Hip-Hop", 1),
    FmaClip(5, "small", "training", "Rock", 2),
    FmaClip(10, "small", "validation", "Pop", 6),
    FmaClip(140, "small", "test", "Folk", 54),
    FmaClip(141, "small", "test", "Electronic", 55),
    FmaClip(200, "small", "test", "Rock", 56),
    FmaClip(1000, "large", "training", "", 57),
    FmaClip(1001, "small", "training", "Spoken", 58),
    FmaClip(99134, "small", "training", "Rock", 59),  # without sound in the real dataset
    FmaClip(123456, "medium", "validation", "Old-Time / Historic", 60),
]
FMA_MOODS = {2: "0.68,0.63,0.58", 140: "0.3,0.2,0.1", 1000: "0.5,,0.25", 1001: "0.5,0.5,0.5"}
"""Danceability, energy and valence."""


def write_fma(root: Path, *subsets: str, checksums: bool = True) -> Path:
    """Write the metadata, and the clips of some subsets; return the root."""
    metadata = root / "fma_metadata"
    metadata.mkdir(parents=True)
    rows = [
        [
            *(clip.number, 1, '<p>An album,\n"with" lines</p>', clip.artist, "Someone"),
            *(clip.split, clip.subset, clip.genre, "A song"),
        ]
        for clip in FMA_CLIPS
    ]
    _write_fma_table(metadata / "tracks.csv", FMA_TRACKS, rows)
    values = [[number, "0.1", *line.split(","), "", "0.7"] for number, line in FMA_MOODS.items()]
    _write_fma_table(metadata / "echonest.csv", FMA_ECHONEST, values)
    if checksums:
        _write_fma_checksums(metadata)
    for folder in subsets or ("fma_small",):
        order = ["small", "medium", "large"]
        for clip in FMA_CLIPS:
            if order.index(clip.subset) <= order.index(folder.removeprefix("fma_")):
                name = f"{clip.number:06}"
                write_sound(root / folder / name[:3] / f"{name}.mp3")
    return root


def _write_fma_table(path: Path, columns: list[tuple[str, ...]], rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for level in zip(*columns, strict=True):
            writer.writerow(["", *level])
        writer.writerow(["track_id", *[""] * len(columns)])
        writer.writerows(rows)


def _write_fma_checksums(metadata: Path) -> None:
    lines = [
        f"{hashlib.sha1((metadata / name).read_bytes()).hexdigest()}  {name}"
        for name in ("tracks.csv", "echonest.csv")
    ]
    text = "\n".join(["0" * 40 + "  genres.csv", *lines])
    (metadata / "checksums").write_text(text + "\n", "utf-8")


LAB_TRAIN = {
    1042: "Blues",
    115357: "Chiptune",
    80238: "Psych-Folk",
    66082: "Punk",
    19263: "Trip-Hop",
    500: "Post-Rock",
    501: "International",
}
LAB_TEST = {600: "Hip-Hop", 601: "Old-Time"}
LAB_MOODS = {
    1042: "0.3,0.4,0.5",
    501: "0.6,0.7,0.8",
    700: "0.45,0.55,0.65",
    701: "0.3,0.3,0.3",
    702: "0.8,0.8,0.8",
}


Labels = Mapping[int, str]
"""Of the lab's clips, by their number."""


def _write_lab_spectrogram(path: Path, frames: int) -> None:
    """Write 128 mel bands in dB, then 12 chroma, as the lab's files hold them; no two alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng((frames, int(path.name.partition(".")[0])))
    mel, chroma = -80 * rng.random((128, frames)), rng.random((12, frames))
    np.save(path, np.concatenate([mel, chroma]).astype(np.float32))


def _write_lab_genres(
    home: Path, parts: tuple[Labels, Labels], *, ends: tuple[str, str], frames: int
) -> None:
    """Write the folder of genres; the lists name the files in their own way, by part."""
    for part, clips, end in zip(("train", "test"), parts, ends, strict=True):
        lines = [f"{number}{end}\t{genre}" for number, genre in clips.items()]
        for number in clips:
            _write_lab_spectrogram(home / part / f"{number}.fused.full.npy", frames)
        (home / f"{part}_labels.txt").write_text("\n".join(["Id\tGenre", *lines]) + "\n", "utf-8")


def _write_lab_moods(home: Path, moods: Labels, *, frames: int) -> None:
    for number in moods:
        _write_lab_spectrogram(home / "train" / f"{number}.fused.full.npy", frames)
    lines = [f"{number},{values}" for number, values in moods.items()]
    text = "\n".join(["Id,valence,energy,danceability", *lines])
    (home / "train_labels.txt").write_text(text + "\n", "utf-8")


def write_lab(
    root: Path,
    train: Labels = LAB_TRAIN,
    test: Labels = LAB_TEST,
    moods: Labels = LAB_MOODS,
    *,
    frames: int = 1291,
) -> Path:
    """Write the lab's four folders, with the names that its own lists use; return the root."""
    genres = root / "fma_genre_spectrograms"
    ends = (".fused.full.npy.gz", ".full.fused.npy.gz")
    _write_lab_genres(genres, (train, test), ends=ends, frames=frames)
    beats = root / "fma_genre_spectrograms_beat"
    ends = (".beatsync.fused.npy.gz", ".beatsync.fused.npy.gz")
    _write_lab_genres(beats, (train, test), ends=ends, frames=43)
    _write_lab_moods(root / "multitask_dataset", moods, frames=frames)
    _write_lab_moods(root / "multitask_dataset_beat", moods, frames=43)
    return root
