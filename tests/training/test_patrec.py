"""The founding lab's layout: spectrograms, merged genres, moods, errors in one line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.training.tiny_datasets import LAB_MOODS, write_lab

from musicedge_training.datasets import patrec
from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.track import MoodLabel


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lab(tmp_path_factory.mktemp("lab"))


def error_of(path: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        patrec.load(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_genres_are_merged_as_the_lab_did(lab: Path) -> None:
    dataset = patrec.load(lab / "fma_genre_spectrograms")
    assert {track.id: track.genre for track in dataset.tracks} == {
        "patrec/1042": "blues",
        "patrec/115357": "electronic",
        "patrec/80238": "folk",
        "patrec/66082": "metal",
        "patrec/19263": "trip-hop",
        "patrec/500": "rock",
        "patrec/600": "hiphop",
    }
    split = dataset.official_split
    assert split is not None
    assert [dataset.tracks[row].id for row in split.test] == ["patrec/600"]
    assert (len(split.train), len(split.validation)) == (6, 0)
    own = "blues electronic folk hiphop metal rock trip-hop"  # folk and trip-hop are none of ours
    assert dataset.genres == tuple(own.split())


def test_twenty_genres_become_ten() -> None:
    assert len(patrec.MERGED) == 20
    assert Counter(patrec.MERGED.values())[None] == 5
    assert len(set(patrec.MERGED.values()) - {None}) == 10


def test_moods_are_echo_nests(lab: Path) -> None:
    dataset = patrec.load(lab / "multitask_dataset")
    assert [track.id for track in dataset.tracks] == [f"patrec/{number}" for number in LAB_MOODS]
    assert {track.genres for track in dataset.tracks} == {()}
    assert dataset.tracks[0].moods == {
        "valence": MoodLabel(0.3, "echonest"),
        "arousal": MoodLabel(0.4, "echonest"),
        "danceability": MoodLabel(0.5, "echonest"),
    }


def test_genres_and_moods_are_joined_by_track(lab: Path) -> None:
    dataset = patrec.load(lab)
    tracks = {track.id: track for track in dataset.tracks}
    assert len(tracks) == 11
    both = tracks["patrec/1042"]
    assert both.genre == "blues"
    assert set(both.moods) == {"valence", "arousal", "danceability"}
    assert both.path == lab.resolve() / "fma_genre_spectrograms/train/1042.fused.full.npy"
    left_out = tracks["patrec/501"]  # its genre is none of the ten, its moods count
    assert (left_out.genres, set(left_out.moods)) == ((), set(both.moods))
    assert all(track.is_spectrogram for track in dataset.tracks)


@pytest.mark.parametrize(("beat", "frames"), [(False, 1291), (True, 43)])
def test_spectrograms_of_frames_or_of_beats(beat: bool, frames: int, lab: Path) -> None:
    dataset = patrec.load(lab, beat=beat)
    for track in dataset.tracks:
        spectrogram = patrec.load_spectrogram(track.path)
        assert spectrogram.shape == (patrec.ROWS, frames)
        assert spectrogram.dtype == np.float32
    np.testing.assert_array_equal(spectrogram, np.load(track.path))
    assert spectrogram[:128].max() <= 0 <= spectrogram[128:].min()


def test_folder_of_beats_alone_is_recognised(lab: Path, tmp_path: Path) -> None:
    for path in (lab, lab / "fma_genre_spectrograms_beat", lab / "multitask_dataset"):
        assert patrec.recognises(path)
    assert not patrec.recognises(tmp_path)
    (track, *_) = patrec.load(lab / "fma_genre_spectrograms_beat").tracks
    assert patrec.load_spectrogram(track.path).shape == (140, 43)


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("fma_genre_spectrograms/train_labels.txt", "Punk", "Skiffle", ["unknown", "'Skiffle'"]),
        ("fma_genre_spectrograms/train_labels.txt", "1042.", "x1042.", ["line 2", "number"]),
        ("fma_genre_spectrograms/train_labels.txt", "Id\t", "Name\t", ["no column 'id'"]),
        ("fma_genre_spectrograms/test_labels.txt", "600.", "1042.", ["'patrec/1042'", "twice"]),
        ("fma_genre_spectrograms/test_labels.txt", "600.", "602.", ["602.fused.full.npy"]),
        ("multitask_dataset/train_labels.txt", "0.45", "1.45", ["valence is 1.45", "[0, 1]"]),
        ("multitask_dataset/train_labels.txt", "energy", "arousal", ["no column 'energy'"]),
    ],
)
def test_wrong_list_is_named(
    name: str, old: str, new: str, words: list[str], tmp_path: Path
) -> None:
    root = write_lab(tmp_path)
    text = (root / name).read_text("utf-8")
    assert old in text
    (root / name).write_text(text.replace(old, new), "utf-8")
    message = error_of(root)
    for word in words:
        assert word in message


def test_missing_list_of_the_test_part_is_named(tmp_path: Path) -> None:
    root = write_lab(tmp_path)
    (root / "fma_genre_spectrograms/test_labels.txt").unlink()
    assert "test_labels.txt: there is no such file" in error_of(root)
    assert "fma_genre_spectrograms/train_labels.txt" in error_of(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((128, 1291), np.float32),
        np.zeros((140, 0), np.float32),
        np.zeros(140, np.float32),
        np.zeros((140, 100_001), np.int8),
        np.zeros((140, 9), np.int64),
        np.array([["spectrogram"]], object),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_array_of_another_kind_is_refused(array: np.ndarray, tmp_path: Path) -> None:
    root = write_lab(tmp_path)
    path = root / "fma_genre_spectrograms/train/500.fused.full.npy"
    np.save(path, array, allow_pickle=True)
    assert "500.fused.full.npy" in error_of(root)
    with pytest.raises(DatasetError):
        patrec.load_spectrogram(path)


def header(text: str) -> bytes:
    """Return the beginning of an array's file, with a description that may be nonsense."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1")


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\x93NUMPY", b"not an array", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)),
        *(header("{"), header("{'descr': (((\n"), header("{'descr': '<f4'}"), header("9" * 20_000)),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (140, 50)}\n"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (140, -1)}\n"),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (140, 1)}\n"),
    ],
    ids=lambda data: f"{data[:60]}",
)
def test_file_that_is_no_array_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "1.fused.full.npy"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"1\.fused\.full\.npy: ") as caught:
        patrec.load_spectrogram(path)
    assert "\n" not in str(caught.value)
