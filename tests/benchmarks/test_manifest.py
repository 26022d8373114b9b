"""Labelled music: what a manifest may say, and the order in which its tracks are asked about."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from musicedge_benchmarks.manifest import LabelledTrack, ManifestError, draw, read_manifest

HEAD = "path,genre,valence,arousal,danceability,group,fold,mood_source\n"


def write(folder: Path, *rows: str, head: str = HEAD) -> Path:
    path = folder / "labels.csv"
    path.write_text(head + "".join(f"{row}\n" for row in rows), "utf-8")
    return path


def test_rows_are_read_with_any_label_empty(tmp_path: Path) -> None:
    full, empty = read_manifest(
        write(tmp_path, "a/b.wav,jazz,0.25,,7,someone,3,rated", "c.wav,,,,,,,")
    )
    assert full.path == tmp_path / "a" / "b.wav"
    assert (full.genre, full.group, full.fold) == ("jazz", "someone", 3)
    assert full.moods == {"valence": 0.25, "danceability": 7.0}
    assert full.sources["valence"] == "rated"
    assert full.sources["danceability"] == ""
    assert (empty.genre, empty.moods, empty.group, empty.fold) == ("", {}, "c.wav", None)


def test_columns_may_be_absent_and_more_may_be_there(tmp_path: Path) -> None:
    path = write(tmp_path, "jazz,1,a.wav", head="genre,year,path\n")
    assert [(track.genre, track.path.name) for track in read_manifest(path)] == [("jazz", "a.wav")]


def test_speech_and_noise_are_passed_over(tmp_path: Path) -> None:
    head = "path,kind,genre\n"
    path = write(tmp_path, "a.wav,speech,", "b.wav,music,pop", "c.wav,noise,", head=head)
    assert [track.path.name for track in read_manifest(path)] == ["b.wav"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column path"),
        ("file,genre\n", "no column path"),
        (HEAD, "no row has a label"),
        (HEAD + "a.wav,,,,,,,\n", "no row has a label"),
        (HEAD + ",jazz,,,,,,\n", "line 2: the path is empty"),
        (HEAD + ".,jazz,,,,,,\n", "line 2: .* is a folder; name a file"),
        (HEAD + "a.wav,jazz,happy,,,,,\n", "line 2: valence is 'happy'; give a number"),
        (HEAD + "a.wav,jazz,inf,,,,,\n", "line 2: valence is 'inf'"),
        (HEAD + "a.wav,jazz,,,,,first,\n", "line 2: fold is 'first'; give a whole number"),
        (HEAD + '"' + "x" * 200_000, "not a table"),
    ],
)
def test_manifest_that_breaks_a_rule_is_named(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(ManifestError, match=reason) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"path,genre\n\xff,jazz\n"])
def test_what_is_no_text_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(data)
    with pytest.raises(ManifestError, match="labels"):
        read_manifest(path)
    with pytest.raises(ManifestError, match="cannot be read: No such file"):
        read_manifest(tmp_path / "nowhere.csv")


def tracks() -> list[LabelledTrack]:
    sizes = {"": 5, "jazz": 20, "rock": 3}
    return [
        LabelledTrack(Path(f"{genre}{number}.wav"), genre, fold=number % 2)
        for genre, size in sizes.items()
        for number in range(size)
    ]


def test_any_first_part_holds_all_genres_alike_and_is_the_same_each_time() -> None:
    drawn = draw(tracks(), limit=9)
    assert Counter(track.genre for track in drawn) == {"": 3, "jazz": 3, "rock": 3}
    assert draw(tracks(), limit=9) == drawn
    assert draw(tracks(), limit=12)[:9] == drawn
    everything = draw(tracks())
    assert everything[:9] == drawn
    assert sorted(each.path for each in everything) == sorted(each.path for each in tracks())


def test_a_fold_is_chosen_or_named() -> None:
    assert {track.fold for track in draw(tracks(), fold=1)} == {1}
    with pytest.raises(ManifestError, match="no track is of fold 7; folds there are: 0, 1"):
        draw(tracks(), fold=7)
