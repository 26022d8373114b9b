"""A user's own music: the CSV's columns, the folder of genres, folds, and errors in one line."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.tiny_datasets import write_folder, write_sound

from musicedge_training.datasets import manifest
from musicedge_training.datasets.dataset import Dataset, DatasetError
from musicedge_training.datasets.track import GENRES, MoodLabel
from musicedge_training.representations import load_samples

Line = dict[str, object]


def lines(count: int = 10) -> list[Line]:
    """Return lines of songs that exist once `write` has run, half of them rock."""
    return [{"path": f"songs/{i}.wav", "genre": ("rock", "jazz")[i % 2]} for i in range(count)]


def write(root: Path, rows: list[Line], *, sounds: bool = True) -> Path:
    """Write songs.csv, with the columns of the first line, and the songs; return its path."""
    root.mkdir(parents=True, exist_ok=True)
    table = root / "songs.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows if sounds else ():
        write_sound(root / str(row["path"]))
    return table


def error_of(path: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        manifest.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_all_columns_are_read(tmp_path: Path) -> None:
    rows: list[Line] = [
        {
            **line,
            "valence": 0.25,
            "arousal": "",
            "danceability": 1,
            "group": f"artist {i}",
            "fold": i % 5,
            "title": "passed over",
        }
        for i, line in enumerate(lines())
    ]
    dataset = manifest.load(write(tmp_path, rows))
    track = dataset.tracks[1]
    assert dataset.name == track.collection == "songs"
    assert (track.id, track.path) == ("songs/1.wav", tmp_path / "songs/1.wav")
    assert (track.genre, track.group, track.fold) == ("jazz", "artist 1", 1)
    assert track.moods == {
        "valence": MoodLabel(0.25, manifest.SOURCE),
        "danceability": MoodLabel(1.0, manifest.SOURCE),
    }
    assert track.is_music
    assert dataset.official_split is None
    assert len(load_samples(track.path, 8000)) == 8000


def test_only_the_path_is_needed_where_there_are_moods(tmp_path: Path) -> None:
    rows: list[Line] = [{"path": f"{i}.wav", "arousal": i / 10} for i in range(5)]
    dataset = manifest.load(write(tmp_path, rows))
    assert [track.genres for track in dataset.tracks] == [()] * 5
    assert dataset.genres == GENRES


def test_labels_may_be_empty(tmp_path: Path) -> None:
    rows = [*lines(), {"path": "unlabelled.wav"}]
    dataset = manifest.load(write(tmp_path, rows))
    assert (dataset.tracks[-1].genres, dataset.tracks[-1].moods) == ((), {})
    assert dataset.tracks[-1].group == "unlabelled.wav"


@pytest.mark.parametrize("head", ["path", "PATH", " Path ", "\ufeffpath"])
def test_case_spaces_and_byte_order_mark_do_not_matter(head: str, tmp_path: Path) -> None:
    table = write(tmp_path, lines())
    table.write_text(table.read_text("utf-8").replace("path", head, 1), "utf-8")
    assert len(manifest.load(table).tracks) == 10


def test_own_genres_are_kept_and_ours_are_found(tmp_path: Path) -> None:
    names = ["Hip-Hop", "Skiffle", "ROCK", "rock|Skiffle", "hip hop"]
    rows: list[Line] = [{"path": f"{i}.wav", "genre": name} for i, name in enumerate(names)]
    dataset = manifest.load(write(tmp_path, rows))
    assert [track.genres for track in dataset.tracks] == [
        ("hiphop",),
        ("Skiffle",),
        ("rock",),
        ("rock", "Skiffle"),
        ("hiphop",),
    ]
    assert dataset.genres == ("Skiffle", "hiphop", "rock")


def test_genres_of_ours_alone_give_all_of_ours(tmp_path: Path) -> None:
    assert manifest.load(write(tmp_path, lines())).genres == GENRES


def test_folder_of_genres_needs_no_table(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "music", {"Rock": 6, "skiffle": 5, ".hidden": 3})
    write_sound(root / "loose.wav")
    (root / "notes").mkdir()
    (root / "Rock" / "cover.jpg").touch()
    dataset = manifest.load(root)
    assert Counter(track.genre for track in dataset.tracks) == {"rock": 6, "skiffle": 5}
    assert dataset.name == "music"
    assert dataset.genres == ("rock", "skiffle")
    assert {track.id for track in dataset.tracks} >= {"Rock/0.wav", "skiffle/4.wav"}
    assert dataset.notes == (
        "audio files in no genre's folder, left out: 1",
        "folders without audio, left out: notes",
    )


def test_folder_in_a_genre_is_a_group(tmp_path: Path) -> None:
    songs = {f"{genre}/artist {i}": 2 for genre in ("rock", "jazz") for i in range(3)}
    root = write_folder(tmp_path, {**songs, "jazz": 2})
    dataset = manifest.load(root)
    groups = {track.id: track.group for track in dataset.tracks}
    assert groups["rock/artist 1/0.wav"] == groups["jazz/artist 1/1.wav"] == "artist 1"
    assert groups["jazz/0.wav"] == "jazz/0.wav"


def folds_by_group(dataset: Dataset) -> dict[str, set[int]]:
    folds: dict[str, set[int]] = {}
    for track in dataset.tracks:
        folds.setdefault(track.group, set()).add(track.fold)
    return folds


def test_folds_are_balanced_by_genre_and_the_same_every_time(tmp_path: Path) -> None:
    table = write(tmp_path, lines(40))
    dataset = manifest.load(table)
    for genre in ("rock", "jazz"):
        counts = Counter(track.fold for track in dataset.tracks if track.genre == genre)
        assert counts == dict.fromkeys(range(5), 4)
    assert manifest.load(table) == dataset


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), min_size=12, max_size=40))
def test_folds_never_split_a_group(
    tmp_path_factory: pytest.TempPathFactory, artists: list[int]
) -> None:
    artists = [*range(5), *artists]
    rows = [{**line, "group": f"a{artists[i]}"} for i, line in enumerate(lines(len(artists)))]
    table = write(tmp_path_factory.mktemp("groups"), rows, sounds=False)
    for row in rows:
        path = table.parent / str(row["path"])
        path.parent.mkdir(exist_ok=True)
        path.touch()
    dataset = manifest.load(table)
    assert all(len(folds) == 1 for folds in folds_by_group(dataset).values())
    assert {track.fold for track in dataset.tracks} == set(range(5))


def test_genres_of_a_few_songs_each_still_give_folds(tmp_path: Path) -> None:
    dataset = manifest.load(write_folder(tmp_path, {"rock": 2, "jazz": 2, "pop": 2}))
    assert {track.fold for track in dataset.tracks} == set(range(5))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"valence": 1.5}, ["line 3", "songs/1.wav", "valence is 1.5", "[0, 1]"]),
        ({"arousal": "-0.1"}, ["arousal is -0.1", "[0, 1]"]),
        ({"danceability": "nan"}, ["danceability is nan"]),
        ({"valence": "much"}, ["valence is 'much'", "number"]),
        ({"valence": "0,5"}, ["valence is '0,5'", "number"]),
        ({"fold": 5}, ["fold is '5'", "0 to 4"]),
        ({"fold": -1}, ["fold is '-1'", "0 to 4"]),
        ({"fold": "x"}, ["fold is 'x'"]),
        ({"path": ""}, ["line 3", "no path"]),
        ({"path": "gone.wav"}, ["no file", "gone.wav"]),
        ({"path": "songs"}, ["no file", "songs"]),
        ({"path": "x" * 5000}, ["no file"]),
        ({"path": "songs/0.wav"}, ["'songs/0.wav' is there twice"]),
        ({"genre": "Rock\x1b[2J"}, ["songs/1.wav", "printable"]),
        ({"genre": "g" * 65}, ["songs/1.wav", "65 characters"]),
    ],
)
def test_wrong_label_is_named_with_its_song(labels: Line, words: list[str], tmp_path: Path) -> None:
    rows = lines()
    rows[0] |= dict.fromkeys(labels, "")  # so that the column is there
    rows[0] |= lines()[0]
    table = write(tmp_path, rows)
    rows[1] |= labels
    write(tmp_path, rows, sounds=False)
    message = error_of(table)
    for word in words:
        assert word in message


def test_column_path_must_be_there(tmp_path: Path) -> None:
    table = tmp_path / "songs.csv"
    table.write_text("file;genre\na.wav;rock\n", "utf-8")
    message = error_of(table)
    assert "no column 'path'" in message
    assert "'file;genre'" in message


@pytest.mark.parametrize(
    ("given", "meant"), [("genres", "genre"), ("dancability", "danceability"), ("folds", "fold")]
)
def test_column_that_is_misspelt_is_named(given: str, meant: str, tmp_path: Path) -> None:
    rows = [{"path": row["path"], given: row["genre"]} for row in lines()]
    message = error_of(write(tmp_path, rows))
    assert repr(given) in message
    assert repr(meant) in message


def test_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    table = tmp_path / "songs.csv"
    table.write_text("path,genre,Genre\na.wav,rock,jazz\n", "utf-8")
    assert "'genre' is there twice" in error_of(table)


def test_comma_without_quotes_is_explained(tmp_path: Path) -> None:
    table = write(tmp_path, lines())
    with table.open("a", encoding="utf-8") as file:
        file.write("songs/Hello, Goodbye.wav,rock\n")
    message = error_of(table)
    assert "line 12" in message
    assert "double quotes" in message


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_empty_table_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_bytes(content)
    assert "empty" in error_of(tmp_path / "songs.csv")


def test_table_without_songs_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_bytes(b"path,genre\n")
    assert "holds no track" in error_of(tmp_path / "songs.csv")


def test_table_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_bytes("path,genre\ncafé.wav,rock\n".encode("latin-1"))
    assert "UTF-8" in error_of(tmp_path / "songs.csv")


def test_table_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    table = tmp_path / "songs.csv"
    with table.open("wb") as file:
        file.truncate(2**27)
    assert "128 MiB" in error_of(table)


def test_one_genre_is_nothing_to_learn(tmp_path: Path) -> None:
    assert "every genre is 'rock'" in error_of(write_folder(tmp_path / "music", {"rock": 6}))


def test_no_label_is_nothing_to_learn(tmp_path: Path) -> None:
    rows: list[Line] = [{"path": f"{i}.wav"} for i in range(6)]
    assert "no track has a genre or a mood" in error_of(write(tmp_path, rows))


def test_genres_that_differ_in_case_are_refused(tmp_path: Path) -> None:
    rows = [{**line, "genre": ("Skiffle", "skiffle")[i % 2]} for i, line in enumerate(lines())]
    message = error_of(write(tmp_path, rows))
    assert "'Skiffle' and 'skiffle'" in message


@pytest.mark.parametrize("folder", ["empty", "flat", "quiet"])
def test_folder_without_genres_is_an_error(folder: str, tmp_path: Path) -> None:
    root = tmp_path / folder
    root.mkdir()
    if folder == "flat":
        write_sound(root / "song.wav")
    if folder == "quiet":
        (root / "rock").mkdir()
    message = error_of(root)
    assert "genre-named folders" in message


def test_folders_of_a_split_are_no_genres(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "music", {"train": 6, "Test": 4})
    assert "Test, train, which are no genres" in error_of(root)


def test_numbered_folders_are_no_genres(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "fma_small", {f"{number:03}": 1 for number in range(6)})
    assert "000, 001, 002, ..., which are no genres" in error_of(root)


def test_table_in_a_folder_is_pointed_to(tmp_path: Path) -> None:
    write(tmp_path / "flat", lines(), sounds=False)
    assert "'songs.csv': then give that file" in error_of(tmp_path / "flat")
    root = write_folder(tmp_path / "music", {"rock": 5, "jazz": 5})
    write(root, lines(), sounds=False)
    assert manifest.load(root).notes == ("not read: songs.csv",)


def test_more_genres_than_a_model_holds_are_refused(tmp_path: Path) -> None:
    rows: list[Line] = [{"path": f"{i}.wav", "genre": f"genre {i}"} for i in range(1025)]
    assert "1025 genres: must be 1024 at most" in error_of(write(tmp_path, rows, sounds=False))


def test_genres_with_too_few_groups_are_noted(tmp_path: Path) -> None:
    rows = [
        *lines(12),
        {"path": "a.wav", "genre": "polka|jazz"},
        {"path": "b.wav", "genre": "polka"},
    ]
    dataset = manifest.load(write(tmp_path, rows))
    assert dataset.notes == ("too few for every fold to have some: polka",)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_whatever_a_table_holds_the_error_is_one_printable_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    table = tmp_path_factory.mktemp("any") / "songs.csv"
    for start in (b"", b"path,genre,valence,fold\n"):
        table.write_bytes(start + content)
        with pytest.raises(DatasetError) as caught:
            manifest.load(table)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(("songs", "what"), [({"rock": 2, "jazz": 2}, "4 tracks")])
def test_too_few_songs_for_folds_is_an_error(
    songs: dict[str, int], what: str, tmp_path: Path
) -> None:
    message = error_of(write_folder(tmp_path / "music", songs))
    assert what in message
    assert "5" in message


def test_too_few_artists_for_folds_is_an_error(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "music", {"rock/wav": 6, "jazz/wav": 6})
    assert "1 groups (artists)" in error_of(root)


def test_folds_must_be_given_for_all_or_none(tmp_path: Path) -> None:
    rows: list[Line] = [{**line, "fold": i % 5 if i else ""} for i, line in enumerate(lines())]
    message = error_of(write(tmp_path, rows))
    assert "songs/0.wav" in message
    assert "all a fold, or none" in message


def test_folds_must_not_split_a_group(tmp_path: Path) -> None:
    rows: list[Line] = [{**line, "fold": i % 5, "group": "me"} for i, line in enumerate(lines())]
    message = error_of(write(tmp_path, rows))
    assert "'me' is in the folds 0 and 1" in message


def test_folds_must_all_have_tracks(tmp_path: Path) -> None:
    rows: list[Line] = [{**line, "fold": i % 2} for i, line in enumerate(lines())]
    assert "no track is in fold 2" in error_of(write(tmp_path, rows))
