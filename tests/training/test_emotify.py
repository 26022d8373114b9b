"""Emotify in its real layout: a line a listener, shares of feelings, errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.tiny_datasets import EMOTIFY_HEADER, PIECES, emotify_line, write_emotify

from musicedge_training.datasets import emotify
from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.track import GENRES
from musicedge_training.representations import load_samples


def error_of(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        emotify.load(root)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_pieces_lie_in_their_genres_folder_by_their_number_in_it(tmp_path: Path) -> None:
    root = write_emotify(tmp_path)
    assert emotify.recognises(root)
    dataset = emotify.load(root)
    assert [(t.genre, t.path.name) for t in dataset.tracks] == list(PIECES.values())
    assert [track.id for track in dataset.tracks][:3] == [
        "emotify/classical.001",
        "emotify/classical.100",
        "emotify/rock.001",
    ]
    assert all(track.path.parent.name == track.genre for track in dataset.tracks)
    assert len(load_samples(dataset.tracks[0].path, 22_050)) >= 22_050
    assert dataset.genres == GENRES
    assert dataset.official_split is None
    assert dataset.notes[0] == "6 of the 400 published pieces"


def test_moods_are_made_of_the_shares_of_listeners(tmp_path: Path) -> None:
    heard = [
        emotify_line(1, "power", "joyful_activation"),
        emotify_line(1, "power"),
        emotify_line(1, "calmness"),
        emotify_line(1),
        *(emotify_line(number) for number in PIECES if number != 1),
    ]
    first, second, *_ = emotify.load(write_emotify(tmp_path, heard)).tracks
    # Shares: power 1/2, joyful activation 1/4, calmness 1/4; three feelings each way for arousal,
    # four and two for valence.
    moods = {name: (label.value, label.source) for name, label in first.moods.items()}
    assert moods == {
        "arousal": (pytest.approx(0.5 + (0.5 + 0.25 - 0.25) / 6), "gems"),
        "valence": (pytest.approx(0.5 + (0.25 + 0.25) / 8), "gems"),
        "danceability": (0.25, "joyful-activation"),
    }
    assert second.moods["arousal"].value == 0.5
    assert second.moods["danceability"].value == 0


def test_music_may_lie_beside_the_table(tmp_path: Path) -> None:
    root = write_emotify(tmp_path)
    for genre in ("classical", "rock", "electronic", "pop"):
        (root / "emotifymusic" / genre).rename(root / genre)
    assert len(emotify.load(root).tracks) == 6


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (emotify_line(101, genre="pop"), ["line 8", "piece 101", "'pop'"]),
        (
            emotify_line(1).replace("1,classical", "401,classical"),
            ["track id is '401'", "1 to 400"],
        ),
        (emotify_line(1).replace("1,classical,0", "1,classical,2"), ["amazement is '2'", "0 to 1"]),
        (emotify_line(1).replace("1,classical,0", "1,classical,"), ["amazement is empty"]),
        (emotify_line(1) + ",more", ["18 cells for 17 columns"]),
    ],
)
def test_wrong_line_is_named(bad: str, words: list[str], tmp_path: Path) -> None:
    message = error_of(write_emotify(tmp_path, [*(emotify_line(number) for number in PIECES), bad]))
    for word in ["data.csv", *words]:
        assert word in message


def test_missing_column_is_named(tmp_path: Path) -> None:
    root = write_emotify(tmp_path, header=EMOTIFY_HEADER.replace("tension", "tense"))
    assert "no column 'tension'" in error_of(root)


def test_missing_song_is_named_and_counted(tmp_path: Path) -> None:
    root = write_emotify(tmp_path)
    (root / "emotifymusic/pop/1.mp3").unlink()
    (root / "emotifymusic/pop/100.mp3").unlink()
    message = error_of(root)
    assert "pop/1.mp3" in message
    assert "1 others of 6" in message


def test_missing_table_and_missing_music_are_named(tmp_path: Path) -> None:
    (write_emotify(tmp_path / "a") / "data.csv").unlink()
    assert not emotify.recognises(tmp_path / "a")
    assert "data.csv: there is no such file" in error_of(tmp_path / "a")
    (tmp_path / "b").mkdir()
    assert "emotifymusic" in error_of(tmp_path / "b")
