"""Emotify in its real layout: a line a listener, shares of feelings, errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.tiny_audio import write_sound

from musicedge_training.datasets import emotify
from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.gems import FEELINGS
from musicedge_training.datasets.track import GENRES
from musicedge_training.representations import load_samples

# As in the real file: spaces after the commas of the first line.
HEADER = (
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


def line(number: int, *felt: str, genre: str | None = None) -> str:
    """Return what one listener felt."""
    answers = ",".join(str(int(name in felt)) for name in FEELINGS)
    return f"{number},{genre or PIECES[number][0]},{answers},3,0,0,21,1,English"


def write_emotify(root: Path, lines: list[str] | None = None, *, header: str = HEADER) -> Path:
    """Write the table and a song a piece, and return the root."""
    for genre, name in PIECES.values():
        write_sound(root / "emotifymusic" / genre / name)
    if lines is None:
        lines = [line(number, "power") for number in PIECES]
    (root / "data.csv").write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return root


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
    assert dataset.notes == ("6 of the 400 published pieces",)


def test_moods_are_made_of_the_shares_of_listeners(tmp_path: Path) -> None:
    heard = [
        line(1, "power", "joyful_activation"),
        line(1, "power"),
        line(1, "calmness"),
        line(1),
        *(line(number) for number in PIECES if number != 1),
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
        (line(101, genre="pop"), ["line 8", "piece 101", "'pop'"]),
        (line(1).replace("1,classical", "401,classical"), ["track id is '401'", "1 to 400"]),
        (line(1).replace("1,classical,0", "1,classical,2"), ["amazement is '2'", "0 to 1"]),
        (line(1).replace("1,classical,0", "1,classical,"), ["amazement is empty"]),
        (line(1) + ",more", ["18 cells for 17 columns"]),
    ],
)
def test_wrong_line_is_named(bad: str, words: list[str], tmp_path: Path) -> None:
    message = error_of(write_emotify(tmp_path, [*(line(number) for number in PIECES), bad]))
    for word in ["data.csv", *words]:
        assert word in message


def test_missing_column_is_named(tmp_path: Path) -> None:
    root = write_emotify(tmp_path, header=HEADER.replace("tension", "tense"))
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
