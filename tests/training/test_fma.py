"""FMA in its real layout: lines of headers, subsets, hashes, its own split, errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.tiny_datasets import write_fma

from musicedge_training.datasets import fma
from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.track import GENRES, MoodLabel
from musicedge_training.representations import load_samples


def numbers(dataset: Dataset) -> list[int]:
    return [int(track.id.removeprefix("fma/")) for track in dataset.tracks]


def error_of(path: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        fma.load(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_genres_of_ours_and_moods_are_the_labels(tmp_path: Path) -> None:
    dataset = fma.load(write_fma(tmp_path))
    assert numbers(dataset) == [2, 5, 10, 140, 141, 200]
    first = dataset.tracks[0]
    assert (first.id, first.group, first.genre) == ("fma/000002", "fma/1", "hiphop")
    assert first.path == tmp_path / "fma_small/000/000002.mp3"
    assert first.moods == {
        "danceability": MoodLabel(0.68, "echonest"),
        "arousal": MoodLabel(0.63, "echonest"),
        "valence": MoodLabel(0.58, "echonest"),
    }
    folk = dataset.tracks[3]  # no genre of ours, but moods
    assert (folk.genres, set(folk.moods)) == ((), {"danceability", "arousal", "valence"})
    assert dataset.genres == GENRES
    assert len(load_samples(first.path, 22_050)) >= 22_050


def test_official_split_is_the_tables_own(tmp_path: Path) -> None:
    dataset = fma.load(write_fma(tmp_path))
    split = dataset.official_split
    assert split is not None
    assert split.train.tolist() == [0, 1]
    assert split.validation.tolist() == [2]
    assert split.test.tolist() == [3, 4, 5]


def test_what_is_left_out_is_noted(tmp_path: Path) -> None:
    dataset = fma.load(write_fma(tmp_path))
    assert dataset.notes[:2] == (
        "without a genre of ours or a mood, left out: 2 of 8 clips",
        "8 of the 8000 published clips of fma_small",
    )


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("fma_small", [2, 5, 10, 140, 141, 200]),
        ("fma_medium", [2, 3, 5, 10, 140, 141, 200]),
        ("fma_large", [2, 3, 5, 10, 140, 141, 200, 1000]),
    ],
)
def test_folder_of_clips_chooses_the_subset(folder: str, found: list[int], tmp_path: Path) -> None:
    root = write_fma(tmp_path, "fma_small", "fma_medium", "fma_large")
    assert fma.recognises(root / folder)
    dataset = fma.load(root / folder)
    assert numbers(dataset) == found
    assert all(folder in track.path.parts for track in dataset.tracks)


def test_folder_of_clips_may_be_the_working_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_fma(tmp_path) / "fma_small")
    assert len(fma.load(Path()).tracks) == 6


def test_several_subsets_must_be_chosen_from(tmp_path: Path) -> None:
    root = write_fma(tmp_path, "fma_small", "fma_medium")
    assert "holds fma_small and fma_medium; give one" in error_of(root)


def test_artists_are_not_split(tmp_path: Path) -> None:
    dataset = fma.load(write_fma(tmp_path, "fma_medium"))
    folds = {track.id: track.fold for track in dataset.tracks}
    assert folds["fma/000002"] == folds["fma/000003"]


def test_metadatas_folder_is_found_too(tmp_path: Path) -> None:
    root = write_fma(tmp_path)
    assert fma.recognises(root)
    assert fma.recognises(root / "fma_metadata")
    assert numbers(fma.load(root / "fma_metadata")) == numbers(fma.load(root))


def test_table_that_is_not_the_published_one_is_an_error(tmp_path: Path) -> None:
    root = write_fma(tmp_path)
    edit(root / "fma_metadata" / "echonest.csv", "0.68", "0.69")
    message = error_of(root)
    assert "echonest.csv: its SHA-1 is" in message
    assert "line 3" in message


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("tracks.csv", "small", "tiny", ["('2')", "unknown subset 'tiny'"]),
        ("tracks.csv", "validation", "valid", ["('10')", "unknown split 'valid'"]),
        ("tracks.csv", "genre_top", "genre", ["no column 'track/genre_top'"]),
        ("tracks.csv", "\n200,", "\nx,", ["track_id is 'x'"]),
        ("tracks.csv", "56,Someone", ",Someone", ["('200')", "no artist"]),
        ("tracks.csv", "Electronic,A song", "Electronic", ["8 cells for 9 columns"]),
        ("echonest.csv", "energy", "energies", ["no column 'echonest/audio_features/energy'"]),
        ("echonest.csv", "0.63", "1.63", ["echonest.csv, line 5", "arousal is 1.63", "[0, 1]"]),
    ],
)
def test_wrong_table_is_named(
    name: str, old: str, new: str, words: list[str], tmp_path: Path
) -> None:
    root = write_fma(tmp_path, checksums=False)
    edit(root / "fma_metadata" / name, old, new)
    message = error_of(root)
    for word in [name, *words]:
        assert word in message


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    root = write_fma(tmp_path / "a")
    (root / "fma_small/000/000005.mp3").unlink()
    assert "000/000005.mp3" in error_of(root)
    root = write_fma(tmp_path / "b", checksums=False)
    (root / "fma_metadata/echonest.csv").unlink()
    assert "echonest.csv: there is no such file" in error_of(root)
    root = write_fma(tmp_path / "c")
    (root / "fma_metadata/echonest.csv").unlink()
    assert "echonest.csv: there is no such file" in error_of(root)
    root = write_fma(tmp_path / "d")
    (root / "fma_small").rename(root / "small")
    assert "none of the folders fma_small, fma_medium" in error_of(root)
    assert "fma_metadata/tracks.csv" in error_of(tmp_path)


def test_table_that_is_no_csv_is_an_error(tmp_path: Path) -> None:
    root = write_fma(tmp_path, checksums=False)
    (root / "fma_metadata/tracks.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    assert "UTF-8" in error_of(root)
    (root / "fma_metadata/tracks.csv").write_bytes(b"")
    assert "no column" in error_of(root)
