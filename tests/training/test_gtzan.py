"""GTZAN in its real layout: the genres' folders, the fault-filtered split, errors in one line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.training.tiny_datasets import TEN, write_gtzan, write_sound, write_split

from musicedge_training.datasets import gtzan
from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.opening import open_dataset
from musicedge_training.datasets.track import GENRES
from musicedge_training.representations import load_samples


def error_of(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        gtzan.load(root)
    message = str(caught.value)
    assert "\n" not in message
    return message


def parts_of(dataset: Dataset) -> dict[str, list[str]]:
    split = dataset.official_split
    assert split is not None
    rows = {"train": split.train, "validation": split.validation, "test": split.test}
    return {part: [dataset.tracks[row].id for row in own] for part, own in rows.items()}


@pytest.mark.parametrize("suffix", ["au", "wav", "mp3"])
@pytest.mark.parametrize("home", ["genres", "genres_original", "."])
def test_clips_are_found_in_every_layout(home: str, suffix: str, tmp_path: Path) -> None:
    root = write_gtzan(tmp_path, home=home, suffix=suffix)
    (root / home / "blues" / "blues.mf").touch()
    assert gtzan.recognises(root)
    dataset = gtzan.load(root)
    assert Counter(track.genre for track in dataset.tracks) == dict.fromkeys(TEN, 5)
    first = dataset.tracks[0]
    assert (first.id, first.collection) == ("gtzan/blues.00000", "gtzan")
    assert first.path == root / home / "blues" / f"blues.00000.{suffix}"
    assert len(load_samples(first.path, 22_050)) >= 22_050
    assert dataset.genres == GENRES
    assert {track.fold for track in dataset.tracks} == set(range(5))


def test_filtered_split_is_the_official_one(tmp_path: Path) -> None:
    root = write_split(write_gtzan(tmp_path, clips=7))
    dataset = gtzan.load(root)
    assert len(dataset.tracks) == 50  # clips in no list are faulty
    parts = parts_of(dataset)
    assert {part: len(ids) for part, ids in parts.items()} == {
        "train": 30,
        "validation": 10,
        "test": 10,
    }
    assert "gtzan/jazz.00003" in parts["validation"]
    assert dataset.notes == ("50 of the 930 published clips of the fault-filtered split",)


def test_split_beside_the_folder_of_genres_is_found(tmp_path: Path) -> None:
    root = write_split(write_gtzan(tmp_path))
    assert parts_of(gtzan.load(root / "genres")) == parts_of(gtzan.load(root))


def test_without_the_split_its_lack_is_noted(tmp_path: Path) -> None:
    dataset = gtzan.load(write_gtzan(tmp_path))
    assert dataset.official_split is None
    assert "fault-filtered" in dataset.notes[0]
    assert dataset.notes[1] == "50 of the 1000 published clips"


def test_users_music_with_some_of_its_clips_is_not_it(tmp_path: Path) -> None:
    root = write_gtzan(tmp_path, home=".")
    write_sound(root / "rock" / "my own.wav")
    assert not gtzan.recognises(root)
    assert len(open_dataset(root).tracks) == 51


def test_another_folder_is_none(tmp_path: Path) -> None:
    write_sound(tmp_path / "blues" / "song.wav")
    assert not gtzan.recognises(tmp_path)
    assert "genres/blues/blues.00000.wav" in error_of(tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("blues/blues.00099.wav", ["line 31", "no clip", "blues.00099"]),
        ("30", ["line 31", "'30' must be such as"]),
        ("blues/blues.00000.wav", ["line 31", "twice"]),
    ],
)
def test_wrong_line_of_the_split_is_named(line: str, words: list[str], tmp_path: Path) -> None:
    root = write_split(write_gtzan(tmp_path))
    with (root / "train_filtered.txt").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    message = error_of(root)
    for word in ["train_filtered.txt", *words]:
        assert word in message


def test_missing_list_of_the_split_is_named(tmp_path: Path) -> None:
    root = write_split(write_gtzan(tmp_path))
    (root / "valid_filtered.txt").unlink()
    assert "valid_filtered.txt: there is no such file" in error_of(root)


def test_one_genre_is_nothing_to_learn(tmp_path: Path) -> None:
    for number in range(6):
        write_sound(tmp_path / "genres" / "blues" / f"blues.{number:05}.wav")
    assert "every genre is 'blues'" in error_of(tmp_path)
