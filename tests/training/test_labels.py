"""Labels as arrays: columns for the genres that are asked for, and an error for the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musicedge_training.datasets.dataset import DatasetError
from musicedge_training.datasets.track import GENRES, Track, genre_named
from musicedge_training.labels import Labels


def track(*genres: str) -> Track:
    return Track("me/a", Path("a.wav"), "music", "me", "a", 0, genres)


def test_columns_are_the_genres_that_were_asked_for() -> None:
    own = ("skiffle", "rock")
    labels = Labels.of([track("rock"), track("rock", "skiffle"), track()], own)
    np.testing.assert_array_equal(labels.genres, [[0, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(labels.hard_genre, [1, -1, -1])


def test_columns_are_ours_where_none_are_asked_for() -> None:
    labels = Labels.of([track(genre) for genre in GENRES])
    np.testing.assert_array_equal(labels.genres, np.eye(len(GENRES)))


def test_genre_without_a_column_is_an_error() -> None:
    with pytest.raises(DatasetError, match=r"'me/a': its genre 'skiffle' is not among blues,"):
        Labels.of([track("rock"), track("rock", "skiffle")])


@pytest.mark.parametrize(
    ("name", "genre"),
    [
        ("Hip-Hop", "hiphop"),
        ("hip hop", "hiphop"),
        ("ROCK", "rock"),
        ("Rock'n'Roll", "Rock'n'Roll"),
    ],
)
def test_genres_of_ours_are_found_whatever_their_spelling(name: str, genre: str) -> None:
    assert genre_named(name) == genre
