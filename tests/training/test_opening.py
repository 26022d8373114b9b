"""Opening what --data names: by layout, by suffix, by a name before a colon; errors in one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.training import tiny_corpus
from tests.training.tiny_datasets import (
    write_deam,
    write_emotify,
    write_fma,
    write_folder,
    write_gtzan,
    write_lab,
    write_sound,
)

from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.opening import FORMS, open_dataset
from musicedge_training.datasets.track import GENRES
from musicedge_training.labels import Labels
from musicedge_training.splits import FOLDS, collection_splits, fold_splits


def write_manifest(root: Path) -> Path:
    songs = [write_sound(root / "songs" / f"{i}.wav").name for i in range(10)]
    lines = [f"songs/{name},{('rock', 'skiffle')[i % 2]}" for i, name in enumerate(songs)]
    (root / "songs.csv").write_text("\n".join(["path,genre", *lines]) + "\n", "utf-8")
    return root / "songs.csv"


def write_genres(root: Path) -> Path:
    return write_folder(root, {"rock": 5, "skiffle": 5})


DATASETS: dict[str, Callable[[Path], Path]] = {
    "manifest": write_manifest,
    "folder": write_genres,
    "corpus": tiny_corpus.write_corpus,
    "gtzan": write_gtzan,
    "fma": write_fma,
    "emotify": write_emotify,
    "deam": write_deam,
    "patrec": write_lab,
}


@pytest.fixture(scope="module", params=DATASETS)
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Every kind of dataset, opened by its path alone."""
    root = tmp_path_factory.mktemp(request.param) / "data"
    root.mkdir()
    return open_dataset(DATASETS[request.param](root))


@pytest.mark.parametrize("name", ["corpus", "gtzan", "fma", "emotify", "deam", "patrec"])
def test_layout_tells_the_dataset(name: str, tmp_path: Path) -> None:
    path = DATASETS[name](tmp_path / "data")
    dataset = open_dataset(path)
    assert dataset.name == name
    assert open_dataset(str(path)).tracks == dataset.tracks
    assert open_dataset(f"{name}:{path}").tracks == dataset.tracks


def test_every_track_has_a_fold_and_a_file(dataset: Dataset) -> None:
    assert {track.fold for track in dataset.tracks} == set(range(FOLDS))
    assert all(track.path.is_file() for track in dataset.tracks)
    assert len({track.id for track in dataset.tracks}) == len(dataset.tracks)


def test_groups_are_never_split(dataset: Dataset) -> None:
    folds: dict[str, set[int]] = {}
    for track in dataset.tracks:
        folds.setdefault(track.group, set()).add(track.fold)
    assert {len(found) for found in folds.values()} == {1}


def test_genres_are_those_of_the_labels(dataset: Dataset) -> None:
    labels = Labels.of(dataset.tracks, dataset.genres)
    own = {genre for track in dataset.tracks for genre in track.genres}
    assert labels.genres.shape == (len(dataset.tracks), len(dataset.genres))
    assert set(dataset.genres) == (set(GENRES) if own <= set(GENRES) else own)


def test_official_split_has_each_track_once(dataset: Dataset) -> None:
    split = dataset.official_split
    assert (split is not None) == (dataset.name in ("fma", "patrec"))
    if split is not None:
        rows = [*split.train, *split.validation, *split.test]
        assert sorted(rows) == list(range(len(dataset.tracks)))


def test_splits_of_training_can_be_made(dataset: Dataset) -> None:
    for split in fold_splits(dataset.tracks):
        assert len(split.train)
        assert len(split.test)
    assert bool(collection_splits(dataset.tracks)) == (dataset.name == "corpus")


def test_beats_are_chosen_by_name(tmp_path: Path) -> None:
    root = write_lab(tmp_path)
    dataset = open_dataset(f"patrec-beat:{root}")
    assert all("_beat" in str(track.path) for track in dataset.tracks)


def test_name_settles_what_the_layout_would_not(tmp_path: Path) -> None:
    root = write_gtzan(tmp_path)
    assert open_dataset(f"manifest:{root / 'genres'}").name == "genres"
    assert open_dataset(root / "genres").name == "gtzan"


def test_path_with_a_colon_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_genres(tmp_path / "gtzan:music")
    monkeypatch.chdir(tmp_path)
    assert open_dataset("gtzan:music").name == "gtzan:music"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nowhere", ["nowhere", "no such file or folder", ", ".join(FORMS)]),
        ("gtzn:nowhere", ["gtzn:nowhere", "gtzan"]),
        ("gtzan:", ["no such file or folder"]),
        ("", ["genre-named folders"]),
        ("x" * 5000, ["name too long"]),
        ("a\0b", ["a\\x00b", "no such file or folder"]),
        ("song.wav", ["song.wav", "CSV file or a folder"]),
        ("manifest:nowhere.csv", ["nowhere.csv", "no such file"]),
        *((f"{name}:nowhere", ["nowhere"]) for name in FORMS),
        *((f"{name}:song.wav", ["song.wav"]) for name in FORMS),
        *((f"{name}:empty", ["empty"]) for name in FORMS),
    ],
)
def test_what_is_no_dataset_gets_one_line(
    spec: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sound(tmp_path / "song.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError) as caught:
        open_dataset(spec)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word.lower() in message.lower()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read it all")
def test_folder_that_may_not_be_read_gets_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o000)
    try:
        with pytest.raises(DatasetError, match="cannot be read"):
            open_dataset(tmp_path)
    finally:
        tmp_path.chmod(0o700)
