"""The corpus: labels as they are meant, errors in one line, and the real one's numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.tiny_corpus import (
    COLUMNS,
    CORPUS,
    NOISES,
    row,
    rows,
    write_table,
)

from musicedge_training.datasets import corpus
from musicedge_training.datasets.corpus import DatasetError
from musicedge_training.datasets.track import GENRES, MOODS, Track

GEMS = [name for name in COLUMNS if name.startswith("gems_")]


def load_one(root: Path, id_: str = "q4/a", **labels: object) -> Track:
    (track,) = corpus.load(write_table(root, [row(id_, **labels)]))
    return track


def error_of(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        corpus.load(root)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_every_row_becomes_a_track(tracks: list[Track], data: Path) -> None:
    assert [track.id for track in tracks] == [line["id"] for line in rows()]
    assert all(track.path.is_file() for track in tracks)
    assert Counter(track.kind for track in tracks) == {"music": 30, "speech": 5, "noise": 5}
    assert {t.noise_kind for t in tracks} == {None, *NOISES}
    assert len(corpus.room_paths(data)) == 2


def test_sure_genre_and_partial_genre(tmp_path: Path) -> None:
    sure = load_one(tmp_path / "a", genre="jazz", group="g1", fold=3)
    assert (sure.genre, sure.genres) == ("jazz", ("jazz",))
    assert (sure.collection, sure.group, sure.fold) == ("q4", "g1", 3)
    partial = load_one(tmp_path / "b", genre_set="metal|pop|rock")
    assert (partial.genre, partial.genres) == (None, ("metal", "pop", "rock"))
    unknown = load_one(tmp_path / "c")
    assert (unknown.genre, unknown.genres) == (None, ())


def test_moods_carry_their_sources(tmp_path: Path) -> None:
    track = load_one(
        tmp_path,
        arousal=0.25,
        mood_source="rated",
        danceability=0.5,
        danceability_source="echonest",
    )
    assert {name: (m.value, m.source) for name, m in track.moods.items()} == {
        "arousal": (0.25, "rated"),
        "danceability": (0.5, "echonest"),
    }


@given(st.lists(st.floats(0, 1), min_size=len(GEMS), max_size=len(GEMS)))
def test_feelings_give_moods_in_range(
    tmp_path_factory: pytest.TempPathFactory, shares: list[float]
) -> None:
    root = tmp_path_factory.mktemp("gems")
    track = load_one(root, **dict(zip(GEMS, shares, strict=True)))
    assert {name: label.source for name, label in track.moods.items()} == {
        "arousal": "gems",
        "valence": "gems",
    }
    assert all(0 <= label.value <= 1 for label in track.moods.values())


def test_feelings_push_the_moods_the_way_the_corpus_says(tmp_path: Path) -> None:
    zero = dict.fromkeys(GEMS, 0)
    powerful = load_one(tmp_path / "a", **{**zero, "gems_power": 1})
    calm = load_one(tmp_path / "b", **{**zero, "gems_calmness": 1})
    sad = load_one(tmp_path / "c", **{**zero, "gems_sadness": 1})
    assert powerful.moods["arousal"].value > 0.5 > calm.moods["arousal"].value
    assert calm.moods["valence"].value > 0.5 > sad.moods["valence"].value


def test_folder_without_a_table_is_named(tmp_path: Path) -> None:
    message = error_of(tmp_path / "nowhere")
    assert "nowhere" in message
    assert "tracks.csv" in message
    assert "--data" in message


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        ({"arousal": 1.5, "mood_source": "rated"}, "1.5"),
        ({"danceability": -0.1, "danceability_source": "echonest"}, "-0.1"),
        ({"valence": "nan", "mood_source": "rated"}, "nan"),
        ({"valence": "much", "mood_source": "rated"}, "much"),
        ({"genre": "skiffle"}, "skiffle"),
        ({"genre_set": "rock|skiffle"}, "skiffle"),
        ({"fold": "x"}, "'x'"),
        ({"fold": 5}, "5"),
        ({"fold": -1}, "-1"),
        ({"kind": "birdsong"}, "birdsong"),
    ],
)
def test_wrong_label_is_named_with_its_track(
    labels: dict[str, object], word: str, tmp_path: Path
) -> None:
    bad = {**row("q4/bad"), **{name: str(value) for name, value in labels.items()}}
    write_table(tmp_path, [row("q4/good"), bad])
    message = error_of(tmp_path)
    assert word in message
    assert "q4/bad" in message
    assert "tracks.csv" in message


@pytest.mark.parametrize("column", ["id", "genre", "fold", "valence", "gems_power"])
def test_missing_column_is_named(column: str, tmp_path: Path) -> None:
    columns = [name for name in COLUMNS if name != column]
    write_table(tmp_path, [row("q4/a", genre="jazz")], columns)
    assert column in error_of(tmp_path)


def test_missing_audio_is_named(tmp_path: Path) -> None:
    write_table(tmp_path, [row("q4/a"), row("q4/gone")])
    (tmp_path / "audio" / "q4" / "gone.flac").unlink()
    assert "'audio/q4/gone.flac'" in error_of(tmp_path)


def test_line_that_breaks_off_is_named(tmp_path: Path) -> None:
    write_table(tmp_path, [row("q4/a")])
    with (tmp_path / "tracks.csv").open("a") as file:
        file.write("q4/broken,audio/q4/a.flac,mus")
    assert "q4/broken" in error_of(tmp_path)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b'id,path\n"' + b"x" * 200_000])
def test_table_that_is_none_is_an_error(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "tracks.csv").write_bytes(data)
    assert "tracks.csv" in error_of(tmp_path)


@pytest.mark.parametrize("noise", ["noise/rain", "noise"])
def test_noise_whose_name_tells_no_kind_is_an_error(noise: str, tmp_path: Path) -> None:
    write_table(tmp_path, [row(noise, kind="noise")])
    assert noise in error_of(tmp_path)


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not there")
def test_real_corpus_has_the_numbers_that_its_description_states() -> None:
    tracks = corpus.load(CORPUS)
    assert len(tracks) == 2880
    assert Counter(track.kind for track in tracks) == {"music": 1895, "speech": 665, "noise": 320}
    assert len(corpus.room_paths(CORPUS)) == 58
    assert {track.fold for track in tracks} == set(range(5))
    assert len({track.id for track in tracks}) == len(tracks)
    assert {genre for track in tracks for genre in track.genres} == set(GENRES)
    assert {mood for track in tracks for mood in track.moods} == set(MOODS)
    folds_of: dict[str, set[int]] = {}
    for track in tracks:
        folds_of.setdefault(track.group, set()).add(track.fold)
    assert max(map(len, folds_of.values())) == 1
